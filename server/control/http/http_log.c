/* http_log.c - what the log says of a request (see http_log.h) */
#include "server/control/http/http_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/control/api/audit.h"
#include "server/control/http/http_server.h"
#include "server/log.h"

static bool is_change(enum http_method method)
{
	return method != HTTP_GET && method != HTTP_HEAD &&
	       method != HTTP_OPTIONS;
}

static bool is_routine(const struct http_answered *a)
{
	return a->is_webhook || (a->route && a->route->role == HTTP_ANYBODY &&
				 !is_change(a->method));
}

static void audit(const struct http_answered *a, const char *from)
{
	char action[HTTP_PATH_MAX + 16];

	(void)snprintf(action, sizeof(action), "%s %s",
		       http_method_name(a->method), a->path);
	audit_note(a->bearer->who, access_role_name(a->bearer->role), action,
		   from, a->status);
}

void http_log_answer(const struct http_answered *a)
{
	char from[ADDRESS_TEXT_SIZE];

	address_format(a->peer, from);
	if (a->bearer->role != HTTP_ANYBODY &&
	    (is_change(a->method) || a->is_audited))
		audit(a, from);
	log_event(is_routine(a) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "HTTP",
		  "method=%s route=\"%s\" status=%d ms=%" PRIu64
		  " who=%s from=%s",
		  http_method_name(a->method), a->route ? a->route->path : "",
		  a->status, a->took_ms,
		  *a->bearer->who ? a->bearer->who : "none", from);
}
