/* twilio_wrong_test.c - what is wrong with a message, and what merely differs
 *
 * Rows: a message, and the close code it deserves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media/provider.h"

#define ROOM ((size_t)64 * 1024)

static uint8_t audio[ROOM];
static struct scratch scratch = { .audio = audio, .room = ROOM };
static struct dialog dialog = { .scratch = &scratch, .stream_id = "MZ1" };

static struct event parse(const char *message)
{
	struct event event;

	provider_twilio.parse(message, strlen(message), &dialog, &event);
	return event;
}

static void same_text(const struct text *text, const char *expected)
{
	assert_non_null(text->at);
	assert_int_equal(text->length, strlen(expected));
	assert_memory_equal(text->at, expected, text->length);
}

/* ---- wrong messages --------------------------------------------------------
 */

#define START(rest) \
	"{\"event\":\"start\",\"streamSid\":\"MZ1\",\"start\":{" rest "}}"
#define MEDIA(rest) "{\"event\":\"media\",\"media\":{" rest "}}"

static void wrong_messages_deserve_their_close_code(void **state)
{
	static const struct {
		const char *message;
		unsigned close_code;
	} rows[] = {
		/* no JSON, or no base64: not consistent with its type */
		{ "", 1007 },
		{ "hello", 1007 },
		{ "\"media\"", 1007 },
		{ "{\"event\":", 1007 },
		{ "{\"event\":\"media\"} x", 1007 },
		{ "{\"event\":\"\xff\"}", 1007 },
		{ MEDIA("\"payload\":\"AA-_\""), 1007 },
		{ MEDIA("\"payload\":\"AA AA\""), 1007 },
		{ MEDIA("\"payload\":\"A\""), 1007 },
		{ MEDIA("\"payload\":\"AA\\u0000A\""), 1007 },
		/* JSON that is no message */
		{ "[]", 1002 },
		{ "{}", 1002 },
		{ "{\"event\":5}", 1002 },
		{ "{\"event\":\"media\"}", 1002 },
		{ "{\"event\":\"media\",\"media\":\"AAAA\"}", 1002 },
		{ "{\"event\":\"media\",\"media\":[]}", 1002 },
		{ MEDIA(""), 1002 },
		{ MEDIA("\"payload\":5"), 1002 },
		{ MEDIA("\"payload\":null"), 1002 },
		{ MEDIA("\"payload\":\"\",\"chunk\":\"x\""), 1002 },
		{ MEDIA("\"payload\":\"\",\"chunk\":-1"), 1002 },
		{ MEDIA("\"payload\":\"\",\"chunk\":1.5"), 1002 },
		{ MEDIA("\"payload\":\"\",\"timestamp\":[]"), 1002 },
		{ MEDIA("\"payload\":\"\",\"track\":\"both\""), 1002 },
		{ MEDIA("\"payload\":\"\",\"track\":1"), 1002 },
		{ "{\"event\":\"media\",\"streamSid\":5,"
		  "\"media\":{\"payload\":\"\"}}",
		  1002 },
		{ "{\"event\":\"stop\",\"streamSid\":5}", 1002 },
		{ "{\"event\":\"stop\",\"sequenceNumber\":\"x\"}", 1002 },
		{ "{\"event\":\"dtmf\"}", 1002 },
		{ "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"55\"}}", 1002 },
		{ "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"x\"}}", 1002 },
		{ "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":5}}", 1002 },
		{ "{\"event\":\"mark\",\"mark\":{}}", 1002 },
		{ "{\"event\":\"mark\",\"mark\":\"a\"}", 1002 },
		{ "{\"event\":\"start\"}", 1002 },
		{ "{\"event\":\"start\",\"start\":[]}", 1002 },
		{ "{\"event\":\"start\",\"start\":{}}", 1002 },
		{ START("\"streamSid\":\"MZ2\""), 1002 },
		{ START("\"callSid\":5"), 1002 },
		{ START("\"customParameters\":[]"), 1002 },
		{ START("\"tracks\":\"inbound\""), 1002 },
		{ START("\"tracks\":[\"upbound\"]"), 1002 },
		{ START("\"tracks\":[\"inbound\",\"inbound\"]"), 1002 },
		{ START("\"mediaFormat\":{\"sampleRate\":16000}"), 1002 },
		/* audio of a kind that we cannot take */
		{ START("\"mediaFormat\":{\"encoding\":\"audio/x-l16\"}"),
		  1002 },
		{ START("\"mediaFormat\":{\"encoding\":7}"), 1002 },
		{ START("\"mediaFormat\":{\"channels\":2}"), 1002 },
		{ START("\"mediaFormat\":\"audio/x-mulaw\""), 1002 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event event = parse(rows[i].message);

		if (event.kind != EVENT_BAD)
			fail_msg("%s is taken", rows[i].message);
		if (event.bad.close_code != rows[i].close_code)
			fail_msg("%s gives %u", rows[i].message,
				 event.bad.close_code);
		assert_non_null(event.bad.what);
		event_release(&event);
	}
}

