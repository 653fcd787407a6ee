/*
 * dialects_test.c - what the cousins of Twilio's protocol do otherwise
 *
 * Twilio itself has tests of its own (twilio_test.c, twilio_wrong_test.c), and
 * they stand for what all of them share; whole calls of each are played to the
 * real server (tests/integration/test_dialects.py). Here are the turns of
 * speech: keys, codecs, and what we say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "media/codec.h"
#include "media/provider.h"

static uint8_t audio[128 * 1024];
static struct scratch scratch = { audio, sizeof(audio) };

static struct event parse(const struct provider *provider, const char *message)
{
	struct dialog dialog = { .scratch = &scratch };
	struct event event;

	provider->parse(message, strlen(message), &dialog, &event);
	return event;
}

static void expect_text(const struct text *text, const char *word)
{
	assert_int_equal(text->length, strlen(word));
	assert_memory_equal(text->at, word, text->length);
}

/* ---- start -----------------------------------------------------------------
 */

#define SIGNALWIRE(format)                                                    \
	"{\"event\":\"start\",\"start\":{\"streamSid\":\"7d56\",\"callSid\":" \
	"\"c\",\"accountSid\":\"a\",\"mediaFormat\":{" format "}}}"
#define TELNYX(format)                                                     \
	"{\"event\":\"start\",\"stream_id\":\"s\",\"start\":{\"user_id\":" \
	"\"a\",\"call_control_id\":\"c\",\"from\":\"+1\",\"to\":\"+2\","   \
	"\"media_format\":{" format "}}}"
#define PLIVO(format, more)                                              \
	"{\"event\":\"start\",\"start\":{\"callId\":\"c\",\"streamId\":" \
	"\"s\",\"accountId\":\"a\",\"mediaFormat\":{" format "}}" more "}"
#define EXOTEL(format)                                                             \
	"{\"event\":\"start\",\"stream_sid\":\"s\",\"start\":{\"stream_sid\":"     \
	"\"s\",\"call_sid\":\"c\",\"account_sid\":\"a\",\"media_format\":{" format \
	"}}}"

