/*
 * dashboard.h - the page for people, and the files that it is made of
 *
 * The binary carries them (embed.cmake makes an array of each file in
 * dashboard/), so the page is as old as the server that answers it, needs no
 * disk and no other host. It holds nothing secret: whoever may see it, what it
 * shows comes from the API, and that asks who asks.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_DASHBOARD_H
#define SERVER_CONTROL_DASHBOARD_H

#include "server/control/http/http.h"

http_handler dashboard_page; /* GET / */
http_handler dashboard_file; /* GET /dashboard/{file} */

#endif
