/* store_sessions.c - messaging sessions (see store_sessions.h) */
#include "persistence/store_sessions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/store_ops.h"

struct number {
	char text[24];
};

static struct number number(uint64_t value)
{
	struct number out;

	(void)snprintf(out.text, sizeof(out.text), "%" PRIu64, value);
	return out;
}

static int refuse_cursor(struct db_error *err)
{
	db_error_set(err, DB_POISON, "InvalidParameterValue",
		     "the cursor is not an id");
	return -1;
}

/* ---- to read ---------------------------------------------------------------
 */

int store_list_sessions(struct store *store,
			const struct store_session_filter *f, json_t **rows,
			struct db_error *err)
{
	char before[UUID_TEXT_SIZE];
	struct number limit = number(f->limit);
	const char *const values[] = {
		f->state,
		f->channel,
		f->account,
		f->peer,
		f->since,
		f->before,
		f->before_session_id ? before : NULL,
		limit.text,
	};

	if (f->before_session_id &&
	    !store_normalise_id(f->before_session_id, before))
		return refuse_cursor(err);
	return store_ask(store, QUERY_SESSIONS, values, rows, err);
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static bool is_of(const json_t *status, const json_t *message)
{
	static const char *const keys[] = { "provider", "provider_message_id" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(text_of(status, keys[i]),
			   text_of(message, keys[i])) != 0)
			return false;
	return true;
}

/* Each message gets those of the statuses that are its own. */
static void add_statuses(json_t *messages, const json_t *statuses)
{
	for (size_t i = 0; i < json_array_size(messages); i++) {
		json_t *message = json_array_get(messages, i);
		json_t *own = json_array();

		for (size_t k = 0; k < json_array_size(statuses); k++) {
			json_t *status = json_array_get(statuses, k);

			if (is_of(status, message))
				(void)json_array_append(own, status);
		}
		(void)json_object_set_new(message, "statuses", own);
	}
}

static int read_messages(struct store *store, const char *session_id,
			 const struct store_message_page *page,
			 json_t **messages, struct db_error *err)
{
	char after[UUID_TEXT_SIZE];
	struct number limit = number(page->limit);
	const char *const values[] = { session_id,
				       page->after_message_id ? after : NULL,
				       limit.text };
	json_t *statuses = NULL;
	int r;

	if (page->after_message_id &&
	    !store_normalise_id(page->after_message_id, after))
		return refuse_cursor(err);
	r = store_ask(store, QUERY_SESSION_MESSAGES, values, messages, err);
	if (r == 0)
		r = store_ask(store, QUERY_SESSION_STATUSES, values, &statuses,
			      err);
	if (r == 0)
		add_statuses(*messages, statuses);
	json_decref(statuses);
	return r;
}

int store_get_session(struct store *store, const char *session_id,
		      const struct store_message_page *page, json_t **row,
		      struct db_error *err)
{
	json_t *sessions = NULL, *summaries = NULL, *messages = NULL, *summary;
	char id[UUID_TEXT_SIZE];
	const char *const values[] = { id };
	int r;

	*row = NULL;
	if (!store_normalise_id(session_id, id))
		return 0;
	r = store_ask(store, QUERY_SESSION, values, &sessions, err);
	if (r < 0 || json_array_size(sessions) == 0)
		goto out;
	r = store_ask(store, QUERY_SESSION_SUMMARY, values, &summaries, err);
	if (r == 0)
		r = read_messages(store, id, page, &messages, err);
	if (r < 0)
		goto out;
	*row = json_incref(json_array_get(sessions, 0));
	summary = json_array_get(summaries, 0);
	(void)json_object_set_new(*row, "summary",
				  summary ? json_incref(summary) : json_null());
	(void)json_object_set(*row, "messages", messages);
out:
	json_decref(sessions);
	json_decref(summaries);
	json_decref(messages);
	return r;
}

/* ---- to close, and to tell -------------------------------------------------
 */

int store_close_sessions(struct store *store, unsigned limit,
			 uint64_t waiting_ms, uint64_t idle_ms, json_t **closed,
			 struct db_error *err)
{
	struct number most = number(limit), waiting = number(waiting_ms);
	struct number silent = number(waiting_ms + idle_ms);
	const char *const values[] = { most.text, waiting.text, silent.text };

	return store_ask(store, QUERY_CLOSE_SESSIONS, values, closed, err);
}

int store_count_open_sessions(struct store *store, int64_t *count,
			      struct db_error *err)
{
	return store_ask_count(store, QUERY_OPEN_SESSIONS, count, err);
}

int store_claim_summaries(struct store *store, unsigned limit,
			  uint64_t again_ms, json_t **summaries,
			  struct db_error *err)
{
	struct number most = number(limit), again = number(again_ms);
	const char *const values[] = { most.text, again.text };

	return store_ask(store, QUERY_CLAIM_SUMMARIES, values, summaries, err);
}

int store_summaries_told(struct store *store, const json_t *close_ids,
			 struct db_error *err)
{
	char *ids = json_dumps(close_ids, JSON_COMPACT);
	const char *const values[] = { ids };
	json_t *rows = NULL;
	int r = -1;

	if (ids)
		r = store_ask(store, QUERY_SUMMARIES_TOLD, values, &rows, err);
	else
		db_error_set(err, DB_TRANSIENT, "OutOfMemory", "no memory");
	json_decref(rows);
	free(ids);
	return r;
}
