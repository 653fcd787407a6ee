/*
 * link.c - a call's WebSocket connection (see link.h)
 */
#include "tools/holdload/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define OUT_MAX	    ((size_t)256 * 1024)
#define FRAME_SMALL 16384 /* of ours: these need no memory of their own */
#define CONTROL_MAX 125	  /* RFC 6455, section 5.5 */

void link_init(struct link *link, struct link_bench *bench, uint64_t seed)
{
	*link = (struct link){ .fd = -1, .bench = bench, .random = seed | 1 };
	for (int i = 0; i < 8; i++)
		(void)link_random(link);
}

static void free_buffer(struct link_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct link_buffer){ 0 };
}

void link_close(struct link *link)
{
	if (link->tls) {
		if (!link->lost && SSL_is_init_finished(link->tls))
			(void)SSL_shutdown(link->tls);
		SSL_free(link->tls);
	}
	link->tls = NULL;
	link->why = NULL;
	link->joined = false;
	if (link->fd >= 0)
		(void)close(link->fd);
	link->fd = -1;
	link->watched = 0;
	free_buffer(&link->in);
	free_buffer(&link->out);
	free_buffer(&link->message);
	link->laid = link->taken = 0;
	link->kind = WIRE_CONTINUATION;
}

void link_cut(struct link *link, bool reset)
{
	const struct linger now = { .l_onoff = 1 };

	if (reset && link->fd >= 0)
		(void)setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &now,
				 sizeof(now));
	link->lost = true; /* so that TLS says no goodbye either */
	link_close(link);
}

uint64_t link_random(struct link *link)
{
	link->random ^= link->random << 13;
	link->random ^= link->random >> 7;
	link->random ^= link->random << 17;
	return link->random;
}

/* Room for so many more bytes, doubling as it goes. */
static bool reserve(struct link_buffer *buffer, size_t more, size_t most)
{
	size_t room = buffer->room ? buffer->room : 512;
	uint8_t *bytes;

	if (more > most || buffer->length > most - more)
		return false;
	while (room < buffer->length + more)
		room *= 2;
	if (room == buffer->room)
		return true;
	bytes = realloc(buffer->bytes, room);
	if (!bytes)
		return false;
	buffer->bytes = bytes;
	buffer->room = room;
	return true;
}

static bool append(struct link_buffer *buffer, const void *bytes, size_t length,
		   size_t most)
{
	if (!reserve(buffer, length, most))
		return false;
	if (length > 0)
		memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
	return true;
}

static void drop_front(struct link_buffer *buffer, size_t length)
{
	buffer->length -= length;
	if (buffer->length > 0)
		memmove(buffer->bytes, buffer->bytes + length, buffer->length);
}

/* ---- connecting ------------------------------------------------------------
 */

/* A port is chosen when the address that is called is known: so each of our
 * own addresses has all ports for each of theirs. */
static bool bind_to(int fd, const struct link_address *from)
{
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
			 sizeof(on));
	return bind(fd, (const struct sockaddr *)&from->name, from->size) == 0;
}

int link_connect(struct link *link, const struct link_route *route)
{
	const struct sockaddr *to = (const struct sockaddr *)&route->to->name;
	const int on = 1, least = 1;

	link_close(link);
	link->wants_write = true;
	link->fd = socket(to->sa_family,
			  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return errno;
	(void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (route->narrow)
		(void)setsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &least,
				 sizeof(least));
	if (route->from && !bind_to(link->fd, route->from))
		return errno;
	if (connect(link->fd, to, route->to->size) == 0 || errno == EINPROGRESS)
		return 0;
	return errno;
}

static int shake_hands(struct link *link)
{
	int left = tls_shake_hands(link->tls, &link->why);

	link->wants_write = left == 2;
	if (left < 0)
		return EPROTO;
	return left > 0 ? EINPROGRESS : 0;
}

int link_connected(struct link *link, const struct link_security *security)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (link->joined)
		return shake_hands(link);
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return errno;
	link->wants_write = error != 0;
	link->joined = error == 0;
	if (error || !security)
		return error;
	link->tls = tls_begin(security->context, link->fd, security->host);
	return link->tls ? shake_hands(link) : ENOMEM;
}

