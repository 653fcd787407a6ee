/* http_test.c - routes, refusals and limits, over real sockets
 */
#include "http_kit.h"

#include "server/control/api/access.h"
#include "server/control/http/http.h"
#include "server/control/http/http_later.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TOKEN "0123456789abcdef0123456789abcdef"
#define BIG_BYTES                                                  \
	((size_t)3 * 1024 * 1024) /* more than socket buffers hold \
				   */

/* --- the server -------------------------------------------------------- */

static void say_hello(const struct http_request *request,
		      struct http_response *response, void *context)
{
	(void)request;
	http_reply(response, 200, "text/plain", strdup(context), 5);
}

static void echo_body(const struct http_request *request,
		      struct http_response *response, void *context)
{
	(void)context;
	http_reply(response, 200, "text/plain",
		   strndup(request->body, request->body_length),
		   request->body_length);
}

static void send_much(const struct http_request *request,
		      struct http_response *response, void *context)
{
	char *body = malloc(BIG_BYTES);

	(void)request;
	(void)context;
	if (body)
		memset(body, 'x', BIG_BYTES);
	http_reply(response, 200, "text/plain", body, BIG_BYTES);
}

static void echo_parameter(const struct http_request *request,
			   struct http_response *response, void *context)
{
	(void)context;
	http_reply(response, 200, "text/plain", strdup(request->parameter),
		   strlen(request->parameter));
}

static void echo_query(const struct http_request *request,
		       struct http_response *response, void *context)
{
	const char *value = http_query(request, "name");

	(void)context;
	if (!value)
		value = "none";
	http_reply(response, 200, "text/plain", strdup(value), strlen(value));
}

/* Promises that nobody has kept yet; the tests' own thread keeps them. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct http_later *list[HTTP_LATER_MAX];
	size_t count;
} promised = { .lock = PTHREAD_MUTEX_INITIALIZER,
	       .more = PTHREAD_COND_INITIALIZER };

static void answer_later(const struct http_request *request,
			 struct http_response *response, void *context)
{
	struct http_later *later = http_later_promise(request);

	(void)context;
	if (!later) {
		http_reply_error(response, 503, "too many");
		return;
	}
	pthread_mutex_lock(&promised.lock);
	promised.list[promised.count++] = later;
	pthread_cond_signal(&promised.more);
	pthread_mutex_unlock(&promised.lock);
	response->later = later;
}

static const struct http_route routes[] = {
	{ HTTP_GET, "/hello", say_hello, HTTP_ANYBODY },
	{ HTTP_GET, "/big", send_much, HTTP_ANYBODY },
	{ HTTP_POST, "/echo", echo_body, HTTP_ANYBODY },
	{ HTTP_DELETE, "/echo", say_hello, HTTP_ANYBODY },
	{ HTTP_GET, "/secret", say_hello, HTTP_ADMIN },
	{ HTTP_POST, "/later", answer_later, HTTP_ANYBODY },
	{ HTTP_GET, "/query", echo_query, HTTP_ANYBODY },
	{ HTTP_GET, "/things/{id}", echo_parameter, HTTP_ANYBODY },
	{ HTTP_GET, "/things/{id}/name", echo_parameter, HTTP_ANYBODY },
};

static char hello[] = "hello";
static const struct access admits = { .admin_token = TOKEN };
static const struct http_router router = {
	.routes = routes,
	.count = sizeof(routes) / sizeof(routes[0]),
	.context = hello,
	.access = &admits,
};

static int set_up(void **state)
{
	(void)state;
	return serve_routes(&router, 0);
}

/* --- the client -------------------------------------------------------- */

static bool has_hung_up(int fd)
{
	char byte;

	while (read_byte(fd, &byte))
		;
	return true;
}

static void expect(int fd, int status, const char *body)
{
	struct reply reply = listen_to(fd, true);

	assert_int_equal(reply.status, status);
	assert_string_equal(reply.body, body);
	free(reply.body);
}

