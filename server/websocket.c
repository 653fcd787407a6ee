/*
 * websocket.c - an established WebSocket of ours (see websocket.h)
 */
#include "server/websocket.h"

#include <errno.h>
#include <libwebsockets.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVED  ((size_t)64 * 1024) /* at a time */
#define ROUND	  256		      /* events; then the loop's other work */
#define AHEAD	  3		      /* of them are fetched */
#define REST_MORE 1024u /* beyond the rest of a frame: answers to pings */

/* ---- sending ---------------------------------------------------------------
 */

/* Told again of what is so already, as an edge. */
static bool rearm(struct websocket *ws, int operation)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP |
					       EPOLLET,
				     .data.ptr = ws };

	return epoll_ctl(ws->all->io.fd, operation, ws->fd, &event) == 0;
}

bool websocket_is_choked(const struct websocket *ws)
{
	return ws->rest != NULL;
}

void websocket_want_write(struct websocket *ws)
{
	if (ws->wanted)
		return;
	ws->wanted = true;
	(void)rearm(ws, EPOLL_CTL_MOD);
}

/* How much the socket took, or -1: it is lost. */
static ssize_t push(const struct websocket *ws, const uint8_t *bytes,
		    size_t length)
{
	ssize_t n;

	do
		n = send(ws->fd, bytes, length, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? 0 : -1;
}

/* Half a frame has left, or none of it: there is no way to go on. The loop
 * reads the end of it. */
static bool lose(struct websocket *ws)
{
	(void)shutdown(ws->fd, SHUT_RDWR);
	return false;
}

static bool keep_rest(struct websocket *ws, const uint8_t *bytes, size_t length)
{
	size_t kept = ws->rest_length - ws->rest_sent;
	uint8_t *rest = malloc(kept + length);

	if (!rest)
		return lose(ws);
	if (ws->rest)
		memcpy(rest, ws->rest + ws->rest_sent, kept);
	memcpy(rest + kept, bytes, length);
	free(ws->rest);
	ws->rest = rest;
	ws->rest_sent = 0;
	ws->rest_length = (uint32_t)(kept + length);
	return true;
}

bool websocket_send(struct websocket *ws, uint8_t *payload, size_t length,
		    enum ws_opcode opcode)
{
	size_t head = ws_put_head(payload, length, opcode);
	size_t whole = head + length;
	ssize_t sent = ws->rest ? 0 : push(ws, payload - head, whole);

	if (sent < 0)
		return lose(ws);
	return (size_t)sent == whole ||
	       keep_rest(ws, payload - head + sent, whole - (size_t)sent);
}

/* A peer that pings and never reads gets no more than fits. */
static void answer_ping(struct websocket *ws, const struct ws_piece *ping)
{
	uint8_t bytes[WEBSOCKET_PRE + WS_CONTROL_MAX];

	if (ws->rest_length - ws->rest_sent > REST_MORE)
		return;
	memcpy(bytes + WEBSOCKET_PRE, ping->bytes, ping->length);
	(void)websocket_send(ws, bytes + WEBSOCKET_PRE, ping->length,
			     WS_OP_PONG);
}

/* False: the connection is lost. */
static bool flush(struct websocket *ws)
{
	ssize_t sent;

	if (!ws->rest)
		return true;
	sent = push(ws, ws->rest + ws->rest_sent,
		    ws->rest_length - ws->rest_sent);
	if (sent < 0)
		return lose(ws);
	ws->rest_sent += (uint32_t)sent;
	if (ws->rest_sent == ws->rest_length) {
		free(ws->rest);
		ws->rest = NULL;
		ws->rest_length = ws->rest_sent = 0;
	}
	return true;
}

static void on_writable(struct websocket *ws)
{
	bool asked = ws->wanted || ws->rest;

	if (!flush(ws) || ws->rest || !asked)
		return;
	ws->wanted = false;
	ws->all->owner->on_writable(ws);
}

void websocket_pause(struct websocket *ws, bool pause)
{
	if (ws->paused && !pause)
		(void)rearm(ws, EPOLL_CTL_MOD);
	ws->paused = pause;
}

bool websocket_say_goodbye(struct websocket *ws, unsigned code)
{
	uint8_t bytes[WEBSOCKET_PRE + 2];
	uint8_t *payload = bytes + WEBSOCKET_PRE;

	payload[0] = (uint8_t)(code >> 8);
	payload[1] = (uint8_t)code;
	if (!websocket_send(ws, payload, 2, WS_OP_CLOSE))
		return false;
	if (ws->deaf && !ws->rest)
		(void)shutdown(ws->fd, SHUT_WR);
	return true;
}

/* ---- receiving -------------------------------------------------------------
 */

/* What follows cannot be understood. */
static bool on_broken(struct websocket *ws, const char *why)
{
	ws->deaf = true;
	ws->all->owner->on_broken(ws, why);
	return false;
}

static bool on_goodbye(struct websocket *ws, int code)
{
	if (code < 0)
		return on_broken(ws, "a close frame with no proper code");
	ws->all->owner->on_close(ws, (unsigned)code);
	ws->all->owner->on_gone(ws);
	return false;
}

/* False: nothing more is to be read. */
static bool on_piece(struct websocket *ws, enum ws_kind kind,
		     const struct ws_piece *piece)
{
	switch (kind) {
	case WS_TEXT:
	case WS_BINARY:
		ws->all->owner->on_data(ws, piece, kind == WS_BINARY);
		return true;
	case WS_PING: answer_ping(ws, piece); return true;
	case WS_PONG: return true;
	case WS_CLOSE: return on_goodbye(ws, ws_close_code(piece));
	case WS_NOTHING: return false;
	case WS_BROKEN: return on_broken(ws, piece->why);
	}
	return false;
}

/* What came was less than the buffer holds: that was all, and more would be
 * another edge (epoll(7)). The end behind it is no other edge. */
static void on_readable(struct websocket *ws, uint32_t events)
{
	uint8_t *at = ws->all->buffer, *end;
	ssize_t n = recv(ws->fd, at, RECEIVED, 0);
	struct ws_piece piece;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		ws->all->owner->on_gone(ws);
		return;
	}
	if ((size_t)n == RECEIVED ||
	    events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		(void)rearm(ws, EPOLL_CTL_MOD);
	if (ws->deaf)
		return;
	end = at + n;
	while (on_piece(ws, ws_read(&ws->reader, &at, end, &piece), &piece))
		;
}

/* ---- rounds ----------------------------------------------------------------
 */

/* Those who come after this one, the farthest first. */
static void fetch(const struct websocket_owner *owner,
		  const struct epoll_event *event)
{
	const char *ws = event[AHEAD].data.ptr;

	if (ws) {
		__builtin_prefetch(ws - 64); /* the owner's, around it */
		__builtin_prefetch(ws);
		__builtin_prefetch(ws + 64);
	}
	if (event[2].data.ptr)
		owner->on_soon(event[2].data.ptr);
	if (event[1].data.ptr)
		owner->on_next(event[1].data.ptr);
}

/* Of a socket that was stopped in this round nothing more is said. */
static void forget(struct websocket *ws)
{
	struct epoll_event *round = ws->all->round;

	for (size_t i = 0; i < ws->all->count; i++)
		if (round[i].data.ptr == ws)
			round[i].data.ptr = NULL;
}

/* Of a connection that is no more there is nothing to wait for. */
static void on_event(struct websocket *ws, uint32_t events)
{
	bool over = (events & (EPOLLHUP | EPOLLERR)) != 0;

	if (events & EPOLLOUT)
		on_writable(ws);
	if (over || (events & (EPOLLIN | EPOLLRDHUP) && !ws->paused))
		on_readable(ws, events);
}

static void on_round(struct ev_loop *loop, ev_io *io, int revents)
{
	struct websockets *all = io->data;
	struct epoll_event events[ROUND + AHEAD];
	int n = epoll_wait(io->fd, events, ROUND, 0);

	(void)loop;
	(void)revents;
	all->round = events;
	all->count = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < AHEAD; i++)
		events[all->count + i].data.ptr = NULL;
	for (int i = 0; i < n; i++) {
		struct websocket *ws = events[i].data.ptr;

		fetch(all->owner, &events[i]);
		if (ws)
			on_event(ws, events[i].events);
	}
	all->count = 0;
}

