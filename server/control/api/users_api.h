/*
 * users_api.h - who may sign in: for admins
 *
 *   GET    /api/users          all of them
 *   POST   /api/users          {"email","password","role"}: one more; 409 when
 *                              there is one of that email
 *   PATCH  /api/users/{email}  {"password"} or {"role"} or both
 *   DELETE /api/users/{email}
 *
 * A user who was removed or changed keeps the tokens that were handed out until
 * they end; another signing key ends them at once (access.h).
 *
 * Thread: the loop's. Changes are made by the drainer, whose connection is the
 *         one that writes.
 */
#ifndef SERVER_CONTROL_API_USERS_API_H
#define SERVER_CONTROL_API_USERS_API_H

#include "server/control/http/http.h"

http_handler users_api_list;
http_handler users_api_add;
http_handler users_api_change;
http_handler users_api_remove;

#endif
