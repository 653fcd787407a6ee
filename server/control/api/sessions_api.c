/* sessions_api.c - messaging sessions, as the database has them
 * (see sessions_api.h) */
#include "server/control/api/sessions_api.h"

#include <stdlib.h>

#include "persistence/store_sessions.h"
#include "server/control/api/query.h"
#include "server/control/api/store_pool.h"
#include "server/control/context.h"
#include "server/uuid.h"

/* ---- the list -------------------------------------------------------------
 */

enum {
	STATE,
	CHANNEL,
	ACCOUNT,
	PEER,
	SINCE,
	BEFORE,
	CURSOR,
	LIMIT,
	PARAMETERS
};

static const char *const states[] = { "open", "closed", NULL };

static const struct query_parameter parameters[PARAMETERS] = {
	[STATE] = { "state", QUERY_WORD, states },
	[CHANNEL] = { "channel", QUERY_TEXT, NULL },
	[ACCOUNT] = { "account", QUERY_TEXT, NULL },
	[PEER] = { "peer", QUERY_TEXT, NULL },
	[SINCE] = { "since", QUERY_TIME, NULL },
	[BEFORE] = { "before", QUERY_TIME, NULL },
	[CURSOR] = { "cursor", QUERY_ID, NULL },
	[LIMIT] = { "limit", QUERY_COUNT, NULL },
};

struct list {
	struct query_value values[PARAMETERS];
};

static int ask_list(struct store *store, void *arg,
		    struct http_response *response, struct db_error *err)
{
	const struct list *list = arg;
	const struct query_value *values = list->values;
	unsigned limit = query_limit(&values[LIMIT]);
	const struct store_session_filter filter = {
		.state = query_text(&values[STATE]),
		.channel = query_text(&values[CHANNEL]),
		.account = query_text(&values[ACCOUNT]),
		.peer = query_text(&values[PEER]),
		.since = query_text(&values[SINCE]),
		.before = query_text(&values[BEFORE]),
		.before_session_id = query_text(&values[CURSOR]),
		.limit = limit + 1,
	};
	json_t *rows = NULL;

	if (store_list_sessions(store, &filter, &rows, err) < 0)
		return -1;
	query_reply_page(response, "sessions", rows, limit, "session_id");
	return 0;
}

void sessions_api_list(const struct http_request *request,
		       struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct list *list = malloc(sizeof(*list));

	if (!list)
		http_reply_error(response, 503, "out of memory");
	else if (query_read(request, parameters, PARAMETERS, list->values,
			    response))
		store_pool_ask(control->pool, ask_list, list, request,
			       response);
	else
		free(list);
}

/* ---- one ------------------------------------------------------------------
 */

enum { AFTER, MOST, ONE_PARAMETERS };

static const struct query_parameter one_parameters[ONE_PARAMETERS] = {
	[AFTER] = { "cursor", QUERY_ID, NULL },
	[MOST] = { "limit", QUERY_COUNT, NULL },
};

struct one {
	char id[UUID_TEXT_SIZE];
	struct query_value values[ONE_PARAMETERS];
};

static int ask_one(struct store *store, void *arg,
		   struct http_response *response, struct db_error *err)
{
	const struct one *one = arg;
	unsigned limit = query_limit(&one->values[MOST]);
	const struct store_message_page page = {
		.after_message_id = query_text(&one->values[AFTER]),
		.limit = limit + 1,
	};
	json_t *row, *next;

	if (store_get_session(store, one->id, &page, &row, err) < 0)
		return -1;
	if (!row) {
		http_reply_error(response, 404, "no session has this id");
		return 0;
	}
	next = query_end_page(json_object_get(row, "messages"), limit,
			      "message_id");
	(void)json_object_set_new(row, "next_cursor", next);
	http_reply_json(response, 200, row);
	return 0;
}

void sessions_api_get(const struct http_request *request,
		      struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct one *one = malloc(sizeof(*one));
	struct uuid id;

	if (!one) {
		http_reply_error(response, 503, "out of memory");
	} else if (!uuid_parse(request->parameter, &id)) {
		http_reply_error(response, 400, "the path needs a UUID");
		free(one);
	} else if (query_read(request, one_parameters, ONE_PARAMETERS,
			      one->values, response)) {
		uuid_format(&id, one->id);
		store_pool_ask(control->pool, ask_one, one, request, response);
	} else {
		free(one);
	}
}
