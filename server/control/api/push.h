/*
 * push.h - GET /api/push: a WebSocket that tells how things stand
 *
 * About once a second, and sooner when a call comes or goes or the database
 * does, whoever watches is sent one JSON object:
 *
 *   {"at": when, "status": as GET /api/status says it,
 *    "live": the newest page of GET /api/live-calls,
 *    "drained": records that the database has taken, ever,
 *    "latest": the newest note of GET /api/history}
 *
 * It is built once for all who watch, out of memory, and not at all while
 * nobody does. Who reads slowly is told less often: what he has not yet taken
 * is never piled up. Who does not ask for a WebSocket is told once.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_PUSH_H
#define SERVER_CONTROL_API_PUSH_H

#include "server/control/http/http.h"

struct control_context;
struct ev_loop;
struct push;

/* Both borrowed. 0 or -ENOMEM. */
int push_start(struct push **ret, struct ev_loop *loop,
	       const struct control_context *control);
/* When the sockets have gone. Accepts NULL, returns NULL. */
struct push *push_stop(struct push *push);

http_handler push_handle;

#endif
