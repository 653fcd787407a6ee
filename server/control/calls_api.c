/* calls_api.c - calls, as the database has them (see calls_api.h) */
#include "server/control/calls_api.h"

#include <stdlib.h>
#include <string.h>

#include "persistence/store.h"
#include "server/control/context.h"
#include "server/control/query.h"
#include "server/control/store_pool.h"
#include "server/uuid.h"

/* ---- the list -------------------------------------------------------------
 */

enum {
	STATE,
	PROVIDER,
	END_REASON,
	NUMBER,
	SINCE,
	BEFORE,
	CURSOR,
	LIMIT,
	PARAMETERS
};

static const char *const states[] = { "live", "ended", NULL };
static const char *const end_reasons[] = {
	"stop",		"hangup",	"disconnect",
	"idle_timeout", "max_duration", "protocol_error",
	"shutdown",	"interrupted",	NULL,
};

static const struct query_parameter parameters[PARAMETERS] = {
	[STATE] = { "state", QUERY_WORD, states },
	[PROVIDER] = { "provider", QUERY_TEXT, NULL },
	[END_REASON] = { "end_reason", QUERY_WORD, end_reasons },
	[NUMBER] = { "number", QUERY_TEXT, NULL },
	[SINCE] = { "since", QUERY_TIME, NULL },
	[BEFORE] = { "before", QUERY_TIME, NULL },
	[CURSOR] = { "cursor", QUERY_ID, NULL },
	[LIMIT] = { "limit", QUERY_COUNT, NULL },
};

struct list {
	struct query_value values[PARAMETERS];
};

/* The rows as a page: one more than fits was asked for, to know whether there
 * is another page. */
static json_t *make_page(json_t *rows, unsigned limit)
{
	json_t *next = NULL;

	if (json_array_size(rows) > limit) {
		json_array_remove(rows, json_array_size(rows) - 1);
		next = json_object_get(json_array_get(rows, limit - 1),
				       "call_id");
	}
	return json_pack("{s:O, s:O?}", "calls", rows, "next_cursor", next);
}

static int ask_list(struct store *store, void *arg,
		    struct http_response *response, struct db_error *err)
{
	const struct list *list = arg;
	const struct query_value *values = list->values;
	unsigned limit = query_limit(&values[LIMIT]);
	const struct store_call_filter filter = {
		.state = query_text(&values[STATE]),
		.provider = query_text(&values[PROVIDER]),
		.end_reason = query_text(&values[END_REASON]),
		.number = query_text(&values[NUMBER]),
		.since = query_text(&values[SINCE]),
		.before = query_text(&values[BEFORE]),
		.before_call_id = query_text(&values[CURSOR]),
		.limit = limit + 1,
	};
	json_t *rows = NULL;

	if (store_list_calls(store, &filter, &rows, err) < 0)
		return -1;
	http_reply_json(response, 200, make_page(rows, limit));
	json_decref(rows);
	return 0;
}

void calls_api_list(const struct http_request *request,
		    struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct list read, *list;

	if (!query_read(request, parameters, PARAMETERS, read.values, response))
		return;
	list = malloc(sizeof(*list));
	if (list)
		*list = read;
	store_pool_ask(control->pool, ask_list, list, request, response);
}

/* ---- one ------------------------------------------------------------------
 */

static int ask_one(struct store *store, void *arg,
		   struct http_response *response, struct db_error *err)
{
	json_t *row = NULL;

	if (store_get_call(store, arg, &row, err) < 0)
		return -1;
	if (row)
		http_reply_json(response, 200, row);
	else
		http_reply_error(response, 404, "no call has this id");
	return 0;
}

void calls_api_get(const struct http_request *request,
		   struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct uuid id;

	if (!uuid_parse(request->parameter, &id))
		http_reply_error(response, 400, "the path needs a UUID");
	else
		store_pool_ask(control->pool, ask_one,
			       strdup(request->parameter), request, response);
}
