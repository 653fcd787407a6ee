/*
 * store_erasure.h - what somebody wants erased: a call, or all of a number
 *
 * An erasure is a row that lives through restarts and outages:
 *
 *   ERASING   rows are found and removed a few at a time; a live call is waited
 *             for; the nodes remove the recordings, each from its own disk
 *   WATCHING  all of it is gone. What arrives late, out of some node's outbox
 *             or from a provider who repeats himself, is removed as it comes
 *   DONE      nothing can arrive any more: the number is forgotten, and only a
 *             keyed hash of it says that it was erased
 *
 * What was erased does not come back: its ids are kept, and whoever writes
 * records passes those by (store_tables.c). What began after the request is no
 * part of it.
 *
 * Any number of nodes may work at the same erasure; each step may be repeated.
 *
 * Thread: the store's, which must be one that writes. All: 0, or -1 with *err.
 */
#ifndef PERSISTENCE_STORE_ERASURE_H
#define PERSISTENCE_STORE_ERASURE_H

#include "persistence/store.h"

struct store_erasure {
	bool of_number;	     /* else of a call */
	const char *target;  /* the digits of a number, or a call's id */
	const char *subject; /* the keyed hash of it */
	const char *who;
};

/* *row is the erasure's, of which "target" is for us alone. */
int store_add_erasure(struct store *store, const struct store_erasure *erasure,
		      json_t **row, struct db_error *err);
/* Newest first, without their targets. `subject`: of that alone; `before`: a
 * cursor; or NULL. */
int store_list_erasures(struct store *store, const char *subject,
			const char *before, unsigned limit, json_t **rows,
			struct db_error *err);
/* *row is NULL when there is none. Says the nodes that still have files of it,
 * at most a hundred, as "waits_for". */
int store_get_erasure(struct store *store, const char *id, json_t **row,
		      struct db_error *err);

/* Those that are not done, the oldest first, behind the one named `after`
 * (NULL: from the first on); a hundred at most. */
int store_open_erasures(struct store *store, const char *after, json_t **rows,
			struct db_error *err);

enum store_erased {
	ERASED_SOME,	/* there may be more: call again */
	ERASED_LIVE,	/* what is left is live */
	ERASED_NOTHING, /* there is nothing left */
};

/* One step: at most `limit` rows of one table, with what belongs to them. */
int store_erase(struct store *store, const json_t *erasure, unsigned limit,
		enum store_erased *erased, struct db_error *err);

/* What of it lies on that node's disk: objects with call_id, erasure_id,
 * started_at, and recording_path or null. */
int store_erased_files(struct store *store, const char *node, unsigned limit,
		       json_t **files, struct db_error *err);
/* The file is gone; `existed`: it was there until then. */
int store_erased_file_gone(struct store *store, const json_t *file,
			   bool existed, struct db_error *err);

/* Nothing is left of it, as store_erase() says: it may be watched, or, when it
 * has been for so long, be done. *changed is its row, or NULL. */
int store_erasure_advance(struct store *store, const json_t *erasure,
			  int64_t watch_us, json_t **changed,
			  struct db_error *err);

#endif
