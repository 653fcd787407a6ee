/* live_api.c - calls that are live on this node (see live_api.h) */
#include "server/control/api/live_api.h"

#include "server/clock.h"
#include "server/control/api/live_json.h"
#include "server/control/api/query.h"
#include "server/control/context.h"
#include "server/live_calls.h"
#include "server/settings.h"
#include "server/uuid.h"

/* ---- the list -------------------------------------------------------------
 */

enum { PROVIDER, NUMBER, CURSOR, LIMIT, PARAMETERS };

static const struct query_parameter parameters[PARAMETERS] = {
	[PROVIDER] = { "provider", QUERY_TEXT, NULL },
	[NUMBER] = { "number", QUERY_TEXT, NULL },
	[CURSOR] = { "cursor", QUERY_ID, NULL },
	[LIMIT] = { "limit", QUERY_COUNT, NULL },
};

void live_api_list(const struct http_request *request,
		   struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct query_value values[PARAMETERS];
	struct uuid older_than;
	struct live_filter filter = { 0 };
	uint32_t total;
	json_t *page;

	if (!query_read(request, parameters, PARAMETERS, values, response))
		return;
	filter.provider = query_text(&values[PROVIDER]);
	filter.number = query_text(&values[NUMBER]);
	filter.limit = query_limit(&values[LIMIT]);
	if (values[CURSOR].given &&
	    uuid_parse(values[CURSOR].text, &older_than))
		filter.older_than = &older_than;
	page = live_json_page(&filter, live_json, control->first->node_id,
			      &total);
	if (page)
		(void)json_object_set_new(page, "total", json_integer(total));
	http_reply_json(response, 200, page);
}

/* ---- one ------------------------------------------------------------------
 */

static bool read_id(const struct http_request *request,
		    struct http_response *response, struct uuid *id)
{
	if (uuid_parse(request->parameter, id))
		return true;
	http_reply_error(response, 400, "the path needs a UUID");
	return false;
}

void live_api_get(const struct http_request *request,
		  struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct live_call call;
	struct uuid id;

	if (!read_id(request, response, &id))
		return;
	if (live_call_read(&id, &call) != LIVE_FOUND) {
		http_reply_error(response, 404, "no such call is live here");
		return;
	}
	live_call_watch(&id, clock_mono_ms());
	http_reply_json(response, 200,
			live_json(&call, control->first->node_id));
}

/* It ends within a quarter of a second, when its loop looks. */
void live_api_hang_up(const struct http_request *request,
		      struct http_response *response, void *context)
{
	char text[UUID_TEXT_SIZE];
	struct uuid id;

	(void)context;
	if (!read_id(request, response, &id))
		return;
	switch (live_call_hang_up(&id)) {
	case LIVE_FOUND:
		uuid_format(&id, text);
		http_reply_json(response, 202,
				json_pack("{s:s, s:s}", "call_id", text,
					  "state", "ending"));
		break;
	case LIVE_ENDED:
		http_reply_error(response, 409, "this call has ended");
		break;
	case LIVE_UNKNOWN:
		http_reply_error(response, 404, "no such call is live here");
		break;
	}
}
