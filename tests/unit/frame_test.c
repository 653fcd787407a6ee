/* frame_test.c - the scanner answers as jansson would, or not at all
 *
 * Each row is a message and whose it is. For every message that the scanner
 * takes, each value it found is held against jansson's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "media/frame.h"

enum { EVENT, STREAM, CHUNK, PAYLOAD, NAMED };

static const struct frame_key named[] = {
	FRAME_KEY("event", EVENT, false, false),
	FRAME_KEY("streamSid", STREAM, false, false),
	FRAME_KEY("chunk", CHUNK, true, false),
	FRAME_KEY("payload", PAYLOAD, true, true),
};
static const struct frame_keys keys = { .object = "media",
					.keys = named,
					.count = NAMED };

struct row {
	const char *message;
	bool mine;
};

static void same_value(const char *message, const json_t *expected,
		       const struct frame_value *value)
{
	char digits[32];

	if (!expected != !value->text)
		fail_msg("%s: only one of the two found a value", message);
	if (!expected)
		return;
	if (value->number) {
		assert_true(json_is_integer(expected));
		(void)snprintf(digits, sizeof(digits), "%lld",
			       (long long)json_integer_value(expected));
		assert_int_equal(value->length, strlen(digits));
		assert_memory_equal(value->text, digits, value->length);
		return;
	}
	assert_true(json_is_string(expected));
	assert_int_equal(value->length, json_string_length(expected));
	assert_memory_equal(value->text, json_string_value(expected),
			    value->length);
}

static void same_as_jansson(const char *message,
			    const struct frame_value *values)
{
	json_t *doc = json_loads(message, 0, NULL);

	if (!doc)
		fail_msg("%s: taken, but it is no JSON", message);
	for (size_t i = 0; i < NAMED; i++)
		same_value(
			message,
			json_object_get(named[i].inner
						? json_object_get(doc, "media")
						: doc,
					named[i].name),
			&values[named[i].slot]);
	json_decref(doc);
}

/* A message in memory that ends where the message does, for the sanitizer. */
static bool scan(const char *message, struct frame_value *values)
{
	size_t length = strlen(message);
	char *exact = malloc(length + !length);
	bool mine;

	assert_non_null(exact);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): on purpose */
	memcpy(exact, message, length);
	mine = frame_scan(exact, length, &keys, values);
	if (mine) /* point into the lasting copy instead */
		for (size_t i = 0; i < NAMED; i++)
			if (values[i].text)
				values[i].text =
					message + (values[i].text - exact);
	free(exact);
	return mine;
}

static void play(const struct row *rows, size_t count)
{
	struct frame_value values[FRAME_SLOTS];

	for (size_t i = 0; i < count; i++) {
		if (scan(rows[i].message, values) != rows[i].mine)
			fail_msg("row %zu, %s: should be %s", i,
				 rows[i].message,
				 rows[i].mine ? "taken" : "left");
		if (rows[i].mine)
			same_as_jansson(rows[i].message, values);
	}
}
#define PLAY(rows) play(rows, sizeof(rows) / sizeof((rows)[0]))

static void takes_plain_messages_in_any_order(void **state)
{
	static const struct row rows[] = {
		{ "{\"event\":\"media\"}", true },
		{ "{\"event\":\"\"}", true },
		{ "{\"event\":\"media\",\"media\":{\"chunk\":\"7\","
		  "\"payload\":\"//8=\"},\"streamSid\":\"MZ1\"}",
		  true },
		{ "{\"streamSid\":\"MZ1\",\"media\":{\"payload\":\"//8=\","
		  "\"chunk\":\"7\"},\"event\":\"media\"}",
		  true },
		/* the usual shape, and almost */
		{ "{\"event\":\"media\",\"streamSid\":\"MZ1\","
		  "\"media\":{\"chunk\":\"7\",\"payload\":\"//8=\"}}",
		  true },
		{ "{\"event\":\"media\",\"streamSid\":\"MZ1\","
		  "\"media\":{\"chunk\":\"7\",\"payload\":\"//8=\"} }",
		  true },
		{ "{\"event\":\"media\",\"streamSid\":\"MZ1\","
		  "\"media\":{\"chunk\":7,\"payload\":\"//8=\"}}",
		  true },
		/* Python's way to write it */
		{ "{\"event\": \"media\", \"media\": {\"chunk\": 7, "
		  "\"payload\": \"\"}}",
		  true },
		{ "{\"event\":1,\"media\":{\"chunk\":0,\"payload\":12}}",
		  true },
		{ "{\"event\":999999999999999999}", true },
		/* keys nobody asked for */
		{ "{\"event\":\"media\",\"more\":\"x\",\"count\":3,"
		  "\"media\":{\"chunk\":\"1\",\"more\":\"y\"}}",
		  true },
		/* a name counts only where it belongs */
		{ "{\"chunk\":\"1\",\"payload\":\"x\","
		  "\"media\":{\"event\":\"e\",\"chunk\":\"2\"}}",
		  true },
	};

	(void)state;
	PLAY(rows);
}

