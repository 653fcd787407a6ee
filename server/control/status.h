/*
 * status.h - GET /api/status: all that one look should show, as JSON
 *
 * What holdctl status prints. Like health, it reads the board alone. The
 * handler's context is the settings.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_STATUS_H
#define SERVER_CONTROL_STATUS_H

#include "server/control/http.h"

http_handler status_handle;

#endif