static void an_id_that_no_row_should_hold_is_refused(void **state)
{
	char message[512], id[200];
	struct event event;

	(void)state;
	memset(id, 'C', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	(void)snprintf(message, sizeof(message), START("\"callSid\":\"%s\""),
		       id);
	event = parse(message);
	assert_int_equal(event.kind, EVENT_BAD);
	event_release(&event);
}

/* ---- what may differ -------------------------------------------------------
 */

static void numbers_may_be_strings_or_numbers(void **state)
{
	static const char *const rows[] = {
		"{\"event\":\"media\",\"sequenceNumber\":\"7\",\"media\":"
		"{\"track\":\"outbound\",\"chunk\":\"3\",\"timestamp\":\"60\","
		"\"payload\":\"fn5+fg==\"},\"streamSid\":\"MZ1\"}",
		"{\"event\":\"media\",\"sequenceNumber\":7,\"media\":"
		"{\"track\":\"outbound\",\"chunk\":3,\"timestamp\":60,"
		"\"payload\":\"fn5+fg\"},\"streamSid\":\"MZ1\"}",
		/* two that only jansson reads */
		"{\"event\":\"media\",\"sequenceNumber\":7,\"media\":"
		"{\"track\":\"outbound\",\"chunk\":3,\"timestamp\":60,"
		"\"payload\":\"fn5\\u002bfg\",\"more\":null},"
		"\"streamSid\":\"MZ1\"}",
		"\n{\"event\":\"media\",\"sequenceNumber\":\"7\",\"media\":\n"
		"{\"track\":\"outbound\",\"chunk\":\"3\",\"timestamp\":\"60\","
		"\"payload\":\"fn5+fg==\"},\"streamSid\":\"MZ1\"}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event event = parse(rows[i]);

		assert_int_equal(event.kind, EVENT_MEDIA);
		assert_true(event.has_seq && event.media.has_chunk &&
			    event.media.has_timestamp);
		assert_int_equal(event.seq, 7);
		assert_int_equal(event.media.track, TRACK_OUTBOUND);
		assert_int_equal(event.media.chunk, 3);
		assert_int_equal(event.media.timestamp_ms, 60);
		assert_int_equal(event.media.bytes, 4);
		assert_memory_equal(event.media.audio, "~~~~", 4);
		same_text(&event.stream_id, "MZ1");
		event_release(&event);
	}
}

static void a_start_may_say_little(void **state)
{
	struct event event = parse(START(""));

	(void)state;
	assert_int_equal(event.kind, EVENT_START);
	same_text(&event.start.codec, "PCMU");
	assert_int_equal(event.start.rate_hz, 8000);
	assert_int_equal(event.start.track_count, 1);
	assert_null(event.start.call_id.at);
	assert_null(event.start.custom);
	event_release(&event);
}

static void both_tracks_are_two_channels(void **state)
{
	struct event event =
		parse(START("\"tracks\":[\"outbound\",\"inbound\"]"));

	(void)state;
	assert_int_equal(event.kind, EVENT_START);
	assert_int_equal(event.start.track_count, 2);
	assert_int_equal(event.start.tracks[0], TRACK_OUTBOUND);
	assert_int_equal(event.start.tracks[1], TRACK_INBOUND);
	event_release(&event);
}

/* ---- out -------------------------------------------------------------------
 */

/* In every room that is too small nothing is built, and nothing written
 * behind it. */
static void what_does_not_fit_is_not_built(void **state)
{
	static const char name[] = "\"quoted\"\n";

	(void)state;
	for (size_t room = 0; room < 200; room++) {
		char *out = malloc(room + 1);
		size_t length;

		assert_non_null(out);
		length = provider_twilio.build_mark(out, room, &dialog, name);
		assert_true(length <= room);
		length = provider_twilio.build_media(
			out, room,
			&(struct audio_out){ .dialog = &dialog,
					     .at = (const uint8_t *)name,
					     .bytes = sizeof(name) });
		assert_true(length <= room);
		length = provider_twilio.build_clear(out, room, &dialog);
		assert_true(length <= room);
		assert_true(length == 0 || room > length);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_messages_deserve_their_close_code),
		cmocka_unit_test(an_id_that_no_row_should_hold_is_refused),
		cmocka_unit_test(numbers_may_be_strings_or_numbers),
		cmocka_unit_test(a_start_may_say_little),
		cmocka_unit_test(both_tracks_are_two_channels),
		cmocka_unit_test(what_does_not_fit_is_not_built),
	};

	return cmocka_run_group_tests_name("twilio_wrong", tests, NULL, NULL);
}
