/*
 * net_test.c - a port shared by several threads, and by nobody else
 *
 * The clients are plain sockets, so that libwebsockets does not only talk to
 * itself. A server here is a thread with a loop and a context of its own, which
 * answers every request with its number.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <ev.h>
#include <libwebsockets.h>

#include "server/loads.h"
#include "server/net.h"
#include "server/settings.h"

#define PATIENCE_MS 20000

/* ---- a server --------------------------------------------------------------
 */

struct server {
	int number; /* what it answers with */
	int listen_fd;
	uint32_t max_connections;
	const struct net_door *door;
	struct loads *loads; /* of all who share its port; or NULL */
	unsigned place, places;
	_Atomic int inside; /* of those that the door counts */
	struct ev_loop *loop;
	struct net_context *net;
	ev_async quit, refuse;
	pthread_t thread;
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	const struct server *server = lws_context_user(lws_get_context(wsi));
	unsigned char buffer[LWS_PRE + 256];
	char text[64];
	int n;

	(void)user;
	(void)in;
	(void)len;
	if (reason != LWS_CALLBACK_HTTP)
		return 0;
	n = snprintf(text, sizeof(text),
		     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d",
		     server->number);
	memcpy(buffer + LWS_PRE, text, (size_t)n);
	if (lws_write(wsi, buffer + LWS_PRE, (size_t)n, LWS_WRITE_HTTP) < n)
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static const struct lws_protocols protocols[] = {
	{ .name = "http", .callback = on_event },
	{ 0 },
};

static void on_quit(struct ev_loop *loop, ev_async *async, int events)
{
	(void)async;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_refuse(struct ev_loop *loop, ev_async *async, int events)
{
	const struct server *server = async->data;

	(void)loop;
	(void)events;
	net_context_stop_accepting(server->net);
}

static void *serve(void *arg)
{
	struct server *server = arg;

	ev_run(server->loop, 0);
	net_context_destroy(server->net);
	ev_loop_destroy(server->loop);
	return NULL;
}

static void server_listen(struct server *server, const char *address)
{
	server->listen_fd = net_listen(address);
	assert_true(server->listen_fd >= 0);
}

static void server_start(struct server *server)
{
	struct net_options options = {
		.protocols = protocols,
		.user = server,
		.listen_fd = server->listen_fd,
		.timeout_s = 10,
		.max_connections =
			server->max_connections ? server->max_connections : 100,
		.server_name = "test",
		.door = server->door,
		.door_arg = server,
		.loads = server->loads,
		.load_place = server->place,
		.load_count = server->places,
	};

	server->loop = ev_loop_new(EVBACKEND_EPOLL);
	assert_non_null(server->loop);
	ev_async_init(&server->quit, on_quit);
	ev_async_start(server->loop, &server->quit);
	ev_async_init(&server->refuse, on_refuse);
	server->refuse.data = server;
	ev_async_start(server->loop, &server->refuse);
	options.loop = server->loop;
	assert_int_equal(net_context_create(&server->net, &options), 0);
	assert_non_null(net_context_lws(server->net));
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server),
			 0);
}

static void server_stop(struct server *server)
{
	ev_async_send(server->loop, &server->quit);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	assert_int_equal(close(server->listen_fd), 0);
}

/* ---- a client --------------------------------------------------------------
 */

static int client_connect(const char *address)
{
	struct sockaddr_storage to;
	socklen_t length;
	int fd;

	assert_int_equal(settings_parse_address(address, &to, &length), 0);
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, length), 0);
	return fd;
}

static void client_ask(int fd)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

	assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL),
			 sizeof(request) - 1);
}

/* The number of the server that answered, -1 when it hung up instead. */
static int client_await(int fd)
{
	char answer[256] = "";
	size_t got = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		const char *body;
		ssize_t n;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		n = recv(fd, answer + got, sizeof(answer) - 1 - got, 0);
		if (n <= 0)
			return -1;
		got += (size_t)n;
		answer[got] = '\0';
		body = strstr(answer, "\r\n\r\n");
		if (body && body[4])
			return body[4] - '0';
	}
}

static bool hears_anything(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1;
}

/* ---- listening -------------------------------------------------------------
 */

