/* events_api.c - the events that are still on the disk (see events_api.h) */
#include "server/control/api/events_api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/event_list.h"
#include "persistence/json_text.h"
#include "persistence/record.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/api/query.h"
#include "server/control/context.h"
#include "server/control/events/events.h"
#include "server/control/http/http_files.h"
#include "server/log.h"
#include "server/settings.h"

/* server/control/embed.cmake makes it of docs/event.schema.json. */
#include "event_schema_json.h"

#define REPLAY_MAX     10000u
#define REPLAY_IDS_MAX 1000u

static void answer_error(const char *dir, int error,
			 struct http_response *response)
{
	log_error("HTTP_FILE", "file=\"%s\" err=\"%s\"", dir, strerror(-error));
	http_reply_error(response, 503, "the events cannot be read");
}

/* ---- the list --------------------------------------------------------------
 */

enum { TYPE, SINCE, CURSOR, LIMIT, PARAMETERS };

#define TYPE_WORD(name, text) text,
static const char *const types[] = { EVENT_TYPES(TYPE_WORD) NULL };

static const struct query_parameter parameters[PARAMETERS] = {
	[TYPE] = { "type", QUERY_WORD, types },
	[SINCE] = { "since", QUERY_TIME, NULL },
	[CURSOR] = { "cursor", QUERY_TEXT, NULL },
	[LIMIT] = { "limit", QUERY_COUNT, NULL },
};

struct look {
	char dir[EVENTS_DIR_SIZE];
	bool enabled;
	struct event_wish wish;
	bool has_before;
	struct event_place before;
	unsigned limit;
};

/* "1795414620123456.0199...": microseconds and an id. */
static void format_cursor(const struct record *event, char out[QUERY_TEXT_MAX])
{
	char id[UUID_TEXT_SIZE];

	uuid_format(&event->id, id);
	(void)snprintf(out, QUERY_TEXT_MAX, "%" PRId64 ".%s", event->created_us,
		       id);
}

static bool read_cursor(const char *text, struct event_place *place)
{
	char *end;

	place->at_us = strtoll(text, &end, 10);
	return end != text && *end == '.' && uuid_parse(end + 1, &place->id);
}

/* The message as it is sent, and whether it still has to be. */
static json_t *describe(const struct event_listed *listed)
{
	json_t *event = json_text_parse(listed->event->payload,
					listed->event->length, 0);

	(void)json_object_set_new(event, "pending",
				  json_boolean(listed->pending));
	return event;
}

static void look_at_page(void *arg, struct http_response *response)
{
	const struct look *look = arg;
	char next[QUERY_TEXT_MAX];
	struct event_page page;
	json_t *events = json_array();
	int r = event_list(look->dir, &look->wish,
			   look->has_before ? &look->before : NULL,
			   look->limit + 1, &page); /* is there another page? */

	if (r < 0) {
		answer_error(look->dir, r, response);
		goto end;
	}
	for (size_t i = 0; i < page.count && i < look->limit; i++)
		(void)json_array_append_new(events, describe(&page.events[i]));
	if (page.count > look->limit)
		format_cursor(page.events[look->limit - 1].event, next);
	http_reply_json(response, 200,
			json_pack("{s:b, s:I, s:I, s:O, s:s?}", "enabled",
				  look->enabled, "pending",
				  (json_int_t)board_get(board_series(
					  METRIC_EVENTS_PENDING, "")),
				  "oldest_seconds",
				  (json_int_t)board_get(board_series(
					  METRIC_EVENTS_OLDEST_SECONDS, "")),
				  "events", events, "next_cursor",
				  page.count > look->limit ? next : NULL));
	event_page_finish(&page);
end:
	json_decref(events);
}

/* False: it was answered. */
static bool read_query(struct look *look, const struct http_request *request,
		       struct http_response *response)
{
	struct query_value values[PARAMETERS];
	const char *cursor, *type, *since;

	if (!query_read(request, parameters, PARAMETERS, values, response))
		return false;
	type = query_text(&values[TYPE]);
	since = query_text(&values[SINCE]);
	cursor = query_text(&values[CURSOR]);
	look->limit = query_limit(&values[LIMIT]);
	look->wish.type = type ? event_type_parse(type) : EVENT_NONE;
	if (since)
		(void)clock_parse_iso(since, &look->wish.since_us);
	look->has_before = cursor;
	if (!cursor || read_cursor(cursor, &look->before))
		return true;
	http_reply_error(response, 400, "cursor: not one of ours");
	return false;
}

