/* outbox_api_test.c - operators' requests, checked and carried to the drainer
 *
 * The drainer is ours here: it keeps what it is given until the test has it
 * done, in a thread of its own as the real one would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ev.h>

#include "persistence/drainer.h"
#include "server/control/api/access.h"
#include "server/control/api/outbox_api.h"
#include "server/control/context.h"
#include "server/control/http/http.h"
#include "server/control/http/http_later.h"

#define ID_A "01980000-0000-7000-8000-00000000000a"
#define ID_B "01980000-0000-7000-8000-00000000000b"

static char some_memory; /* its address is a drainer to us */
#define some_drainer ((struct drainer *)(void *)&some_memory)
static struct control_context context;
static struct drainer_job *submitted; /* what the drainer was given */
static int submit_error;

int drainer_submit(struct drainer *drainer, struct drainer_job *job)
{
	assert_ptr_equal(drainer, some_drainer);
	if (submit_error)
		return submit_error;
	submitted = job;
	return 0;
}

static const struct access admits = { .admin_token = "secret" };
static const struct http_route routes[] = {
	{ HTTP_POST, "/api/outbox/{verb}", outbox_api_post, HTTP_OPERATOR },
	{ HTTP_POST, "/api/dead-letters/{verb}", dead_letters_api_post,
	  HTTP_OPERATOR },
	{ HTTP_POST, "/api/dead-letters/{id}/retry", dead_letters_api_retry,
	  HTTP_OPERATOR },
};
static const struct http_router router = {
	.routes = routes,
	.count = sizeof(routes) / sizeof(routes[0]),
	.context = &context,
	.access = &admits,
};

static struct ev_loop *loop;
static struct http_mailbox *mailbox;
static bool arrived;

static void on_arrived(void *waiter)
{
	assert_ptr_equal(waiter, &arrived);
	arrived = true;
}

static int set_up(void **state)
{
	(void)state;
	context = (struct control_context){ .drainer = some_drainer };
	submitted = NULL;
	submit_error = 0;
	arrived = false;
	loop = ev_loop_new(EVFLAG_AUTO);
	return loop ? http_mailbox_create(&mailbox, loop, on_arrived) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	mailbox = http_mailbox_destroy(mailbox);
	ev_loop_destroy(loop);
	return 0;
}

static struct http_response post(const char *path, const char *body)
{
	const struct http_request request = {
		.method = HTTP_POST,
		.path = path,
		.authorization = "Bearer secret",
		.body = body,
		.body_length = strlen(body),
		.mailbox = mailbox,
	};
	struct http_response response;
	struct bearer bearer;

	http_answer(&router, &request, &response, &bearer);
	return response;
}

static void *finish(void *job)
{
	((struct drainer_job *)job)->done(job);
	return NULL;
}

/* Has the drainer be done with it, and takes the answer on the loop. */
static struct http_response answer_of(struct http_later *later, int error,
				      struct operation_result result)
{
	struct http_response response;
	pthread_t thread;

	assert_non_null(later);
	http_later_expect(later, &arrived);
	submitted->error = error;
	submitted->result = result;
	assert_int_equal(pthread_create(&thread, NULL, finish, submitted), 0);
	while (!arrived)
		ev_run(loop, EVRUN_ONCE);
	pthread_join(thread, NULL);
	assert_true(http_later_take(later, &response));
	return response;
}

static void assert_says(struct http_response *response, int status,
			const char *text)
{
	assert_null(response->later);
	assert_int_equal(response->status, status);
	if (!strstr(response->body, text))
		fail_msg("%s lacks %s", response->body, text);
	http_response_finish(response);
}

