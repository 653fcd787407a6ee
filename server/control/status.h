/*
 * status.h - GET /api/status: all that one look should show, as JSON
 *
 * What holdctl status prints. Like health, it reads the board alone. The
 * handlers' context is a struct control_context.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_STATUS_H
#define SERVER_CONTROL_STATUS_H

#include "server/control/http.h"

http_handler status_handle;	/* GET /api/status */
http_handler outbox_get_handle; /* GET /api/outbox: its part of it */

#endif
