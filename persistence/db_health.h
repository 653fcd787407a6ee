/*
 * db_health.h - how the database is doing, as one of its users sees it
 *
 * Every outcome is told here. From it follow how long to wait (retry), whether
 * to ask at all (breaker), what /health/db and the metrics say, and the log:
 * a [DB_DOWN] for each failure, one [DB_PAUSED] for each fault of the set-up,
 * one [DB_RECOVERED] at the end, which others hear of at once (recovery.h).
 *
 * A process has several users (the drainer, the sessions, the API), each with a
 * health of its own, told apart by `op`. What the process shows is the worst of
 * them: a database that one user cannot reach is not healthy, whoever gets
 * through. So every user goes on trying until it is well again.
 *
 * Thread: belongs to one thread; what the process shows, to all of them.
 * Clock:  callers pass monotonic milliseconds, never 0.
 */
#ifndef PERSISTENCE_DB_HEALTH_H
#define PERSISTENCE_DB_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "persistence/breaker.h"
#include "persistence/db_error.h"
#include "persistence/retry.h"
#include "server/board.h"

struct settings;

struct db_health {
	const char *op; /* what the database serves, for logs and labels */
	struct retry retry;
	struct breaker breaker;
	bool up;
	char paused_for[48];  /* the reason last logged as [DB_PAUSED] */
	struct db_view *view; /* what it adds to the process's; NULL: nothing */
};

#define DB_HEALTH_USERS_MAX 8u

/* `op` is borrowed for ever. A user that comes again under the same op takes
 * its former place. One too many works, but is not shown. */
void db_health_init(struct db_health *health, const char *op,
		    const struct settings *settings);

/* Nobody should ask before breaker_wait_ms() is over; this is the question
 * whether that is so, and it makes a half-open breaker's probe of the caller.
 */
bool db_health_may_try(struct db_health *health, uint64_t now_ms);
/* Somebody wants to know now: an open breaker lets its probe through. */
void db_health_hurry(struct db_health *health, uint64_t now_ms);

/* Returns how long to wait before the next try. A fault of the set-up is looked
 * at as seldom as the policy allows: passwords lock out. */
uint32_t db_health_failed(struct db_health *health, const struct db_error *err,
			  uint64_t now_ms, double random);
void db_health_succeeded(struct db_health *health, uint64_t now_ms);

/* What the process shows. Any thread. */
enum board_db_state db_health_shown(void);

/* This user asks no more: what it saw last is no longer shown. */
void db_health_leave(struct db_health *health);

#endif
