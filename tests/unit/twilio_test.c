/* twilio_test.c - Twilio's dialect: a sample call, every way to get it wrong,
 * and what we say
 *
 * data/twilio.jsonl is a whole call as Twilio sends it, a message a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media/provider.h"

static uint8_t audio[128 * 1024];
static struct scratch scratch = { audio, sizeof(audio) };
static struct dialog dialog = { .scratch = &scratch, .stream_id = "MZ1" };

static struct event parse(const char *message)
{
	struct event event;

	provider_twilio.parse(message, strlen(message), &dialog, &event);
	return event;
}

/* ---- the sample call -------------------------------------------------------
 */

struct tally {
	unsigned kinds[EVENT_BAD + 1];
	uint64_t next_seq, next_chunk;
	size_t bytes;
};

static void note(struct tally *tally, const struct event *event)
{
	tally->kinds[event->kind]++;
	if (event->has_seq) {
		assert_int_equal(event->seq, tally->next_seq);
		tally->next_seq++;
	}
	if (event->kind != EVENT_MEDIA)
		return;
	assert_true(event->media.has_chunk && event->media.has_timestamp);
	assert_int_equal(event->media.chunk, tally->next_chunk);
	tally->next_chunk++;
	tally->bytes += event->media.bytes;
}

static void a_whole_call_is_understood(void **state)
{
	struct tally tally = { .next_seq = 1, .next_chunk = 1 };
	FILE *file = fopen("unit/data/twilio.jsonl", "re");
	char *line = NULL;
	size_t room = 0;

	(void)state;
	assert_non_null(file);
	while (getline(&line, &room, file) > 0) {
		json_t *row = json_loads(line, 0, NULL);
		struct event event;

		assert_non_null(row);
		if (strcmp(json_string_value(json_object_get(row, "dir")),
			   "in") == 0) {
			event = parse(json_string_value(
				json_object_get(row, "data")));
			note(&tally, &event);
			event_release(&event);
		}
		json_decref(row);
	}
	free(line);
	(void)fclose(file);
	assert_int_equal(tally.kinds[EVENT_IGNORED], 1);
	assert_int_equal(tally.kinds[EVENT_START], 1);
	assert_int_equal(tally.kinds[EVENT_MEDIA], 120);
	assert_int_equal(tally.kinds[EVENT_DTMF], 2);
	assert_int_equal(tally.kinds[EVENT_MARK], 5);
	assert_int_equal(tally.kinds[EVENT_STOP], 1);
	assert_int_equal(tally.kinds[EVENT_UNKNOWN], 1);
	assert_int_equal(tally.kinds[EVENT_BAD], 0);
	assert_int_equal(tally.bytes, 120 * 160);
}

/* ---- rows ------------------------------------------------------------------
 */

#define MEDIA(inside) \
	"{\"event\":\"media\",\"media\":{" inside "},\"streamSid\":\"MZ1\"}"
#define START(inside) \
	"{\"event\":\"start\",\"streamSid\":\"MZ1\",\"start\":{" inside "}}"

