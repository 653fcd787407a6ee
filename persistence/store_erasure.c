/*
 * store_erasure.c - what somebody wants erased (see store_erasure.h)
 *
 * A row is removed in this order: first its ids are kept, so that it does not
 * come back; then whoever has its recording is told, which counts the call;
 * then it goes. A crash in between leaves the row, which is found again. What
 * belonged to the last one may be missing in the other counts then.
 */
#include "persistence/store_erasure.h"

#include <stdio.h>
#include <string.h>

#include "persistence/store_ops.h"
#include "persistence/store_retention.h"
#include "server/clock.h"
#include "server/uuid.h"

#define OPEN_MAX "100"

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static bool is_of_number(const json_t *erasure)
{
	return strcmp(text_of(erasure, "what"), "number") == 0;
}

/* *rows may be NULL. */
static int ask(struct store *store, enum store_query query,
	       const char *const *values, json_t **rows, struct db_error *err)
{
	json_t *unwanted = NULL;
	int r = store_ask(store, query, values, rows ? rows : &unwanted, err);

	json_decref(unwanted);
	return r;
}

static int take_first(int r, json_t *rows, json_t **row)
{
	*row = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return r;
}

/* ---- the erasures themselves ----------------------------------------------
 */

int store_add_erasure(struct store *store, const struct store_erasure *erasure,
		      json_t **row, struct db_error *err)
{
	char id[UUID_TEXT_SIZE], now[CLOCK_ISO_SIZE];
	const char *const values[] = {
		id,
		erasure->of_number ? "number" : "call",
		erasure->subject,
		erasure->target,
		erasure->who,
		now,
	};
	json_t *rows = NULL;
	struct uuid uuid;
	int r;

	uuid_make_v7(&uuid);
	uuid_format(&uuid, id);
	clock_format_iso(clock_wall_us(), now);
	r = ask(store, QUERY_ERASURE_ADD, values, &rows, err);
	return take_first(r, rows, row);
}

int store_list_erasures(struct store *store, const char *subject,
			const char *before, unsigned limit, json_t **rows,
			struct db_error *err)
{
	char text[16];
	const char *const values[] = { subject, before, text };
	json_t *row;
	size_t i;

	*rows = NULL;
	(void)snprintf(text, sizeof(text), "%u", limit);
	if (ask(store, QUERY_ERASURES, values, rows, err) < 0)
		return -1;
	json_array_foreach (*rows, i, row)
		(void)json_object_del(row, "target");
	return 0;
}

/* The names of the nodes, each once. */
static json_t *nodes_of(const json_t *files)
{
	json_t *nodes = json_array(), *seen = json_object(), *file;
	const char *node;
	json_t *value;
	size_t i;

	json_array_foreach (files, i, file)
		(void)json_object_set_new(seen, text_of(file, "node_id"),
					  json_true());
	json_object_foreach (seen, node, value)
		(void)json_array_append_new(nodes, json_string(node));
	json_decref(seen);
	return nodes;
}

int store_get_erasure(struct store *store, const char *id, json_t **row,
		      struct db_error *err)
{
	const char *const values[] = { id, OPEN_MAX };
	json_t *rows = NULL, *files = NULL;
	int r = ask(store, QUERY_ERASURE, values, &rows, err);

	r = take_first(r, rows, row);
	if (r == 0 && *row)
		r = ask(store, QUERY_ERASED_FILES_OF, values, &files, err);
	if (r == 0 && *row) {
		(void)json_object_del(*row, "target");
		(void)json_object_set_new(*row, "waits_for", nodes_of(files));
	}
	json_decref(files);
	return r;
}

int store_open_erasures(struct store *store, const char *after, json_t **rows,
			struct db_error *err)
{
	const char *const values[] = { after, OPEN_MAX };

	return ask(store, QUERY_ERASURES_OPEN, values, rows, err);
}

