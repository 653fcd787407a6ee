/* monitor_test.c - what a call shows of itself, and what is asked of it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "media/base64.h"
#include "server/live_calls.h"
#include "server/live_taps.h"
#include "support/call_world.h"

#define FRAME ((size_t)160)
#define LOUD  0x80u /* of mu-law: 32124 */

static const char start[] =
	"{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{"
	"\"accountSid\":\"AC1\",\"streamSid\":\"MZ1\",\"callSid\":\"CA1\","
	"\"tracks\":[";
static const char rest[] =
	"],\"customParameters\":{\"from\":\"+1\"},"
	"\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,"
	"\"channels\":1}},\"streamSid\":\"MZ1\"}";

static unsigned chunk;

static void say_start(const char *tracks)
{
	char message[600];
	int length = snprintf(message, sizeof(message), "%s%s%s", start, tracks,
			      rest);

	call_on_message(world.call, message, (size_t)length, false);
	assert_int_equal(world.call->state, CALL_LIVE);
	chunk = 0;
}

static void begin(enum route_handler handler, const char *tracks)
{
	assert_int_equal(live_calls_create(4), 0);
	assert_int_equal(live_taps_create(2), 0);
	world_prepare();
	world.route.handler = handler;
	world_begin(provider_find("twilio"), NULL);
	say_start(tracks);
}

static int end(void **state)
{
	(void)state;
	world_hang_up();
	return 0;
}

static void say(const char *track, uint8_t byte)
{
	char message[600], payload[300];
	uint8_t audio[FRAME];
	int length;

	memset(audio, byte, sizeof(audio));
	payload[base64_encode(audio, sizeof(audio), payload)] = '\0';
	chunk++;
	length = snprintf(message, sizeof(message),
			  "{\"event\":\"media\",\"media\":{\"track\":\"%s\","
			  "\"chunk\":\"%u\",\"timestamp\":\"%u\",\"payload\":"
			  "\"%s\"},\"streamSid\":\"MZ1\"}",
			  track, chunk, (chunk - 1) * 20, payload);
	call_on_message(world.call, message, (size_t)length, false);
}

static void pass(uint64_t ms)
{
	world.now_ms += ms;
	call_check(world.call, world.now_ms);
}

static struct live_call shown(void)
{
	struct live_call call;

	assert_int_equal(live_call_read(&world.call->id, &call), LIVE_FOUND);
	return call;
}

/* ---- the tests ------------------------------------------------------------
 */

static void it_says_once_a_second_how_it_is(void **state)
{
	struct live_call call;

	(void)state;
	begin(ROUTE_RECORD, "\"inbound\"");
	call = shown();
	assert_string_equal(call.provider, "twilio");
	assert_string_equal(call.provider_call_id, "CA1");
	assert_string_equal(call.from, "+1");
	assert_string_equal(call.handler, "record");
	say("inbound", LOUD);
	pass(250);
	assert_int_equal(shown().frames_in, 0);
	pass(750);
	assert_int_equal(shown().frames_in, 1);
	assert_true(shown().level_in_db == LIVE_NO_LEVEL);
}

static void nobody_looks_and_nothing_is_made(void **state)
{
	(void)state;
	begin(ROUTE_ECHO, "\"inbound\"");
	pass(1000);
	say("inbound", LOUD);
	assert_false(world.call->monitor.is_on);
	assert_null(world.call->monitor.heard_as);
	assert_int_equal(world.call->monitor.heard.samples, 0);
}

static void how_loud_both_sides_are_while_somebody_looks(void **state)
{
	(void)state;
	begin(ROUTE_ECHO, "\"inbound\"");
	live_call_watch(&world.call->id, world.now_ms);
	pass(1000);
	assert_true(shown().level_in_db == LIVE_NO_LEVEL); /* not a second */
	for (int i = 0; i < 50; i++)
		say("inbound", LOUD);
	pass(1000);
	assert_float_equal(shown().level_in_db, -0.17, 0.01);
	assert_float_equal(shown().level_out_db, -0.17, 0.01);
	pass(1000);
	assert_float_equal(shown().level_in_db, LIVE_SILENCE, 0.01);
	pass(LIVE_WATCHED_MS);
	assert_false(world.call->monitor.is_on);
	pass(1000);
	assert_true(shown().level_in_db == LIVE_NO_LEVEL);
}

