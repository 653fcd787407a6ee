/*
 * calls_api.h - calls, as the database has them
 *
 *   GET /api/calls                 the newest first, filtered, page by page
 *   GET /api/calls/{id}            one, with its events
 *   GET /api/calls/{id}/recording  its sound, as a WAV file, or a part of it
 *
 * All ask the database off the loop (store_pool.h).
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_CALLS_API_H
#define SERVER_CONTROL_API_CALLS_API_H

#include "server/control/http/http.h"

http_handler calls_api_list;
http_handler calls_api_get;
http_handler calls_api_recording;

#endif
