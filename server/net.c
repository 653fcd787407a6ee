/*
 * net.c - listening sockets, and contexts fed by an acceptor of ours (net.h)
 *
 * All loops of all processes accept on one socket, and spread the callers by
 * themselves: who has more than another lets the others go first (loads.h).
 * SO_REUSEPORT, a socket for each, would leave that to a hash of the caller's
 * address and port: of ten calls one loop of two may get eight, and a loop that
 * stands still, or a process that is being replaced, keeps its share waiting.
 * The price is that a caller wakes every idle loop; it is paid once a call.
 *
 *   listening socket --ev_io--> accept4 --adopt--> libwebsockets --> protocols
 *
 * Why not libwebsockets' own listener: it cannot share a port between contexts
 * (Debian builds it with LWS_MAX_SMP 1). Why a foreign loop: contexts that own
 * a libev loop each fight over its signal watchers, and the owner of the loop
 * decides when it sleeps (the media tick).
 *
 * How many connections live is counted in a hook in front of the caller's first
 * protocol: libwebsockets tells it of every connection's first and last moment,
 * whatever protocol that one used in between.
 *
 * What can go wrong in accepting, and what we do:
 *
 *   at max_connections      accept and close: the peer learns it at once
 *   not welcome             the same (who comes too often: patience.h)
 *   others have fewer       pause for a moment; what waits even then is ours
 *   no descriptors (EMFILE) pause for a second, or the loop would spin on a
 *                           socket that stays readable
 *   the peer left already   next
 */
#include "server/net.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <libwebsockets.h>

#include "server/clock.h"
#include "server/loads.h"
#include "server/log.h"
#include "server/settings.h"

#define BACKLOG	       4096  /* while a role restarts; see somaxconn */
#define ACCEPT_BATCH   64    /* a wake-up; then live calls have their turn */
#define ACCEPT_PAUSE_S 1.0   /* when the process is out of descriptors */
#define OTHERS_FIRST_S 0.005 /* a few ticks of a busy loop */
#define TICK_S	       1.0   /* while anyone is connected */
#define LOG_PAUSE_MS   1000u
#define GOODBYE_MAX    100u /* of the 123 that RFC 6455, 5.5, leaves */
#define RX_BUFFER      2048 /* 3.4 KB a connection, 5 frames a read */
#define RX_BUFFER_RARE 128  /* where websocket.h reads nearly all */
#define REQUEST_SEEN   4096 /* bytes; longer ones are not looked at */
#define FIRST_BYTES_S  1    /* then they are accepted without */

/* ---- listening -------------------------------------------------------------
 */

struct bound {
	union {
		struct sockaddr any;
		struct sockaddr_storage room;
	} to;
	socklen_t length;
};

