/*
 * http_log.h - what the log says of a request that was answered
 *
 *   [HTTP] method=GET route="/api/calls/{id}" status=200 ms=3
 *          who=ada@example.com from=192.0.2.7 request=... trace=...
 *
 * One line each: neither path nor query, in which numbers and tokens may stand,
 * but the route's name. What machines ask all the time (health, metrics, other
 * things that anybody may read, webhooks) is told at the level debug, the rest
 * at info. What somebody known wanted changed has an audit line (audit.h) too.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_HTTP_HTTP_LOG_H
#define SERVER_CONTROL_HTTP_HTTP_LOG_H

#include <stdint.h>

#include "server/control/api/access.h"
#include "server/control/http/http.h"

struct http_answered {
	enum http_method method;
	const char *path;
	const struct http_route *route; /* NULL: none fits, or not looked for */
	const struct bearer *bearer;	/* who asked */
	const struct address *peer;
	int status;
	uint64_t took_ms;
	bool is_webhook;
	bool is_audited; /* though it changes nothing */
};

void http_log_answer(const struct http_answered *answered);

#endif