void events_api_list(const struct http_request *request,
		     struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct look *look = calloc(1, sizeof(*look));

	if (!look) {
		http_reply_error(response, 503, "out of memory");
		return;
	}
	events_dir(control->first, look->dir);
	look->enabled = control->events;
	if (read_query(look, request, response))
		http_files_ask(control->files, look_at_page, look, request,
			       response);
	else
		free(look);
}

/* ---- once more -------------------------------------------------------------
 */

struct order {
	char dir[EVENTS_DIR_SIZE];
	struct event_log *log; /* outlives the disk's thread */
	struct event_wish wish;
	struct uuid ids[REPLAY_IDS_MAX];
};

static void replay(void *arg, struct http_response *response)
{
	const struct order *order = arg;
	bool more;
	int r = event_replay(order->dir, &order->wish, REPLAY_MAX, order->log,
			     &more);

	if (r < 0)
		answer_error(order->dir, r, response);
	else
		http_reply_json(
			response, 200,
			json_pack("{s:i, s:b}", "replayed", r, "more", more));
}

static const char *read_ids(struct order *order, const json_t *ids)
{
	size_t count = json_array_size(ids);

	if (!json_is_array(ids) || count > REPLAY_IDS_MAX)
		return "ids: needs an array of at most 1000 UUIDs";
	for (size_t i = 0; i < count; i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		if (!id || !uuid_parse(id, &order->ids[i]))
			return "ids: needs an array of at most 1000 UUIDs";
	}
	order->wish.ids = order->ids;
	order->wish.id_count = count;
	return NULL;
}

static const char *read_member(struct order *order, const char *key,
			       const json_t *value)
{
	const char *text = json_string_value(value);

	if (strcmp(key, "ids") == 0)
		return read_ids(order, value);
	if (strcmp(key, "since") == 0)
		return text && clock_parse_rfc3339(text,
						   &order->wish.since_us) == 0
			       ? NULL
			       : "since: needs a time such as "
				 "2026-11-23T06:17:00Z";
	if (strcmp(key, "type") == 0) {
		order->wish.type = text ? event_type_parse(text) : EVENT_NONE;
		return order->wish.type != EVENT_NONE
			       ? NULL
			       : "type: no type of an event";
	}
	return "there are no other keys than ids, since and type";
}

/* What is wrong with it, for people; NULL: nothing. */
static const char *read_order(struct order *order, json_t *body)
{
	const char *key, *fault = NULL;
	json_t *value;

	if (!json_is_object(body))
		return "the body needs to be a JSON object";
	json_object_foreach (body, key, value)
		if (!fault)
			fault = read_member(order, key, value);
	if (!fault && !order->wish.ids && order->wish.since_us == 0)
		return "ids or since: which events?";
	return fault;
}

/* What is older than events.max_age would be given up at once. */
static void leave_out_old(struct order *order, const struct settings *settings)
{
	int64_t oldest_us =
		clock_wall_us() - (int64_t)settings->events.max_age_ms * 1000;

	if (order->wish.since_us < oldest_us)
		order->wish.since_us = oldest_us;
}

void events_api_replay(const struct http_request *request,
		       struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct order *order = calloc(1, sizeof(*order));
	json_t *body = json_text_parse(request->body, request->body_length, 0);
	const char *fault = order ? read_order(order, body) : NULL;

	json_decref(body);
	if (!order) {
		http_reply_error(response, 503, "out of memory");
	} else if (fault) {
		http_reply_error(response, 400, fault);
	} else if (!control->events) {
		http_reply_error(response, 409, "there is no events.webhook");
	} else {
		events_dir(control->first, order->dir);
		order->log = events_log(control->events);
		leave_out_old(order, control->first);
		http_files_ask(control->files, replay, order, request,
			       response);
		return;
	}
	free(order);
}

/* ---- the schema ------------------------------------------------------------
 */

void events_api_schema(const struct http_request *request,
		       struct http_response *response, void *context)
{
	size_t length = sizeof(event_schema_json) - 1;
	char *copy = malloc(length);

	(void)request;
	(void)context;
	if (copy)
		memcpy(copy, event_schema_json, length);
	http_reply(response, 200, "application/schema+json", copy, length);
}
