/* http_socket_test.c - who may have a WebSocket, what it hears, how it ends */
#include "http_kit.h"

#include <time.h>

#include "server/board.h"
#include "server/clock.h"
#include "server/control/api/access.h"
#include "server/control/http/http.h"
#include "server/control/http/http_socket.h"

#define TOKEN		 "0123456789abcdef0123456789abcdef"
#define SOCKETS_MAX	 3
#define PIECE		 4096u
#define FIT		 (HTTP_SOCKET_BUFFER / PIECE) /* messages of that size */
#define CLOCKS_DIFFER_US INT64_C(30000000)	      /* as in jwt.c */
#define MANY		 ((size_t)10 * FIT)

static _Atomic int opened, closed;

/* --- the server -------------------------------------------------------- */

static void on_closed(void *arg)
{
	(void)arg;
	atomic_fetch_add(&closed, 1);
}

static void greet(struct http_socket *socket, void *arg)
{
	atomic_fetch_add(&opened, 1);
	assert_true(http_socket_is_clear(socket));
	assert_true(http_socket_send(socket, HTTP_SOCKET_TEXT, arg, 5));
	assert_true(
		http_socket_send(socket, HTTP_SOCKET_BINARY, "\0\1\2\3", 4));
	assert_false(http_socket_is_clear(socket));
}

/* Nothing leaves while we speak. */
static void say_too_much(struct http_socket *socket, void *arg)
{
	static const char piece[PIECE];
	const unsigned *message = arg;
	size_t taken = 0;

	for (size_t i = 0; i < MANY; i++)
		taken += http_socket_send(socket, *message, piece, PIECE);
	assert_int_equal(taken, FIT);
}

static void say_one_thing(struct http_socket *socket, void *arg)
{
	greet(socket, arg);
	http_socket_close(socket, HTTP_SOCKET_DONE, "that was all");
	assert_false(http_socket_send(socket, HTTP_SOCKET_TEXT, "late", 4));
}

static const struct http_socket_kind greeter = { "greeter", true, greet,
						 on_closed };
static const struct http_socket_kind flooder = { "flooder", false, say_too_much,
						 on_closed };
static const struct http_socket_kind brief = { "brief", false, say_one_thing,
					       on_closed };
static char hello[] = "hello";
static unsigned losable = HTTP_SOCKET_BINARY | HTTP_SOCKET_LOSABLE;
static unsigned dear = HTTP_SOCKET_BINARY;

static void open_greeter(const struct http_request *request,
			 struct http_response *response, void *context)
{
	http_socket_open(request, response, &greeter, context);
}

static void open_losable(const struct http_request *request,
			 struct http_response *response, void *context)
{
	(void)context;
	http_socket_open(request, response, &flooder, &losable);
}

static void open_dear(const struct http_request *request,
		      struct http_response *response, void *context)
{
	(void)context;
	http_socket_open(request, response, &flooder, &dear);
}

static void open_brief(const struct http_request *request,
		       struct http_response *response, void *context)
{
	http_socket_open(request, response, &brief, context);
}

static const struct http_route routes[] = {
	{ HTTP_GET, "/greeter", open_greeter, HTTP_OPERATOR },
	{ HTTP_GET, "/losable", open_losable, HTTP_ANYBODY },
	{ HTTP_GET, "/dear", open_dear, HTTP_ANYBODY },
	{ HTTP_GET, "/brief", open_brief, HTTP_ANYBODY },
};
static const struct access access_rules = {
	.admin_token = TOKEN,
	.signing_key = "another secret of thirty-two letters",
	.token_ttl_ms = 2000,
};
static const struct http_router router = {
	.routes = routes,
	.count = sizeof(routes) / sizeof(routes[0]),
	.context = hello,
	.access = &access_rules,
};

static int set_up(void **state)
{
	(void)state;
	atomic_store(&opened, 0);
	atomic_store(&closed, 0);
	return serve_routes(&router, SOCKETS_MAX);
}

/* --- the client -------------------------------------------------------- */

#define UPGRADE                                         \
	"Connection: Upgrade\r\nUpgrade: websocket\r\n" \
	"Sec-WebSocket-Version: 13\r\n"                 \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ADMIN "Authorization: Bearer " TOKEN "\r\n"