static void what_is_wrong_in_a_body_is_named(void **state)
{
	static const struct {
		const char *path, *body;
		int status;
		const char *says;
	} rows[] = {
		{ "outbox/hold", "", 400, "no JSON object" },
		{ "outbox/hold", "[]", 400, "no JSON object" },
		{ "outbox/hold", "{\"ids\":[", 400, "no JSON object" },
		{ "outbox/hold", "{}", 400, "ids: hold needs at least one" },
		{ "outbox/hold", "{\"ids\":[]}", 400, "needs at least one" },
		{ "outbox/hold", "{\"ids\":\"x\"}", 400, "array of UUIDs" },
		{ "outbox/hold", "{\"ids\":[\"" ID_A "\",\"0198\"]}", 400,
		  "element 1 is no UUID" },
		{ "outbox/hold", "{\"ids\":[7]}", 400, "element 0 is no UUID" },
		{ "outbox/hold", "{\"ids\":[\"" ID_A "\"],\"idz\":1}", 400,
		  "idz: no such key" },
		{ "outbox/hold", "{\"ids\":[\"" ID_A "\"],\"dry_run\":1}", 400,
		  "dry_run: needs true or false" },
		{ "outbox/hold", "{\"ids\":[\"" ID_A "\"],\"who\":\"a b\"}",
		  400, "who: needs printable" },
		{ "outbox/hold", "{\"ids\":[\"" ID_A "\"],\"who\":\"\"}", 400,
		  "who: needs a text" },
		{ "outbox/hold", "{\"ids\":[\"" ID_A "\"],\"name\":\"x\"}", 400,
		  "name: hold takes none" },
		{ "outbox/import", "{}", 400, "name: import needs one" },
		{ "outbox/import", "{\"name\":\"../x\"}", 400,
		  "name of a directory" },
		{ "outbox/import", "{\"name\":\"a/b\"}", 400,
		  "name of a directory" },
		{ "outbox/pause", "{\"ids\":[\"" ID_A "\"]}", 400,
		  "ids: pause takes none" },
		{ "outbox/retry", "{\"ids\":[\"" ID_A "\"]}", 404,
		  "no such operation" },
		{ "outbox/explode", "{}", 404, "no such operation" },
		{ "dead-letters/hold", "{\"ids\":[\"" ID_A "\"]}", 404,
		  "no such operation" },
		{ "dead-letters/x/retry", "", 400, "the path needs a UUID" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_response response;
		char path[64];

		print_message("  %s %s\n", rows[i].path, rows[i].body);
		(void)snprintf(path, sizeof(path), "/api/%s", rows[i].path);
		response = post(path, rows[i].body);
		assert_says(&response, rows[i].status, rows[i].says);
		assert_null(submitted);
	}
}

static void too_many_ids_are_refused(void **state)
{
	size_t room = (OPERATION_IDS_MAX + 1) * sizeof(ID_A ",\"\"") + 64;
	char *body = malloc(room);
	struct http_response response;
	size_t length;

	(void)state;
	assert_non_null(body);
	length = (size_t)snprintf(body, room, "{\"ids\":[\"" ID_A "\"");
	for (size_t i = 0; i < OPERATION_IDS_MAX; i++)
		length += (size_t)snprintf(body + length, room - length,
					   ",\"" ID_A "\"");
	(void)snprintf(body + length, room - length, "]}");
	response = post("/api/outbox/drop", body);
	assert_says(&response, 400, "1001 are too many");
	free(body);
}

static void
an_operation_reaches_the_drainer_and_its_result_the_caller(void **state)
{
	static const struct {
		const char *path;
		enum operation_verb verb;
		const char *body;
		size_t ids;
	} rows[] = {
		{ "outbox/hold", OPERATION_HOLD,
		  "{\"ids\":[\"" ID_A "\",\"" ID_B "\"],\"who\":\"anna@desk\"}",
		  2 },
		{ "outbox/release", OPERATION_RELEASE,
		  "{\"ids\":[\"" ID_A "\"]}", 1 },
		{ "outbox/drop", OPERATION_DROP, "{\"ids\":[\"" ID_A "\"]}",
		  1 },
		{ "outbox/replay", OPERATION_REPLAY, "{\"ids\":[\"" ID_A "\"]}",
		  1 },
		{ "outbox/import", OPERATION_IMPORT,
		  "{\"name\":\"20261123T061700-import-0a\"}", 0 },
		{ "outbox/pause", OPERATION_PAUSE, "{}", 0 },
		{ "outbox/resume", OPERATION_RESUME, "{}", 0 },
		{ "outbox/kick", OPERATION_KICK, "{\"who\":\"x\"}", 0 },
		{ "dead-letters/retry", OPERATION_RETRY,
		  "{\"ids\":[\"" ID_A "\"]}", 1 },
		{ "dead-letters/drop", OPERATION_BURY,
		  "{\"ids\":[\"" ID_A "\"],\"dry_run\":true}", 1 },
		{ "dead-letters/" ID_A "/retry", OPERATION_RETRY, "", 1 },
		{ "dead-letters/" ID_A "/retry", OPERATION_RETRY, "{}", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_response response;
		char path[80];

		print_message("  %s\n", rows[i].path);
		arrived = false;
		(void)snprintf(path, sizeof(path), "/api/%s", rows[i].path);
		response = post(path, rows[i].body);
		assert_int_equal(submitted->operation.verb, rows[i].verb);
		assert_int_equal(submitted->operation.count, rows[i].ids);
		assert_int_equal(submitted->operation.dry_run,
				 strstr(rows[i].body, "true") != NULL);
		assert_string_equal(submitted->operation.who,
				    i == 0			  ? "anna@desk"
				    : strstr(rows[i].body, "who") ? "x"
								  : "api");
		response = answer_of(
			response.later, 0,
			(struct operation_result){ .done = 3, .missing = 1 });
		assert_says(&response, 200,
			    "\"done\":3,\"already\":0,\"missing\":1");
	}
}

static void what_cannot_be_done_now_is_503_and_never_500(void **state)
{
	static const struct {
		int error, status;
		const char *says;
	} rows[] = {
		{ -ENOSPC, 503, "No space left on device" },
		{ -EIO, 503, "repeat it later" },
		{ -ENOMEM, 503, "repeat it later" },
		{ -ECANCELED, 503, "the drainer does not run" },
		{ -ENOENT, 404, "nothing there by that name" },
		{ -EINVAL, 400, "no such operation" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_response response = post("/api/outbox/pause", "{}");

		arrived = false;
		response = answer_of(response.later, rows[i].error,
				     (struct operation_result){ 0 });
		assert_says(&response, rows[i].status, rows[i].says);
	}
}

static void a_drainer_that_takes_nothing_is_503_at_once(void **state)
{
	struct http_response response;

	(void)state;
	submit_error = -EBUSY;
	response = post("/api/outbox/pause", "{}");
	assert_says(&response, 503, "too many operations wait");
	submit_error = -ECANCELED;
	response = post("/api/outbox/pause", "{}");
	assert_says(&response, 503, "the drainer does not run");
	context.drainer = NULL;
	response = post("/api/outbox/pause", "{}");
	assert_says(&response, 503, "the drainer does not run");
}

#define api_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		api_test(what_is_wrong_in_a_body_is_named),
		api_test(too_many_ids_are_refused),
		api_test(
			an_operation_reaches_the_drainer_and_its_result_the_caller),
		api_test(what_cannot_be_done_now_is_503_and_never_500),
		api_test(a_drainer_that_takes_nothing_is_503_at_once),
	};

	return cmocka_run_group_tests_name("outbox_api", tests, NULL, NULL);
}