/* Whatever a rude peer did, the next one is served. */
static void expect_service(void)
{
	int fd = dial();

	say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(fd, 200, "hello");
	close(fd);
}

/* --- the tests --------------------------------------------------------- */

#define NOT_FOUND \
	"{\"error\":\"NOT_FOUND\",\"detail\":\"no such path\",\"status\":404}"
#define NOT_ALLOWED                                     \
	"{\"error\":\"METHOD_NOT_ALLOWED\",\"detail\":" \
	"\"this path has other methods\",\"status\":405}"
#define UNAUTHORIZED                              \
	"{\"error\":\"UNAUTHORIZED\",\"detail\":" \
	"\"sign in, or send a token\",\"status\":401}"

static const struct exchange_case {
	const char *name, *request;
	int status;
	const char *body;
} exchanges[] = {
	{ "a route answers", "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 200,
	  "hello" },
	{ "the query is no part of the path",
	  "GET /hello?x=1&y=2 HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello" },
	{ "an unknown path is 404", "GET /nope HTTP/1.1\r\nHost: a\r\n\r\n",
	  404, NOT_FOUND },
	{ "a longer path is 404", "GET /hello/x HTTP/1.1\r\nHost: a\r\n\r\n",
	  404, NOT_FOUND },
	{ "the root is 404", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404,
	  NOT_FOUND },
	{ "another method is 405", "DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n",
	  405, NOT_ALLOWED },
	{ "GET of a POST route is 405", "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n",
	  405, NOT_ALLOWED },
	{ "the second route of a path is found",
	  "DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello" },
	{ "a body comes through whole",
	  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
	  "hello=world",
	  200, "hello=world" },
	{ "an empty body is a body",
	  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200,
	  "" },
	{ "a part of the path is a parameter",
	  "GET /things/0198 HTTP/1.1\r\nHost: a\r\n\r\n", 200, "0198" },
	{ "a parameter ends at the slash",
	  "GET /things/0198/name HTTP/1.1\r\nHost: a\r\n\r\n", 200, "0198" },
	{ "a parameter is not empty",
	  "GET /things/ HTTP/1.1\r\nHost: a\r\n\r\n", 404, NOT_FOUND },
	{ "behind a parameter the path must fit too",
	  "GET /things/0198/names HTTP/1.1\r\nHost: a\r\n\r\n", 404,
	  NOT_FOUND },
	{ "a parameter past the limit fits no route",
	  "GET /things/" HEX64 HEX64 HEX64 HEX64 " HTTP/1.1\r\nHost: a\r\n\r\n",
	  404, NOT_FOUND },
	{ "another method of such a path is 405",
	  "DELETE /things/0198 HTTP/1.1\r\nHost: a\r\n\r\n", 405, NOT_ALLOWED },
	{ "a query is not needed", "GET /query HTTP/1.1\r\nHost: a\r\n\r\n",
	  200, "none" },
	{ "a parameter of the query is found by its whole name",
	  "GET /query?names=1&nam=2&name=3&name=4 HTTP/1.1\r\nHost: a\r\n\r\n",
	  200, "3" },
	{ "its value is decoded",
	  "GET /query?a=b%26name=1&name=x%26y%3dz HTTP/1.1\r\nHost: a\r\n\r\n",
	  200, "x&y=z" },
	{ "a name alone has an empty value",
	  "GET /query?a&name HTTP/1.1\r\nHost: a\r\n\r\n", 200, "" },
	{ "no token, no answer", "GET /secret HTTP/1.1\r\nHost: a\r\n\r\n", 401,
	  UNAUTHORIZED },
	{ "a wrong token is refused",
	  "GET /secret HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
	  "x123456789abcdef0123456789abcdef\r\n\r\n",
	  401, UNAUTHORIZED },
	{ "half of the token is refused",
	  "GET /secret HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
	  "0123456789abcdef\r\n\r\n",
	  401, UNAUTHORIZED },
	{ "another scheme is refused",
	  "GET /secret HTTP/1.1\r\nHost: a\r\nAuthorization: Basic " TOKEN
	  "\r\n\r\n",
	  401, UNAUTHORIZED },
	{ "the token opens",
	  "GET /secret HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " TOKEN
	  "\r\n\r\n",
	  200, "hello" },
};

