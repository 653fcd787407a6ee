/*
 * session_work.h - what the session loop does in the database, step by step
 *
 * A step is one question or a few, each a transaction of its own, so that a
 * thousand sessions hold up neither the drainer nor anybody else. Whatever a
 * step began and did not end is begun again by the next.
 *
 * Thread: that of the store which is given.
 */
#ifndef PERSISTENCE_SESSION_WORK_H
#define PERSISTENCE_SESSION_WORK_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "persistence/db_error.h"

struct store;

/* What one step is told and tells. */
struct session_step {
	const char *node, *started_at; /* us, and since when */
	uint64_t lease_ms;
	uint64_t idle_ms;    /* of sessions that no message made */
	uint64_t again_ms;   /* what was not told by then is told again */
	bool judges;	     /* may end the calls of others */
	json_t *summaries;   /* to be told of, or told; owned by the caller */
	int64_t left;	     /* sessions that are open, calls that are live */
	bool more;	     /* there may be more to do */
	int result;	     /* of the step */
	struct db_error err; /* if that is -1 */
};

typedef void session_work(struct store *store, struct session_step *step);

session_work session_work_close; /* closes; finds what is to be told */
session_work session_work_told;	 /* notes what was told */
session_work session_work_lease; /* our lease, and those that have run out */

#endif