static void each_message_is_the_event_it_should_be(void **state)
{
	static const struct {
		const char *message;
		enum event_kind kind;
		unsigned close_code;
	} rows[] = {
		{ MEDIA("\"payload\":\"//8=\""), EVENT_MEDIA, 0 },
		{ MEDIA("\"payload\":\"//8\""), EVENT_MEDIA, 0 },
		{ MEDIA("\"payload\":\"\""), EVENT_MEDIA, 0 },
		{ MEDIA("\"payload\":\"\\/\\/8=\""), EVENT_MEDIA, 0 },
		{ MEDIA("\"chunk\":7,\"payload\":\"//8=\""), EVENT_MEDIA, 0 },
		{ MEDIA("\"track\":\"outbound\",\"payload\":\"//8=\""),
		  EVENT_MEDIA, 0 },
		{ MEDIA("\"payload\":\"%%%%\""), EVENT_BAD, 1007 },
		{ MEDIA("\"payload\":\"//8=\\n\""), EVENT_BAD, 1007 },
		{ MEDIA("\"payload\":5"), EVENT_BAD, 1002 },
		{ MEDIA("\"payload\":null"), EVENT_BAD, 1002 },
		{ MEDIA(""), EVENT_BAD, 1002 },
		{ MEDIA("\"chunk\":\"x\",\"payload\":\"//8=\""), EVENT_BAD,
		  1002 },
		{ MEDIA("\"chunk\":-1,\"payload\":\"//8=\""), EVENT_BAD, 1002 },
		{ MEDIA("\"chunk\":1.5,\"payload\":\"//8=\""), EVENT_BAD,
		  1002 },
		{ MEDIA("\"track\":\"sideways\",\"payload\":\"//8=\""),
		  EVENT_BAD, 1002 },
		{ "{\"event\":\"media\"}", EVENT_BAD, 1002 },
		{ "{\"event\":\"media\",\"media\":[]}", EVENT_BAD, 1002 },
		{ START(""), EVENT_START, 0 },
		{ START("\"tracks\":[\"inbound\",\"outbound\"]"), EVENT_START,
		  0 },
		{ START("\"tracks\":[\"inbound\",\"inbound\"]"), EVENT_BAD,
		  1002 },
		{ START("\"tracks\":[\"a\"]"), EVENT_BAD, 1002 },
		{ START("\"customParameters\":[]"), EVENT_BAD, 1002 },
		{ START("\"mediaFormat\":{\"encoding\":\"audio/x-l16\"}"),
		  EVENT_BAD, 1002 },
		{ START("\"mediaFormat\":{\"sampleRate\":16000}"), EVENT_BAD,
		  1002 },
		{ START("\"mediaFormat\":{\"sampleRate\":\"8000\"}"),
		  EVENT_START, 0 },
		{ "{\"event\":\"start\",\"start\":{}}", EVENT_BAD, 1002 },
		{ "{\"event\":\"start\",\"streamSid\":\"MZ1\"}", EVENT_BAD,
		  1002 },
		{ "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"5\"}}", EVENT_DTMF,
		  0 },
		{ "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"55\"}}", EVENT_BAD,
		  1002 },
		{ "{\"event\":\"dtmf\"}", EVENT_BAD, 1002 },
		{ "{\"event\":\"mark\",\"mark\":{\"name\":\"\"}}", EVENT_MARK,
		  0 },
		{ "{\"event\":\"mark\"}", EVENT_BAD, 1002 },
		{ "{\"event\":\"stop\"}", EVENT_STOP, 0 },
		{ "{\"event\":\"stop\",\"sequenceNumber\":\"x\"}", EVENT_BAD,
		  1002 },
		{ "{\"event\":\"new\"}", EVENT_UNKNOWN, 0 },
		{ "{\"event\":1}", EVENT_BAD, 1002 },
		{ "{}", EVENT_BAD, 1002 },
		{ "[]", EVENT_BAD, 1002 },
		{ "", EVENT_BAD, 1007 },
		{ "{", EVENT_BAD, 1007 },
		{ "{\"event\":\"stop\"} x", EVENT_BAD, 1007 },
		{ "{\"event\":\"st\xffop\"}", EVENT_BAD, 1007 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event event = parse(rows[i].message);

		if (event.kind != rows[i].kind ||
		    (event.kind == EVENT_BAD &&
		     event.bad.close_code != rows[i].close_code))
			fail_msg("%s: kind %d", rows[i].message, event.kind);
		event_release(&event);
	}
}

static void a_start_says_who_and_what(void **state)
{
	struct event event = parse(
		"{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":"
		"\"MZ1\",\"start\":{\"accountSid\":\"AC1\",\"callSid\":\"CA1\","
		"\"tracks\":[\"outbound\"],\"customParameters\":{\"a\":\"b\"}}}");

	(void)state;
	assert_int_equal(event.kind, EVENT_START);
	assert_string_equal(event.stream_id.at, "MZ1");
	assert_string_equal(event.start.account_id.at, "AC1");
	assert_string_equal(event.start.call_id.at, "CA1");
	assert_int_equal(event.start.track_count, 1);
	assert_int_equal(event.start.tracks[0], TRACK_OUTBOUND);
	assert_int_equal(event.start.rate_hz, 8000);
	assert_string_equal(
		json_string_value(json_object_get(event.start.custom, "a")),
		"b");
	event_release(&event);
}

static void we_say_what_the_document_says_and_no_more(void **state)
{
	char out[256];

	(void)state;
	out[provider_twilio.build_media(
		out, sizeof(out),
		&(struct audio_out){ .dialog = &dialog,
				     .at = (const uint8_t *)"\xff\xff",
				     .bytes = 2 })] = '\0';
	assert_string_equal(out, "{\"event\":\"media\",\"streamSid\":\"MZ1\","
				 "\"media\":{\"payload\":\"//8=\"}}");
	out[provider_twilio.build_mark(out, sizeof(out), &dialog, "a\"\\\n")] =
		'\0';
	assert_string_equal(out, "{\"event\":\"mark\",\"streamSid\":\"MZ1\","
				 "\"mark\":{\"name\":\"a\\\"\\\\\\u000a\"}}");
	out[provider_twilio.build_clear(out, sizeof(out), &dialog)] = '\0';
	assert_string_equal(out, "{\"event\":\"clear\",\"streamSid\":\"MZ1\"}");
}

static void what_has_no_room_is_not_begun(void **state)
{
	char out[256];
	size_t whole =
		provider_twilio.build_mark(out, sizeof(out), &dialog, "x");

	(void)state;
	assert_true(whole > 0);
	for (size_t room = 0; room <= whole; room++) {
		assert_int_equal(
			provider_twilio.build_mark(out, room, &dialog, "x"), 0);
		assert_int_equal(
			provider_twilio.build_media(
				out, room,
				&(struct audio_out){
					.dialog = &dialog,
					.at = (const uint8_t
						       *)"0123456789abcdef",
					.bytes = 16 }),
			0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_call_is_understood),
		cmocka_unit_test(each_message_is_the_event_it_should_be),
		cmocka_unit_test(a_start_says_who_and_what),
		cmocka_unit_test(we_say_what_the_document_says_and_no_more),
		cmocka_unit_test(what_has_no_room_is_not_begun),
	};

	return cmocka_run_group_tests_name("twilio", tests, NULL, NULL);
}
