/*
 * session_duties.h - the two duties of the session loop, and when they may rest
 *
 *   whatsapp_session_loop  every sessions.interval: close, and tell of it
 *   node_lease             every third of node.lease: live, and bury
 *
 * A duty is done in steps (session_work.h), in a store of our own or, where one
 * connection writes, by errands in the drainer's. It may rest when it had
 * nothing to do for five minutes: nothing was left to close or to bury, and
 * nothing has gone into the database through this node. What other nodes do is
 * looked for once an hour then, so that a database that sleeps when nobody asks
 * may sleep.
 *
 * Thread: the session loop's, but for what is marked.
 */
#ifndef PERSISTENCE_SESSION_DUTIES_H
#define PERSISTENCE_SESSION_DUTIES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "persistence/db_error.h"
#include "persistence/errand.h"
#include "persistence/session_loop.h"
#include "server/clock.h"

struct store;
struct thread;

enum session_duty { DUTY_CLOSING, DUTY_LEASE, SESSION_DUTIES };

/* What was seen when a duty was last done. */
struct session_look {
	uint64_t at_ms;		 /* 0: not, or it failed */
	uint64_t quiet_since_ms; /* no look since has found anything */
	int64_t left;		 /* sessions that are open, calls that live */
	int64_t drained;	 /* records, until then */
};

struct session_duties {
	struct session_loop_options options;
	struct store *store;	     /* NULL: the drainer's */
	struct errand_office office; /* any thread */
	/* any thread: sessions.interval, sessions.idle_timeout */
	atomic_uint interval_ms, idle_ms;
	struct session_look looks[SESSION_DUTIES];
	uint64_t kept_since_ms, kept_ms; /* our lease: from when to when */
	char started_at[CLOCK_ISO_SIZE];
};

const char *session_duty_op(enum session_duty duty);
uint32_t session_duty_interval_ms(const struct session_duties *duties,
				  enum session_duty duty);
bool session_duty_may_rest(const struct session_duties *duties,
			   enum session_duty duty);

/* Until there is no more to do, or the thread is to end. 0; -1: the database
 * said *err; -errno: nobody could ask it. */
int session_duty_do(struct session_duties *duties, enum session_duty duty,
		    const struct thread *self, struct db_error *err);

#endif