static void expect_heard(int tap, enum live_side side, size_t samples,
			 int16_t value)
{
	int16_t pcm[4 * FRAME];

	assert_int_equal(live_tap_read(tap, side, pcm, 4 * FRAME), samples);
	for (size_t i = 0; i < samples; i++)
		assert_int_equal(pcm[i], value);
}

static void who_listens_hears_what_is_heard_and_what_is_said(void **state)
{
	int first, second;

	(void)state;
	begin(ROUTE_ECHO, "\"inbound\"");
	assert_int_equal(live_tap_open(&world.call->id, &first), LIVE_FOUND);
	say("inbound", LOUD); /* before the call has looked */
	pass(250);
	assert_int_equal(live_tap_rate_hz(first), 8000);
	say("inbound", LOUD);
	expect_heard(first, LIVE_HEARD, FRAME, 32124);
	expect_heard(first, LIVE_SAID, FRAME, 32124);
	assert_int_equal(live_tap_open(&world.call->id, &second), LIVE_FOUND);
	pass(250);
	live_tap_close(first, &world.call->id);
	say("inbound", 0x00); /* the loudest the other way */
	expect_heard(first, LIVE_HEARD, 0, 0);
	expect_heard(second, LIVE_HEARD, FRAME, -32124);
	live_tap_close(second, &world.call->id);
	pass(250);
	assert_false(world.call->monitor.is_on);
}

static void a_side_that_the_provider_sends_is_not_heard_twice(void **state)
{
	int tap;

	(void)state;
	begin(ROUTE_ECHO, "\"inbound\",\"outbound\"");
	assert_int_equal(live_tap_open(&world.call->id, &tap), LIVE_FOUND);
	pass(250);
	say("inbound", LOUD); /* which is said back */
	expect_heard(tap, LIVE_HEARD, FRAME, 32124);
	expect_heard(tap, LIVE_SAID, 0, 0);
	chunk = 0;
	say("outbound", 0x00);
	expect_heard(tap, LIVE_SAID, FRAME, -32124);
}

static void it_ends_when_somebody_wants_it_to(void **state)
{
	struct live_call last;

	(void)state;
	begin(ROUTE_RECORD, "\"inbound\"");
	assert_int_equal(live_call_hang_up(&world.call->id), LIVE_FOUND);
	assert_int_equal(world.call->state, CALL_LIVE);
	pass(250);
	assert_int_equal(world.call->state, CALL_ENDING);
	assert_int_equal(world.call->end_reason, END_HANGUP);
	assert_int_equal(world.line.close_code, 1000);
	assert_int_equal(live_call_read(&world.call->id, &last), LIVE_ENDED);
	assert_string_equal(last.end_reason, "hangup");
	assert_true(last.ended_us > 0);
}

static void where_there_is_no_place_the_call_goes_on_unseen(void **state)
{
	struct live_call others[4] = { 0 };

	(void)state;
	begin(ROUTE_RECORD, "\"inbound\"");
	world_hang_up();
	for (uint8_t i = 0; i < 4; i++) {
		others[i].id.bytes[15] = (uint8_t)(i + 1);
		assert_non_null(live_call_enter(1, &others[i]));
	}
	world_begin(provider_find("twilio"), NULL);
	say_start("\"inbound\"");
	assert_int_equal(world.call->state, CALL_LIVE);
	assert_null(world.call->monitor.place);
	pass(1000);
	assert_int_equal(world.call->state, CALL_LIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(it_says_once_a_second_how_it_is, end),
		cmocka_unit_test_teardown(nobody_looks_and_nothing_is_made,
					  end),
		cmocka_unit_test_teardown(
			how_loud_both_sides_are_while_somebody_looks, end),
		cmocka_unit_test_teardown(
			who_listens_hears_what_is_heard_and_what_is_said, end),
		cmocka_unit_test_teardown(
			a_side_that_the_provider_sends_is_not_heard_twice, end),
		cmocka_unit_test_teardown(it_ends_when_somebody_wants_it_to,
					  end),
		cmocka_unit_test_teardown(
			where_there_is_no_place_the_call_goes_on_unseen, end),
	};

	return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
