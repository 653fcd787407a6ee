/* api_routes.c - every route of the control listener (see api_routes.h) */
#include "server/control/api/api_routes.h"

#include <stdlib.h>
#include <string.h>

#include "server/control/api/calls_api.h"
#include "server/control/api/dead_letters_api.h"
#include "server/control/api/erasures_api.h"
#include "server/control/api/events_api.h"
#include "server/control/api/listen.h"
#include "server/control/api/live_api.h"
#include "server/control/api/login_api.h"
#include "server/control/api/outbox_api.h"
#include "server/control/api/push.h"
#include "server/control/api/sessions_api.h"
#include "server/control/api/users_api.h"
#include "server/control/dashboard.h"
#include "server/control/health.h"
#include "server/control/history.h"
#include "server/control/metrics.h"
#include "server/control/status.h"

/* server/control/embed.cmake makes it of openapi.json. */
#include "openapi_json.h"

static void openapi_handle(const struct http_request *request,
			   struct http_response *response, void *context)
{
	size_t length = sizeof(openapi_json) - 1;
	char *copy = malloc(length);

	(void)request;
	(void)context;
	if (copy)
		memcpy(copy, openapi_json, length);
	http_reply(response, 200, "application/json", copy, length);
}

const struct http_route api_routes[] = {
	{ HTTP_GET, "/", dashboard_page, HTTP_ANYBODY },
	{ HTTP_GET, "/dashboard/{file}", dashboard_file, HTTP_ANYBODY },
	{ HTTP_GET, "/health/live", health_live, HTTP_ANYBODY },
	{ HTTP_GET, "/health/ready", health_ready, HTTP_ANYBODY },
	{ HTTP_GET, "/health/db", health_db, HTTP_ANYBODY },
	{ HTTP_GET, "/metrics", metrics_handle, HTTP_ANYBODY },
	{ HTTP_GET, "/api/openapi.json", openapi_handle, HTTP_ANYBODY },
	{ HTTP_POST, "/api/auth/login", login_api_login, HTTP_ANYBODY },
	{ HTTP_POST, "/api/auth/logout", login_api_logout, HTTP_ANYBODY },
	{ HTTP_GET, "/api/auth/me", login_api_me, HTTP_VIEWER },
	{ HTTP_GET, "/api/users", users_api_list, HTTP_ADMIN },
	{ HTTP_POST, "/api/users", users_api_add, HTTP_ADMIN },
	{ HTTP_PATCH, "/api/users/{email}", users_api_change, HTTP_ADMIN },
	{ HTTP_DELETE, "/api/users/{email}", users_api_remove, HTTP_ADMIN },
	{ HTTP_GET, "/api/status", status_handle, HTTP_VIEWER },
	{ HTTP_GET, "/api/history", history_handle, HTTP_VIEWER },
	{ HTTP_GET, "/api/push", push_handle, HTTP_VIEWER },
	{ HTTP_GET, "/api/calls", calls_api_list, HTTP_VIEWER },
	{ HTTP_GET, "/api/calls/{id}", calls_api_get, HTTP_VIEWER },
	{ HTTP_DELETE, "/api/calls/{id}", live_api_hang_up, HTTP_OPERATOR },
	{ HTTP_GET, "/api/calls/{id}/recording", calls_api_recording,
	  HTTP_VIEWER },
	{ HTTP_GET, "/api/events", events_api_list, HTTP_VIEWER },
	{ HTTP_GET, "/api/events/schema.json", events_api_schema,
	  HTTP_ANYBODY },
	{ HTTP_POST, "/api/events/replay", events_api_replay, HTTP_OPERATOR },
	{ HTTP_GET, "/api/sessions", sessions_api_list, HTTP_VIEWER },
	{ HTTP_GET, "/api/sessions/{id}", sessions_api_get, HTTP_VIEWER },
	{ HTTP_GET, "/api/live-calls", live_api_list, HTTP_VIEWER },
	{ HTTP_GET, "/api/live-calls/{id}", live_api_get, HTTP_VIEWER },
	{ HTTP_GET, "/api/live-calls/{id}/listen", listen_handle,
	  HTTP_OPERATOR },
	{ HTTP_POST, "/api/erasures", erasures_api_add, HTTP_ADMIN },
	{ HTTP_GET, "/api/erasures", erasures_api_list, HTTP_ADMIN },
	{ HTTP_GET, "/api/erasures/{id}", erasures_api_get, HTTP_ADMIN },
	{ HTTP_GET, "/api/outbox", outbox_get_handle, HTTP_VIEWER },
	{ HTTP_POST, "/api/outbox/{verb}", outbox_api_post, HTTP_OPERATOR },
	{ HTTP_GET, "/api/dead-letters", dead_letters_api_list, HTTP_VIEWER },
	{ HTTP_GET, "/api/dead-letters/{id}", dead_letters_api_get,
	  HTTP_VIEWER },
	{ HTTP_POST, "/api/dead-letters/{verb}", dead_letters_api_post,
	  HTTP_OPERATOR },
	{ HTTP_POST, "/api/dead-letters/{id}/retry", dead_letters_api_retry,
	  HTTP_OPERATOR },
};

const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);