/* How many descriptors this process has open. */
static int count_open(void)
{
	int open = 0;

	for (int fd = 0; fd < 256; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	return open;
}

static void a_taken_port_is_noticed_even_if_it_is_our_own(void **state)
{
	int open = count_open();
	int fd = net_listen("127.0.0.1:21001");

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(net_listen("127.0.0.1:21001"), -EADDRINUSE);
	assert_int_equal(net_listen("*:21001"), -EADDRINUSE);
	assert_int_equal(count_open(), open + 1);
	close(fd);
	fd = net_listen("127.0.0.1:21001");
	assert_true(fd >= 0);
	close(fd);
}

static void port_0_gives_a_port(void **state)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int fd = net_listen("localhost:0");

	(void)state;
	assert_true(fd >= 0);
	getsockname(fd, (struct sockaddr *)&address, &length);
	assert_int_not_equal(address.sin_port, 0);
	close(fd);
}

static void an_address_that_is_none_is_invalid(void **state)
{
	(void)state;
	assert_int_equal(net_listen("no.such.name:80"), -EINVAL);
	assert_int_equal(net_listen("127.0.0.1"), -EINVAL);
}

/* ---- contexts --------------------------------------------------------------
 */

/* Each with a place of its own among them. */
static void start_sharing(struct server *servers, unsigned count,
			  struct loads *loads, const char *address)
{
	server_listen(&servers[0], address);
	for (unsigned i = 0; i < count; i++) {
		servers[i].number = (int)i;
		servers[i].listen_fd = i == 0 ? servers[0].listen_fd
					      : dup(servers[0].listen_fd);
		servers[i].loads = loads;
		servers[i].place = i;
		servers[i].places = count;
		server_start(&servers[i]);
	}
}

static void callers_spread_evenly_over_loops_that_share_a_port(void **state)
{
	struct server servers[4] = { 0 };
	struct loads loads = { 0 };
	int answers[4] = { 0 }, fds[40];

	(void)state;
	start_sharing(servers, 4, &loads, "127.0.0.1:21003");
	for (int i = 0; i < 40; i++) {
		fds[i] = client_connect("127.0.0.1:21003");
		client_ask(fds[i]);
		answers[client_await(fds[i])]++;
	}
	/* Two that are awake at once may both take one; and a busy machine
	 * lets one be late now and then. */
	for (int i = 0; i < 4; i++)
		assert_in_range(answers[i], 7, 13);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	for (int i = 0; i < 4; i++)
		server_stop(&servers[i]);
}

/* As one that stands still, or whose process is gone: it has fewer callers than
 * anybody, and takes none. */
static void nobody_waits_for_a_loop_that_takes_none(void **state)
{
	struct server servers[2] = { 0 };
	struct loads loads = { 0 };
	int fds[20];

	(void)state;
	start_sharing(servers, 2, &loads, "127.0.0.1:21012");
	server_stop(&servers[1]);
	assert_int_equal(atomic_load(&loads.words[1]), 0);
	loads_enter(&loads, 1);
	for (int i = 0; i < 20; i++) {
		fds[i] = client_connect("127.0.0.1:21012");
		client_ask(fds[i]);
		assert_int_equal(client_await(fds[i]), 0);
	}
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	server_stop(&servers[0]);
}

static void ipv6_is_served_too(void **state)
{
	struct server server = { .number = 6 };
	int fd;
	int r = server.listen_fd = net_listen("[::1]:21004");

	(void)state;
	if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT)
		skip();
	assert_true(r >= 0);
	server_start(&server);
	fd = client_connect("[::1]:21004");
	client_ask(fd);
	assert_int_equal(client_await(fd), 6);
	close(fd);
	server_stop(&server);
}

static void beyond_max_connections_callers_are_hung_up(void **state)
{
	struct server server = { .number = 7, .max_connections = 2 };
	int fds[3], again, who = -1;

	(void)state;
	server_listen(&server, "127.0.0.1:21005");
	server_start(&server);
	for (int i = 0; i < 2; i++) {
		fds[i] = client_connect("127.0.0.1:21005");
		client_ask(fds[i]);
		assert_int_equal(client_await(fds[i]), 7);
	}
	fds[2] = client_connect("127.0.0.1:21005");
	assert_int_equal(client_await(fds[2]), -1);
	close(fds[2]);

	/* When one leaves, there is room again as soon as it was noticed. */
	close(fds[0]);
	for (int i = 0; i < 1000 && who != 7; i++) {
		again = client_connect("127.0.0.1:21005");
		client_ask(again);
		who = client_await(again);
		close(again);
	}
	assert_int_equal(who, 7);
	close(fds[1]);
	server_stop(&server);
}