static void each_request_has_its_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		int fd = dial();

		print_message("  %s\n", exchanges[i].name);
		say(fd, exchanges[i].request);
		expect(fd, exchanges[i].status, exchanges[i].body);
		close(fd);
	}
}

static void a_connection_is_kept_for_the_next_request(void **state)
{
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		print_message("  %s\n", exchanges[i].name);
		say(fd, exchanges[i].request);
		expect(fd, exchanges[i].status, exchanges[i].body);
	}
	close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /nope HTTP/1.1\r\nHost: a\r\n\r\n"
		"HEAD /nope HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	expect(fd, 200, "hello");
	expect(fd, 404, NOT_FOUND);
	free(listen_to(fd, false).body);
	expect(fd, 200, "hello");
	assert_true(has_hung_up(fd));
	close(fd);
}

/* libwebsockets would read it from the wrong place. */
static void a_pipelined_body_is_refused_and_never_misread(void **state)
{
	int fd = dial();
	struct reply reply;

	(void)state;
	say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
		"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(fd, 200, "hello");
	reply = listen_to(fd, true);
	assert_int_equal(reply.status, 400);
	free(reply.body);
	assert_true(has_hung_up(fd));
	close(fd);
	expect_service();
}

static void what_follows_a_body_is_answered(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
		"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(fd, 200, "abc");
	expect(fd, 200, "hello");
	close(fd);
}

static void an_offered_upgrade_is_not_taken_up(void **state)
{
	static const char *const offers[] = {
		"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, "
		"HTTP2-Settings\r\nUpgrade: h2c\r\n"
		"HTTP2-Settings: AAMAAABk\r\n\r\n",
		"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		int fd = dial();

		say(fd, offers[i]);
		expect(fd, 200, "hello");
		assert_true(has_hung_up(fd));
		close(fd);
	}
}

static void head_has_the_head_alone(void **state)
{
	int fd = dial();
	struct reply reply;

	(void)state;
	say(fd, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	reply = listen_to(fd, false);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.length, 5);
	free(reply.body);
	/* Had a body come, it would stand before this answer. */
	say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(fd, 200, "hello");
	close(fd);
}

