/* http_socket.c - a request that goes on as a WebSocket (see http_socket.h) */
#include "server/control/http/http_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ev.h>
#include <libwebsockets.h>

#include "server/board.h"
#include "server/clock.h"
#include "server/control/api/access.h"
#include "server/net.h"

#define TICK_S	       1.0
#define PING_MS	       20000u
#define SILENCE_MS     60000u /* three pings without an answer */
#define CLOSE_GRACE_MS 2000u  /* for a peer to take our close */

struct message {
	struct message *next;
	size_t length;
	unsigned kind;	       /* enum http_socket_message */
	unsigned char bytes[]; /* LWS_PRE, then the message */
};

struct http_socket {
	struct http_socket *next, *prev; /* of the set */
	struct http_sockets *sockets;
	const struct http_socket_kind *kind;
	void *arg;
	struct lws *wsi; /* NULL: not open yet, or gone */
	struct message *first, **last;
	size_t waiting; /* bytes of messages */
	uint64_t heard_ms, pinged_ms;
	unsigned close_code; /* 0: not closing */
	const char *close_why;
	uint64_t closed_ms; /* our close was said; 0: not yet */
	bool is_over;	    /* its owner was told */
	/* Who has it, as he showed it, to be judged anew. */
	enum http_role role;
	char *authorization, *cookie; /* owned */
	struct board_series *open_count, *lost;
};

struct http_sockets {
	struct ev_loop *loop;
	const struct access *access;
	struct http_socket *first;
	uint32_t count, max;
	ev_timer tick;
};

/* ---- its life -------------------------------------------------------------
 */

static void enter_set(struct http_socket *socket)
{
	struct http_sockets *set = socket->sockets;

	socket->next = set->first;
	if (socket->next)
		socket->next->prev = socket;
	set->first = socket;
	if (set->count++ == 0)
		ev_timer_again(set->loop, &set->tick);
	board_add(socket->open_count, 1);
}

static void leave_set(struct http_socket *socket)
{
	struct http_sockets *set = socket->sockets;

	if (socket->prev)
		socket->prev->next = socket->next;
	else
		set->first = socket->next;
	if (socket->next)
		socket->next->prev = socket->prev;
	if (--set->count == 0)
		ev_timer_stop(set->loop, &set->tick);
	board_add(socket->open_count, -1);
}

static void drop_messages(struct http_socket *socket)
{
	while (socket->first) {
		struct message *gone = socket->first;

		socket->first = gone->next;
		free(gone);
	}
	socket->last = &socket->first;
	socket->waiting = 0;
}

static void tell_owner(struct http_socket *socket)
{
	if (!socket->is_over && socket->kind->on_closed)
		socket->kind->on_closed(socket->arg);
	socket->is_over = true;
}

static void free_socket(struct http_socket *socket)
{
	free(socket->authorization);
	free(socket->cookie);
	free(socket);
}

struct http_socket *http_socket_destroy(struct http_socket *socket)
{
	if (!socket)
		return NULL;
	socket->wsi = NULL;
	tell_owner(socket);
	drop_messages(socket);
	leave_set(socket);
	free_socket(socket);
	return NULL;
}

static struct http_socket *create(const struct http_request *request,
				  const struct http_socket_kind *kind,
				  void *arg)
{
	struct http_socket *socket = calloc(1, sizeof(*socket));
	char labels[64];

	if (!socket)
		return NULL;
	socket->authorization =
		strdup(request->authorization ? request->authorization : "");
	socket->cookie = strdup(request->cookie ? request->cookie : "");
	if (!socket->authorization || !socket->cookie) {
		free_socket(socket);
		return NULL;
	}
	(void)snprintf(labels, sizeof(labels), "kind=\"%s\"", kind->name);
	socket->open_count = board_series(METRIC_SOCKETS, labels);
	socket->lost = board_series(METRIC_SOCKET_MESSAGES_LOST_TOTAL, labels);
	socket->last = &socket->first;
	socket->role = request->role;
	socket->kind = kind;
	socket->arg = arg;
	socket->sockets = request->sockets;
	enter_set(socket);
	return socket;
}

void http_socket_open(const struct http_request *request,
		      struct http_response *response,
		      const struct http_socket_kind *kind, void *arg)
{
	const struct http_sockets *set = request->sockets;

	if (!set)
		http_reply_error(response, 426,
				 "this is a WebSocket, without a subprotocol");
	else if (set->count >= set->max)
		http_reply_error(response, 503, "too many sockets are open");
	else
		response->socket = create(request, kind, arg);
	if (response->socket) {
		response->status = 101;
		return;
	}
	if (response->status == 0)
		http_reply_error(response, 503, "out of memory");
	if (kind->on_closed)
		kind->on_closed(arg);
}

bool http_socket_is_audited(const struct http_socket *socket)
{
	return socket->kind->audited;
}

/* ---- what we say ----------------------------------------------------------
 */

static void ask_to_write(struct http_socket *socket)
{
	if (socket->wsi)
		(void)lws_callback_on_writable(socket->wsi);
}

void http_socket_close(struct http_socket *socket, unsigned code,
		       const char *why)
{
	if (socket->close_code)
		return;
	socket->close_code = code;
	socket->close_why = why;
	ask_to_write(socket);
}

static bool has_no_room(struct http_socket *socket, unsigned message)
{
	board_add(socket->lost, 1);
	if (!(message & HTTP_SOCKET_LOSABLE)) {
		drop_messages(socket); /* it reads none of them */
		http_socket_close(socket, HTTP_SOCKET_TOO_SLOW,
				  "what was said was not read");
	}
	return false;
}