static bool welcomes_neighbours(void *arg, const struct address *peer)
{
	struct server *server = arg;
	struct address neighbour;

	assert_true(address_parse("127.0.0.1", &neighbour));
	if (memcmp(peer, &neighbour, sizeof(neighbour)) != 0)
		return false;
	atomic_fetch_add(&server->inside, 1);
	return true;
}

static void counts_out(void *arg, const struct address *peer)
{
	struct server *server = arg;

	assert_true(address_is_loopback(peer));
	atomic_fetch_sub(&server->inside, 1);
}

static void who_is_not_welcome_is_hung_up_before_he_is_heard(void **state)
{
	static const struct net_door door = { welcomes_neighbours, counts_out };
	struct server server = { .number = 9, .door = &door };
	struct sockaddr_storage from, to;
	socklen_t length;
	int stranger = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	(void)state;
	server_listen(&server, "127.0.0.1:21011");
	server_start(&server);
	assert_int_equal(settings_parse_address("127.0.0.9:0", &from, &length),
			 0);
	assert_int_equal(bind(stranger, (struct sockaddr *)&from, length), 0);
	assert_int_equal(
		settings_parse_address("127.0.0.1:21011", &to, &length), 0);
	assert_int_equal(connect(stranger, (struct sockaddr *)&to, length), 0);
	assert_int_equal(client_await(stranger), -1);
	fd = client_connect("127.0.0.1:21011");
	client_ask(fd);
	assert_int_equal(client_await(fd), 9);
	assert_int_equal(atomic_load(&server.inside), 1);
	close(stranger);
	server_stop(&server);
	assert_int_equal(atomic_load(&server.inside), 0);
	close(fd);
}

static void without_descriptors_callers_wait_until_there_are(void **state)
{
	struct server server = { .number = 8 };
	struct rlimit before, tight;
	int fd;

	(void)state;
	server_listen(&server, "127.0.0.1:21006");
	server_start(&server);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	fd = client_connect("127.0.0.1:21006");
	client_ask(fd);
	assert_int_equal(client_await(fd), 8);
	close(fd);

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	tight = before;
	tight.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	assert_int_equal(
		connect(fd,
			(struct sockaddr *)&(struct sockaddr_in){
				.sin_family = AF_INET,
				.sin_port = htons(21006),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
			sizeof(struct sockaddr_in)),
		0);
	client_ask(fd);
	assert_false(hears_anything(fd, 300));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(client_await(fd), 8);
	close(fd);
	server_stop(&server);
}

static void after_stop_accepting_callers_stay_in_the_backlog(void **state)
{
	struct server server = { .number = 9 };
	struct server next = { .number = 4 };
	int old, fd;

	(void)state;
	server_listen(&server, "127.0.0.1:21007");
	server_start(&server);
	old = client_connect("127.0.0.1:21007");
	client_ask(old);
	assert_int_equal(client_await(old), 9);
	ev_async_send(server.loop, &server.refuse);
	/* Who is connected is still served; when it has been asked again after
	 * the order, the order was carried out. */
	client_ask(old);
	assert_int_equal(client_await(old), 9);
	client_ask(old);
	assert_int_equal(client_await(old), 9);
	fd = client_connect("127.0.0.1:21007");
	client_ask(fd);
	assert_false(hears_anything(fd, 200));

	/* The next role takes over the socket, and the caller with it. */
	next.listen_fd = dup(server.listen_fd);
	server_start(&next);
	assert_int_equal(client_await(fd), 4);
	close(fd);
	close(old);
	server_stop(&server);
	server_stop(&next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_taken_port_is_noticed_even_if_it_is_our_own),
		cmocka_unit_test(port_0_gives_a_port),
		cmocka_unit_test(an_address_that_is_none_is_invalid),
		cmocka_unit_test(
			callers_spread_evenly_over_loops_that_share_a_port),
		cmocka_unit_test(nobody_waits_for_a_loop_that_takes_none),
		cmocka_unit_test(ipv6_is_served_too),
		cmocka_unit_test(beyond_max_connections_callers_are_hung_up),
		cmocka_unit_test(
			who_is_not_welcome_is_hung_up_before_he_is_heard),
		cmocka_unit_test(
			without_descriptors_callers_wait_until_there_are),
		cmocka_unit_test(
			after_stop_accepting_callers_stay_in_the_backlog),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
