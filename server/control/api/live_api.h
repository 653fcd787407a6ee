/*
 * live_api.h - calls that are live on this node, whatever the database does
 *
 *   GET    /api/live-calls              the newest first, page by page
 *   GET    /api/live-calls/{id}         one
 *   DELETE /api/calls/{id}              ends it, in its provider's words
 *
 * All of them answer at once, out of the table that the calls keep up to date
 * (server/live_calls.h). Whoever was asked for tells how loud it is from the
 * next second on.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_LIVE_API_H
#define SERVER_CONTROL_API_LIVE_API_H

#include "server/control/http/http.h"

http_handler live_api_list;
http_handler live_api_get;
http_handler live_api_hang_up;

#endif
