/*
 * link.h - a caller's WebSocket connection: a socket and what waits on it
 *
 * Sending never waits and never ends anything: what the socket does not take is
 * kept, and a connection that breaks is marked `lost`, for its owner to see
 * when it has finished what it was about to do. So a message can be sent from
 * anywhere without the ground moving.
 *
 * Thread: belongs to the caller's worker.
 */
#ifndef HOLDLOAD_LINK_H
#define HOLDLOAD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tools/holdload/tls.h"
#include "tools/holdload/wire.h"

#define LINK_MESSAGE_MAX ((size_t)64 * 1024) /* of the server */

struct link_buffer {
	uint8_t *bytes; /* owned */
	size_t length, room;
};

struct link {
	int fd;		  /* -1: none */
	bool joined;	  /* the socket is connected */
	SSL *tls;	  /* owned; NULL: in the clear */
	const char *why;  /* TLS failed, constant text; NULL: it did not */
	bool wants_write; /* for the worker's epoll */
	bool lost;	  /* it broke while sending */
	struct link_buffer in, out;
	size_t taken;		    /* so much of `in` is done with */
	struct link_buffer message; /* the fragments of one, so far */
	enum wire_opcode kind;	    /* of it; WIRE_CONTINUATION: none open */
	uint64_t random; /* for masks and ids; nothing here is secret */
};

enum link_event {
	LINK_NOTHING, /* nothing whole is there */
	LINK_TEXT,    /* a whole message */
	LINK_BINARY,
	LINK_CLOSE,
	LINK_WRONG /* not WebSocket, or a message over LINK_MESSAGE_MAX */
};

/* What came: valid until the next link_ call. */
struct link_message {
	const uint8_t *bytes;
	size_t length;
};

void link_init(struct link *link, uint64_t seed);
/* Closes, frees, forgets; safe any number of times. */
void link_close(struct link *link);
uint64_t link_random(struct link *link);

/* For wss://. */
struct link_security {
	SSL_CTX *context;
	const char *host;
};

/* Begins to connect, over a new socket. 0 or an errno. */
int link_connect(struct link *link, const struct sockaddr *address,
		 socklen_t size);
/* The socket became writable (or, once `joined`, readable): is it connected,
 * and as secure as asked for (NULL: not at all)? 0; EINPROGRESS: not yet; or an
 * errno, EPROTO when TLS failed, as `why` says. */
int link_connected(struct link *link, const struct link_security *security);

/* Now or later. False: neither, too much waits already. */
bool link_send(struct link *link, const void *bytes, size_t length);
bool link_send_frame(struct link *link, enum wire_opcode opcode,
		     const void *payload, size_t length);
void link_flush(struct link *link);

/* Takes in what the socket has. False: it ended, or sends without measure. */
bool link_receive(struct link *link);
/* More was taken off the socket than link_receive() could give: call again. */
bool link_holds_more(const struct link *link);
/* The handshake's answer, as wire_response() puts it; taken when whole. */
ssize_t link_take_response(struct link *link, const char *key,
			   const char *subprotocol, int *status);
/* The next message; pings are answered on the way. */
enum link_event link_take(struct link *link, struct link_message *message);

#endif
