/* caller_misdeed_test.c - a call that is to misbehave does, and is counted
 * apart
 */
#include "phone_kit.h"

static void plan_misdeed(struct phone *p, enum misdeed misdeed)
{
	caller_finish(&p->caller);
	p->crew->good = (struct measured){ 0 };
	plan(p, &(struct call_plan){ .length_ns = SECOND,
				     .misdeed = misdeed,
				     .moment = 0.5 });
}

/* Plays the call to its end, a turn whenever it wants one. */
static void play_out(struct phone *p)
{
	for (int i = 0; p->caller.state < CALLER_CLOSING; i++) {
		uint64_t next = caller_next_ns(&p->caller);

		if (i == 1000 || next < p->now)
			fail_msg("turn %d is of no use", i);
		p->now = next;
		caller_on_time(&p->caller, p->now);
	}
}

/* All that the server has been told; -1: the connection was reset. */
static ssize_t read_all(struct phone *p, uint8_t *bytes, size_t room)
{
	size_t length = 0;
	ssize_t n = 1;

	while (n > 0 && length < room) {
		n = recv(p->server, bytes + length, room - length,
			 MSG_DONTWAIT);
		if (n > 0)
			length += (size_t)n;
	}
	return n < 0 && errno == ECONNRESET ? -1 : (ssize_t)length;
}

static void assert_deed(const struct phone *p, bool done, bool cut_off)
{
	const struct deeds *deeds =
		&p->measured->misdeeds[p->caller.plan.misdeed];

	assert_int_equal(p->caller.state, CALLER_DONE);
	assert_int_equal(deeds->calls, 1);
	assert_int_equal(deeds->done, done);
	assert_int_equal(deeds->cut_off, cut_off);
	/* And nothing of it is told of the good ones. */
	assert_int_equal(p->measured->calls, 0);
	assert_int_equal(outcomes(p), 0);
	assert_int_equal(p->measured->frames_sent, 0);
	assert_int_equal(p->measured->late_us.count, 0);
}

static void say_goodbye(struct phone *p)
{
	static const uint8_t normal[] = { 0x88, 2, 1000 >> 8, 1000 & 0xff };

	say(p, normal, sizeof(normal));
}

static void
one_that_stalls_says_nothing_and_hangs_up_in_good_order(void **state)
{
	struct phone *p = *state;
	uint64_t began;

	plan_misdeed(p, MISDEED_STALL);
	begin(p);
	began = p->now;
	assert_int_equal(caller_next_ns(&p->caller), began + SECOND);
	play_out(p);
	assert_int_equal(p->caller.frames_sent, 0);
	assert_true(p->caller.stop_sent);
	say_goodbye(p);
	assert_int_equal(p->caller.outcome, OUTCOME_COMPLETED);
	assert_deed(p, true, false);
}

static void one_that_stalls_may_be_cut_off(void **state)
{
	struct phone *p = *state;

	plan_misdeed(p, MISDEED_STALL);
	begin(p);
	say_goodbye(p);
	assert_int_equal(p->caller.outcome, OUTCOME_DROPPED);
	assert_deed(p, true, true);
}

static void one_that_drops_is_gone_in_the_middle(void **state)
{
	static const enum misdeed rows[] = { MISDEED_DROP, MISDEED_RESET };
	static uint8_t bytes[64 * 1024];

	for (size_t i = 0; i < 2; i++) {
		struct phone *p;
		ssize_t length;

		if (i > 0) {
			assert_int_equal(free_phone(state), 0);
			assert_int_equal(make_phone(state), 0);
		}
		p = *state;
		plan_misdeed(p, rows[i]);
		begin(p);
		play_out(p);
		assert_int_equal(p->caller.frames_sent, 25);
		assert_false(p->caller.stop_sent);
		length = read_all(p, bytes, sizeof(bytes));
		if (rows[i] == MISDEED_RESET)
			assert_int_equal(length, -1);
		else
			assert_true(length > 0);
		assert_int_equal(p->caller.outcome, OUTCOME_LEFT);
		assert_deed(p, true, false);
	}
}

