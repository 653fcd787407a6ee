/*
 * link.h - a call's WebSocket connection: a socket and what waits on it
 *
 * Sending never waits and never ends anything: what the socket does not take is
 * kept, and a connection that breaks is marked `lost`, for its owner to see
 * when it has finished what it was about to do. So a message can be sent from
 * anywhere without the ground moving.
 *
 * Made for callers, who connect; `holdload serve` adopts what it has accepted,
 * and from then on that is the server's end: it masks nothing, and takes only
 * what is masked.
 *
 * Thread: belongs to the caller's worker, or to the callee's desk.
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
#include "tools/holdload/wire_server.h"

#define LINK_MESSAGE_MAX ((size_t)64 * 1024) /* of the server */

/* Where all that a thread's links receive is looked at, one link after the
 * other; a link keeps nothing but what is not whole yet. */
struct link_bench {
	uint8_t bytes[2 * LINK_MESSAGE_MAX];
};

struct link_buffer {
	uint8_t *bytes; /* owned */
	size_t length, room;
};

struct link {
	int fd;		  /* -1: none */
	bool serves;	  /* this is the server's end */
	bool joined;	  /* the socket is connected */
	SSL *tls;	  /* owned; NULL: in the clear */
	const char *why;  /* TLS failed, constant text; NULL: it did not */
	bool wants_write; /* for the worker's epoll */
	bool deaf;	  /* nothing is to be received */
	bool lost;	  /* it broke while sending */
	uint32_t watched; /* what epoll was told; 0: nothing of this socket */
	struct link_bench *bench; /* borrowed */
	size_t laid, taken; /* on the bench: so much came, and is done with */
	struct link_buffer in, out; /* not whole yet; not taken yet */
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

void link_init(struct link *link, struct link_bench *bench, uint64_t seed);
/* Closes, frees, forgets; safe any number of times. */
void link_close(struct link *link);
/* Gone in the middle of a word, with a FIN or an RST. */
void link_cut(struct link *link, bool reset);
uint64_t link_random(struct link *link);

/* For wss://. */
struct link_security {
	SSL_CTX *context;
	const char *host;
};

struct link_address {
	struct sockaddr_storage name;
	socklen_t size;
};

struct link_route {
	const struct link_address *to;
	const struct link_address *from; /* NULL: any of ours */
	bool narrow; /* a receive buffer as small as may be */
};

/* Begins to connect, over a new socket. 0 or an errno. */
int link_connect(struct link *link, const struct link_route *route);
/* The socket became writable (or, once `joined`, readable): is it connected,
 * and as secure as asked for (NULL: not at all)? 0; EINPROGRESS: not yet; or an
 * errno, EPROTO when TLS failed, as `why` says. */
int link_connected(struct link *link, const struct link_security *security);

/* Takes over a socket that was accepted; owns it. */
void link_adopt(struct link *link, int fd);
/* Tells epoll what it waits for, if that has changed; it may have opened a new
 * socket. One that cannot be watched runs into its owner's deadline. */
void link_watch(struct link *link, int epoll_fd, void *owner);

/* Now or later. False: neither, too much waits already. */
bool link_send(struct link *link, const void *bytes, size_t length);
bool link_send_frame(struct link *link, enum wire_opcode opcode,
		     const void *payload, size_t length);
void link_flush(struct link *link);

/* Takes in what the socket has: to be taken, until nothing is left, before
 * another link of the thread receives. False: it ended, or sends without
 * measure. */
bool link_receive(struct link *link);
/* More was taken off the socket than link_receive() could give: call again. */
bool link_holds_more(const struct link *link);
/* The handshake's answer, as wire_response() puts it; taken when whole. */
ssize_t link_take_response(struct link *link, const char *key,
			   const char *subprotocol, int *status);
/* What a client asks for in its handshake: how many bytes, 0: it is not whole
 * yet. Its spans are valid until the next link_ call. */
size_t link_take_request(struct link *link, struct wire_asked *asked);
/* What came and was not taken is kept until link_receive(). False: no memory.
 */
bool link_put_off(struct link *link);
/* The next message; pings are answered on the way. */
enum link_event link_take(struct link *link, struct link_message *message);

#endif