/* The status that the request gets; *fd stays open after a 101 alone. */
static int ask(const char *path, const char *headers, int *fd)
{
	char head[2048], request[2048];
	int status = 0;

	*fd = dial();
	(void)snprintf(request, sizeof(request),
		       "GET %s HTTP/1.1\r\nHost: a.test\r\n%s\r\n", path,
		       headers);
	say(*fd, request);
	assert_true(read_head(*fd, head, sizeof(head)));
	assert_int_equal(sscanf(head, "HTTP/1.%*c %d", &status), 1);
	if (status == 426)
		assert_non_null(strcasestr(head, "upgrade: websocket"));
	if (status == 101)
		assert_non_null(strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	else
		close(*fd);
	return status;
}

static int open_socket(const char *path, const char *headers)
{
	int fd;

	assert_int_equal(ask(path, headers, &fd), 101);
	return fd;
}

/* The opcode of the next message, in one frame; its length. */
static unsigned hear(int fd, char *message, size_t room, size_t *length)
{
	unsigned char head[4];

	for (size_t i = 0; i < 2; i++)
		assert_true(read_byte(fd, (char *)&head[i]));
	*length = head[1];
	if (*length == 126) {
		for (size_t i = 2; i < 4; i++)
			assert_true(read_byte(fd, (char *)&head[i]));
		*length = (size_t)head[2] << 8 | head[3];
	}
	assert_in_range(*length, 0, room);
	for (size_t i = 0; i < *length; i++)
		assert_true(read_byte(fd, &message[i]));
	return head[0] & 0xf;
}

static void expect_greeting(int fd)
{
	char message[8];
	size_t length;

	assert_int_equal(hear(fd, message, sizeof(message), &length), 1);
	assert_memory_equal(message, "hello", length);
	assert_int_equal(hear(fd, message, sizeof(message), &length), 2);
	assert_memory_equal(message, "\0\1\2\3", length);
}

/* Answers the close as RFC 6455 has it. */
static void expect_close(int fd, unsigned code)
{
	char message[PIECE];
	size_t length;

	assert_int_equal(hear(fd, message, sizeof(message), &length), 8);
	assert_int_equal((unsigned char)message[0] << 8 |
				 (unsigned char)message[1],
			 code);
	say_bytes(fd, "\x88\x80\0\0\0\0", 6);
	assert_false(read_byte(fd, message));
	close(fd);
}

static void await(_Atomic int *count, int wanted)
{
	const struct timespec moment = { .tv_nsec = 5000000 };

	for (int i = 0; i < PATIENCE_MS / 5 && atomic_load(count) < wanted; i++)
		(void)nanosleep(&moment, NULL);
	assert_int_equal(atomic_load(count), wanted);
}

/* --- the tests --------------------------------------------------------- */

static void who_may_hears_both_kinds(void **state)
{
	int fd = open_socket("/greeter", UPGRADE ADMIN);

	(void)state;
	expect_greeting(fd);
	assert_int_equal(atomic_load(&closed), 0);
	close(fd);
	await(&closed, 1);
}

static void others_read_why_not(void **state)
{
	static const struct {
		const char *path, *headers;
		int status;
	} cases[] = {
		{ "/greeter", ADMIN, 426 },
		{ "/greeter", UPGRADE ADMIN "Sec-WebSocket-Protocol: x\r\n",
		  426 },
		{ "/greeter", UPGRADE, 401 },
		{ "/greeter", UPGRADE "Authorization: Bearer wrong\r\n", 401 },
		{ "/none", UPGRADE ADMIN, 404 },
	};
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (ask(cases[i].path, cases[i].headers, &fd) !=
		    cases[i].status)
			fail_msg("case %zu", i);
	assert_int_equal(atomic_load(&opened), 0);
	assert_int_equal(atomic_load(&closed), 2); /* of the first two */
}

/* An upgrade with the token of such a user behind `header`. */
static void show_token(char *text, size_t size, const char *header,
		       const char *role, int64_t issued_us)
{
	int64_t expires_us;
	char *token = access_issue(&access_rules, "a@b.test", role, issued_us,
				   &expires_us);

	assert_non_null(token);
	(void)snprintf(text, size, UPGRADE "%s%s\r\n", header, token);
	free(token);
}

static void a_cookie_is_for_our_own_page(void **state)
{
	static const char cookie[] = "Cookie: holdline=";
	char headers[1024], all[1200];
	int fd;

	(void)state;
	show_token(headers, sizeof(headers), cookie, "operator",
		   clock_wall_us());
	assert_int_equal(ask("/greeter", headers, &fd), 403);
	(void)snprintf(all, sizeof(all), "%sOrigin: http://evil.test\r\n",
		       headers);
	assert_int_equal(ask("/greeter", all, &fd), 403);
	(void)snprintf(all, sizeof(all), "%sOrigin: http://a.test\r\n",
		       headers);
	fd = open_socket("/greeter", all);
	expect_greeting(fd);
	close(fd);
	show_token(headers, sizeof(headers), cookie, "viewer", clock_wall_us());
	(void)snprintf(all, sizeof(all), "%sOrigin: http://a.test\r\n",
		       headers);
	assert_int_equal(ask("/greeter", all, &fd), 403);
}

static void it_ends_with_the_token(void **state)
{
	char headers[1024];
	int fd;

	(void)state;
	show_token(headers, sizeof(headers), "Authorization: Bearer ", "admin",
		   clock_wall_us() - CLOCKS_DIFFER_US);
	fd = open_socket("/greeter", headers);
	expect_greeting(fd);
	expect_close(fd, HTTP_SOCKET_NOT_ALLOWED);
	await(&closed, 1);
}

static void there_are_so_many_and_no_more(void **state)
{
	int fds[SOCKETS_MAX], more;

	(void)state;
	for (int i = 0; i < SOCKETS_MAX; i++)
		fds[i] = open_socket("/greeter", UPGRADE ADMIN);
	assert_int_equal(ask("/greeter", UPGRADE ADMIN, &more), 503);
	assert_int_equal(
		board_get(board_series(METRIC_SOCKETS, "kind=\"greeter\"")),
		SOCKETS_MAX);
	for (int i = 0; i < SOCKETS_MAX; i++)
		close(fds[i]);
	await(&closed, SOCKETS_MAX + 1);
	close(open_socket("/greeter", UPGRADE ADMIN));
}

static void what_may_be_lost_is_dropped_and_counted(void **state)
{
	const struct board_series *lost = board_series(
		METRIC_SOCKET_MESSAGES_LOST_TOTAL, "kind=\"flooder\"");
	int64_t before = board_get(lost);
	int fd = open_socket("/losable", UPGRADE);
	char message[PIECE];
	size_t length;

	(void)state;
	for (size_t i = 0; i < FIT; i++)
		assert_int_equal(hear(fd, message, sizeof(message), &length),
				 2);
	assert_int_equal(board_get(lost) - before, MANY - FIT);
	close(fd);
}

static void where_all_counts_a_slow_peer_is_let_go(void **state)
{
	int fd = open_socket("/dear", UPGRADE);

	(void)state;
	expect_close(fd, HTTP_SOCKET_TOO_SLOW);
	await(&closed, 1);
}

static void what_was_said_before_the_end_is_heard(void **state)
{
	int fd = open_socket("/brief", UPGRADE);

	(void)state;
	expect_greeting(fd);
	expect_close(fd, HTTP_SOCKET_DONE);
}

static void a_peer_that_ignores_the_close_is_cut_off(void **state)
{
	int fd = open_socket("/brief", UPGRADE);
	char byte;

	(void)state;
	while (read_byte(fd, &byte))
		;
	close(fd);
	await(&closed, 1);
}

static void a_server_that_ends_says_so(void **state)
{
	int fd = open_socket("/greeter", UPGRADE ADMIN);
	char message[200];
	size_t length;

	expect_greeting(fd);
	(void)tear_down(state);
	assert_int_equal(atomic_load(&closed), 1);
	assert_int_equal(hear(fd, message, sizeof(message), &length), 8);
	assert_memory_equal(message, "\x03\xe9", 2);
	close(fd);
	assert_int_equal(set_up(state), 0); /* for the tear-down */
}

#define OVER_SOCKETS(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_SOCKETS(who_may_hears_both_kinds),
		OVER_SOCKETS(others_read_why_not),
		OVER_SOCKETS(a_cookie_is_for_our_own_page),
		OVER_SOCKETS(it_ends_with_the_token),
		OVER_SOCKETS(there_are_so_many_and_no_more),
		OVER_SOCKETS(what_may_be_lost_is_dropped_and_counted),
		OVER_SOCKETS(where_all_counts_a_slow_peer_is_let_go),
		OVER_SOCKETS(what_was_said_before_the_end_is_heard),
		OVER_SOCKETS(a_peer_that_ignores_the_close_is_cut_off),
		OVER_SOCKETS(a_server_that_ends_says_so),
	};

	return cmocka_run_group_tests_name("http_socket", tests, NULL, NULL);
}
