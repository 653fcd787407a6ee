/*
 * store_retention.h - rows whose time is over
 *
 * Found and removed a few at a time. A crash in the middle of a call's removal
 * leaves the call, which is found again.
 *
 * Thread: the store's, which must be one that writes. All: 0, or -1 with *err.
 */
#ifndef PERSISTENCE_STORE_RETENTION_H
#define PERSISTENCE_STORE_RETENTION_H

#include "persistence/store.h"

struct store_old {
	const char *node;	   /* us */
	const char *before;	   /* in the form of clock_format_iso() */
	const char *others_before; /* calls of other nodes that still have a
				      recording, which their node removes */
	unsigned limit;
};

/* Call objects, the oldest first. */
int store_old_calls(struct store *store, const struct store_old *old,
		    json_t **calls, struct db_error *err);
/* Calls of this node that have a recording. */
int store_old_recordings(struct store *store, const struct store_old *old,
			 json_t **calls, struct db_error *err);

/* Rows that are older than their time, by what they are. */
enum store_old_rows {
	OLD_CALL_EVENTS,
	OLD_CALL_STATUSES, /* of calls that are not there */
	OLD_MESSAGES,
	OLD_MESSAGE_STATUSES,
	OLD_MESSAGE_NOTICES,
	OLD_SUMMARIES,
	OLD_SESSIONS, /* closed, and without messages */
	OLD_ROWS_COUNT
};
/* Removes some of them; *removed: fewer than `limit` were the last ones. */
int store_remove_old(struct store *store, enum store_old_rows what,
		     const char *before, unsigned limit, size_t *removed,
		     struct db_error *err);

/* The call has no recording any more. */
int store_forget_recording(struct store *store, const json_t *call,
			   struct db_error *err);
/* Nor is there the call, with its events and what its provider told of it. */
struct store_forgotten { /* rows */
	size_t events, statuses;
};
int store_forget_call(struct store *store, const json_t *call,
		      struct store_forgotten *forgotten, struct db_error *err);

#endif