static int count(struct store *store, const char *id, const char *what,
		 size_t n, struct db_error *err)
{
	char text[24];
	const char *const values[] = { id, what, text };

	if (n == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%zu", n);
	return ask(store, QUERY_ERASURE_COUNT, values, NULL, err);
}

/* ---- keeping it away ------------------------------------------------------
 */

static int keep_key(struct store *store, const char *erasure, const char *key,
		    struct db_error *err)
{
	const char *const values[] = { key, erasure };

	return ask(store, QUERY_ERASE_KEY, values, NULL, err);
}

static int keep_provider_key(struct store *store, const char *erasure,
			     const char *provider, const char *id,
			     struct db_error *err)
{
	json_t *key = id ? json_sprintf("%s %s", provider, id) : NULL;
	int r = key ? keep_key(store, erasure, json_string_value(key), err) : 0;

	json_decref(key);
	return r;
}

/* ---- calls ----------------------------------------------------------------
 */

static int erase_call(struct store *store, const char *erasure,
		      const json_t *call, struct db_error *err)
{
	const char *id = text_of(call, "call_id");
	const char *const file[] = { id, erasure, text_of(call, "node_id"),
				     text_of(call, "started_at"),
				     text_of(call, "recording_path") };
	struct store_forgotten n = { 0 };
	int r = keep_key(store, erasure, id, err);

	if (r == 0)
		r = keep_provider_key(store, erasure, text_of(call, "provider"),
				      text_of(call, "provider_call_id"), err);
	if (r == 0)
		r = ask(store, QUERY_ERASED_FILE_ADD, file, NULL, err);
	if (r == 0)
		r = store_forget_call(store, call, &n, err);
	if (r == 0)
		r = count(store, erasure, "call_events", n.events, err);
	return r < 0 ? r
		     : count(store, erasure, "call_statuses", n.statuses, err);
}

static int find_calls(struct store *store, const json_t *erasure,
		      const char *limit, json_t **calls, struct db_error *err)
{
	const char *const values[] = { text_of(erasure, "target"),
				       text_of(erasure, "requested_at"),
				       limit };

	return ask(store,
		   is_of_number(erasure) ? QUERY_ERASE_CALLS : QUERY_CALL,
		   values, calls, err);
}

static int erase_calls(struct store *store, const json_t *erasure,
		       const char *limit, enum store_erased *erased,
		       struct db_error *err)
{
	const char *id = text_of(erasure, "erasure_id");
	json_t *calls = NULL, *call;
	int r = find_calls(store, erasure, limit, &calls, err);
	size_t i;

	*erased = ERASED_NOTHING;
	json_array_foreach (calls, i, call) {
		if (r < 0)
			break;
		if (strcmp(text_of(call, "state"), "live") == 0) {
			if (*erased == ERASED_NOTHING)
				*erased = ERASED_LIVE;
			continue;
		}
		*erased = ERASED_SOME;
		r = erase_call(store, id, call, err);
	}
	json_decref(calls);
	return r;
}

/* ---- messages -------------------------------------------------------------
 */

/* Asks for rows, and counts them. */
static int remove_rows(struct store *store, const char *erasure,
		       enum store_query query, const char *const *values,
		       const char *what, size_t *removed, struct db_error *err)
{
	json_t *rows = NULL;
	int r = ask(store, query, values, &rows, err);

	if (removed)
		*removed += json_array_size(rows);
	if (r == 0)
		r = count(store, erasure, what, json_array_size(rows), err);
	json_decref(rows);
	return r;
}

static int erase_message(struct store *store, const char *erasure,
			 const json_t *message, struct db_error *err)
{
	const char *id = text_of(message, "message_id");
	const char *const provider[] = { text_of(message, "provider"),
					 text_of(message,
						 "provider_message_id") };
	int r = keep_key(store, erasure, id, err);

	if (r == 0)
		r = keep_provider_key(store, erasure, provider[0], provider[1],
				      err);
	if (r == 0)
		r = remove_rows(store, erasure, QUERY_FORGET_MESSAGE_STATUSES,
				provider, "message_statuses", NULL, err);
	return r < 0 ? r
		     : remove_rows(store, erasure, QUERY_FORGET_MESSAGE, &id,
				   "messages", NULL, err);
}

static int erase_session(struct store *store, const char *erasure,
			 const json_t *session, struct db_error *err)
{
	const char *id = text_of(session, "session_id");
	int r = ask(store, QUERY_FORGET_SUMMARY, &id, NULL, err);

	if (r == 0)
		r = ask(store, QUERY_FORGET_PREVIOUS, &id, NULL, err);
	return r < 0 ? r
		     : remove_rows(store, erasure, QUERY_FORGET_SESSION, &id,
				   "sessions", NULL, err);
}

typedef int erase_row(struct store *store, const char *erasure,
		      const json_t *row, struct db_error *err);

/* Each of the rows that are found, by `erase`. */
static int erase_each(struct store *store, const char *erasure,
		      enum store_query query, const char *const *values,
		      erase_row *erase, size_t *found, struct db_error *err)
{
	json_t *rows = NULL, *row;
	int r = ask(store, query, values, &rows, err);
	size_t i;

	*found = json_array_size(rows);
	json_array_foreach (rows, i, row)
		if (r == 0)
			r = erase(store, erasure, row, err);
	json_decref(rows);
	return r;
}

/* The first of these that finds anything is the step. */
static int erase_messages(struct store *store, const json_t *erasure,
			  const char *limit, size_t *found,
			  struct db_error *err)
{
	static const struct {
		enum store_query query;
		erase_row *erase;
	} of_rows[] = {
		{ QUERY_ERASE_MESSAGES, erase_message },
		{ QUERY_ERASE_SESSION_MESSAGES, erase_message },
		{ QUERY_ERASE_SESSIONS, erase_session },
	};
	static const struct {
		enum store_query query;
		const char *what;
	} at_once[] = {
		{ QUERY_ERASE_PEER_STATUSES, "message_statuses" },
		{ QUERY_ERASE_NOTICES, "message_notices" },
	};
	const char *id = text_of(erasure, "erasure_id");
	const char *const values[] = { text_of(erasure, "target"),
				       text_of(erasure, "requested_at"),
				       limit };
	int r = 0;

	*found = 0;
	for (size_t i = 0; r == 0 && *found == 0 && i < 3; i++)
		r = erase_each(store, id, of_rows[i].query, values,
			       of_rows[i].erase, found, err);
	for (size_t i = 0; r == 0 && *found == 0 && i < 2; i++)
		r = remove_rows(store, id, at_once[i].query, values,
				at_once[i].what, found, err);
	return r;
}

int store_erase(struct store *store, const json_t *erasure, unsigned limit,
		enum store_erased *erased, struct db_error *err)
{
	char text[16];
	size_t messages = 0;
	int r;

	(void)snprintf(text, sizeof(text), "%u", limit);
	r = erase_calls(store, erasure, text, erased, err);
	if (r == 0 && *erased != ERASED_SOME && is_of_number(erasure))
		r = erase_messages(store, erasure, text, &messages, err);
	if (messages > 0)
		*erased = ERASED_SOME;
	return r;
}

/* ---- files ----------------------------------------------------------------
 */

int store_erased_files(struct store *store, const char *node, unsigned limit,
		       json_t **files, struct db_error *err)
{
	char text[16];
	const char *const values[] = { node, text };

	(void)snprintf(text, sizeof(text), "%u", limit);
	return ask(store, QUERY_ERASED_FILES, values, files, err);
}

int store_erased_file_gone(struct store *store, const json_t *file,
			   bool existed, struct db_error *err)
{
	const char *call = text_of(file, "call_id");
	int r = count(store, text_of(file, "erasure_id"), "recordings", existed,
		      err);

	return r < 0 ? r : ask(store, QUERY_ERASED_FILE_GONE, &call, NULL, err);
}

/* ---- from state to state --------------------------------------------------
 */

static bool was_watched(const json_t *erasure, int64_t watch_us)
{
	const char *since = text_of(erasure, "finished_at");
	int64_t since_us;

	return since && clock_parse_rfc3339(since, &since_us) == 0 &&
	       clock_wall_us() - since_us >= watch_us;
}

int store_erasure_advance(struct store *store, const json_t *erasure,
			  int64_t watch_us, json_t **changed,
			  struct db_error *err)
{
	const char *id = text_of(erasure, "erasure_id");
	bool watched = strcmp(text_of(erasure, "state"), "watching") == 0;
	const char *const of[] = { id, "1" };
	char now[CLOCK_ISO_SIZE];
	const char *const values[] = { id, watched ? "done" : "watching", now };
	json_t *rows = NULL;
	size_t files;
	int r = ask(store, QUERY_ERASED_FILES_OF, of, &rows, err);

	*changed = NULL;
	files = json_array_size(rows);
	json_decref(rows);
	if (r < 0 || files > 0 || (watched && !was_watched(erasure, watch_us)))
		return r;
	clock_format_iso(clock_wall_us(), now);
	rows = NULL;
	r = ask(store, QUERY_ERASURE_STATE, values, &rows, err);
	return take_first(r, rows, changed);
}
