/*
 * http_ids.h - what a request is called, in its answer and in the log
 *
 *   X-Request-Id: 0199...            of this request; answered
 *   request=0199... trace=4bf9...    in every line that is logged for it,
 *                                    whichever thread logs it (log_for())
 *
 * The id is ours, unless a proxy that is trusted has given it one already. The
 * trace is the one that the caller says it belongs to (trace.h), or a new one.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_HTTP_HTTP_IDS_H
#define SERVER_CONTROL_HTTP_HTTP_IDS_H

#include "server/trace.h"

#define HTTP_REQUEST_ID_SIZE 65 /* and its NUL */
#define HTTP_IDS_SIZE	     (sizeof("request= trace=") + 64 + 32)

struct http_ids {
	char request[HTTP_REQUEST_ID_SIZE];
	struct trace trace;
	char text[HTTP_IDS_SIZE]; /* both, for log_for() */
};

/* `given` is a trusted proxy's word or NULL; one that could not stand in a log
 * line is none. `traceparent` is the header's value or NULL. */
void http_ids_make(struct http_ids *ids, const char *given,
		   const char *traceparent);

#endif
