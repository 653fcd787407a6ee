/*
 * sessions_api.h - messaging sessions, as the database has them
 *
 *   GET /api/sessions       the newest first, filtered, page by page
 *   GET /api/sessions/{id}  one, with its summary once it is closed, and its
 *                           messages page by page, each with its statuses
 *
 * Both ask the database off the loop (store_pool.h).
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_SESSIONS_API_H
#define SERVER_CONTROL_API_SESSIONS_API_H

#include "server/control/http/http.h"

http_handler sessions_api_list;
http_handler sessions_api_get;

#endif