static void answers_carry_the_right_headers(void **state)
{
	int fd = dial();
	struct reply reply;

	(void)state;
	say(fd, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	reply = listen_to(fd, true);
	assert_int_equal(reply.status, 405);
	assert_non_null(strcasestr(reply.head, "\r\nallow: POST, DELETE\r\n"));
	assert_non_null(strcasestr(reply.head,
				   "\r\ncontent-type: application/json\r\n"));
	assert_non_null(strcasestr(reply.head,
				   "\r\nx-content-type-options: nosniff\r\n"));
	assert_non_null(
		strcasestr(reply.head, "\r\ncache-control: no-store\r\n"));
	assert_null(strcasestr(reply.head, "\r\nserver:"));
	free(reply.body);
	close(fd);
}

static const struct refusal_case {
	const char *name, *request;
	int status;
} refusals[] = {
	{ "a body past the limit",
	  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n",
	  413 },
	{ "a body of absurd length",
	  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: "
	  "99999999999999999999\r\n\r\n",
	  413 },
	{ "a negative length",
	  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400 },
	{ "a length that is no number",
	  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\n", 400 },
	{ "a body without a length", "POST /echo HTTP/1.1\r\nHost: a\r\n\r\n",
	  411 },
	{ "a chunked body",
	  "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
	  "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	  411 },
	{ "a length and chunks at once, as smugglers send",
	  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hello "
	  "HTTP/1.1\r\n\r\n",
	  411 },
};

static void what_cannot_be_taken_ends_the_connection(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		int fd = dial();
		struct reply reply;

		print_message("  %s\n", refusals[i].name);
		say(fd, refusals[i].request);
		reply = listen_to(fd, true);
		assert_int_equal(reply.status, refusals[i].status);
		assert_true(has_hung_up(fd));
		free(reply.body);
		close(fd);
	}
	expect_service();
}

static void the_largest_body_is_taken(void **state)
{
	char *body = malloc(HTTP_BODY_MAX + 1);
	char head[128];
	int fd = dial();

	(void)state;
	assert_non_null(body);
	memset(body, 'b', HTTP_BODY_MAX);
	body[HTTP_BODY_MAX] = '\0';
	(void)snprintf(head, sizeof(head),
		       "POST /echo HTTP/1.1\r\nHost: a\r\n"
		       "Content-Length: %zu\r\n\r\n",
		       HTTP_BODY_MAX);
	say(fd, head);
	say(fd, body);
	expect(fd, 200, body);
	free(body);
	close(fd);
}

/* Whether libwebsockets answers such things or hangs up is its business. */
static void nonsense_costs_its_own_connection_alone(void **state)
{
	static const char *const nonsense[] = {
		"\r\n\r\n\r\n",
		"GARBAGE\r\n\r\n",
		"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET\r\n\r\n",
		"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		int fd = dial();

		say(fd, nonsense[i]);
		expect_service();
		close(fd);
	}
}

static void an_endless_head_is_cut_off(void **state)
{
	char line[1024];
	int fd = dial();

	(void)state;
	(void)snprintf(line, sizeof(line), "X-Filler: %01000d\r\n", 0);
	say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 256; i++)
		say(fd, line);
	shutdown(fd, SHUT_WR);
	assert_true(has_hung_up(fd));
	close(fd);
	expect_service();
}

static void a_path_past_the_limit_is_refused(void **state)
{
	char request[HTTP_PATH_MAX + 64];
	int fd = dial();
	struct reply reply;

	(void)state;
	(void)snprintf(request, sizeof(request), "GET /%0*d HTTP/1.1\r\n\r\n",
		       HTTP_PATH_MAX, 1);
	say(fd, request);
	reply = listen_to(fd, true);
	assert_int_equal(reply.status, 414);
	free(reply.body);
	close(fd);
}

static void a_peer_that_never_finishes_is_dropped(void **state)
{
	int head = dial(), body = dial();

	(void)state;
	say(head, "GET /hello HT");
	say(body, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
		  "abc");
	expect_service(); /* nobody waits for them */
	assert_true(has_hung_up(head));
	assert_true(has_hung_up(body));
	close(head);
	close(body);
}

static void a_peer_that_never_reads_holds_up_nobody(void **state)
{
	int fd = dial();
	struct reply reply;

	(void)state;
	say(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_service();
	/* A slow reader still gets all of it. */
	reply = listen_to(fd, true);
	assert_int_equal(reply.status, 200);
	assert_int_equal(strspn(reply.body, "x"), BIG_BYTES);
	free(reply.body);
	assert_true(has_hung_up(fd));
	close(fd);
}

static void many_connections_are_answered_at_once(void **state)
{
	int fds[50];

	(void)state;
	for (size_t i = 0; i < 50; i++)
		fds[i] = dial();
	for (size_t i = 0; i < 50; i++)
		say(fds[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	for (size_t i = 50; i-- > 0; close(fds[i]))
		expect(fds[i], 200, "hello");
}

/* --- answers that come later ------------------------------------------- */

static struct http_later *next_promise(void)
{
	struct http_later *later;

	pthread_mutex_lock(&promised.lock);
	while (promised.count == 0)
		pthread_cond_wait(&promised.more, &promised.lock);
	later = promised.list[--promised.count];
	pthread_mutex_unlock(&promised.lock);
	return later;
}

static void keep(struct http_later *later, const char *text)
{
	struct http_response response = { 0 };

	http_reply(&response, 200, "text/plain", strdup(text), strlen(text));
	http_later_keep(later, &response);
}

#define LATER "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"

static void a_promised_answer_comes_and_the_connection_goes_on(void **state)
{
	int fd = dial();

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct http_later *later;

		say(fd, LATER);
		later = next_promise();
		expect_service(); /* nobody waits for who waits */
		keep(later, "done");
		expect(fd, 200, "done");
	}
	say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(fd, 200, "hello");
	close(fd);
}

static void an_answer_may_be_there_before_the_handler_returns(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		int fd = dial();

		say(fd, LATER);
		keep(next_promise(), "soon");
		expect(fd, 200, "soon");
		close(fd);
	}
}

static void who_leaves_before_the_answer_breaks_nothing(void **state)
{
	struct http_later *later[8];

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		int fd = dial();

		say(fd, LATER);
		later[i] = next_promise();
		close(fd);
	}
	expect_service();
	for (size_t i = 0; i < 8; i++)
		keep(later[i], "too late");
	expect_service();
}

static void what_is_pipelined_behind_a_promise_waits_for_it(void **state)
{
	int fd = dial();
	struct http_later *later;

	(void)state;
	say(fd, LATER "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	later = next_promise();
	say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_service();
	keep(later, "first");
	expect(fd, 200, "first");
	expect(fd, 200, "hello");
	expect(fd, 200, "hello");
	close(fd);
}

static void promises_are_bounded(void **state)
{
	struct http_later *later[HTTP_LATER_MAX];
	int fds[HTTP_LATER_MAX], fd;

	(void)state;
	for (size_t i = 0; i < HTTP_LATER_MAX - 20; i++) {
		fds[i] = dial();
		say(fds[i], LATER);
		later[i] = next_promise();
	}
	/* Who leaves takes a promise with it until that is kept. */
	for (size_t i = HTTP_LATER_MAX - 20; i < HTTP_LATER_MAX; i++) {
		fds[i] = dial();
		say(fds[i], LATER);
		later[i] = next_promise();
		close(fds[i]);
	}
	fd = dial();
	say(fd, LATER);
	expect(fd, 503,
	       "{\"error\":\"SERVICE_UNAVAILABLE\",\"detail\":"
	       "\"too many\",\"status\":503}");
	for (size_t i = 0; i < HTTP_LATER_MAX; i++)
		keep(later[i], "kept");
	for (size_t i = 0; i < HTTP_LATER_MAX - 20; i++) {
		expect(fds[i], 200, "kept");
		close(fds[i]);
	}
	say(fd, LATER);
	keep(next_promise(), "room again");
	expect(fd, 200, "room again");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_has_its_answer),
		cmocka_unit_test(a_connection_is_kept_for_the_next_request),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(a_pipelined_body_is_refused_and_never_misread),
		cmocka_unit_test(what_follows_a_body_is_answered),
		cmocka_unit_test(an_offered_upgrade_is_not_taken_up),
		cmocka_unit_test(head_has_the_head_alone),
		cmocka_unit_test(answers_carry_the_right_headers),
		cmocka_unit_test(what_cannot_be_taken_ends_the_connection),
		cmocka_unit_test(the_largest_body_is_taken),
		cmocka_unit_test(nonsense_costs_its_own_connection_alone),
		cmocka_unit_test(an_endless_head_is_cut_off),
		cmocka_unit_test(a_path_past_the_limit_is_refused),
		cmocka_unit_test(a_peer_that_never_finishes_is_dropped),
		cmocka_unit_test(a_peer_that_never_reads_holds_up_nobody),
		cmocka_unit_test(many_connections_are_answered_at_once),
		cmocka_unit_test(
			a_promised_answer_comes_and_the_connection_goes_on),
		cmocka_unit_test(
			an_answer_may_be_there_before_the_handler_returns),
		cmocka_unit_test(who_leaves_before_the_answer_breaks_nothing),
		cmocka_unit_test(
			what_is_pipelined_behind_a_promise_waits_for_it),
		cmocka_unit_test(promises_are_bounded),
	};

	return cmocka_run_group_tests_name("http", tests, set_up, tear_down);
}
