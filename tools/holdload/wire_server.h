/*
 * wire_server.h - WebSocket's handshake, as a server takes it (RFC 6455, 4.2)
 *
 * Over plain buffers, like wire.h: who asks for what, and what is answered. A
 * request is bounded, and whatever is wrong with it has an HTTP status.
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_WIRE_SERVER_H
#define HOLDLOAD_WIRE_SERVER_H

#include <stddef.h>
#include <sys/types.h>

#include "tools/holdload/span.h"

#define WIRE_REQUEST_MAX  16384u
#define WIRE_RESPONSE_MAX 512u

struct wire_asked {
	struct span head; /* all of it, for wire_header() */
	struct span path; /* with its query */
	struct span key;
	struct span subprotocols; /* as listed; no text: none */
	int status;		  /* 101, or why not */
};

/* What the bytes ask for: how many of them, 0 while they are not whole. */
size_t wire_take_request(const char *bytes, size_t length,
			 struct wire_asked *asked);
/* Does the list have that one? */
bool wire_offers(struct span subprotocols, const char *name);
/* The answer, into WIRE_RESPONSE_MAX; subprotocol NULL: none. */
size_t wire_put_response(char *out, const struct wire_asked *asked,
			 const char *subprotocol);

#endif
