/* call_life_test.c - a call's life, told by its messages and what it leaves
 *
 * The loop and the line are ours (support/call_world.h): time stands still
 * until a test moves it, what is handed over is kept, what is sent is looked
 * at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "media/base64.h"
#include "persistence/record.h"
#include "server/log.h"
#include "support/call_world.h"
#include "convert_kit.h"

static json_t *records; /* [{kind, rev, payload}] */

static void keep_record(const struct record *record)
{
	json_t *payload = json_loadb(record->payload, record->length, 0, NULL);

	assert_non_null(payload);
	json_array_append_new(records,
			      json_pack("{s:s, s:i, s:o}", "kind",
					record_kind_name(record->kind), "rev",
					(int)record->rev, "payload", payload));
}

static void begin_with(const char *provider, enum route_handler handler)
{
	world_prepare();
	world.route.handler = handler;
	(void)strcpy(world.route.provider, provider);
	world.on_record = keep_record;
	records = json_array();
	world_begin(provider_find(provider), "of the handshake");
}

static void begin(enum route_handler handler)
{
	begin_with("twilio", handler);
}

static int end(void **state)
{
	(void)state;
	world_hang_up();
	json_decref(records);
	records = NULL;
	return 0;
}

static void say(const char *message)
{
	call_on_message(world.call, message, strlen(message), false);
}

#define START                                                               \
	"{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{"         \
	"\"accountSid\":\"AC1\",\"callSid\":\"CA1\",\"streamSid\":\"MZ1\"," \
	"\"customParameters\":{\"customer\":\"42\",\"from\":\"+4930\"}}}"
#define STOP "{\"event\":\"stop\"}"

#define MEDIA_START                                             \
	"MEDIA_START connection_id:c channel:w channel_id:1.2 " \
	"format:ulaw optimal_frame_size:160 ptime:20"

/* 20 ms of audio. */
static void say_media(unsigned chunk)
{
	char message[512], payload[BASE64_ENCODED(160) + 1];
	uint8_t audio[160];

	memset(audio, (int)chunk, sizeof(audio));
	payload[base64_encode(audio, sizeof(audio), payload)] = '\0';
	(void)snprintf(message, sizeof(message),
		       "{\"event\":\"media\",\"streamSid\":\"MZ1\","
		       "\"media\":{\"chunk\":\"%u\",\"timestamp\":\"%u\","
		       "\"payload\":\"%s\"}}",
		       chunk, chunk * 20, payload);
	say(message);
}

/* ---- what it left ----------------------------------------------------------
 */

static size_t count(const char *kind)
{
	size_t found = 0, i;
	json_t *record;

	json_array_foreach (records, i, record)
		found += strcmp(json_string_value(
					json_object_get(record, "kind")),
				kind) == 0;
	return found;
}

static json_t *newest(const char *kind)
{
	for (size_t i = json_array_size(records); i-- > 0;) {
		json_t *record = json_array_get(records, i);

		if (strcmp(json_string_value(json_object_get(record, "kind")),
			   kind) == 0)
			return json_object_get(record, "payload");
	}
	fail_msg("there is no %s", kind);
	return NULL;
}

static const char *text(const char *kind, const char *key)
{
	return json_string_value(json_object_get(newest(kind), key));
}

static int number(const char *kind, const char *key)
{
	json_t *value = json_object_get(newest(kind), key);

	assert_true(json_is_integer(value));
	return (int)json_integer_value(value);
}

/* The data of the newest event of that kind (dtmf, mark, ...), or NULL. */
static json_t *event_data(const char *kind)
{
	for (size_t i = json_array_size(records); i-- > 0;) {
		json_t *payload =
			json_object_get(json_array_get(records, i), "payload");
		const char *is =
			json_string_value(json_object_get(payload, "kind"));

		if (is && strcmp(is, kind) == 0)
			return json_object_get(payload, "data");
	}
	return NULL;
}

static const char *event_text(const char *kind, const char *key)
{
	return json_string_value(json_object_get(event_data(kind), key));
}

static unsigned count_marks(const char *name, const char *way)
{
	unsigned found = 0;
	json_t *record;
	size_t i;

	json_array_foreach (records, i, record) {
		json_t *data = json_object_get(
			json_object_get(record, "payload"), "data");
		const char *its =
			json_string_value(json_object_get(data, "name"));
		const char *is =
			json_string_value(json_object_get(data, "way"));

		found += its && is && strcmp(its, name) == 0 &&
			 strcmp(is, way) == 0;
	}
	return found;
}

