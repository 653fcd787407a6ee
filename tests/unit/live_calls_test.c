/* live_calls_test.c - the table of live calls: who is in it, what is read of it
 * while it is written, and what those who die leave behind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/live_calls.h"

#define PLACES 64u
#define NOW_MS 1000000u

static int set_up(void **state)
{
	(void)state;
	return live_calls_create(PLACES);
}

/* The n-th call of an hour: ids sort as they start. */
static struct live_call a_call(uint32_t n)
{
	struct live_call call = { .started_us = n, .frames_in = n };

	call.id.bytes[5] = (uint8_t)n;
	call.id.bytes[4] = (uint8_t)(n >> 8);
	call.id.bytes[8] = 0x80;
	call.id.bytes[15] = (uint8_t)(7 * n);
	live_call_text(call.provider, sizeof(call.provider),
		       n % 2 ? "twilio" : "telnyx");
	live_call_text(call.from, sizeof(call.from), n % 3 ? "+1" : "+2");
	return call;
}

static struct live_place *enter(uint32_t n, unsigned process)
{
	struct live_call call = a_call(n);

	return live_call_enter(process, &call);
}

static void leave(struct live_place *place, uint32_t n)
{
	struct live_call call = a_call(n);

	call.ended_us = 99;
	live_call_leave(place, &call);
}

static uint32_t count_all(void)
{
	const struct live_filter one = { .limit = 1 };
	struct live_call call;
	uint32_t total;

	(void)live_calls_list(&one, NOW_MS, &call, &total);
	return total;
}

/* ---- what is in it --------------------------------------------------------
 */

static void a_call_is_read_until_its_place_is_used_again(void **state)
{
	struct live_call said = a_call(7), read;
	struct live_place *place = live_call_enter(2, &said);

	(void)state;
	assert_non_null(place);
	assert_int_equal(live_call_read(&said.id, &read), LIVE_FOUND);
	assert_memory_equal(&said, &read, sizeof(said));
	said.frames_in = 12345;
	live_call_tell(place, &said);
	assert_int_equal(live_call_read(&said.id, &read), LIVE_FOUND);
	assert_int_equal(read.frames_in, 12345);
	leave(place, 7);
	assert_int_equal(live_call_read(&said.id, &read), LIVE_ENDED);
	assert_int_equal(read.ended_us, 99);
	for (uint32_t n = 100; n < 100 + PLACES; n++)
		assert_non_null(enter(n, 0));
	assert_int_equal(live_call_read(&said.id, &read), LIVE_UNKNOWN);
}

static void a_full_table_takes_no_more_and_is_not_spoiled(void **state)
{
	struct live_place *places[PLACES];

	(void)state;
	for (uint32_t n = 0; n < PLACES; n++)
		assert_non_null(places[n] = enter(n, n % 4));
	assert_null(enter(PLACES, 0));
	assert_int_equal(count_all(), PLACES);
	leave(places[31], 31);
	assert_non_null(enter(PLACES, 0));
	assert_int_equal(count_all(), PLACES);
}

static void without_a_table_nothing_is_shown(void **state)
{
	struct live_call call = a_call(1);

	(void)state;
	assert_int_equal(live_calls_create(0), -EINVAL);
	assert_int_equal(live_calls_create(1), 0);
	assert_non_null(live_call_enter(0, &call));
	live_call_tell(NULL, &call);
	live_call_leave(NULL, &call);
	assert_false(live_call_is_hung_up(NULL));
	assert_false(live_call_is_watched(NULL, 0));
	assert_int_equal(live_call_taps(NULL), 0);
}

static void texts_are_cut_at_a_whole_character(void **state)
{
	char text[6];

	(void)state;
	live_call_text(text, sizeof(text), "abcdef");
	assert_string_equal(text, "abcde");
	live_call_text(text, sizeof(text),
		       "abc\u00e4\u00e4"); /* of two bytes */
	assert_string_equal(text, "abc\u00e4");
	live_call_text(text, sizeof(text), "abcd\u00e4");
	assert_string_equal(text, "abcd");
	live_call_text(text, sizeof(text), NULL);
	assert_memory_equal(text, "\0\0\0\0\0", sizeof(text));
}

