/*
 * ws_frame.h - WebSocket frames: what a client sends, taken apart
 *
 *   bytes as they came --ws_read()--> pieces of messages, pings, a close
 *
 * A reader is the state of one connection between two reads of its socket. It
 * keeps no payload but that of a control frame: a message that lies whole in
 * what was read, as nearly all do, is handed out where it lies, unmasked in
 * place; one that does not comes in pieces. What breaks RFC 6455 is told with
 * the reason.
 *
 * It knows no socket. libwebsockets reads frames byte by byte; this is the one
 * thing of it that costs too much fifty times a second and call
 * (ARCHITECTURE.md).
 *
 * Thread: any; a reader belongs to its connection.
 */
#ifndef SERVER_WS_FRAME_H
#define SERVER_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_HEAD_MAX    14  /* of a frame with a mask: RFC 6455, 5.2 */
#define WS_CONTROL_MAX 125 /* bytes of a control frame: 5.5 */

/* RFC 6455, section 11.8. */
enum ws_opcode {
	WS_OP_CONTINUATION = 0,
	WS_OP_TEXT = 1,
	WS_OP_BINARY = 2,
	WS_OP_CLOSE = 8,
	WS_OP_PING = 9,
	WS_OP_PONG = 10
};

enum ws_kind {
	WS_NOTHING, /* the rest has not come yet */
	WS_TEXT,
	WS_BINARY,
	WS_PING,
	WS_PONG,
	WS_CLOSE,
	WS_BROKEN /* and nothing that follows can be read */
};

struct ws_reader {
	uint64_t left; /* of the payload */
	uint8_t head[WS_HEAD_MAX], head_length;
	uint8_t key[4];	 /* turned to the next byte */
	bool in_payload; /* the head is complete */
	bool final;
	uint8_t opcode;
	uint8_t message; /* the opcode of the message under way; 0: none */
	uint8_t control_length;
	uint8_t control[WS_CONTROL_MAX];
};

struct ws_piece {
	uint8_t *bytes; /* in what was read, or in the reader */
	size_t length;
	bool whole;	 /* the message ends here; control frames always do */
	const char *why; /* WS_BROKEN: constant text */
};

/* Takes the next piece from `*at` on, and moves it. */
enum ws_kind ws_read(struct ws_reader *reader, uint8_t **at, uint8_t *end,
		     struct ws_piece *piece);

/* The head of an unmasked, whole frame, written so that it ends at `payload`;
 * returns its length, at most 10. */
size_t ws_put_head(uint8_t *payload, size_t length, enum ws_opcode opcode);

/* A close frame's code; 0: it has none; -1: one that may not be sent. */
int ws_close_code(const struct ws_piece *piece);

#endif