/* A codec of NULL: the call is refused. */
static void the_format_is_what_the_start_says(void **state)
{
	static const struct {
		const struct provider *provider;
		const char *message, *codec;
		unsigned rate_hz;
	} rows[] = {
		{ &provider_signalwire, SIGNALWIRE(""), "PCMU", 8000 },
		{ &provider_signalwire,
		  SIGNALWIRE(
			  "\"encoding\":\"audio/x-L16\",\"sampleRate\":24000"),
		  "L16", 24000 },
		{ &provider_signalwire,
		  SIGNALWIRE("\"encoding\":\"audio/x-mulaw\",\"sampleRate\":"
			     "16000"),
		  NULL, 0 },
		{ &provider_telnyx, TELNYX("\"encoding\":\"PCMA\""), "PCMA",
		  8000 },
		{ &provider_telnyx, TELNYX("\"encoding\":\"audio/x-mulaw\""),
		  "PCMU", 8000 },
		{ &provider_telnyx, TELNYX("\"encoding\":\"AMR-WB\""), NULL,
		  0 },
		{ &provider_plivo, PLIVO("", ""), "L16", 8000 },
		{ &provider_plivo,
		  PLIVO("\"encoding\":\"audio/x-mulaw\",\"sampleRate\":\"8000\"",
			""),
		  "PCMU", 8000 },
		{ &provider_plivo, PLIVO("\"sampleRate\":11025", ""), NULL, 0 },
		{ &provider_exotel,
		  EXOTEL("\"encoding\":\"audio/x-raw\",\"sample_rate\":\"16000\","
			 "\"bit_rate\":\"16\""),
		  "L16", 16000 },
		{ &provider_exotel, EXOTEL("\"sample_rate\":8000"), "L16",
		  8000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event event = parse(rows[i].provider, rows[i].message);

		if (!rows[i].codec) {
			assert_int_equal(event.kind, EVENT_BAD);
			event_release(&event);
			continue;
		}
		if (event.kind != EVENT_START)
			fail_msg("row %zu: %s", i, event.bad.what);
		expect_text(&event.start.codec, rows[i].codec);
		assert_non_null(codec_find(rows[i].codec));
		assert_int_equal(event.start.rate_hz, rows[i].rate_hz);
		expect_text(&event.start.call_id, "c");
		expect_text(&event.start.account_id, "a");
		event_release(&event);
	}
}

static void the_id_of_the_stream_may_stand_inside_alone(void **state)
{
	struct event event = parse(&provider_signalwire, SIGNALWIRE(""));

	(void)state;
	expect_text(&event.stream_id, "7d56");
	event_release(&event);
	event = parse(&provider_exotel,
		      "{\"Event\":\"start\",\"start\":{\"streamSid\":\"s\","
		      "\"callSid\":\"c\",\"accountSid\":\"a\"}}");
	assert_int_equal(event.kind, EVENT_START);
	expect_text(&event.stream_id, "s");
	expect_text(&event.start.call_id, "c");
	event_release(&event);
}

static void the_numbers_of_both_ends_are_kept(void **state)
{
	struct event event =
		parse(&provider_telnyx, TELNYX("\"encoding\":\"PCMU\""));

	(void)state;
	expect_text(&event.start.from, "+1");
	expect_text(&event.start.to, "+2");
	event_release(&event);
}

/* ---- Plivo's headers ------------------------------------------------------
 */

static void headers_come_in_several_shapes(void **state)
{
	static const struct {
		const char *text, *custom;
	} rows[] = {
		{ "{\\\"a\\\":\\\"1\\\",\\\"b\\\":\\\"x: y\\\"}",
		  "{\"a\":\"1\",\"b\":\"x: y\"}" },
		{ "{X-PH-a: 1, X-PH-b: 2}",
		  "{\"X-PH-a\":\"1\",\"X-PH-b\":\"2\"}" },
		{ "a=1;b=2", "{\"a\":\"1\",\"b\":\"2\"}" },
		{ "a=1,b=", "{\"a\":\"1\",\"b\":\"\"}" },
		{ "{}", NULL },
		{ "", NULL },
		{ ",;}{", NULL },
		{ "nothing", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char message[400], *custom;
		struct event event;

		(void)snprintf(message, sizeof(message),
			       PLIVO("", ",\"extra_headers\":\"%s\""),
			       rows[i].text);
		event = parse(&provider_plivo, message);
		assert_int_equal(event.kind, EVENT_START);
		custom = event.start.custom
				 ? json_dumps(event.start.custom,
					      JSON_COMPACT | JSON_SORT_KEYS)
				 : NULL;
		if (!rows[i].custom)
			assert_null(custom);
		else
			assert_string_equal(custom, rows[i].custom);
		free(custom);
		event_release(&event);
	}
}

/* ---- the other messages ----------------------------------------------------
 */

static void each_says_it_in_its_way(void **state)
{
	static const struct {
		const struct provider *provider;
		const char *message;
		enum event_kind kind;
		const char *text;
	} rows[] = {
		{ &provider_plivo,
		  "{\"event\":\"playedStream\",\"streamId\":\"s\",\"name\":"
		  "\"hi\"}",
		  EVENT_MARK, "hi" },
		{ &provider_plivo, "{\"event\":\"playedStream\"}", EVENT_BAD,
		  NULL },
		{ &provider_plivo,
		  "{\"sequenceNumber\":13,\"event\":\"clearedAudio\"}",
		  EVENT_IGNORED, NULL },
		{ &provider_plivo, "{\"event\":\"stop\"}", EVENT_STOP, NULL },
		{ &provider_signalwire,
		  "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"D\",\"duration\":"
		  "200}}",
		  EVENT_DTMF, "D" },
		{ &provider_signalwire,
		  "{\"event\":\"stop\",\"sequenceNumber\":\"9\"}", EVENT_STOP,
		  NULL },
		{ &provider_telnyx,
		  "{\"event\":\"error\",\"payload\":{\"code\":100004,"
		  "\"title\":\"invalid_media\"}}",
		  EVENT_COMPLAINT, "invalid_media" },
		{ &provider_telnyx,
		  "{\"event\":\"error\",\"error\":{\"code\":\"100005\","
		  "\"title\":\"rate\"}}",
		  EVENT_COMPLAINT, "rate" },
		{ &provider_telnyx, "{\"event\":\"error\",\"error\":7}",
		  EVENT_COMPLAINT, NULL },
		{ &provider_exotel,
		  "{\"event\":\"mark\",\"sequence_number\":7,\"mark\":{"
		  "\"name\":\"m\"}}",
		  EVENT_MARK, "m" },
		{ &provider_exotel, "{\"event\":\"flush\"}", EVENT_UNKNOWN,
		  "flush" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event event = parse(rows[i].provider, rows[i].message);

		if (event.kind != rows[i].kind)
			fail_msg("row %zu: %d", i, (int)event.kind);
		if (rows[i].text)
			expect_text(&event.mark, rows[i].text);
		event_release(&event);
	}
}

/* Stamps that are no time of the stream's must not be taken for one. */
static void plivos_stamps_are_not_used(void **state)
{
	struct event event =
		parse(&provider_plivo,
		      "{\"sequenceNumber\":2,\"streamId\":\"s\",\"event\":"
		      "\"media\",\"media\":{\"track\":\"outbound\","
		      "\"timestamp\":\"1711216222735\",\"chunk\":1,"
		      "\"payload\":\"//8=\"}}");

	(void)state;
	assert_int_equal(event.kind, EVENT_MEDIA);
	assert_int_equal(event.media.track, TRACK_OUTBOUND);
	assert_true(event.media.has_chunk);
	assert_false(event.media.has_timestamp);
	assert_int_equal(event.media.bytes, 2);
	event_release(&event);
}

/* ---- out -------------------------------------------------------------------
 */

static void we_speak_as_they_do(void **state)
{
	static const struct {
		const struct provider *provider;
		const char *media, *mark, *clear, *dtmf;
	} rows[] = {
		{ &provider_signalwire,
		  "{\"event\":\"media\",\"streamSid\":\"\\\"\",\"media\":{"
		  "\"payload\":\"//8=\"}}",
		  "{\"event\":\"mark\",\"streamSid\":\"\\\"\",\"mark\":{"
		  "\"name\":\"m\"}}",
		  "{\"event\":\"clear\",\"streamSid\":\"\\\"\"}",
		  "{\"event\":\"dtmf\",\"streamSid\":\"\\\"\",\"dtmf\":{"
		  "\"digit\":\"5\"}}" },
		{ &provider_telnyx,
		  "{\"event\":\"media\",\"media\":{\"payload\":\"//8=\"}}",
		  "{\"event\":\"mark\",\"mark\":{\"name\":\"m\"}}",
		  "{\"event\":\"clear\"}", NULL },
		{ &provider_plivo,
		  "{\"event\":\"playAudio\",\"media\":{\"contentType\":"
		  "\"audio/x-l16\",\"sampleRate\":16000,\"payload\":\"//8=\"}}",
		  "{\"event\":\"checkpoint\",\"streamId\":\"\\\"\",\"name\":"
		  "\"m\"}",
		  "{\"event\":\"clearAudio\",\"streamId\":\"\\\"\"}",
		  "{\"event\":\"sendDTMF\",\"dtmf\":\"5\"}" },
		{ &provider_exotel,
		  "{\"event\":\"media\",\"sequence_number\":\"3\","
		  "\"stream_sid\":\"\\\"\",\"media\":{\"chunk\":\"3\","
		  "\"timestamp\":\"40\",\"payload\":\"//8=\"}}",
		  "{\"event\":\"mark\",\"stream_sid\":\"\\\"\",\"mark\":{"
		  "\"name\":\"m\"}}",
		  "{\"event\":\"clear\",\"stream_sid\":\"\\\"\"}", NULL },
	};
	struct dialog dialog = { .stream_id = "\"" };
	const struct audio_out sound = { .dialog = &dialog,
					 .codec = codec_find("L16"),
					 .rate_hz = 16000,
					 .at = (const uint8_t *)"\xff\xff",
					 .bytes = 2,
					 .number = 3,
					 .at_ms = 40 };
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct provider *p = rows[i].provider;

		assert_int_equal(p->build_media(out, sizeof(out), &sound),
				 strlen(rows[i].media));
		assert_string_equal(out, rows[i].media);
		assert_int_equal(p->build_mark(out, sizeof(out), &dialog, "m"),
				 strlen(rows[i].mark));
		assert_string_equal(out, rows[i].mark);
		assert_int_equal(p->build_clear(out, sizeof(out), &dialog),
				 strlen(rows[i].clear));
		assert_string_equal(out, rows[i].clear);
		assert_int_equal(!p->build_dtmf, !rows[i].dtmf);
		if (!rows[i].dtmf)
			continue;
		assert_int_equal(p->build_dtmf(out, sizeof(out), &dialog, '5'),
				 strlen(rows[i].dtmf));
		assert_string_equal(out, rows[i].dtmf);
	}
}

/* In every room that is too small nothing is built. */
static void what_has_no_room_is_not_begun(void **state)
{
	const struct dialog dialog = { .stream_id = "id" };
	const struct audio_out sound = { .dialog = &dialog,
					 .codec = codec_find("PCMU"),
					 .rate_hz = 8000,
					 .at = (const uint8_t *)"12345678",
					 .bytes = 8,
					 .number = 1 };
	const struct provider *p;

	(void)state;
	for (size_t i = 0; (p = provider_at(i)); i++) {
		char out[256];
		size_t whole = p->build_media(out, sizeof(out), &sound);

		assert_true(whole > 0);
		for (size_t room = 0; room <= whole; room++)
			assert_int_equal(p->build_media(out, room, &sound), 0);
		assert_int_equal(p->build_media(out, whole + 1, &sound), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_is_what_the_start_says),
		cmocka_unit_test(the_id_of_the_stream_may_stand_inside_alone),
		cmocka_unit_test(the_numbers_of_both_ends_are_kept),
		cmocka_unit_test(headers_come_in_several_shapes),
		cmocka_unit_test(each_says_it_in_its_way),
		cmocka_unit_test(plivos_stamps_are_not_used),
		cmocka_unit_test(we_speak_as_they_do),
		cmocka_unit_test(what_has_no_room_is_not_begun),
	};

	return cmocka_run_group_tests_name("dialects", tests, NULL, NULL);
}