void link_adopt(struct link *link, int fd)
{
	const int on = 1;

	link_close(link);
	link->fd = fd;
	link->serves = link->joined = true;
	link->wants_write = false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void link_watch(struct link *link, int epoll_fd, void *owner)
{
	struct epoll_event event = { .events = (uint32_t)EPOLLERR | EPOLLHUP |
					       (link->deaf ? 0u : EPOLLIN) |
					       (link->wants_write ? EPOLLOUT
								  : 0u),
				     .data.ptr = owner };

	if (link->fd < 0 || link->watched == event.events)
		return;
	(void)epoll_ctl(epoll_fd, link->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
			link->fd, &event);
	link->watched = event.events;
}

/* ---- sending ---------------------------------------------------------------
 */

/* Bytes; 0: not now; -1: it broke. */
static ssize_t give(struct link *link, const void *bytes, size_t length)
{
	ssize_t n;

	if (link->tls)
		return tls_write(link->tls, bytes, length, &link->why);
	n = send(link->fd, bytes, length, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n;
}

bool link_send(struct link *link, const void *bytes, size_t length)
{
	ssize_t n = 0;

	if (link->lost || link->fd < 0)
		return false;
	if (link->out.length == 0) {
		n = give(link, bytes, length);
		if (n < 0) {
			link->lost = true;
			return false;
		}
	}
	if ((size_t)n == length)
		return true;
	if (!append(&link->out, (const uint8_t *)bytes + n, length - (size_t)n,
		    OUT_MAX)) {
		/* Half a frame went out: what follows would make no sense. */
		link->lost = n > 0;
		return false;
	}
	link->wants_write = true;
	return true;
}

bool link_send_frame(struct link *link, enum wire_opcode opcode,
		     const void *payload, size_t length)
{
	uint8_t small[WIRE_HEADER_MAX + FRAME_SMALL], *frame = small;
	size_t size;
	bool sent;

	if (length > FRAME_SMALL)
		frame = malloc(WIRE_HEADER_MAX + length);
	if (!frame)
		return false;
	if (link->serves)
		size = wire_put_bare(frame, opcode, payload, length);
	else
		size = wire_put(frame, opcode, payload, length,
				(uint32_t)link_random(link));
	sent = link_send(link, frame, size);
	if (frame != small)
		free(frame);
	return sent;
}

void link_flush(struct link *link)
{
	ssize_t n;

	if (link->out.length == 0 || link->lost)
		return;
	n = give(link, link->out.bytes, link->out.length);
	if (n < 0) {
		link->lost = true;
		return;
	}
	if (n > 0)
		drop_front(&link->out, (size_t)n);
	link->wants_write = link->out.length > 0;
}

/* ---- receiving -------------------------------------------------------------
 */

/* Bytes; 0: not now; -1: it ended. */
static ssize_t take(struct link *link, void *bytes, size_t room)
{
	ssize_t n;

	if (link->tls)
		return tls_read(link->tls, bytes, room, &link->why);
	n = recv(link->fd, bytes, room, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return n > 0 ? n : -1;
}

bool link_receive(struct link *link)
{
	struct link_bench *bench = link->bench;
	ssize_t n;

	if (link->in.length == sizeof(bench->bytes))
		return false;
	if (link->in.length > 0)
		memcpy(bench->bytes, link->in.bytes, link->in.length);
	link->laid = link->in.length;
	link->in.length = link->taken = 0;
	n = take(link, bench->bytes + link->laid,
		 sizeof(bench->bytes) - link->laid);
	if (n > 0)
		link->laid += (size_t)n;
	return n >= 0;
}

bool link_put_off(struct link *link)
{
	size_t at = link->taken, length = link->laid - link->taken;

	link->laid = link->taken = 0;
	return length == 0 || append(&link->in, link->bench->bytes + at, length,
				     sizeof(link->bench->bytes));
}

bool link_holds_more(const struct link *link)
{
	return link->tls && SSL_pending(link->tls) > 0;
}

ssize_t link_take_response(struct link *link, const char *key,
			   const char *subprotocol, int *status)
{
	ssize_t n = wire_response((const char *)link->bench->bytes, link->laid,
				  key, subprotocol, status);

	if (n > 0)
		link->taken = (size_t)n;
	if (n == 0 && !link_put_off(link))
		return -1;
	return n;
}

size_t link_take_request(struct link *link, struct wire_asked *asked)
{
	size_t n = wire_take_request((const char *)link->bench->bytes,
				     link->laid, asked);

	link->taken = n;
	if (n == 0 && !link_put_off(link))
		link->lost = true;
	return n;
}

/* A frame of a message: the message when it is whole. */
static enum link_event take_fragment(struct link *link,
				     const struct wire_frame *frame,
				     struct link_message *message)
{
	bool first = frame->opcode != WIRE_CONTINUATION;
	bool open = link->kind != WIRE_CONTINUATION;
	enum link_event event;

	if (first == open)
		return LINK_WRONG;
	if (first)
		link->kind = frame->opcode;
	event = link->kind == WIRE_TEXT ? LINK_TEXT : LINK_BINARY;
	*message = (struct link_message){ frame->payload, frame->length };
	if (frame->final && first) { /* as nearly all: no copy */
		link->kind = WIRE_CONTINUATION;
		return event;
	}
	if (first)
		link->message.length = 0;
	if (!append(&link->message, frame->payload, frame->length,
		    LINK_MESSAGE_MAX))
		return LINK_WRONG;
	if (!frame->final)
		return LINK_NOTHING;
	link->kind = WIRE_CONTINUATION;
	*message = (struct link_message){ link->message.bytes,
					  link->message.length };
	return event;
}

static enum link_event take_control(struct link *link,
				    const struct wire_frame *frame,
				    struct link_message *message)
{
	if (!frame->final || frame->length > CONTROL_MAX)
		return LINK_WRONG;
	if (frame->opcode == WIRE_PING)
		(void)link_send_frame(link, WIRE_PONG, frame->payload,
				      frame->length);
	if (frame->opcode != WIRE_CLOSE)
		return LINK_NOTHING;
	*message = (struct link_message){ frame->payload, frame->length };
	return LINK_CLOSE;
}

static enum link_event take_frame(struct link *link,
				  const struct wire_frame *frame,
				  struct link_message *message)
{
	switch (frame->opcode) {
	case WIRE_TEXT:
	case WIRE_BINARY:
	case WIRE_CONTINUATION: return take_fragment(link, frame, message);
	case WIRE_CLOSE:
	case WIRE_PING:
	case WIRE_PONG: return take_control(link, frame, message);
	default: return LINK_WRONG;
	}
}

/* The next frame on the bench, as wire_take() has it. */
static ssize_t next_frame(struct link *link, struct wire_frame *frame)
{
	uint8_t *at = link->bench->bytes + link->taken;
	size_t length = link->laid - link->taken;

	if (link->serves)
		return wire_take_masked(at, length, LINK_MESSAGE_MAX, frame);
	return wire_take(at, length, LINK_MESSAGE_MAX, frame);
}

enum link_event link_take(struct link *link, struct link_message *message)
{
	enum link_event event = LINK_NOTHING;

	while (event == LINK_NOTHING && link->taken < link->laid) {
		struct wire_frame frame;
		ssize_t n = next_frame(link, &frame);

		if (n < 0)
			return LINK_WRONG;
		if (n == 0)
			break;
		link->taken += (size_t)n;
		event = take_frame(link, &frame, message);
	}
	if (event == LINK_NOTHING && !link_put_off(link))
		return LINK_WRONG;
	return event;
}
