/* trace_test.c - what is a traceparent (W3C Trace Context, section 3), and what
 * is none */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "server/trace.h"

#define ID   "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

struct row {
	const char *header;
	bool taken, sampled;
};

static const struct row rows[] = {
	{ "00-" ID "-" SPAN "-01", true, true },
	{ "00-" ID "-" SPAN "-00", true, false },
	{ "00-" ID "-" SPAN "-ff", true, true },
	{ "00-" ID "-" SPAN "-02", true, false },
	/* A version to come may say more, behind a dash. */
	{ "01-" ID "-" SPAN "-01", true, true },
	{ "cc-" ID "-" SPAN "-01-what-the-future-says", true, true },
	{ "cc-" ID "-" SPAN "-01.no", false, false },
	{ "00-" ID "-" SPAN "-01-more", false, false },
	{ "ff-" ID "-" SPAN "-01", false, false },
	{ "0-" ID "-" SPAN "-01", false, false },
	{ "0x-" ID "-" SPAN "-01", false, false },
	{ "00-00000000000000000000000000000000-" SPAN "-01", false, false },
	{ "00-" ID "-0000000000000000-01", false, false },
	{ "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false, false },
	{ "00-" ID "-00F067AA0BA902B7-01", false, false },
	{ "00-" ID "-" SPAN "-0g", false, false },
	{ "00-" ID "-" SPAN "-0", false, false },
	{ "00-" ID "-" SPAN "-", false, false },
	{ "00_" ID "-" SPAN "-01", false, false },
	{ "00-" ID "_" SPAN "-01", false, false },
	{ "00-" ID "-" SPAN "_01", false, false },
	{ " 00-" ID "-" SPAN "-01", false, false },
	{ "00-" ID "-" SPAN "-01 ", false, false },
	{ "00-" ID "-" SPAN "-01\n", false, false },
	{ "00", false, false },
	{ "", false, false },
};

static void only_what_the_standard_says_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trace trace = { .id = "before" };

		if (trace_parse(rows[i].header, &trace) != rows[i].taken)
			fail_msg("\"%s\"", rows[i].header);
		assert_string_equal(trace.id, rows[i].taken ? ID : "before");
		assert_int_equal(trace.sampled, rows[i].sampled);
	}
}

static void without_one_a_trace_begins(void **state)
{
	struct trace one, other;

	(void)state;
	trace_take(NULL, &one);
	trace_take("nonsense", &other);
	assert_int_equal(strlen(one.id), TRACE_ID_SIZE - 1);
	assert_int_equal(strlen(other.id), TRACE_ID_SIZE - 1);
	assert_string_not_equal(one.id, other.id);
}

/* The same trace, and a span of our own each time. */
static void what_we_send_on_is_one_again(void **state)
{
	char parent[TRACEPARENT_SIZE], again[TRACEPARENT_SIZE];
	struct trace trace, read;

	(void)state;
	trace_take(rows[0].header, &trace);
	trace_parent(&trace, parent);
	trace_parent(&trace, again);
	assert_true(trace_parse(parent, &read));
	assert_string_equal(read.id, ID);
	assert_true(read.sampled);
	assert_string_not_equal(parent, again);
	assert_string_not_equal(parent, rows[0].header);
}

static void the_trace_of_a_record_is_followed(void **state)
{
	struct trace trace;

	(void)state;
	trace_follow(ID, &trace);
	assert_string_equal(trace.id, ID);
	trace_follow("4BF92F3577B34DA6A3CE929D0E0E4736", &trace);
	assert_string_not_equal(trace.id, ID);
	assert_int_equal(strlen(trace.id), TRACE_ID_SIZE - 1);
	trace_follow("", &trace);
	assert_int_equal(strlen(trace.id), TRACE_ID_SIZE - 1);
	trace_follow(NULL, &trace);
	assert_int_equal(strlen(trace.id), TRACE_ID_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_the_standard_says_is_taken),
		cmocka_unit_test(without_one_a_trace_begins),
		cmocka_unit_test(what_we_send_on_is_one_again),
		cmocka_unit_test(the_trace_of_a_record_is_followed),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