/* ---- the list --------------------------------------------------------------
 */

static void expect_list(struct live_filter filter, uint32_t total,
			uint32_t newest, uint32_t step, uint32_t count)
{
	struct live_call calls[PLACES];
	uint32_t matches;

	assert_int_equal(live_calls_list(&filter, NOW_MS, calls, &matches),
			 count);
	assert_int_equal(matches, total);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(calls[i].started_us, newest - i * step);
}

static void the_newest_come_first_page_by_page(void **state)
{
	/* In no order at all: 37 and 60 have no factor in common. */
	const struct uuid older = a_call(20).id;

	(void)state;
	for (uint32_t i = 0; i < 60; i++)
		assert_non_null(enter(i * 37 % 60, i % 3));
	expect_list((struct live_filter){ .limit = 60 }, 60, 59, 1, 60);
	expect_list((struct live_filter){ .limit = 7 }, 60, 59, 1, 7);
	expect_list((struct live_filter){ .limit = 7, .older_than = &older },
		    60, 19, 1, 7);
	expect_list((struct live_filter){ .limit = 50, .older_than = &older },
		    60, 19, 1, 20);
	expect_list((struct live_filter){ .limit = 5, .provider = "twilio" },
		    30, 59, 2, 5);
	expect_list((struct live_filter){ .limit = 5, .number = "+2" }, 20, 57,
		    3, 5);
	expect_list((struct live_filter){ .limit = 9,
					  .since_us = 10,
					  .before_us = 15 },
		    5, 14, 1, 5);
	expect_list((struct live_filter){ .limit = 5, .provider = "none" }, 0,
		    0, 0, 0);
}

static void who_is_listed_is_watched_for_a_while(void **state)
{
	struct live_place *old = enter(1, 0), *recent = enter(2, 0);
	const struct live_filter one = { .limit = 1 };
	struct live_call call;
	uint32_t total;

	(void)state;
	assert_false(live_call_is_watched(recent, NOW_MS));
	(void)live_calls_list(&one, NOW_MS, &call, &total);
	assert_true(live_call_is_watched(recent, NOW_MS));
	assert_false(live_call_is_watched(old, NOW_MS));
	assert_false(live_call_is_watched(recent, NOW_MS + LIVE_WATCHED_MS));
}

/* ---- what is wanted of a call ----------------------------------------------
 */

static void a_wish_is_for_one_call_and_not_for_its_successor(void **state)
{
	struct live_call first = a_call(1);
	struct live_place *place, *next;

	(void)state;
	assert_int_equal(live_calls_create(1), 0);
	place = live_call_enter(0, &first);
	assert_int_equal(live_call_tap(&first.id, 5, true), LIVE_FOUND);
	assert_int_equal(live_call_taps(place), 1u << 5);
	assert_false(live_call_is_hung_up(place));
	assert_int_equal(live_call_hang_up(&first.id), LIVE_FOUND);
	assert_int_equal(live_call_hang_up(&first.id), LIVE_FOUND);
	assert_true(live_call_is_hung_up(place));
	leave(place, 1);
	assert_int_equal(live_call_hang_up(&first.id), LIVE_ENDED);
	assert_int_equal(live_call_tap(&first.id, 5, true), LIVE_ENDED);
	next = enter(2, 0);
	assert_ptr_equal(next, place);
	assert_false(live_call_is_hung_up(next));
	assert_int_equal(live_call_taps(next), 0);
	assert_int_equal(live_call_hang_up(&first.id), LIVE_UNKNOWN);
}

/* ---- who dies --------------------------------------------------------------
 */

static void
a_successor_takes_back_what_the_dead_one_had_and_no_more(void **state)
{
	struct live_call dead = a_call(1), call;

	(void)state;
	if (fork() == 0) {
		for (uint32_t n = 0; n < 10; n++)
			(void)enter(n, 3);
		(void)raise(SIGKILL);
	}
	(void)wait(NULL);
	for (uint32_t n = 10; n < 15; n++)
		assert_non_null(enter(n, 4));
	assert_int_equal(count_all(), 15);
	live_calls_take_back(3);
	assert_int_equal(count_all(), 5);
	assert_int_equal(live_call_read(&dead.id, &call), LIVE_ENDED);
	assert_string_equal(call.end_reason, "interrupted");
	live_calls_take_back(4);
	assert_int_equal(count_all(), 0);
	for (uint32_t n = 0; n < PLACES; n++)
		assert_non_null(enter(n, 0));
}

