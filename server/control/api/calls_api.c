/* calls_api.c - calls, as the database has them (see calls_api.h) */
#include "server/control/api/calls_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/store.h"
#include "server/clock.h"
#include "server/control/api/live_json.h"
#include "server/control/api/query.h"
#include "server/control/api/store_pool.h"
#include "server/control/context.h"
#include "server/live_calls.h"
#include "server/settings.h"
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
	const struct settings *settings; /* those of the start: as long as we */
};

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
	query_reply_page(response, "calls", rows, limit, "call_id");
	return 0;
}

static int64_t time_of(const struct query_value *value)
{
	int64_t wall_us = 0;

	if (value->given)
		(void)clock_parse_iso(value->text, &wall_us);
	return wall_us;
}

/* Without the database: those that are live here. */
static void list_live(const void *arg, struct http_response *response)
{
	const struct list *list = arg;
	const struct query_value *values = list->values;
	struct live_filter filter = {
		.provider = query_text(&values[PROVIDER]),
		.number = query_text(&values[NUMBER]),
		.since_us = time_of(&values[SINCE]),
		.before_us = time_of(&values[BEFORE]),
		.limit = query_limit(&values[LIMIT]),
	};
	struct uuid older_than;
	uint32_t total;

	if (strcmp(values[STATE].text, "live") != 0 ||
	    values[END_REASON].given) {
		store_pool_away(response);
		return;
	}
	if (values[CURSOR].given &&
	    uuid_parse(values[CURSOR].text, &older_than))
		filter.older_than = &older_than;
	http_reply_json(response, 200,
			live_json_page(&filter, live_json_row,
				       list->settings->node_id, &total));
}

void calls_api_list(const struct http_request *request,
		    struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct list *list = malloc(sizeof(*list));

	if (!list) {
		http_reply_error(response, 503, "out of memory");
		return;
	}
	list->settings = control->first;
	if (query_read(request, parameters, PARAMETERS, list->values, response))
		store_pool_ask_or(control->pool, ask_list, list_live, list,
				  request, response);
	else
		free(list);
}

/* ---- one ------------------------------------------------------------------
 */

struct one {
	struct uuid uuid;
	char id[UUID_TEXT_SIZE];
	const struct settings *settings; /* those of the start: as long as we */
};

static void ask_for(const struct http_request *request,
		    struct http_response *response, void *context,
		    store_question *question, store_otherwise *otherwise)
{
	const struct control_context *control = context;
	struct uuid id;
	struct one *one;

	if (!uuid_parse(request->parameter, &id)) {
		http_reply_error(response, 400, "the path needs a UUID");
		return;
	}
	one = malloc(sizeof(*one));
	if (one) {
		one->uuid = id;
		uuid_format(&id, one->id);
		one->settings = control->first;
	}
	store_pool_ask_or(control->pool, question, otherwise, one, request,
			  response);
}

/* The row of a call that is live here, or has just ended; NULL: it is not
 * known. Its events are not in memory. */
static json_t *live_row(const struct one *one)
{
	struct live_call call;
	json_t *row = NULL;

	if (live_call_read(&one->uuid, &call) != LIVE_UNKNOWN)
		row = live_json_row(&call, one->settings->node_id);
	if (row)
		(void)json_object_set_new(row, "events", json_array());
	return row;
}

/* Answers with what `answer` makes of the call's row. */
typedef void call_answer(json_t *row, const struct settings *settings,
			 struct http_response *response);

static int ask_call(struct store *store, const struct one *one,
		    call_answer *answer, struct http_response *response,
		    struct db_error *err)
{
	json_t *row = NULL;

	if (store_get_call(store, one->id, &row, err) < 0)
		return -1;
	if (!row) /* its first record may still be on its way */
		row = live_row(one);
	if (row)
		answer(row, one->settings, response);
	else
		http_reply_error(response, 404, "no call has this id");
	json_decref(row);
	return 0;
}

static void answer_row(json_t *row, const struct settings *settings,
		       struct http_response *response)
{
	(void)settings;
	http_reply_json(response, 200, json_incref(row));
}

static int ask_one(struct store *store, void *arg,
		   struct http_response *response, struct db_error *err)
{
	return ask_call(store, arg, answer_row, response, err);
}

static void answer_live(const void *arg, struct http_response *response)
{
	json_t *row = live_row(arg);

	if (row)
		http_reply_json(response, 200, row);
	else
		store_pool_away(response);
}

void calls_api_get(const struct http_request *request,
		   struct http_response *response, void *context)
{
	ask_for(request, response, context, ask_one, answer_live);
}

/* ---- its recording ---------------------------------------------------------
 */

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

/* A recording lies on the disk of the node that took the call. */
static void answer_recording(json_t *row, const struct settings *settings,
			     struct http_response *response)
{
	const char *node = text_of(row, "node_id");
	const char *path = text_of(row, "recording_path");
	char detail[160];

	if (!path) {
		http_reply_error(response, 404, "this call has no recording");
	} else if (node && strcmp(node, settings->node_id) != 0) {
		(void)snprintf(detail, sizeof(detail),
			       "the recording is on the node %s", node);
		http_reply_error(response, 404, detail);
	} else {
		http_reply_file(response, "audio/wav", settings->recording.dir,
				path);
	}
}

static int ask_recording(struct store *store, void *arg,
			 struct http_response *response, struct db_error *err)
{
	return ask_call(store, arg, answer_recording, response, err);
}

void calls_api_recording(const struct http_request *request,
			 struct http_response *response, void *context)
{
	ask_for(request, response, context, ask_recording, NULL);
}
