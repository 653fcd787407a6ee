/*
 * wire.h - WebSocket over plain buffers (RFC 6455)
 *
 * Independent of libwebsockets on purpose: the server is tested by a second
 * reading of the protocol. No sockets here; feed it bytes, take bytes out.
 *
 * Thread: any; no state but what the caller holds.
 */
#ifndef HOLDLOAD_WIRE_H
#define HOLDLOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/holdload/span.h"

enum wire_opcode {
	WIRE_CONTINUATION = 0,
	WIRE_TEXT = 1,
	WIRE_BINARY = 2,
	WIRE_CLOSE = 8,
	WIRE_PING = 9,
	WIRE_PONG = 10,
};

#define WIRE_HEADER_MAX 14
#define WIRE_KEY_SIZE	25   /* base64 of 16 bytes, and a NUL */
#define WIRE_STATUSES	1000 /* an HTTP status is below it */

/* A frame as the client sends it: header, then the payload masked. `out` has
 * room for WIRE_HEADER_MAX + length. Returns its length. */
size_t wire_put(uint8_t *out, enum wire_opcode opcode, const void *payload,
		size_t length, uint32_t mask);
/* As a server sends it. */
size_t wire_put_bare(uint8_t *out, enum wire_opcode opcode, const void *payload,
		     size_t length);

struct wire_frame {
	enum wire_opcode opcode;
	bool final;
	const uint8_t *payload; /* in the buffer */
	size_t length;
};

/* The frame at the start of the buffer: how many bytes it takes, 0 when it is
 * not whole yet, -1 when it is none (masked, reserved bits, over max). */
ssize_t wire_take(const uint8_t *bytes, size_t length, size_t max,
		  struct wire_frame *frame);
/* The same of a client's, which is masked, or none; it is unmasked where it
 * stands. */
ssize_t wire_take_masked(uint8_t *bytes, size_t length, size_t max,
			 struct wire_frame *frame);

/* The handshake. `key` is made up from `random`. */
void wire_make_key(const uint8_t random[16], char key[WIRE_KEY_SIZE]);
struct wire_request {
	const char *host, *path, *key;
	const char *subprotocol; /* NULL: none */
	const char *headers;	 /* more of them, each "Name: value\r\n" */
};
/* The length; 0: no room. */
size_t wire_request(char *out, size_t room, const struct wire_request *request);
/* The server's answer: bytes it takes and its status; 0: not whole yet; -1: no
 * HTTP, or an upgrade whose Sec-WebSocket-Accept does not fit the key, or that
 * does not agree to the subprotocol (NULL: none was asked for). The status is
 * below WIRE_STATUSES. */
ssize_t wire_response(const char *bytes, size_t length, const char *key,
		      const char *subprotocol, int *status);

/* What the server proves itself with, for that key. */
#define WIRE_ACCEPT_SIZE 32
void wire_accept(struct span key, char out[WIRE_ACCEPT_SIZE]);
/* The value of the header of that name, without blanks around it; `head` begins
 * with the first line. No text: it is not there. */
struct span wire_header(struct span head, const char *name);

#endif