static void half_of_a_handshake_is_not_a_whole_one(void **state)
{
	struct phone *p = *state;
	static uint8_t bytes[16 * 1024];
	ssize_t length;

	plan_misdeed(p, MISDEED_HALF_OPEN);
	caller_connect(&p->caller, p->now);
	let_caller(p, POLLOUT);
	p->server = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(p->server >= 0);
	assert_true(caller_has_settled(&p->caller));
	length = read_all(p, bytes, sizeof(bytes));
	assert_true(length > 0);
	assert_null(memmem(bytes, (size_t)length, "\r\n\r\n", 4));
	play_out(p);
	assert_int_equal(p->caller.outcome, OUTCOME_LEFT);
	assert_deed(p, true, false);
}

static void a_refusal_is_no_misdeed(void **state)
{
	struct phone *p = *state;

	plan_misdeed(p, MISDEED_DROP);
	answer(p, "HTTP/1.1 503 Full\r\n\r\n");
	assert_deed(p, false, false);
}

static void a_flood_is_fifty_times_as_much(void **state)
{
	struct phone *p = *state;
	static uint8_t bytes[1024 * 1024];

	plan_misdeed(p, MISDEED_FLOOD);
	begin(p);
	for (int i = 0; i < 10; i++) {
		caller_on_time(&p->caller, p->now);
		(void)read_all(p, bytes, sizeof(bytes));
		assert_int_equal(caller_next_ns(&p->caller), p->now + FRAME);
		p->now += FRAME;
	}
	assert_int_equal(p->caller.frames_sent, 500);
	reset(p);
	caller_on_time(&p->caller, p->now);
	assert_deed(p, true, true);
}

static void one_that_reads_nothing_does_not_ask_for_it(void **state)
{
	struct phone *p = *state;

	plan_misdeed(p, MISDEED_SLOW_READER);
	begin(p);
	assert_true(p->caller.link.deaf);
	speak(p, 3);
	assert_int_equal(p->caller.frames_sent, 3);
	reset(p);
	let_caller(p, POLLIN); /* the end is heard all the same */
	assert_deed(p, true, true);
}

static void what_is_malformed_is_said_once_at_its_moment(void **state)
{
	static const enum misdeed rows[] = { MISDEED_BAD_JSON,
					     MISDEED_BAD_AUDIO,
					     MISDEED_BAD_FRAME,
					     MISDEED_OVERSIZED };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct phone *p;

		if (i > 0) {
			assert_int_equal(free_phone(state), 0);
			assert_int_equal(make_phone(state), 0);
		}
		p = *state;
		plan_misdeed(p, rows[i]);
		begin(p);
		speak(p, 25);
		assert_false(p->caller.misbehaved);
		speak(p, 1);
		assert_true(p->caller.misbehaved);
		assert_int_equal(p->caller.frames_sent, 26);
		say_goodbye(p);
		assert_deed(p, true, true);
	}
}

static void within_a_message_without_end_nobody_says_goodbye(void **state)
{
	struct phone *p = *state;

	plan_misdeed(p, MISDEED_OVERSIZED);
	begin(p);
	play_out(p);
	assert_int_equal(p->caller.frames_sent, 50);
	assert_int_equal(p->caller.outcome, OUTCOME_LEFT);
	assert_deed(p, true, false);
}

static void a_call_without_an_end_ends_when_it_is_told(void **state)
{
	struct phone *p = *state;

	caller_finish(&p->caller);
	plan(p, &(struct call_plan){ .length_ns = PLAN_NO_END });
	begin(p);
	speak(p, 100);
	assert_int_equal(p->caller.state, CALLER_TALKING);
	caller_hang_up_at(&p->caller, p->now + 5 * FRAME);
	play_out(p);
	assert_int_equal(p->caller.frames_sent, 105);
	assert_true(p->caller.stop_sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PHONE(one_that_stalls_says_nothing_and_hangs_up_in_good_order),
		PHONE(one_that_stalls_may_be_cut_off),
		PHONE(one_that_drops_is_gone_in_the_middle),
		PHONE(half_of_a_handshake_is_not_a_whole_one),
		PHONE(a_refusal_is_no_misdeed),
		PHONE(a_flood_is_fifty_times_as_much),
		PHONE(one_that_reads_nothing_does_not_ask_for_it),
		PHONE(what_is_malformed_is_said_once_at_its_moment),
		PHONE(within_a_message_without_end_nobody_says_goodbye),
		PHONE(a_call_without_an_end_ends_when_it_is_told),
	};

	return cmocka_run_group_tests_name("misdeeds", tests, NULL, NULL);
}
