/*
 * drain_state.h - what drain.c and drain_outcome.c share (not for others)
 *
 * drain.c decides what a turn does; drain_outcome.c what its outcome means.
 */
#ifndef PERSISTENCE_DRAIN_STATE_H
#define PERSISTENCE_DRAIN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persistence/db_health.h"
#include "persistence/drain.h"
#include "persistence/drain_batch.h"
#include "persistence/drain_express.h"
#include "persistence/drain_progress.h"
#include "persistence/poison.h"

#define OP "outbox_drain" /* as the log and the metrics name us */

struct db_error;
struct operations;
struct outbox;

struct drain {
	struct drain_options options; /* what it points to is borrowed */
	struct outbox *outbox;
	struct operations *operations;
	struct drain_batch batch;
	struct db_health health;
	struct poison_window poison;
	struct drain_progress progress;
	struct drain_express express;
	uint64_t look_ms;    /* when to look around next */
	uint64_t retry_ms;   /* not before, after a failure */
	uint64_t heard_ms;   /* when the database last answered */
	uint64_t worked_ms;  /* when it last took a record */
	uint64_t recoveries; /* recovery_count() when we last looked */
	uint64_t disk_logged_ms;
	unsigned refused_alone; /* of the first record of the batch */
	bool judged;		/* that one's refusal is in the window */
	bool reset;		/* a session was just thrown away for a retry */
	bool storm;		/* too much is refused: nothing is buried */
	bool hung_up;		/* the store's socket has something to say */
	bool woken;		/* connected once in this time of quiet */
	bool paused;		/* by an operator */
	bool idle;		/* the last turn found nothing to do */
};

/* ---- drain_outcome.c ---- */

/* The first n records of the batch were committed, in took_ms. */
void drain_passed(struct drain *drain, size_t n, uint64_t took_ms);
/* The first n were not, and that is why. */
void drain_failed(struct drain *drain, size_t n, const struct db_error *err);

/* Offers a sample, one by one, to see whether the storm is over. */
void drain_survey(struct drain *drain);

/* A ping's outcome. */
void drain_answered(struct drain *drain);
void drain_unanswered(struct drain *drain, const struct db_error *err);

/* The outbox's own disk refused `what`; said every now and then. */
void drain_disk_failed(struct drain *drain, const char *what, int error);

/* The first record of the batch is on a shelf: it is passed over. */
void drain_skip(struct drain *drain);

#endif
