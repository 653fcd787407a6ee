/*
 * http_head.h - the head of a response, on the wire
 *
 * What the response says of itself, and what every answer of ours says: how
 * long it may be kept, and what a browser may do with it (OWASP's secure
 * headers).
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_HTTP_HTTP_HEAD_H
#define SERVER_CONTROL_HTTP_HTTP_HEAD_H

#include <stdbool.h>

#include "server/control/http/http.h"

struct lws;

/* `request_id` is what we call the request. `hang_up`: the connection ends
 * behind this response. False: the head could not be written, and the
 * connection is of no use. */
bool http_head_write(struct lws *wsi, const struct http_response *response,
		     const char *request_id, bool hang_up);

#endif