static int event_number(const char *kind, const char *key)
{
	return (int)json_integer_value(json_object_get(event_data(kind), key));
}

/* One start, one end, revs in a row, with one left out before the end. */
static void one_row(const char *end_reason)
{
	assert_int_equal(count("call.started"), 1);
	assert_int_equal(count("call.ended"), 1);
	assert_string_equal(text("call.ended", "end_reason"), end_reason);
	assert_string_equal(text("call.ended", "state"), "ended");
	assert_int_equal(number("call.ended", "rev"),
			 3 + count("call.checkpoint"));
}

/* ---- tests -----------------------------------------------------------------
 */

static void a_call_leaves_one_row_that_tells_it(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say("{\"event\":\"connected\",\"protocol\":\"Call\"}");
	say(START);
	assert_string_equal(text("call.started", "state"), "live");
	assert_int_equal(number("call.started", "rev"), 1);
	assert_true(json_is_null(
		json_object_get(newest("call.started"), "ended_at")));
	for (unsigned chunk = 1; chunk <= 5; chunk++) {
		world.now_ms += 20;
		say_media(chunk);
	}
	say("{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"5\"}}");
	say("{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"#\"}}");
	say(STOP);
	one_row("stop");
	assert_string_equal(text("call.ended", "node_id"), "node-1");
	assert_string_equal(text("call.ended", "provider"), "twilio");
	assert_string_equal(text("call.ended", "provider_call_id"), "CA1");
	assert_string_equal(text("call.ended", "account_id"), "AC1");
	assert_string_equal(text("call.ended", "stream_id"), "MZ1");
	assert_string_equal(text("call.ended", "from_number"), "+4930");
	assert_string_equal(text("call.ended", "codec"), "PCMU");
	assert_string_equal(text("call.ended", "dtmf"), "5#");
	assert_int_equal(number("call.ended", "frames_in"), 5);
	assert_int_equal(number("call.ended", "bytes_in"), 800);
	assert_int_equal(number("call.ended", "frames_lost"), 0);
	assert_int_equal(number("call.ended", "max_gap_ms"), 0);
	assert_int_equal(number("call.ended", "duration_ms"), 100);
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(newest("call.ended"), "custom"),
			"customer")),
		"42");
	world_hang_up();
	one_row("stop");
}

static void after_stop_the_provider_has_a_moment_to_close(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say(START);
	say(STOP);
	call_check(world.call, world.now_ms);
	assert_int_equal(world.line.close_code, 0);
	world.now_ms += 1000;
	call_check(world.call, world.now_ms);
	assert_int_equal(world.line.close_code, 1000);
	assert_false(world.line.cut);
	world.now_ms += 2000;
	call_check(world.call, world.now_ms);
	assert_true(world.line.cut);
	one_row("stop");
}

static void the_end_of_the_socket_is_the_end_of_the_call(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say(START);
	world_hang_up();
	one_row("disconnect");
}

static void without_a_start_there_is_no_row(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say("{\"event\":\"connected\"}");
	say_media(1);
	world.now_ms += 9999;
	call_check(world.call, world.now_ms);
	assert_int_equal(world.line.close_code, 0);
	world.now_ms += 1;
	call_check(world.call, world.now_ms);
	assert_int_equal(world.line.close_code, 1008);
	world_hang_up();
	assert_int_equal(json_array_size(records), 0);
}

static void silence_ends_a_call(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say(START);
	world.now_ms += 29000;
	say_media(1);
	world.now_ms += 29999;
	call_check(world.call, world.now_ms);
	assert_int_equal(count("call.ended"), 0);
	world.now_ms += 1;
	call_check(world.call, world.now_ms);
	one_row("idle_timeout");
}

static void no_call_lasts_for_ever(void **state)
{
	unsigned chunk = 0;

	(void)state;
	begin(ROUTE_RECORD);
	say(START);
	while (count("call.ended") == 0 && chunk < 1000) {
		world.now_ms += 20000;
		say_media(++chunk);
		call_check(world.call, world.now_ms);
	}
	one_row("max_duration");
	assert_int_equal(number("call.ended", "duration_ms"), 3600000);
}