/* A bound socket, or -errno. */
static int bind_socket(const struct bound *b)
{
	const int on = 1;
	int fd = socket(b->to.any.sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	/* So that connections of our last life, still in TIME_WAIT, do not
	 * keep us from binding. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &b->to.any, b->length) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

int net_listen(const char *address)
{
	const int first_bytes_s = FIRST_BYTES_S;
	struct bound b;
	int fd, r = settings_parse_address(address, &b.to.room, &b.length);

	if (r < 0)
		return r;
	fd = bind_socket(&b);
	if (fd < 0)
		return fd;
	/* A caller is accepted with his request, which can then be seen whole;
	 * one who says nothing, a second later. It is no matter if it fails. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &first_bytes_s,
			 sizeof(first_bytes_s));
	if (listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

/* ---- one thread's context --------------------------------------------------
 */

struct net_context {
	struct ev_loop *loop; /* borrowed */
	struct lws_context *lws;
	struct lws_vhost *vhost;
	struct lws_protocols *protocols; /* the caller's, the first hooked */
	lws_callback_function *first;	 /* the caller's first callback */
	const char *server_name;
	enum tls_listener tls; /* TLS_OFF: plain */
	ev_io acceptor;
	ev_timer pause;
	ev_timer tick;
	const struct net_door *door;
	void *door_arg;
	uint32_t connections, max_connections;
	struct loads *loads; /* NULL: nobody else accepts here */
	uint32_t gulp;	     /* what was taken when the others did not come */
	uint32_t load_place, load_count;
	bool accepting;	   /* until net_context_stop_accepting() */
	bool full_logged;  /* since we were last below max_connections */
	bool error_logged; /* since accept last worked */
};

/* One peer, from accept to the end. */
struct connection {
	struct net_context *net;
	struct address peer;
	bool counted;	      /* at the door */
	uint32_t head_length; /* of the request; 0: not seen whole */
	void *kept;	      /* the owner's */
};

/* Creating and destroying contexts touches globals of libwebsockets. */
static pthread_mutex_t global_lock = PTHREAD_MUTEX_INITIALIZER;

/* What libwebsockets has to say may quote the peer: one line, no quotes. Only
 * errors come here, so the level says nothing. Any stranger can bring it to say
 * one, by a header that is too long, so it is heard once a second. */
static void emit_log(int level, const char *line)
{
	static _Atomic uint64_t said_ms;
	static _Atomic uint32_t unsaid;
	uint64_t now_ms = clock_mono_ms(), last_ms = atomic_load(&said_ms);
	char text[256];
	size_t n = 0;

	(void)level;
	if (now_ms - last_ms < LOG_PAUSE_MS ||
	    !atomic_compare_exchange_strong(&said_ms, &last_ms, now_ms)) {
		atomic_fetch_add(&unsaid, 1);
		return;
	}
	for (; n < sizeof(text) - 1 && line[n] != '\0'; n++) {
		bool plain = line[n] >= ' ' && line[n] <= '~';

		text[n] = plain && line[n] != '"' ? line[n] : '.';
	}
	while (n > 0 && (text[n - 1] == '.' || text[n - 1] == ' '))
		n--;
	text[n] = '\0';
	log_error("LWS", "msg=\"%s\" unsaid=%u", text,
		  atomic_exchange(&unsaid, 0));
}

static struct net_context *net_of(struct lws *wsi)
{
	return lws_vhost_user(lws_get_vhost(wsi));
}

/* libwebsockets' libev plugin sets its one timer anew while it is running,
 * which libev ignores: no timeout nearer than the first one would ever come.
 * Being woken makes it look at all of them. */
static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct net_context *net = w->data;

	(void)loop;
	(void)revents;
	lws_cancel_service(net->lws);
}

/* ---- what is kept with a connection ----------------------------------------
 */

static void settle(struct connection *connection)
{
	const struct net_context *net = connection->net;

	if (connection->counted)
		net->door->lets_go(net->door_arg, &connection->peer);
	connection->counted = false;
}

/* Accepts NULL. */
static void leave(struct connection *connection)
{
	if (connection)
		settle(connection);
	free(connection);
}

void net_settle(struct lws *wsi)
{
	settle(lws_get_opaque_user_data(wsi));
}

void net_keep(struct lws *wsi, void *what)
{
	struct connection *connection = lws_get_opaque_user_data(wsi);

	connection->kept = what;
}

void *net_kept(struct lws *wsi)
{
	const struct connection *connection = lws_get_opaque_user_data(wsi);

	return connection ? connection->kept : NULL;
}

size_t net_request_length(struct lws *wsi)
{
	const struct connection *connection = lws_get_opaque_user_data(wsi);

	return connection->head_length;
}

/* libwebsockets' own number for a close frame, which its header leaves out. */
#define WRITE_CLOSE ((enum lws_write_protocol)4)

int net_say_goodbye(struct lws *wsi, unsigned code, const char *why)
{
	unsigned char bytes[LWS_PRE + 2 + GOODBYE_MAX];
	unsigned char *at = bytes + LWS_PRE;
	size_t length = strnlen(why, GOODBYE_MAX);

	at[0] = (unsigned char)(code >> 8);
	at[1] = (unsigned char)code;
	memcpy(at + 2, why, length);
	return lws_write(wsi, at, 2 + length, WRITE_CLOSE) < 0 ? -1 : 0;
}

/* ---- events ----------------------------------------------------------------
 */

static void count(struct net_context *net, int by)
{
	net->connections += (uint32_t)by;
	if (net->loads && net->accepting)
		loads_set(net->loads, net->load_place, net->connections);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	struct net_context *net = net_of(wsi);
	int r;

	/* Once, while the vhost is made: its SSL_CTX is the `user`. */
	if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS)
		return tls_configure(user, net->tls);
	if (reason == LWS_CALLBACK_WSI_CREATE) {
		count(net, 1);
		if (net->connections == 1)
			ev_timer_again(net->loop, &net->tick);
	} else if (reason == LWS_CALLBACK_WSI_DESTROY) {
		count(net, -1);
		if (net->connections == 0)
			ev_timer_stop(net->loop, &net->tick);
		if (net->connections < net->max_connections)
			net->full_logged = false;
		r = net->first(wsi, reason, user, in, len);
		leave(lws_get_opaque_user_data(wsi));
		lws_set_opaque_user_data(wsi, NULL);
		return r;
	}
	return net->first(wsi, reason, user, in, len);
}

