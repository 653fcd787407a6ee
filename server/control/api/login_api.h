/*
 * login_api.h - signing in and out
 *
 *   POST /api/auth/login   {"email","password"}, or {"token"} with the admin
 *                          token -> {"token","expires_at","role"};
 *                          "cookie":true puts the token into a cookie as well,
 *                          out of the reach of a page's scripts
 *   POST /api/auth/logout  takes the cookie back
 *   GET  /api/auth/me      who asks, and in which role
 *
 * How often an address may fail, and how often an account may be tried, is
 * limited (control.login_attempts, a minute).
 *
 * Thread: the loop's; passwords are compared in a worker of store_pool.h.
 */
#ifndef SERVER_CONTROL_API_LOGIN_API_H
#define SERVER_CONTROL_API_LOGIN_API_H

#include "server/control/http/http.h"

http_handler login_api_login;
http_handler login_api_logout;
http_handler login_api_me;

#endif
