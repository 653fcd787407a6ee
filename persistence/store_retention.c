/* store_retention.c - rows whose time is over (see store_retention.h) */
#include "persistence/store_retention.h"

#include <stdio.h>

#include "persistence/store_ops.h"

int store_old_calls(struct store *store, const struct store_old *old,
		    json_t **calls, struct db_error *err)
{
	char limit[16];
	const char *const values[] = { old->before, old->node,
				       old->others_before, limit };

	(void)snprintf(limit, sizeof(limit), "%u", old->limit);
	return store_ask(store, QUERY_OLD_CALLS, values, calls, err);
}

int store_old_recordings(struct store *store, const struct store_old *old,
			 json_t **calls, struct db_error *err)
{
	char limit[16];
	const char *const values[] = { old->before, old->node, limit };

	(void)snprintf(limit, sizeof(limit), "%u", old->limit);
	return store_ask(store, QUERY_OLD_RECORDINGS, values, calls, err);
}

static const char *text_of(const json_t *call, const char *key)
{
	return json_string_value(json_object_get(call, key));
}

/* Adds the rows that were changed to *count, unless it is NULL. */
static int change(struct store *store, enum store_query query,
		  const char *const *values, size_t *count,
		  struct db_error *err)
{
	json_t *rows = NULL;
	int r = store_ask(store, query, values, &rows, err);

	if (count)
		*count += json_array_size(rows);
	json_decref(rows);
	return r;
}

int store_remove_old(struct store *store, enum store_old_rows what,
		     const char *before, unsigned limit, size_t *removed,
		     struct db_error *err)
{
	static const enum store_query queries[OLD_ROWS_COUNT] = {
		[OLD_CALL_EVENTS] = QUERY_OLD_EVENTS,
		[OLD_CALL_STATUSES] = QUERY_OLD_STATUSES,
		[OLD_MESSAGES] = QUERY_OLD_MESSAGES,
		[OLD_MESSAGE_STATUSES] = QUERY_OLD_MESSAGE_STATUSES,
		[OLD_MESSAGE_NOTICES] = QUERY_OLD_NOTICES,
		[OLD_SUMMARIES] = QUERY_OLD_SUMMARIES,
		[OLD_SESSIONS] = QUERY_OLD_SESSIONS,
	};
	char text[16];
	const char *const values[] = { before, text };

	*removed = 0;
	(void)snprintf(text, sizeof(text), "%u", limit);
	return change(store, queries[what], values, removed, err);
}

int store_forget_recording(struct store *store, const json_t *call,
			   struct db_error *err)
{
	const char *id = text_of(call, "call_id");

	return change(store, QUERY_FORGET_RECORDING, &id, NULL, err);
}

int store_forget_call(struct store *store, const json_t *call,
		      struct store_forgotten *n, struct db_error *err)
{
	const char *id = text_of(call, "call_id");
	const char *const provider[] = { text_of(call, "provider"),
					 text_of(call, "provider_call_id") };
	int r = change(store, QUERY_FORGET_EVENTS, &id, &n->events, err);

	if (r == 0 && provider[1])
		r = change(store, QUERY_FORGET_STATUSES, provider, &n->statuses,
			   err);
	return r < 0 ? r : change(store, QUERY_FORGET_CALL, &id, NULL, err);
}
