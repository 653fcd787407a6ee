/* fields_test.c - the values that a server asks a message for */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/holdload/dialects/fields.h"

static const struct path paths[] = {
	{ { "event" } },
	{ { "media", "payload" } },
	{ { "start", "format" } },
	{ { 0 } },
};

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* The fields of a message, one behind the other; "-" for one that is not there,
 * "!" for all when it is no message. */
static void assert_reads(const char *message, const char *expected)
{
	struct span values[4];
	char got[256] = "";

	if (!fields_read(span_of(message), paths, 4, values))
		strcpy(got, "!");
	else
		for (size_t i = 0; i < 4; i++) {
			if (values[i].text)
				strncat(got, values[i].text, values[i].length);
			else
				strcat(got, "-");
			strcat(got, i < 3 ? "|" : "");
		}
	assert_string_equal(got, expected);
}

static void values_are_found_wherever_they_stand(void **state)
{
	(void)state;
	assert_reads("{\"event\":\"media\",\"media\":{\"payload\":\"//8=\"}}",
		     "media|//8=|-|-");
	assert_reads(" { \"media\" : { \"x\" : [ { \"payload\" : 1 } ] , "
		     "\"payload\"\t:\n7 } , \"event\" : null } ",
		     "null|7|-|-");
	assert_reads("{\"start\":{\"format\":{\"a\":[1,2]}}}",
		     "-|-|{\"a\":[1,2]}|-");
	/* Below another key, or above, it is another value. */
	assert_reads("{\"payload\":1,\"x\":{\"event\":2}}", "-|-|-|-");
	assert_reads("{\"event\":\"a\",\"event\":\"b\"}", "b|-|-|-");
	assert_reads("{\"event\":\"a\\\"b\\\\\"}", "a\\\"b\\\\|-|-|-");
	assert_reads("{}", "-|-|-|-");
}

static void what_is_no_object_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"[]",
		"\"event\"",
		"{",
		"{\"event\"}",
		"{\"event\":}",
		"{\"event\":\"a}",
		"{}{}",
		"{\"a\":1,}",
		"{\"a\" 1}",
		"{\"a\":[1,}",
		"{a:1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_reads(wrong[i], "!");
}

static void what_is_nested_too_deep_is_refused(void **state)
{
	char message[128] = "{\"a\":";

	(void)state;
	for (unsigned i = 1; i < FIELDS_DEPTH - 1; i++)
		strcat(message, "[");
	for (unsigned i = 1; i < FIELDS_DEPTH - 1; i++)
		strcat(message, "]");
	strcat(message, "}");
	assert_reads(message, "-|-|-|-");
	assert_reads("{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		     "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
		     "!");
}

static void elements_come_one_after_the_other(void **state)
{
	static const char *const expected[] = { "{\"a\":1}", "b", "3", "[4]" };
	struct span array = span_of("[ {\"a\":1}, \"b\" ,3,[4] ]"), at = { 0 };
	size_t count = 0;

	(void)state;
	for (; fields_next(array, &at); count++) {
		assert_true(count < 4);
		assert_true(span_is(at, expected[count]));
	}
	assert_int_equal(count, 4);
	at = (struct span){ 0 };
	assert_false(fields_next(span_of("[]"), &at));
	assert_false(fields_next(span_of("{}"), &at));
}

static void escapes_become_characters(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(
		fields_unescape(span_of("\\/a\\u002B\\n"), out, sizeof(out)),
		4);
	assert_memory_equal(out, "/a+\n", 4);
	assert_int_equal(fields_unescape(span_of("\\u00e4"), out, 8), -1);
	assert_int_equal(fields_unescape(span_of("\\x"), out, 8), -1);
	assert_int_equal(fields_unescape(span_of("\\"), out, 8), -1);
	assert_int_equal(fields_unescape(span_of("123456789"), out, 8), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_wherever_they_stand),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(what_is_nested_too_deep_is_refused),
		cmocka_unit_test(elements_come_one_after_the_other),
		cmocka_unit_test(escapes_become_characters),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
