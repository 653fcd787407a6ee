/*
 * status.h - GET /api/status: all that one look should show, as JSON
 *
 * What holdctl status prints and the dashboard shows, with a sentence for each
 * problem (diagnosis.h). Like health, it reads the board alone. The
 * handlers' context is a struct control_context.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_STATUS_H
#define SERVER_CONTROL_STATUS_H

#include <jansson.h>

#include "server/control/http/http.h"

struct control_context;

/* The whole of it, the caller's; NULL: out of memory. */
json_t *status_describe(const struct control_context *control);

http_handler status_handle;	/* GET /api/status */
http_handler outbox_get_handle; /* GET /api/outbox: its part of it */

#endif
