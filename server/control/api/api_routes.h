/*
 * api_routes.h - every route of the control listener, in one table
 *
 * openapi.json describes them, and is one of them. A test holds the two
 * together.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_API_ROUTES_H
#define SERVER_CONTROL_API_API_ROUTES_H

#include "server/control/http/http.h"

/* Their context is a struct control_context. */
extern const struct http_route api_routes[];
extern const size_t api_route_count;

#endif