/* One that dies at any instant, many times over: what it wrote last is whole or
 * unreadable, its place is not lost, and the next one there is read as it is.
 */
static void whoever_dies_while_he_writes_spoils_nothing(void **state)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct live_call call;

	(void)state;
	for (uint32_t round = 0; round < 50; round++) {
		const struct uuid id = a_call(round).id;
		pid_t child = fork();

		if (child == 0) {
			struct live_call mine = a_call(round);
			struct live_place *place = live_call_enter(1, &mine);

			for (;;) {
				mine.frames_in++;
				mine.frames_out = mine.frames_in;
				live_call_tell(place, &mine);
			}
		}
		(void)nanosleep(&moment, NULL);
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
		live_calls_take_back(1);
		if (live_call_read(&id, &call) != LIVE_UNKNOWN &&
		    call.frames_out > 0)
			assert_int_equal(call.frames_in, call.frames_out);
		assert_int_equal(count_all(), 0);
	}
	for (uint32_t n = 200; n < 200 + PLACES; n++) {
		const struct uuid id = a_call(n).id;

		assert_non_null(enter(n, 2));
		assert_int_equal(live_call_read(&id, &call), LIVE_FOUND);
	}
}

/* ---- reading while it is written -------------------------------------------
 */

static atomic_bool writing;

/* Calls come, say the same number in every place, and go. */
static void *come_and_go(void *arg)
{
	uint32_t n = *(const uint32_t *)arg;

	while (atomic_load(&writing)) {
		struct live_call call = a_call(n);
		struct live_place *place = live_call_enter(n % 3, &call);

		for (uint64_t i = 0; place && i < 20; i++) {
			call.frames_in = call.frames_out = call.bytes_in = i;
			call.rev = (uint32_t)i;
			(void)snprintf(call.dtmf, sizeof(call.dtmf), "%u",
				       (unsigned)i);
			live_call_tell(place, &call);
		}
		leave(place, n);
		n = 1 + (n + 4) % 1000;
	}
	return NULL;
}

static void nobody_reads_half_of_it(void **state)
{
	static uint32_t starts[3] = { 1, 2, 3 };
	const struct live_filter all = { .limit = PLACES };
	struct live_call calls[PLACES];
	pthread_t threads[3];
	uint32_t total;

	(void)state;
	atomic_store(&writing, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go,
						&starts[i]),
				 0);
	for (int round = 0; round < 20000; round++) {
		uint32_t count = live_calls_list(&all, NOW_MS, calls, &total);

		for (uint32_t i = 0; i < count; i++) {
			char dtmf[16];

			if (calls[i].rev == 0)
				continue; /* it has said nothing yet */
			(void)snprintf(dtmf, sizeof(dtmf), "%u", calls[i].rev);
			assert_string_equal(calls[i].dtmf, dtmf);
			assert_int_equal(calls[i].frames_in,
					 calls[i].frames_out);
			(void)live_call_hang_up(&calls[i].id);
		}
	}
	atomic_store(&writing, false);
	for (int i = 0; i < 3; i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(count_all(), 0);
}

#define IN_A_TABLE(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_TABLE(a_call_is_read_until_its_place_is_used_again),
		IN_A_TABLE(a_full_table_takes_no_more_and_is_not_spoiled),
		IN_A_TABLE(without_a_table_nothing_is_shown),
		IN_A_TABLE(texts_are_cut_at_a_whole_character),
		IN_A_TABLE(the_newest_come_first_page_by_page),
		IN_A_TABLE(who_is_listed_is_watched_for_a_while),
		IN_A_TABLE(a_wish_is_for_one_call_and_not_for_its_successor),
		IN_A_TABLE(
			a_successor_takes_back_what_the_dead_one_had_and_no_more),
		IN_A_TABLE(whoever_dies_while_he_writes_spoils_nothing),
		IN_A_TABLE(nobody_reads_half_of_it),
	};

	return cmocka_run_group_tests_name("live_calls", tests, NULL, NULL);
}
