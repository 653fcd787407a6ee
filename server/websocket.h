/*
 * websocket.h - an established WebSocket whose frames we read ourselves
 *
 *   libwebsockets: accept, TLS, handshake, 101 --> ESTABLISHED
 *                                                      |
 *                        websocket_take(): no TLS, and not a byte read beyond
 *                                          the handshake
 *                                                      v
 *   socket --ev_io--> recv --ws_frame--> on_data, on_close, on_gone
 *
 * libwebsockets stays the owner of the connection and closes the socket; it
 * only does not look at it any more. What it costs a frame is saved: a second
 * epoll_wait a wake-up, a state machine that reads byte by byte, a buffer for
 * each connection.
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

/* What all of a loop's have in common. */
struct websockets {
	struct ev_loop *loop;
	uint8_t *buffer; /* what is received at a time */
	size_t room;
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
};

struct websocket {
	ev_io io;
	const struct websockets *all;
	uint8_t *rest; /* could not be sent yet; owned */
	uint32_t rest_length, rest_sent;
	bool deaf;   /* what comes is passed over */
	bool paused; /* nothing is read for now */
	struct ws_reader reader;
};

/* Begins to read and write it; `ws` is all zeros. `head_length` is that of the
 * handshake's request. False: it must stay libwebsockets'. */
bool websocket_take(struct websocket *ws, const struct websockets *all,
		    struct lws *wsi, size_t head_length);
bool websocket_is_taken(const struct websocket *ws);
/* For good. Accepts one that was never taken. */
void websocket_stop(struct websocket *ws);

/* A whole message; WEBSOCKET_PRE bytes in front of it are overwritten. Must not
 * be called while choked. False: the connection is lost, which is told later
 * as an end of its own. */
bool websocket_send(struct websocket *ws, uint8_t *payload, size_t length,
		    enum ws_opcode opcode);
bool websocket_is_choked(const struct websocket *ws);
void websocket_want_write(struct websocket *ws);
void websocket_pause(struct websocket *ws, bool pause);
/* A close frame; the peer's answer comes as on_close. Who cannot be understood
 * any more reads the end of the stream behind it. False: as above. */
bool websocket_say_goodbye(struct websocket *ws, unsigned code);

#endif
