/* store_nodes.c - which nodes live (see store_nodes.h) */
#include "persistence/store_nodes.h"

#include <inttypes.h>
#include <stdio.h>

#include "persistence/store_ops.h"

int store_node_seen(struct store *store, const char *node,
		    const char *started_at, struct db_error *err)
{
	const char *const values[] = { node, started_at };
	json_t *rows = NULL;
	int r = store_ask(store, QUERY_NODE_SEEN, values, &rows, err);

	json_decref(rows);
	return r;
}

int store_count_live_calls(struct store *store, int64_t *count,
			   struct db_error *err)
{
	return store_ask_count(store, QUERY_LIVE_CALLS, count, err);
}

int store_end_lost_calls(struct store *store, const char *node,
			 uint64_t lease_ms, unsigned limit, json_t **calls,
			 struct db_error *err)
{
	char most[16], lease[24];
	const char *const values[] = { most, lease, node };

	(void)snprintf(most, sizeof(most), "%u", limit);
	(void)snprintf(lease, sizeof(lease), "%" PRIu64, lease_ms);
	return store_ask(store, QUERY_END_LOST_CALLS, values, calls, err);
}
