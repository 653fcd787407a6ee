/* payload_test.c - what may stand among others as one row, and what may not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "persistence/payload.h"

struct row {
	const char *bytes;
	size_t length;
};

#define BYTES(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void what_breaks_out_of_its_row_is_refused(void **state)
{
	static const struct row rows[] = {
		BYTES(""),
		BYTES("null"),
		BYTES("[]"),
		BYTES("{}{}"),
		BYTES("{},{}"),
		BYTES("{}]\0"),
		BYTES("{\"a\":1"),
		BYTES("{\"a\":\""),
		BYTES("{\"a\":\"\\\"}"),
		BYTES("{\"a\":{}"),
		BYTES("{}}"),
		BYTES("{\"a\":'}'}"),
		BYTES("{/*}*/}"),
		BYTES("{\"a\":\"\n\"}"),
		BYTES("{\"a\":\"\0\"}"),
		BYTES("{\"a\":\"\\u0000\"}"),
		BYTES("{\"a\\u0000\":1}"),
		BYTES("{\"a\":\"\\ud800\"}"),
		BYTES("{\"a\":\"\\ud800\\u0041\"}"),
		BYTES("{\"a\":\"\\udc00\"}"),
		BYTES("{\"a\":\"\\u12g4\"}"),
		BYTES("{\"a\":\"\\u12\"}"),
		BYTES("{\"a\":\"\\x\"}"),
		BYTES("{\"a\":\"\xff\"}"),
		BYTES("{\"a\":\"\xc3\"}"),
		BYTES("{\"a\":\"\xc0\x80\"}"),
		BYTES("{\"a\":\"\xe0\x80\x80\"}"),
		BYTES("{\"a\":\"\xed\xa0\x80\"}"),
		BYTES("{\"a\":\"\xf0\x80\x80\x80\"}"),
		BYTES("{\"a\":\"\xf4\x90\x80\x80\"}"),
		BYTES("{\"a\":\"\xf5\x80\x80\x80\"}"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (!payload_fault(rows[i].bytes, rows[i].length))
			fail_msg("'%s' (%zu) passes", rows[i].bytes, i);
}

static void what_is_odd_and_allowed_passes(void **state)
{
	static const struct row rows[] = {
		BYTES("{}"),
		BYTES("{ \t\r\n}"),
		BYTES("{\"a\":[1,-2.5e+3,true,false,null,{}]}"),
		BYTES("{\"a{\\\"}]\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"),
		BYTES("{\"a\":\"\\u00e9\\uD83D\\uDE00\\uffff\"}"),
		BYTES("{\"a\":\"\xc2\x80 \xdf\xbf \xe0\xa0\x80\"}"),
		BYTES("{\"a\":\"\xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf\"}"),
		BYTES("{\"a\":\"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\x7f\"}"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *fault =
			payload_fault(rows[i].bytes, rows[i].length);

		if (fault)
			fail_msg("'%s': %s", rows[i].bytes, fault);
	}
}

/* Xorshift: the same on every machine and in every run. */
static uint32_t next_random(void)
{
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* Whatever passes: among its neighbours it is one element, or it spoils the
 * array for all to see. It never hides one. */
static void what_passes_hides_no_neighbour(void **state)
{
	static const char letters[] = "{}[]\"\\:,0u1aD8 '/*";
	unsigned passed = 0;
	char text[24], array[64];

	(void)state;
	for (unsigned i = 0; i < 2000000; i++) {
		size_t length = 2 + next_random() % 10, n;
		json_t *rows;

		text[0] = '{';
		for (n = 1; n < length; n++)
			text[n] =
				letters[next_random() % (sizeof(letters) - 1)];
		if (payload_fault(text, length))
			continue;
		passed++;
		(void)snprintf(array, sizeof(array),
			       "[{\"x\":1},%.*s,{\"y\":2}]", (int)length, text);
		rows = json_loads(array, 0, NULL);
		if (rows && json_array_size(rows) != 3)
			fail_msg("%s", array);
		json_decref(rows);
	}
	assert_true(passed > 1000);
}

/* As jansson has it, which takes a NUL besides. */
static void a_text_is_utf8_without_a_nul(void **state)
{
	static const char letters[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98"
				      "\x80\xed\xa0\xc0\xff";
	char text[6];

	(void)state;
	assert_true(payload_takes_text("", 0));
	assert_false(payload_takes_text("a\0b", 3));
	for (unsigned i = 0; i < 200000; i++) {
		size_t length = 1 + next_random() % sizeof(text);
		json_t *string;

		for (size_t n = 0; n < length; n++)
			text[n] =
				letters[next_random() % (sizeof(letters) - 1)];
		string = json_stringn(text, length);
		assert_int_equal(payload_takes_text(text, length),
				 string != NULL);
		json_decref(string);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_breaks_out_of_its_row_is_refused),
		cmocka_unit_test(what_is_odd_and_allowed_passes),
		cmocka_unit_test(what_passes_hides_no_neighbour),
		cmocka_unit_test(a_text_is_utf8_without_a_nul),
	};

	return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
