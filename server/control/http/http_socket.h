/*
 * http_socket.h - a request that goes on as a WebSocket
 *
 * A route becomes one by its handler: it answers with http_socket_open(), as
 * others answer with http_reply(). Who asks has been judged by then as on any
 * route; a cookie counts for a page of our own origin alone, or every page on
 * the net could listen in with its visitor's rights (RFC 6455, 10.2). While the
 * socket is open he is judged anew every second: when his token has ended, or
 * the key was changed, so does the socket.
 *
 *   asked --upgrade--> OPEN --http_socket_close(), shutdown--> CLOSING --> gone
 *                        `---- the peer has gone, or is silent ------------^
 *
 * We tell and the peer listens: what he says is read and thrown away. There are
 * control.max_sockets at the most, each with HTTP_SOCKET_BUFFER bytes of
 * messages that wait for a peer who reads slowly. What finds no room there is
 * dropped and counted, or, if the kind of message may not be lost, the socket
 * is closed. A peer is pinged, and cut off when he stays silent.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_HTTP_HTTP_SOCKET_H
#define SERVER_CONTROL_HTTP_HTTP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/control/http/http.h"

#define HTTP_SOCKET_BUFFER ((size_t)256 * 1024)

/* Why we close (RFC 6455, 7.4.1). */
enum {
	HTTP_SOCKET_DONE = 1000,
	HTTP_SOCKET_GOING_AWAY = 1001,
	HTTP_SOCKET_NOT_ALLOWED = 1008,
	HTTP_SOCKET_TOO_SLOW = 1013,
};

enum http_socket_message {
	HTTP_SOCKET_TEXT = 0, /* UTF-8 */
	HTTP_SOCKET_BINARY = 1,
	HTTP_SOCKET_LOSABLE = 2 /* the next one makes up for it */
};

struct access;
struct ev_loop;
struct http_socket;
struct http_sockets; /* all of one server */

/* What a socket is for. */
struct http_socket_kind {
	const char *name; /* in the metrics; a literal */
	bool audited;	  /* that somebody opened it is worth a line */
	/* It is open: messages may be sent. */
	void (*on_open)(struct http_socket *socket, void *arg);
	/* Exactly once, whatever became of it, and the last that is heard of
	 * `arg`; by the loop, never out of a function of this header but
	 * http_socket_open() and http_sockets_close(). */
	void (*on_closed)(void *arg);
};

/* ---- for handlers, and who has a socket ---- */

/* The answer to that request. Whoever does not ask for a WebSocket, or for one
 * too many, reads why. `kind` is borrowed, `arg` until on_closed. */
void http_socket_open(const struct http_request *request,
		      struct http_response *response,
		      const struct http_socket_kind *kind, void *arg);
/* `message` is one of enum http_socket_message, or two. Copies the bytes.
 * False: it will not come, as the socket is closing or has no room. */
bool http_socket_send(struct http_socket *socket, unsigned message,
		      const void *bytes, size_t length);
/* Has everything left? Who tells how things stand waits for that, so that a
 * slow peer hears less often rather than late. */
bool http_socket_is_clear(const struct http_socket *socket);
/* After what waits; `why` is a literal of at most 100 bytes. */
void http_socket_close(struct http_socket *socket, unsigned code,
		       const char *why);

/* ---- for http_server.c ---- */

struct lws;

/* `loop` and `access` are borrowed. 0 or -ENOMEM. */
int http_sockets_create(struct http_sockets **ret, struct ev_loop *loop,
			const struct access *access, uint32_t max);
/* All of them end, and whom they belong to is told now. */
void http_sockets_close(struct http_sockets *sockets);
/* Accepts NULL, returns NULL. The sockets must have gone. */
struct http_sockets *http_sockets_destroy(struct http_sockets *sockets);

bool http_socket_is_audited(const struct http_socket *socket);
/* What libwebsockets tells of the connection whose net_kept() it is; `reason`
 * is an enum lws_callback_reasons. Returns what its callback should. */
int http_socket_on_event(struct http_socket *socket, struct lws *wsi,
			 int reason);
/* Frees it; accepts NULL, returns NULL. */
struct http_socket *http_socket_destroy(struct http_socket *socket);

#endif
