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
#include <sys/ioctl.h>
#include <sys/socket.h>

#define REST_MORE 1024u /* beyond the rest of a frame: answers to pings */

/* ---- sending ---------------------------------------------------------------
 */

static void watch(struct websocket *ws, bool for_writing)
{
	int events = (ws->paused ? 0 : EV_READ) | (for_writing ? EV_WRITE : 0);

	if ((ws->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(ws->all->loop, &ws->io);
	ev_io_set(&ws->io, ws->io.fd, events);
	if (events)
		ev_io_start(ws->all->loop, &ws->io);
}

bool websocket_is_choked(const struct websocket *ws)
{
	return ws->rest != NULL;
}

void websocket_want_write(struct websocket *ws)
{
	watch(ws, true);
}

/* How much the socket took, or -1: it is lost. */
static ssize_t push(const struct websocket *ws, const uint8_t *bytes,
		    size_t length)
{
	ssize_t n;

	do
		n = send(ws->io.fd, bytes, length, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? 0 : -1;
}

/* Half a frame has left, or none of it: there is no way to go on. The loop
 * reads the end of it. */
static bool lose(struct websocket *ws)
{
	(void)shutdown(ws->io.fd, SHUT_RDWR);
	return false;
}

static bool keep_rest(struct websocket *ws, const uint8_t *bytes, size_t length)
{
	size_t kept = ws->rest_length - ws->rest_sent;
	uint8_t *rest = malloc(kept + length);

	if (!rest)
		return lose(ws);
	if (kept > 0)
		memcpy(rest, ws->rest + ws->rest_sent, kept);
	memcpy(rest + kept, bytes, length);
	free(ws->rest);
	ws->rest = rest;
	ws->rest_sent = 0;
	ws->rest_length = (uint32_t)(kept + length);
	watch(ws, true);
	return true;
}

bool websocket_send(struct websocket *ws, uint8_t *payload, size_t length,
		    enum ws_opcode opcode)
{
	size_t head = ws_put_head(payload, length, opcode);
	size_t whole = head + length;
	ssize_t sent = push(ws, payload - head, whole);

	if (sent < 0)
		return lose(ws);
	return (size_t)sent == whole ||
	       keep_rest(ws, payload - head + sent, whole - (size_t)sent);
}

/* Behind the rest, if there is one. A peer that pings and never reads gets no
 * more than fits. */
static void answer_ping(struct websocket *ws, const struct ws_piece *ping)
{
	uint8_t bytes[WEBSOCKET_PRE + WS_CONTROL_MAX];
	uint8_t *payload = bytes + WEBSOCKET_PRE;
	size_t head;

	memcpy(payload, ping->bytes, ping->length);
	if (!ws->rest) {
		(void)websocket_send(ws, payload, ping->length, WS_OP_PONG);
		return;
	}
	if (ws->rest_length - ws->rest_sent > REST_MORE)
		return;
	head = ws_put_head(payload, ping->length, WS_OP_PONG);
	(void)keep_rest(ws, payload - head, head + ping->length);
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
	if (!flush(ws) || ws->rest)
		return;
	watch(ws, false);
	ws->all->on_writable(ws);
}

void websocket_pause(struct websocket *ws, bool pause)
{
	ws->paused = pause;
	watch(ws, (ws->io.events & EV_WRITE) != 0);
}

bool websocket_say_goodbye(struct websocket *ws, unsigned code)
{
	uint8_t bytes[WEBSOCKET_PRE + 2];
	uint8_t *payload = bytes + WEBSOCKET_PRE;

	payload[0] = (uint8_t)(code >> 8);
	payload[1] = (uint8_t)code;
	if (ws->rest || !websocket_send(ws, payload, 2, WS_OP_CLOSE))
		return false;
	if (ws->deaf && !ws->rest)
		(void)shutdown(ws->io.fd, SHUT_WR);
	return true;
}

/* ---- receiving -------------------------------------------------------------
 */

/* What follows cannot be understood. */
static bool on_broken(struct websocket *ws, const char *why)
{
	ws->deaf = true;
	ws->all->on_broken(ws, why);
	return false;
}

static bool on_goodbye(struct websocket *ws, int code)
{
	if (code < 0)
		return on_broken(ws, "a close frame with no proper code");
	ws->all->on_close(ws, (unsigned)code);
	ws->all->on_gone(ws);
	return false;
}

/* False: nothing more is to be read. */
static bool on_piece(struct websocket *ws, enum ws_kind kind,
		     const struct ws_piece *piece)
{
	switch (kind) {
	case WS_TEXT:
	case WS_BINARY:
		ws->all->on_data(ws, piece, kind == WS_BINARY);
		return true;
	case WS_PING: answer_ping(ws, piece); return true;
	case WS_PONG: return true;
	case WS_CLOSE: return on_goodbye(ws, ws_close_code(piece));
	case WS_NOTHING: return false;
	case WS_BROKEN: return on_broken(ws, piece->why);
	}
	return false;
}

static void on_readable(struct websocket *ws)
{
	uint8_t *at = ws->all->buffer;
	ssize_t n = recv(ws->io.fd, at, ws->all->room, 0);
	struct ws_piece piece;
	uint8_t *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		ws->all->on_gone(ws);
		return;
	}
	if (ws->deaf)
		return;
	end = at + n;
	while (on_piece(ws, ws_read(&ws->reader, &at, end, &piece), &piece))
		;
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
	struct websocket *ws = (struct websocket *)io;

	(void)loop;
	if (events & EV_WRITE)
		on_writable(ws);
	else
		on_readable(ws);
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

bool websocket_take(struct websocket *ws, const struct websockets *all,
		    struct lws *wsi, size_t head_length)
{
	int fd = lws_get_socket_fd(wsi);

	if (head_length == 0 || lws_is_ssl(wsi) ||
	    !has_read_exactly(fd, head_length))
		return false;
	(void)lws_rx_flow_control(wsi, 0);
	ws->all = all;
	ev_io_init(&ws->io, on_ready, fd, EV_READ);
	ev_io_start(all->loop, &ws->io);
	return true;
}

bool websocket_is_taken(const struct websocket *ws)
{
	return ws->all != NULL;
}

void websocket_stop(struct websocket *ws)
{
	if (!ws->all)
		return;
	ev_io_stop(ws->all->loop, &ws->io);
	ws->deaf = true;
	free(ws->rest);
	ws->rest = NULL;
	ws->rest_length = ws->rest_sent = 0;
}