/* The caller's protocols with our hook in the first; NULL: out of memory. */
static struct lws_protocols *hook_protocols(const struct lws_protocols *theirs,
					    size_t rx_buffer)
{
	struct lws_protocols *ours;
	size_t count = 1; /* the empty row at the end */

	while (theirs[count - 1].callback)
		count++;
	ours = malloc(count * sizeof(*ours));
	if (!ours)
		return NULL;
	memcpy(ours, theirs, count * sizeof(*ours));
	ours[0].callback = on_event;
	for (size_t i = 0; i < count - 1; i++)
		if (ours[i].rx_buffer_size == 0)
			ours[i].rx_buffer_size = rx_buffer;
	return ours;
}

static void refuse(struct net_context *net, int fd)
{
	(void)close(fd);
	if (!net->full_logged)
		log_warn("NET_FULL", "server=%s connections=%u",
			 net->server_name, net->connections);
	net->full_logged = true;
}

/* NULL: no memory, or not welcome. An address that is not known is ::, which is
 * nobody's. */
static struct connection *enter(struct net_context *net,
				const struct sockaddr *from)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->net = net;
	(void)address_of_socket(from, &connection->peer);
	connection->counted = net->door != NULL;
	if (!net->door || net->door->welcomes(net->door_arg, &connection->peer))
		return connection;
	free(connection);
	return NULL;
}

/* How long the request is, if it has come; it is left where it is. */
static uint32_t request_length(int fd)
{
	char bytes[REQUEST_SEEN];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	const char *end =
		n > 0 ? memmem(bytes, (size_t)n, "\r\n\r\n", 4) : NULL;

	return end ? (uint32_t)(end - bytes) + 4 : 0;
}

static void admit(struct net_context *net, int fd, const struct sockaddr *from)
{
	const int on = 1;
	struct connection *connection;
	struct lws *wsi;

	if (net->connections >= net->max_connections) {
		refuse(net, fd);
		return;
	}
	connection = enter(net, from);
	if (!connection) {
		(void)close(fd);
		return;
	}
	if (net->tls == TLS_OFF)
		connection->head_length = request_length(fd);
	/* Only latency is at stake: a frame must not wait for the last ack. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* On failure libwebsockets has closed the socket, and told why. */
	wsi = lws_adopt_socket_vhost(net->vhost, fd);
	if (wsi)
		lws_set_opaque_user_data(wsi, connection);
	else
		leave(connection);
}

/* Is it the peer's connection that failed, rather than us? */
static bool is_passing(int err)
{
	return err == EINTR || err == ECONNABORTED || err == EPROTO ||
	       err == EPERM;
}

static void pause_accepting(struct net_context *net, double seconds)
{
	ev_io_stop(net->loop, &net->acceptor);
	ev_timer_set(&net->pause, seconds, 0.);
	ev_timer_start(net->loop, &net->pause);
}

static void on_accept_error(struct net_context *net, int err)
{
	if (!net->error_logged)
		log_error("NET_ACCEPT", "server=%s err=\"%s\" next=%gs",
			  net->server_name, strerror(err), ACCEPT_PAUSE_S);
	net->error_logged = true;
	pause_accepting(net, ACCEPT_PAUSE_S);
}

/* False: nobody waits any more. */
static bool take_callers(struct net_context *net, uint32_t most)
{
	for (uint32_t i = 0; i < most && i < ACCEPT_BATCH; i++) {
		struct bound from = { .length = sizeof(from.to) };
		int fd = accept4(net->acceptor.fd, &from.to.any, &from.length,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			net->error_logged = false;
			admit(net, fd, &from.to.any);
		} else if (errno == EAGAIN) {
			return false;
		} else if (!is_passing(errno)) {
			on_accept_error(net, errno);
			return false;
		}
	}
	return true;
}