static void a_live_call_is_kept_every_so_often(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say(START);
	for (unsigned s = 1; s <= 60; s++) {
		world.now_ms += 1000;
		say_media(s);
		call_check(world.call, world.now_ms);
	}
	assert_true(count("call.checkpoint") == 4 ||
		    count("call.checkpoint") == 5);
	assert_true(number("call.checkpoint", "frames_in") >= 45);
	assert_string_equal(text("call.checkpoint", "state"), "live");
	say(STOP);
	one_row("stop");
}

static void what_is_wrong_ends_the_call_and_says_so(void **state)
{
	static const struct {
		const char *message;
		bool binary;
		unsigned close_code;
	} rows[] = {
		{ "{", false, 1007 },
		{ "{\"event\":\"media\",\"media\":{\"payload\":\"-\"}}", false,
		  1007 },
		{ "x", true, 1003 },
		{ "[]", false, 1002 },
		{ START, false, 1002 },
		{ "{\"event\":\"media\",\"streamSid\":\"MZ2\","
		  "\"media\":{\"payload\":\"\"}}",
		  false, 1002 },
		{ "{\"event\":\"stop\",\"streamSid\":\"MZ12\"}", false, 1002 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(ROUTE_RECORD);
		say(START);
		say_media(1);
		call_on_message(world.call, rows[i].message,
				strlen(rows[i].message), rows[i].binary);
		if (world.line.close_code != rows[i].close_code)
			fail_msg("%s: closed with %u", rows[i].message,
				 world.line.close_code);
		/* It is over: nothing that comes later counts. */
		say_media(2);
		say(STOP);
		one_row("protocol_error");
		assert_int_equal(number("call.ended", "frames_in"), 1);
		assert_int_equal(event_number("error", "close_code"),
				 rows[i].close_code);
		assert_non_null(event_text("error", "what"));
		(void)end(NULL);
	}
}

static void what_is_missing_late_or_double_is_counted(void **state)
{
	static const unsigned chunks[] = { 1, 2, 5, 3, 3, 6 };

	(void)state;
	begin(ROUTE_RECORD);
	say(START);
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
		say_media(chunks[i]);
	assert_int_equal(event_number("gap", "lost"), 2);
	assert_int_equal(event_number("gap", "gap_ms"), 40);
	say(STOP);
	one_row("stop");
	assert_int_equal(number("call.ended", "frames_in"), 6);
	/* 4 never came; 3 came late, twice */
	assert_int_equal(number("call.ended", "frames_lost"), 1);
	assert_int_equal(event_number("gap", "late") +
				 event_number("gap", "repeated"),
			 2);
}

static void messages_missing_in_the_count_are_noted(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say(START);
	say("{\"event\":\"dtmf\",\"sequenceNumber\":\"2\","
	    "\"dtmf\":{\"digit\":\"1\"}}");
	say("{\"event\":\"dtmf\",\"sequenceNumber\":\"6\","
	    "\"dtmf\":{\"digit\":\"2\"}}");
	say(STOP);
	assert_int_equal(event_number("gap", "sequence_gaps"), 3);
	assert_int_equal(number("call.ended", "frames_lost"), 0);
}

static void an_unknown_event_is_passed_over(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say("{\"event\":\"news\"}");
	say(START);
	say("{\"event\":\"news\",\"sequenceNumber\":\"2\"}");
	say("{\"event\":\"news\",\"sequenceNumber\":\"3\"}");
	say(STOP);
	one_row("stop");
	assert_null(event_data("error"));
	assert_null(event_data("gap"));
}

static void echo_says_back_what_it_hears(void **state)
{
	(void)state;
	begin(ROUTE_ECHO);
	say(START);
	say("{\"event\":\"media\",\"media\":{\"payload\":\"fn5+fg==\"}}");
	assert_string_equal(world.line.sent,
			    "{\"event\":\"media\",\"streamSid\":\"MZ1\","
			    "\"media\":{\"payload\":\"fn5+fg==\"}}");
	world.line.choked = true;
	say_media(2);
	world.line.choked = false;
	say_media(3);
	say(STOP);
	assert_int_equal(world.line.sent_count, 2);
	assert_int_equal(number("call.ended", "frames_out"), 2);
	assert_int_equal(number("call.ended", "bytes_out"), 164);
	assert_int_equal(number("call.ended", "frames_dropped"), 1);
}

static void a_mark_that_comes_back_says_whether_it_was_heard(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	assert_false(call_send_mark(world.call, "too early"));
	say(START);
	assert_true(call_send_mark(world.call, "one"));
	assert_string_equal(event_text("mark", "way"), "sent");
	say("{\"event\":\"mark\",\"mark\":{\"name\":\"one\"}}");
	assert_string_equal(event_text("mark", "way"), "played");
	assert_true(call_send_mark(world.call, "two"));
	assert_true(call_send_clear(world.call));
	assert_int_equal(event_number("clear", "marks_pending"), 1);
	assert_true(call_send_mark(world.call, "three"));
	say("{\"event\":\"mark\",\"mark\":{\"name\":\"two\"}}");
	assert_string_equal(event_text("mark", "way"), "cleared");
	say("{\"event\":\"mark\",\"mark\":{\"name\":\"three\"}}");
	assert_string_equal(event_text("mark", "way"), "played");
	say("{\"event\":\"mark\",\"mark\":{\"name\":\"four\"}}");
	assert_string_equal(event_text("mark", "way"), "unasked");
}

/* Half a second of audio; what may go ahead is less. */
static void what_waits_when_we_clear_is_dropped_and_told(void **state)
{
	uint8_t audio[160] = { 0 };

	(void)state;
	begin(ROUTE_RECORD);
	world.settings.media.send_ahead_ms = 100;
	say(START);
	assert_true(call_send_mark(world.call, "before"));
	for (unsigned i = 0; i < 25; i++)
		assert_true(call_send_media(world.call, audio, sizeof(audio)));
	assert_true(call_send_mark(world.call, "behind"));
	assert_int_equal(world.line.sent_count, 1 + 6);
	assert_true(call_send_clear(world.call));
	assert_int_equal(world.line.sent_count, 1 + 6 + 1);
	assert_int_equal(event_number("clear", "unsent_ms"), 380);
	assert_int_equal(event_number("clear", "marks_pending"), 1);
	assert_false(turn_waits(&world.call->turn));
	assert_int_equal(count_marks("behind", "dropped"), 1);
	assert_int_equal(count_marks("behind", "sent"), 0);
	say("{\"event\":\"mark\",\"mark\":{\"name\":\"before\"}}");
	assert_string_equal(event_text("mark", "way"), "cleared");
	say(STOP);
	assert_int_equal(number("call.ended", "frames_out"), 6);
}

/* A handler that begins its next prompt when it hears that one was dropped. */
static void speak_again(struct call *call, const char *name)
{
	uint8_t audio[160] = { 0 };

	(void)name;
	assert_true(call_send_media(call, audio, sizeof(audio)));
	assert_true(call_send_mark(call, "again"));
}

static void what_is_said_to_a_dropped_mark_comes_behind_the_clear(void **state)
{
	static const struct handler handler = { .on_mark = speak_again };
	uint8_t audio[160] = { 0 };

	(void)state;
	begin(ROUTE_RECORD);
	world.settings.media.send_ahead_ms = 100;
	say(START);
	world.call->handler = &handler;
	for (unsigned i = 0; i < 25; i++)
		assert_true(call_send_media(world.call, audio, sizeof(audio)));
	assert_true(call_send_mark(world.call, "behind"));
	assert_true(call_send_clear(world.call));
	assert_int_equal(count_marks("behind", "dropped"), 1);
	assert_int_equal(count_marks("again", "dropped"), 0);
	assert_int_equal(count_marks("again", "sent"), 1);
	assert_non_null(strstr(world.line.sent, "again")); /* the newest */
	say("{\"event\":\"mark\",\"mark\":{\"name\":\"again\"}}");
	assert_int_equal(count_marks("again", "played"), 1);
	say(STOP);
	one_row("stop");
}

static void hang_up_at_once(struct call *call, const char *name)
{
	(void)name;
	call_end(call, END_HANGUP, 1000, 0);
}

/* 20 ms at that rate are 220 samples and a half. */
static void a_frame_of_half_a_sample_more_has_whole_ones(void **state)
{
	uint8_t audio[1600] = { 0 };

	(void)state;
	begin_with("vonage", ROUTE_RECORD);
	(void)strcpy(world.route.send_codec, "L16");
	world.route.send_rate_hz = 11025;
	say("{\"event\":\"websocket:connected\","
	    "\"content-type\":\"audio/l16;rate=8000\"}");
	assert_true(call_send_media(world.call, audio, sizeof(audio)));
	for (unsigned ms = 0; ms < 200; ms += 5) {
		world.now_ms += 5;
		world_turn();
	}
	assert_in_range(world.line.sent_count, 5, 6);
	assert_int_equal(world.call->bytes_out, world.line.sent_count * 440);
}

static void a_handler_may_hang_up_over_a_dropped_mark(void **state)
{
	static const struct handler handler = { .on_mark = hang_up_at_once };

	(void)state;
	begin_with("asterisk", ROUTE_RECORD); /* it loses marks in a clear */
	say(MEDIA_START);
	world.call->handler = &handler;
	assert_true(call_send_mark(world.call, "one"));
	assert_true(call_send_mark(world.call, "two"));
	assert_true(call_send_clear(world.call));
	one_row("hangup");
	assert_int_equal(count_marks("one", "dropped"), 1);
	assert_int_equal(count_marks("two", "dropped"), 0);
}

static void what_waits_leaves_in_its_turn(void **state)
{
	uint8_t audio[160] = { 0 };

	(void)state;
	begin(ROUTE_RECORD);
	world.settings.media.send_ahead_ms = 100;
	say(START);
	for (unsigned i = 0; i < 10; i++)
		assert_true(call_send_media(world.call, audio, sizeof(audio)));
	assert_true(call_send_mark(world.call, "behind"));
	assert_int_equal(world.line.sent_count, 6);
	assert_true(turn_waits(&world.call->turn));
	for (unsigned ms = 20; ms <= 80; ms += 20) {
		world.now_ms += 20;
		turns_leave(&world.loop.turns, &world.call->turn);
		call_on_turn(&world.call->turn, world.now_ms);
	}
	/* The last frames may share a message. */
	assert_int_equal(world.call->bytes_out, 1600);
	assert_int_equal(count_marks("behind", "sent"), 1);
	assert_false(turn_waits(&world.call->turn));
	say(STOP);
}

/* ---- dialects that say more -----------------------------------------------
 */

static void say_samples(size_t bytes)
{
	static const char samples[800];

	call_on_message(world.call, samples, bytes, true);
}

static void what_leaves_after_its_time_is_in_the_row(void **state)
{
	const uint8_t audio[160] = { 0 };

	(void)state;
	begin_with("asterisk", ROUTE_RECORD);
	say(MEDIA_START);
	for (unsigned i = 0; i < 5; i++)
		assert_true(call_send_media(world.call, audio, sizeof(audio)));
	world.now_ms += 75; /* a hiccup: four are due */
	turns_leave(&world.loop.turns, &world.call->turn);
	call_on_turn(&world.call->turn, world.now_ms);
	assert_int_equal(world.loop.counts.late_out, 2);
	world_hang_up();
	assert_int_equal(number("call.ended", "frames_out"), 4);
	assert_int_equal(number("call.ended", "frames_late"), 2);
	assert_null(event_data("gap"));
}

static void audio_before_the_start_is_kept_for_it(void **state)
{
	(void)state;
	begin_with("asterisk", ROUTE_RECORD);
	say_samples(160);
	say_samples(80);
	say(MEDIA_START);
	assert_string_equal(world.line.sent, "ANSWER");
	say_samples(160);
	world_hang_up();
	one_row("disconnect");
	assert_int_equal(number("call.ended", "frames_in"), 3);
	assert_int_equal(number("call.ended", "bytes_in"), 400);
}

static void too_much_of_it_is_counted_as_early(void **state)
{
	(void)state;
	begin_with("asterisk", ROUTE_RECORD);
	for (unsigned i = 0; i < 100; i++)
		say_samples(800);
	say(MEDIA_START);
	world_hang_up();
	assert_int_equal(number("call.ended", "frames_in"), 81);
	assert_int_equal(event_number("gap", "early"), 19);
}

static void we_say_the_end_in_their_words_and_wait_a_moment(void **state)
{
	(void)state;
	begin_with("asterisk", ROUTE_RECORD);
	say(MEDIA_START);
	world.now_ms += 30000;
	call_check(world.call, world.now_ms);
	one_row("idle_timeout"); /* at once */
	assert_string_equal(world.line.sent, "HANGUP");
	assert_int_equal(world.line.close_code, 0);
	world.now_ms += 1000;
	call_check(world.call, world.now_ms);
	assert_int_equal(world.line.close_code, 1008);
}

#define GENESYS(type, seq, parameters)                                      \
	"{\"version\":\"2\",\"type\":\"" type "\",\"seq\":" seq             \
	",\"serverseq\":1,\"id\":\"30b0e395-84d3-4570-ac13-9a62d8f514c0\"," \
	"\"position\":\"PT0S\",\"parameters\":{" parameters "}}"

/* Silence on purpose may last: it ends with what tells that they still live. */
static void a_paused_call_is_not_idle(void **state)
{
	static const char *const pings[] = { GENESYS("ping", "3", ""),
					     GENESYS("ping", "4", ""),
					     GENESYS("ping", "5", ""),
					     GENESYS("ping", "6", "") };

	(void)state;
	begin_with("genesys", ROUTE_RECORD);
	say(GENESYS("open", "1",
		    "\"conversationId\":\"c-1\",\"media\":[{\"type\":"
		    "\"audio\",\"format\":\"PCMU\",\"channels\":["
		    "\"external\"],\"rate\":8000}]"));
	say(GENESYS("paused", "2", ""));
	for (unsigned i = 0; i < 4; i++) {
		world.now_ms += 20000;
		call_check(world.call, world.now_ms);
		say(pings[i]);
	}
	assert_int_equal(count("call.ended"), 0);
	say(GENESYS("resumed", "7", "\"discarded\":\"PT80S\""));
	world.now_ms += 20000;
	say(GENESYS("ping", "8", ""));
	world.now_ms += 10000;
	call_check(world.call, world.now_ms);
	one_row("idle_timeout");
}

static void samples_without_a_word_begin_a_call_at_last(void **state)
{
	(void)state;
	begin_with("auto", ROUTE_RECORD);
	say_samples(320);
	call_check(world.call, world.now_ms + 999);
	assert_int_equal(count("call.started"), 0);
	call_check(world.call, world.now_ms + 1000);
	assert_int_equal(count("call.started"), 1);
	say_samples(320);
	world_hang_up();
	assert_string_equal(text("call.ended", "provider"), "freeswitch");
	assert_int_equal(number("call.ended", "frames_in"), 2);
}

static void the_socket_may_go_before_that(void **state)
{
	(void)state;
	begin_with("auto", ROUTE_RECORD);
	say_samples(320);
	world_hang_up();
	one_row("disconnect");
	assert_int_equal(number("call.ended", "frames_in"), 1);
}

/* A key, or nothing, for 80 ms at 8000 Hz. */
static void press(int16_t *at, double low_hz, double high_hz)
{
	for (size_t i = 0; i < 640; i++)
		at[i] = (int16_t)(kit_tone_at(low_hz, 8000, i) / 4 +
				  kit_tone_at(high_hz, 8000, i) / 4);
}

static void hang_up_at_a_key(struct call *call, char digit)
{
	(void)digit;
	call_end(call, END_HANGUP, 1000, 0);
}

static void a_key_behind_the_one_that_ended_the_call_is_not_taken(void **state)
{
	static const struct handler handler = { .on_dtmf = hang_up_at_a_key };
	int16_t sound[4 * 640];

	(void)state;
	begin_with("freeswitch", ROUTE_RECORD);
	press(sound, 770, 1336);
	press(sound + 640, 0, 0);
	press(sound + 1280, 941, 1477);
	press(sound + 1920, 0, 0);
	say_samples(160);
	world.call->handler = &handler;
	call_on_message(world.call, (char *)sound, sizeof(sound), true);
	one_row("hangup");
	assert_string_equal(text("call.ended", "dtmf"), "5");
	assert_int_equal(count("call.event"), 1);
}

static void
an_id_of_the_handshake_is_the_calls_unless_the_start_has_one(void **state)
{
	(void)state;
	begin_with("azure", ROUTE_RECORD);
	say("{\"kind\":\"AudioMetadata\",\"audioMetadata\":{"
	    "\"subscriptionId\":\"s\",\"encoding\":\"PCM\","
	    "\"sampleRate\":16000,\"channels\":1}}");
	world_hang_up();
	assert_string_equal(text("call.ended", "provider_call_id"),
			    "of the handshake");
}

static void a_flood_of_events_is_bounded_and_counted(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say(START);
	for (unsigned i = 0; i < EVENTS_MAX + 50; i++)
		say("{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"1\"}}");
	say("{");
	one_row("protocol_error");
	/* the error and the last word come in addition */
	assert_int_equal(count("call.event"), EVENTS_MAX + 2);
	assert_int_equal(event_number("gap", "events_unkept"), 50);
	assert_non_null(event_text("error", "what"));
	assert_int_equal(strlen(text("call.ended", "dtmf")), DTMF_MAX);
}

static void send_marks(struct call *call)
{
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		(void)call_send_mark(call, "bye");
}

static void the_error_that_ends_a_call_makes_no_room_for_more(void **state)
{
	static const struct handler handler = { .on_end = send_marks };

	(void)state;
	begin(ROUTE_RECORD);
	say(START);
	world.call->handler = &handler;
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		say("{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"1\"}}");
	say("{");
	one_row("protocol_error");
	assert_int_equal(count("call.event"), EVENTS_MAX + 2);
	assert_int_equal(event_number("gap", "events_unkept"), EVENTS_MAX);
}

/* No row may be lost for what somebody else wrote into it. */
static void odd_texts_do_not_spoil_the_row(void **state)
{
	(void)state;
	begin(ROUTE_RECORD);
	say("{\"event\":\"start\",\"start\":{\"streamSid\":\"M\xc3\x9c\","
	    "\"callSid\":\"\\\"\\\\\\n\\u20ac\",\"customParameters\":"
	    "{\"\\u0001\":\"\\ud83d\\ude00\",\"from\":5}}}");
	say(STOP);
	one_row("stop");
	assert_string_equal(text("call.ended", "provider_call_id"),
			    "\"\\\n\xe2\x82\xac");
	assert_true(json_is_null(
		json_object_get(newest("call.ended"), "from_number")));
}

static void parameters_without_end_are_left_out(void **state)
{
	static char message[40000];
	size_t at;

	(void)state;
	begin(ROUTE_RECORD);
	at = (size_t)sprintf(message,
			     "{\"event\":\"start\",\"start\":{\"streamSid\":"
			     "\"MZ1\",\"customParameters\":{\"x\":\"");
	memset(message + at, 'x', 30000);
	(void)strcpy(message + at + 30000, "\"}}}");
	say(message);
	say(STOP);
	one_row("stop");
	assert_true(
		json_is_null(json_object_get(newest("call.ended"), "custom")));
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_leaves_one_row_that_tells_it),
		TEST(after_stop_the_provider_has_a_moment_to_close),
		TEST(the_end_of_the_socket_is_the_end_of_the_call),
		TEST(without_a_start_there_is_no_row),
		TEST(silence_ends_a_call),
		TEST(no_call_lasts_for_ever),
		TEST(a_live_call_is_kept_every_so_often),
		TEST(what_is_wrong_ends_the_call_and_says_so),
		TEST(what_is_missing_late_or_double_is_counted),
		TEST(messages_missing_in_the_count_are_noted),
		TEST(an_unknown_event_is_passed_over),
		TEST(echo_says_back_what_it_hears),
		TEST(a_mark_that_comes_back_says_whether_it_was_heard),
		TEST(what_waits_when_we_clear_is_dropped_and_told),
		TEST(what_is_said_to_a_dropped_mark_comes_behind_the_clear),
		TEST(a_frame_of_half_a_sample_more_has_whole_ones),
		TEST(a_handler_may_hang_up_over_a_dropped_mark),
		TEST(what_waits_leaves_in_its_turn),
		TEST(what_leaves_after_its_time_is_in_the_row),
		TEST(audio_before_the_start_is_kept_for_it),
		TEST(too_much_of_it_is_counted_as_early),
		TEST(we_say_the_end_in_their_words_and_wait_a_moment),
		TEST(a_paused_call_is_not_idle),
		TEST(samples_without_a_word_begin_a_call_at_last),
		TEST(the_socket_may_go_before_that),
		TEST(a_key_behind_the_one_that_ended_the_call_is_not_taken),
		TEST(an_id_of_the_handshake_is_the_calls_unless_the_start_has_one),
		TEST(a_flood_of_events_is_bounded_and_counted),
		TEST(the_error_that_ends_a_call_makes_no_room_for_more),
		TEST(odd_texts_do_not_spoil_the_row),
		TEST(parameters_without_end_are_left_out),
	};

	log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, LOG_MASK_NONE);
	return cmocka_run_group_tests_name("call_life", tests, NULL, NULL);
}
