/*
 * http_kit.h - an HTTP server on a loop in a thread of its own, as in the
 * control process, and clients that speak raw bytes, so that they can be rude
 */
#ifndef TESTS_UNIT_HTTP_KIT_H
#define TESTS_UNIT_HTTP_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <ev.h>

#include "server/control/http/http_later.h"
#include "server/control/http/http_server.h"
#include "server/net.h"
#include "server/settings.h"

#define PATIENCE_MS	 20000
#define SERVER_TIMEOUT_S 3

static struct fixture {
	struct ev_loop *loop;
	struct http_server *server;
	ev_async stop;
	pthread_t thread;
	int listen_fd;
	uint16_t port;
} fixture;

static inline void on_stop(struct ev_loop *loop, ev_async *async, int events)
{
	(void)async;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void *serve(void *arg)
{
	(void)arg;
	ev_run(fixture.loop, 0);
	http_server_close_sockets(fixture.server);
	for (int i = 0; i < 3; i++)
		ev_run(fixture.loop, EVRUN_NOWAIT);
	fixture.server = http_server_stop(fixture.server);
	return NULL;
}

static inline int serve_routes(const struct http_router *router,
			       uint32_t max_sockets)
{
	static const struct settings none, *settings = &none;
	struct http_server_options options = { .router = router,
					       .settings = &settings,
					       .timeout_s = SERVER_TIMEOUT_S,
					       .max_connections =
						       2 * HTTP_LATER_MAX,
					       .max_sockets = max_sockets };
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	(void)signal(SIGPIPE, SIG_IGN);
	fixture.listen_fd = net_listen("127.0.0.1:0");
	if (fixture.listen_fd < 0 ||
	    getsockname(fixture.listen_fd, (struct sockaddr *)&address,
			&length) < 0)
		return -1;
	fixture.port = ntohs(address.sin_port);
	fixture.loop = ev_loop_new(EVBACKEND_EPOLL);
	ev_async_init(&fixture.stop, on_stop);
	ev_async_start(fixture.loop, &fixture.stop);
	options.loop = fixture.loop;
	options.listen_fd = fixture.listen_fd;
	if (http_server_start(&fixture.server, &options) < 0)
		return -1;
	return pthread_create(&fixture.thread, NULL, serve, NULL);
}

static inline int tear_down(void **state)
{
	(void)state;
	ev_async_send(fixture.loop, &fixture.stop);
	pthread_join(fixture.thread, NULL);
	ev_loop_destroy(fixture.loop);
	close(fixture.listen_fd);
	return 0;
}

/* --- the client -------------------------------------------------------- */

static inline int dial(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(fixture.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void say_bytes(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the server has hung up: the test will see */
		bytes += n;
		length -= (size_t)n;
	}
}

static inline void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

struct reply {
	int status; /* 0: the connection ended instead */
	char head[2048];
	char *body;    /* owned */
	size_t length; /* announced by content-length */
};

/* One byte at a time: what follows belongs to the next reply. */
static inline bool read_byte(int fd, char *byte)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	if (poll(&wait, 1, PATIENCE_MS) != 1)
		fail_msg("the server neither answers nor hangs up");
	return recv(fd, byte, 1, 0) == 1;
}

static inline bool read_head(int fd, char *head, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read_byte(fd, &head[n])) {
		head[++n] = '\0';
		if (n >= 4 && strcmp(&head[n - 4], "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static inline struct reply listen_to(int fd, bool with_body)
{
	struct reply reply = { 0 };
	const char *length;

	if (!read_head(fd, reply.head, sizeof(reply.head)))
		return reply;
	assert_int_equal(sscanf(reply.head, "HTTP/1.%*c %d", &reply.status), 1);
	length = strcasestr(reply.head, "content-length:");
	assert_non_null(length);
	reply.length = strtoul(length + strlen("content-length:"), NULL, 10);
	reply.body = calloc(1, reply.length + 1);
	assert_non_null(reply.body);
	for (size_t n = 0; with_body && n < reply.length; n++)
		assert_true(read_byte(fd, &reply.body[n]));
	return reply;
}

#endif