int websockets_open(struct websockets *all, struct ev_loop *loop,
		    const struct websocket_owner *owner)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return -errno;
	*all = (struct websockets){ .owner = owner, .loop = loop };
	ev_io_init(&all->io, on_round, fd, EV_READ);
	all->io.data = all;
	ev_io_start(loop, &all->io);
	all->buffer = malloc(RECEIVED);
	if (all->buffer)
		return 0;
	websockets_close(all);
	return -ENOMEM;
}

void websockets_close(struct websockets *all)
{
	if (!all->owner)
		return;
	ev_io_stop(all->loop, &all->io);
	(void)close(all->io.fd);
	free(all->buffer);
	*all = (struct websockets){ 0 };
}

/* ---- begin and end ---------------------------------------------------------
 */

/* What libwebsockets has read: it may hold back what came behind the request.
 */
static bool has_read_exactly(int fd, size_t length)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	int unread;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
	    size < offsetof(struct tcp_info, tcpi_bytes_received) +
			    sizeof(info.tcpi_bytes_received) ||
	    ioctl(fd, SIOCINQ, &unread) < 0)
		return false;
	return info.tcpi_bytes_received - (uint64_t)unread == length;
}

bool websocket_take(struct websocket *ws, struct websockets *all,
		    struct lws *wsi, size_t head_length)
{
	int fd = lws_get_socket_fd(wsi);

	if (head_length == 0 || lws_is_ssl(wsi) ||
	    !has_read_exactly(fd, head_length))
		return false;
	ws->all = all;
	ws->fd = fd;
	if (!rearm(ws, EPOLL_CTL_ADD)) {
		ws->all = NULL;
		return false;
	}
	(void)lws_rx_flow_control(wsi, 0);
	return true;
}

bool websocket_is_taken(const struct websocket *ws)
{
	return ws->all != NULL;
}

void websocket_stop(struct websocket *ws)
{
	struct epoll_event none = { 0 };

	if (!ws->all)
		return;
	(void)epoll_ctl(ws->all->io.fd, EPOLL_CTL_DEL, ws->fd, &none);
	forget(ws);
	free(ws->rest);
	*ws = (struct websocket){ .fd = -1 };
}
