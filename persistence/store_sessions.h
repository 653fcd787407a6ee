/*
 * store_sessions.h - messaging sessions, as the database made them
 *
 * What opens and extends them are the messages themselves (migration 5). Here
 * they are read, closed, and told of.
 *
 * Thread: the store's; what changes something needs one that writes. All: 0,
 *         or -1 with *err.
 */
#ifndef PERSISTENCE_STORE_SESSIONS_H
#define PERSISTENCE_STORE_SESSIONS_H

#include "persistence/store.h"

struct store_session_filter { /* NULL: any */
	const char *state, *channel, *account;
	const char *peer;	       /* a number or a user's id */
	const char *since, *before;    /* opened then or later; earlier; in the
					  form of clock_format_iso() */
	const char *before_session_id; /* cursor; NULL: the newest */
	unsigned limit;
};
/* An array of session objects (columns as in the contract), newest first. */
int store_list_sessions(struct store *store,
			const struct store_session_filter *filter,
			json_t **rows, struct db_error *err);

struct store_message_page {
	const char *after_message_id; /* cursor; NULL: the first */
	unsigned limit;
};
/* One session with its "summary" (null while it is open) and its "messages",
 * the oldest first, each with its "statuses". *row is NULL when there is none.
 */
int store_get_session(struct store *store, const char *session_id,
		      const struct store_message_page *page, json_t **row,
		      struct db_error *err);

/* Closes sessions that were idle as the clock stood waiting_ms ago, up to
 * `limit` of them: none that another node is closing or writing to. One that
 * no message made (session.opened) is idle after idle_ms. With each comes its
 * summary, in the same transaction. *closed: the sessions. */
int store_close_sessions(struct store *store, unsigned limit,
			 uint64_t waiting_ms, uint64_t idle_ms, json_t **closed,
			 struct db_error *err);
int store_count_open_sessions(struct store *store, int64_t *count,
			      struct db_error *err);

/* Up to `limit` summaries of which nobody was told yet. They are left to us for
 * again_ms; what is not marked as told by then comes again, to whoever asks. */
int store_claim_summaries(struct store *store, unsigned limit,
			  uint64_t again_ms, json_t **summaries,
			  struct db_error *err);
int store_summaries_told(struct store *store, const json_t *close_ids,
			 struct db_error *err);

#endif