static void leaves_what_it_cannot_be_sure_of(void **state)
{
	static const struct row rows[] = {
		/* escapes, in values and in keys */
		{ "{\"event\":\"me\\u0064ia\"}", false },
		{ "{\"e\\u0076ent\":\"media\"}", false },
		{ "{\"x\\\"y\":1}", false },
		{ "{\"x\":\"\\\\\"}", false },
		/* beyond ASCII, well-formed or not */
		{ "{\"x\":\"\xc3\xab\"}", false },
		{ "{\"x\":\"\xff\"}", false },
		{ "{\"\xc3\xab\":1}", false },
		/* the same key twice */
		{ "{\"event\":\"a\",\"event\":\"b\"}", false },
		{ "{\"media\":{\"chunk\":\"1\",\"chunk\":\"2\"}}", false },
		{ "{\"media\":{\"chunk\":\"1\"},\"media\":{\"chunk\":\"2\"}}",
		  false },
		{ "{\"media\":{\"chunk\":\"1\"},\"media\":5}", false },
		{ "{\"media\":5}", false },
		/* other values */
		{ "{\"event\":null}", false },
		{ "{\"event\":true}", false },
		{ "{\"x\":false}", false },
		{ "{\"x\":1.5}", false },
		{ "{\"x\":1e3}", false },
		{ "{\"x\":-1}", false },
		{ "{\"x\":[1]}", false },
		{ "{\"x\":{}}", false },
		{ "{\"media\":{\"x\":{}}}", false },
		{ "{\"media\":{\"media\":{}}}", false },
		/* numbers that are none, or too long */
		{ "{\"x\":01}", false },
		{ "{\"x\":+1}", false },
		{ "{\"x\":}", false },
		{ "{\"x\":1000000000000000000}", false },
		{ "{\"x\":99999999999999999999}", false },
	};

	(void)state;
	PLAY(rows);
}

static void leaves_what_is_no_json(void **state)
{
	static const struct row rows[] = {
		{ "", false },
		{ "{", false },
		{ "}", false },
		{ "[]", false },
		{ "\"event\"", false },
		{ "{\"event\"}", false },
		{ "{\"event\":", false },
		{ "{\"event\":\"media\"", false },
		{ "{\"event\":\"media", false },
		{ "{\"event\":\"media\",}", false },
		{ "{\"event\":\"media\",\"streamSid\":\"MZ1\","
		  "\"media\":{\"chunk\":\"7\",\"payload\":\"//8=\"}}}",
		  false },
		{ "{\"event\":\"media\",\"streamSid\":\"M\tZ\","
		  "\"media\":{\"chunk\":\"7\",\"payload\":\"//8=\"}}",
		  false },
		{ "{,\"event\":\"media\"}", false },
		{ "{\"event\" \"media\"}", false },
		{ "{\"event\":\"a\" \"x\":1}", false },
		{ "{event:\"media\"}", false },
		{ "{'event':'media'}", false },
		{ "{\"event\":\"media\"}x", false },
		{ "{\"event\":\"media\"}}", false },
		{ "{\"event\":\"media\"}{}", false },
		{ "{\"media\":{\"payload\":\"AA}", false },
		{ "{\"media\":{\"chunk\":1}", false },
		{ "{\"x\":\"a\tb\"}", false },
		{ "{\"x\":\"a\nb\"}", false },
		{ "{\"x\":1 2}", false },
	};

	(void)state;
	PLAY(rows);
}

/* A message cut anywhere is never taken, and nothing behind it is read. */
static void takes_no_part_of_a_message(void **state)
{
	static const char whole[] =
		"{\"event\":\"media\",\"streamSid\":\"MZ1\","
		"\"media\":{\"chunk\":\"7\",\"payload\":\"//8=\"}}";
	struct frame_value values[FRAME_SLOTS];
	char part[sizeof(whole)];

	(void)state;
	for (size_t length = 0; length < sizeof(whole) - 1; length++) {
		memcpy(part, whole, length);
		part[length] = '\0';
		if (scan(part, values))
			fail_msg("%s was taken", part);
	}
}

static void a_nul_ends_nothing(void **state)
{
	struct frame_value values[FRAME_SLOTS];

	(void)state;
	assert_false(frame_scan("{\"x\":\"a\0b\"}", 11, &keys, values));
	assert_false(frame_scan("{\"x\":1}\0", 8, &keys, values));
}

static void a_counter_is_at_most_18_digits(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t number;
	} rows[] = {
		{ "0", true, 0 },
		{ "7", true, 7 },
		{ "007", true, 7 },
		{ "999999999999999999", true, 999999999999999999u },
		{ "1000000000000000000", false, 0 },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1.0", false, 0 },
		{ "1a", false, 0 },
		{ "0x1", false, 0 },
	};
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct frame_value value = {
			.text = rows[i].text, .length = strlen(rows[i].text)
		};

		number = 0;
		if (frame_counter(&value, &number) != rows[i].good ||
		    number != rows[i].number)
			fail_msg("\"%s\" is wrong", rows[i].text);
	}
	assert_false(frame_counter(&(struct frame_value){ 0 }, &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_plain_messages_in_any_order),
		cmocka_unit_test(leaves_what_it_cannot_be_sure_of),
		cmocka_unit_test(leaves_what_is_no_json),
		cmocka_unit_test(takes_no_part_of_a_message),
		cmocka_unit_test(a_nul_ends_nothing),
		cmocka_unit_test(a_counter_is_at_most_18_digits),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
