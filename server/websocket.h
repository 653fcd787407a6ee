/*
 * websocket.h - an established WebSocket whose frames we read ourselves
 *
 *   libwebsockets: accept, TLS, handshake, 101 --> ESTABLISHED
 *                                                      |
 *                        websocket_take(): no TLS, and not a byte read beyond
 *                                          the handshake
 *                                                      v
 *   socket --epoll--> recv --ws_frame--> on_data, on_close, on_gone
 *
 * libwebsockets stays the owner of the connection and closes the socket; it
 * only does not look at it any more. What it costs a frame is saved: a second
 * epoll_wait a wake-up, a state machine that reads byte by byte, a buffer for
 * each connection.
 *
 * All of a loop's sockets are in an epoll set of their own, which the loop
 * watches as one. They are edge-triggered, so the kernel looks at each once for
 * what has come and not again to find that nothing more has; and since a round
 * knows who is next, his memory can be fetched meanwhile: with thousands of
 * calls, that is most of what a frame costs.
 *
 * What cannot be sent at once is kept here: at most the rest of one frame and a
 * few answers to pings. Until it has left, the socket is choked.
 *
 * Thread: the loop's. A callback other than on_gone must not free `ws`.
 */
#ifndef SERVER_WEBSOCKET_H
#define SERVER_WEBSOCKET_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/ws_frame.h"

#define WEBSOCKET_PRE 10 /* bytes in front of a payload that is sent */

struct lws;
struct websocket;

/* Who hears of a loop's sockets. */
struct websocket_owner {
	/* Pieces of messages, as in struct ws_piece. */
	void (*on_data)(struct websocket *ws, const struct ws_piece *piece,
			bool binary);
	/* The peer has said goodbye, with that code or 0; on_gone follows. */
	void (*on_close)(struct websocket *ws, unsigned code);
	/* Frames that break the protocol; what follows is passed over. */
	void (*on_broken)(struct websocket *ws, const char *why);
	/* All that was sent has left, or websocket_want_write() was called. */
	void (*on_writable)(struct websocket *ws);
	/* The connection has ended; the last word, `ws` may be freed. */
	void (*on_gone)(struct websocket *ws);
	/* It is next but one, and next: what on_data will look at may be
	 * fetched, and what that points to. */
	void (*on_soon)(struct websocket *ws);
	void (*on_next)(struct websocket *ws);
};

/* What all of a loop's have in common. */
struct websockets {
	const struct websocket_owner *owner;
	struct ev_loop *loop;
	ev_io io;	 /* of the epoll set */
	uint8_t *buffer; /* what is received at a time */
	size_t count;	 /* of the round's events that are not handled */
	void *round;	 /* the round's events */
};

/* 0 or -errno. */
int websockets_open(struct websockets *all, struct ev_loop *loop,
		    const struct websocket_owner *owner);
/* Every socket must have been stopped. Accepts one that was never opened. */
void websockets_close(struct websockets *all);

struct websocket {
	struct websockets *all; /* NULL: not taken */
	int fd;
	bool deaf;     /* what comes is passed over */
	bool paused;   /* nothing is read for now */
	bool wanted;   /* websocket_want_write() */
	uint8_t *rest; /* could not be sent yet; owned */
	uint32_t rest_length, rest_sent;
	struct ws_reader reader;
};

/* Begins to read and write it; `ws` is all zeros. `head_length` is that of the
 * handshake's request. False: it must stay libwebsockets'. */
bool websocket_take(struct websocket *ws, struct websockets *all,
		    struct lws *wsi, size_t head_length);
bool websocket_is_taken(const struct websocket *ws);
/* For good. Accepts one that was never taken. */
void websocket_stop(struct websocket *ws);

/* A whole message; WEBSOCKET_PRE bytes in front of it are overwritten. While
 * choked it is kept behind what waits already: whoever sends much must look.
 * False: the connection is lost, which is told later as an end of its own. */
bool websocket_send(struct websocket *ws, uint8_t *payload, size_t length,
		    enum ws_opcode opcode);
bool websocket_is_choked(const struct websocket *ws);
void websocket_want_write(struct websocket *ws);
void websocket_pause(struct websocket *ws, bool pause);
/* A close frame; the peer's answer comes as on_close. Who cannot be understood
 * any more reads the end of the stream behind it. False: as above. */
bool websocket_say_goodbye(struct websocket *ws, unsigned code);

#endif