static void on_callers(struct ev_loop *loop, ev_io *w, int revents)
{
	struct net_context *net = w->data;
	uint32_t may = net->loads ? loads_allow(net->loads, net->load_place,
						net->load_count)
				  : ACCEPT_BATCH;

	(void)loop;
	(void)revents;
	if (may == 0) {
		pause_accepting(net, OTHERS_FIRST_S);
		return;
	}
	net->gulp = 0;
	(void)take_callers(net, may);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct net_context *net = w->data;

	(void)revents;
	if (!net->accepting)
		return;
	ev_io_start(loop, &net->acceptor);
	if (!net->loads)
		return;
	/* Each time that the others have not come, twice as many. */
	net->gulp = net->gulp ? 2 * net->gulp
			      : loads_allow_late(net->loads, net->load_place);
	if (net->gulp > ACCEPT_BATCH)
		net->gulp = ACCEPT_BATCH;
	if (!take_callers(net, net->gulp))
		net->gulp = 0;
}

/* The context and, apart from it, the vhost, so that each has its own user
 * pointer: the caller's and ours. */
static int create_lws(struct net_context *net, const struct net_options *o)
{
	void *loops[1] = { o->loop };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.options = LWS_SERVER_OPTION_LIBEV |
			   LWS_SERVER_OPTION_DISABLE_IPV6 |
			   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
			   LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = loops,
		.protocols = net->protocols,
		.user = o->user,
		.timeout_secs = o->timeout_s,
		.timeout_secs_ah_idle = o->timeout_s,
		.keepalive_timeout = (int)o->timeout_s,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.vhost_name = net->server_name,
	};

	/* Its warnings are about single peers ("User code denied connection");
	 * whoever decides has logged that, and all threads would compose them
	 * in one buffer of its own. */
	lws_set_log_level(LLL_ERR, emit_log);
	net->lws = lws_create_context(&info);
	if (!net->lws)
		return -EIO;
	info.user = net;
	/* For the vhost alone: what libwebsockets would initialise for a whole
	 * context OpenSSL does by itself, and our threads would do it to each
	 * other. Its SSL_CTX gets all it needs from on_event(). */
	if (net->tls != TLS_OFF) {
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
				LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
		info.alpn = "http/1.1"; /* or it would offer h2 */
	}
	net->vhost = lws_create_vhost(net->lws, &info);
	return net->vhost ? 0 : -EIO;
}

static void start_accepting(struct net_context *net, int fd)
{
	ev_io_init(&net->acceptor, on_callers, fd, EV_READ);
	ev_timer_init(&net->pause, on_pause_over, 0., 0.);
	net->acceptor.data = net;
	net->pause.data = net;
	net->accepting = fd >= 0;
	if (!net->accepting)
		return;
	ev_io_start(net->loop, &net->acceptor);
	if (net->loads)
		loads_enter(net->loads, net->load_place);
}

int net_context_create(struct net_context **ret, const struct net_options *o)
{
	struct net_context *net = calloc(1, sizeof(*net));
	int r = -ENOMEM;

	if (!net)
		return r;
	net->loop = o->loop;
	net->server_name = o->server_name ? o->server_name : "server";
	net->tls = tls_is_on(o->tls) ? o->tls : TLS_OFF;
	net->max_connections = o->max_connections;
	net->door = o->door;
	net->door_arg = o->door_arg;
	net->loads = o->loads;
	net->load_place = o->load_place;
	net->load_count = o->load_count;
	net->first = o->protocols[0].callback;
	ev_timer_init(&net->tick, on_tick, 0., TICK_S);
	net->tick.data = net;
	net->protocols = hook_protocols(
		o->protocols, o->frames_are_ours && net->tls == TLS_OFF
				      ? RX_BUFFER_RARE
				      : RX_BUFFER);
	if (!net->protocols)
		goto fail;
	pthread_mutex_lock(&global_lock);
	r = create_lws(net, o);
	pthread_mutex_unlock(&global_lock);
	if (r < 0)
		goto fail;
	start_accepting(net, o->listen_fd);
	*ret = net;
	return 0;
fail:
	net_context_destroy(net);
	return r;
}

struct lws_context *net_context_lws(struct net_context *net)
{
	return net->lws;
}

void net_context_stop_accepting(struct net_context *net)
{
	net->accepting = false;
	if (net->loads)
		loads_leave(net->loads, net->load_place);
	ev_io_stop(net->loop, &net->acceptor);
	ev_timer_stop(net->loop, &net->pause);
}

struct net_context *net_context_destroy(struct net_context *net)
{
	if (!net)
		return NULL;
	if (net->accepting)
		net_context_stop_accepting(net);
	pthread_mutex_lock(&global_lock);
	if (net->lws)
		lws_context_destroy(net->lws);
	pthread_mutex_unlock(&global_lock);
	ev_timer_stop(net->loop, &net->tick);
	free(net->protocols);
	free(net);
	return NULL;
}