bool http_socket_send(struct http_socket *socket, unsigned message,
		      const void *bytes, size_t length)
{
	struct message *m = NULL;

	if (socket->close_code || !socket->wsi)
		return false;
	if (length <= HTTP_SOCKET_BUFFER - socket->waiting)
		m = malloc(sizeof(*m) + LWS_PRE + length);
	if (!m)
		return has_no_room(socket, message);
	m->next = NULL;
	m->length = length;
	m->kind = message;
	memcpy(m->bytes + LWS_PRE, bytes, length);
	*socket->last = m;
	socket->last = &m->next;
	socket->waiting += length;
	ask_to_write(socket);
	return true;
}

bool http_socket_is_clear(const struct http_socket *socket)
{
	return !socket->first &&
	       !(socket->wsi && lws_partial_buffered(socket->wsi));
}

/* -1 closes the connection. */
static int write_message(struct http_socket *socket)
{
	struct message *m = socket->first;
	int n = lws_write(socket->wsi, m->bytes + LWS_PRE, m->length,
			  m->kind & HTTP_SOCKET_BINARY ? LWS_WRITE_BINARY
						       : LWS_WRITE_TEXT);

	socket->first = m->next;
	if (!socket->first)
		socket->last = &socket->first;
	socket->waiting -= m->length;
	free(m);
	if (socket->first || socket->close_code)
		ask_to_write(socket);
	return n < 0 ? -1 : 0;
}

static int write_ping(struct http_socket *socket)
{
	unsigned char ping[LWS_PRE + 1];

	socket->pinged_ms = clock_mono_ms();
	if (socket->first)
		ask_to_write(socket);
	return lws_write(socket->wsi, ping + LWS_PRE, 0, LWS_WRITE_PING) < 0
		       ? -1
		       : 0;
}

static bool wants_ping(const struct http_socket *socket, uint64_t now_ms)
{
	return now_ms - socket->pinged_ms >= PING_MS;
}

static int on_writeable(struct http_socket *socket)
{
	if (socket->closed_ms)
		return 0;
	if (wants_ping(socket, clock_mono_ms()))
		return write_ping(socket);
	if (socket->first)
		return write_message(socket);
	if (!socket->close_code)
		return 0;
	socket->closed_ms = clock_mono_ms();
	return net_say_goodbye(socket->wsi, socket->close_code,
			       socket->close_why);
}

/* ---- what becomes of it ---------------------------------------------------
 */

static void cut(struct http_socket *socket)
{
	lws_set_timeout(socket->wsi, PENDING_TIMEOUT_CLOSE_ACK,
			LWS_TO_KILL_ASYNC);
}

/* A token ends, a key is changed. */
static bool is_still_allowed(const struct http_socket *socket)
{
	const struct access *access = socket->sockets->access;
	struct bearer bearer;

	if (socket->role == HTTP_ANYBODY)
		return true;
	access_judge(access, socket->authorization, socket->cookie,
		     clock_wall_us(), &bearer);
	return bearer.role >= socket->role;
}

static void look_after(struct http_socket *socket, uint64_t now_ms)
{
	if (!socket->wsi)
		return;
	if (now_ms - socket->heard_ms >= SILENCE_MS ||
	    (socket->closed_ms &&
	     now_ms - socket->closed_ms >= CLOSE_GRACE_MS)) {
		cut(socket);
		return;
	}
	if (!socket->close_code && !is_still_allowed(socket)) {
		drop_messages(socket);
		http_socket_close(socket, HTTP_SOCKET_NOT_ALLOWED,
				  "your token has ended");
	}
	if (wants_ping(socket, now_ms))
		ask_to_write(socket);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	const struct http_sockets *set = timer->data;
	uint64_t now_ms = clock_mono_ms();

	(void)loop;
	(void)events;
	for (struct http_socket *s = set->first; s; s = s->next)
		look_after(s, now_ms);
}

static int on_established(struct http_socket *socket, struct lws *wsi)
{
	socket->wsi = wsi;
	socket->heard_ms = socket->pinged_ms = clock_mono_ms();
	if (socket->kind->on_open && !socket->is_over)
		socket->kind->on_open(socket, socket->arg);
	if (socket->close_code)
		ask_to_write(socket);
	return 0;
}

int http_socket_on_event(struct http_socket *socket, struct lws *wsi,
			 int reason)
{
	if (!socket)
		return -1;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED: return on_established(socket, wsi);
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_RECEIVE_PONG:
		socket->heard_ms = clock_mono_ms();
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE: return on_writeable(socket);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		/* It answers ours, and needs no answer. */
		return socket->closed_ms ? -1 : 0;
	case LWS_CALLBACK_CLOSED:
		socket->wsi = NULL;
		tell_owner(socket);
		return 0;
	default: return 0;
	}
}

/* ---- all of them ----------------------------------------------------------
 */

int http_sockets_create(struct http_sockets **ret, struct ev_loop *loop,
			const struct access *access, uint32_t max)
{
	struct http_sockets *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->loop = loop;
	set->access = access;
	set->max = max;
	ev_timer_init(&set->tick, on_tick, 0., TICK_S);
	set->tick.data = set;
	*ret = set;
	return 0;
}

void http_sockets_close(struct http_sockets *sockets)
{
	sockets->max = 0;
	for (struct http_socket *s = sockets->first; s; s = s->next) {
		drop_messages(s);
		http_socket_close(s, HTTP_SOCKET_GOING_AWAY, "the server ends");
		tell_owner(s);
	}
}

struct http_sockets *http_sockets_destroy(struct http_sockets *sockets)
{
	if (!sockets)
		return NULL;
	ev_timer_stop(sockets->loop, &sockets->tick);
	free(sockets);
	return NULL;
}
