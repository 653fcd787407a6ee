/*
 * store_nodes.h - which nodes live, and the calls of those that do not
 *
 * Each node writes when it was last seen (by the database's clock, as its own
 * may be wrong). Whose lease has run out is gone, or cannot reach the database;
 * others end its live calls as interrupted. Their rev stays, so that whatever
 * the node still has to say of them wins.
 *
 * Thread: the store's, which must be one that writes. All: 0, or -1 with *err.
 */
#ifndef PERSISTENCE_STORE_NODES_H
#define PERSISTENCE_STORE_NODES_H

#include "persistence/store.h"

/* `started_at`: in the form of clock_format_iso(). */
int store_node_seen(struct store *store, const char *node,
		    const char *started_at, struct db_error *err);

/* How many calls are live, of whatever node. */
int store_count_live_calls(struct store *store, int64_t *count,
			   struct db_error *err);

/* Ends up to `limit` calls, older than lease_ms, of nodes not seen for that
 * long; but never of `node`, which is us. *calls: their rows. */
int store_end_lost_calls(struct store *store, const char *node,
			 uint64_t lease_ms, unsigned limit, json_t **calls,
			 struct db_error *err);

#endif
