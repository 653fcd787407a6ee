/* live_taps_test.c - a tap gives what was put in, in order, and loses aloud */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "server/live_calls.h"
#include "server/live_taps.h"

#define TAPS  3u
#define FRAME 160u
#define MANY  20000u /* frames between two threads */
#define RING  65536u /* samples of what is heard */

static struct live_call call;
static struct live_place *place;
static uint64_t key;

static int set_up(void **state)
{
	(void)state;
	call = (struct live_call){ 0 };
	memset(call.id.bytes, 0x81, sizeof(call.id.bytes));
	key = live_call_key(&call.id);
	if (live_calls_create(8) < 0 || live_taps_create(TAPS) < 0)
		return -1;
	place = live_call_enter(0, &call);
	return 0;
}

static int open_tap(void)
{
	int tap;

	assert_int_equal(live_tap_open(&call.id, &tap), LIVE_FOUND);
	return tap;
}

static void write_frame(int tap, enum live_side side, int16_t first,
			size_t samples)
{
	int16_t pcm[FRAME];

	for (size_t i = 0; i < samples; i++)
		pcm[i] = (int16_t)(first + (int)i);
	live_tap_write((unsigned)tap, key, side, pcm, samples);
}

static void what_is_written_is_read_each_side_by_itself(void **state)
{
	int tap = open_tap();
	int16_t pcm[FRAME];

	(void)state;
	assert_int_equal(live_call_taps(place), UINT64_C(1) << tap);
	assert_int_equal(live_tap_rate_hz(tap), 0);
	live_tap_begin((unsigned)tap, key, 16000);
	assert_int_equal(live_tap_rate_hz(tap), 16000);
	write_frame(tap, LIVE_HEARD, 100, 50);
	write_frame(tap, LIVE_SAID, 7000, 20);
	assert_int_equal(live_tap_waiting(tap, LIVE_HEARD), 50);
	assert_int_equal(live_tap_read(tap, LIVE_SAID, pcm, FRAME), 20);
	assert_int_equal(pcm[19], 7019);
	assert_int_equal(live_tap_read(tap, LIVE_HEARD, pcm, 30), 30);
	assert_int_equal(live_tap_read(tap, LIVE_HEARD, pcm, FRAME), 20);
	assert_int_equal(pcm[0], 130);
	assert_int_equal(live_tap_read(tap, LIVE_HEARD, pcm, FRAME), 0);
}

static void a_full_ring_drops_what_comes_and_counts_it(void **state)
{
	int tap = open_tap();
	int16_t pcm[FRAME];
	size_t fits = RING / FRAME;

	(void)state;
	for (size_t i = 0; i < fits + 10; i++)
		write_frame(tap, LIVE_HEARD, (int16_t)i, FRAME);
	assert_int_equal(live_tap_dropped(tap), 10 * FRAME);
	for (size_t i = 0; i < fits; i++) {
		assert_int_equal(live_tap_read(tap, LIVE_HEARD, pcm, FRAME),
				 FRAME);
		assert_int_equal(pcm[0], i);
	}
	write_frame(tap, LIVE_HEARD, -5, FRAME); /* round the end of the ring */
	assert_int_equal(live_tap_read(tap, LIVE_HEARD, pcm, FRAME), FRAME);
	assert_int_equal(pcm[FRAME - 1], -5 + (int)FRAME - 1);
}

static void what_was_cleared_is_not_heard(void **state)
{
	int tap = open_tap();
	int16_t pcm[FRAME];

	(void)state;
	write_frame(tap, LIVE_SAID, 1, FRAME);
	write_frame(tap, LIVE_HEARD, 2, FRAME);
	live_tap_clear((unsigned)tap, key);
	write_frame(tap, LIVE_SAID, 3, 10);
	assert_int_equal(live_tap_waiting(tap, LIVE_HEARD), FRAME);
	assert_int_equal(live_tap_read(tap, LIVE_SAID, pcm, FRAME), 10);
	assert_int_equal(pcm[0], 3);
}

static void a_tap_is_filled_by_its_call_alone(void **state)
{
	int tap = open_tap(), again;
	int16_t pcm[FRAME] = { 0 };

	(void)state;
	live_tap_write((unsigned)tap, key + 1, LIVE_HEARD, pcm, FRAME);
	live_tap_begin((unsigned)tap, key + 1, 8000);
	live_tap_write(TAPS + 7, key, LIVE_HEARD, pcm, FRAME);
	assert_int_equal(live_tap_waiting(tap, LIVE_HEARD), 0);
	assert_int_equal(live_tap_rate_hz(tap), 0);
	write_frame(tap, LIVE_HEARD, 1, FRAME);
	live_tap_close(tap, &call.id);
	assert_int_equal(live_call_taps(place), 0);
	write_frame(tap, LIVE_HEARD, 1, FRAME);
	/* The same one again, once the others have had their turn: empty. */
	for (unsigned i = 0; i < TAPS; i++)
		again = open_tap();
	assert_int_equal(again, tap);
	assert_int_equal(live_tap_waiting(again, LIVE_HEARD), 0);
}

static void there_are_so_many_and_no_more(void **state)
{
	const struct uuid nobody = { .bytes = { 1 } };
	int tap;

	(void)state;
	for (unsigned i = 0; i < TAPS; i++)
		assert_true(open_tap() >= 0);
	assert_int_equal(open_tap(), LIVE_TAP_NONE);
	live_tap_close(LIVE_TAP_NONE, &call.id);
	live_taps_take_back(); /* the next control process */
	assert_true(open_tap() >= 0);
	assert_int_equal(live_tap_open(&nobody, &tap), LIVE_UNKNOWN);
	live_call_leave(place, &call);
	assert_int_equal(live_tap_open(&call.id, &tap), LIVE_ENDED);
	assert_int_equal(live_taps_create(0), 0);
	assert_int_equal(live_tap_open(&call.id, &tap), LIVE_ENDED);
	assert_int_equal(tap, LIVE_TAP_NONE);
}

/* ---- two threads -----------------------------------------------------------
 */

static int shared_tap;

static void *fill(void *arg)
{
	(void)arg;
	for (uint32_t n = 0; n < MANY; n++)
		write_frame(shared_tap, LIVE_HEARD, (int16_t)(n * FRAME),
			    FRAME);
	return NULL;
}

/* Whole frames are missing, and no sample is where it does not belong. */
static void a_reader_beside_its_writer_reads_whole_frames(void **state)
{
	uint64_t samples = 0, in_order = 0;
	int16_t pcm[1000], last = -1;
	pthread_t writer;
	bool done = false;
	size_t n;

	(void)state;
	shared_tap = open_tap();
	assert_int_equal(pthread_create(&writer, NULL, fill, NULL), 0);
	do {
		n = live_tap_read(shared_tap, LIVE_HEARD, pcm, 1000);
		for (size_t i = 0; i < n; i++) {
			in_order += (int16_t)(last + 1) == pcm[i];
			assert_true((int16_t)(last + 1) == pcm[i] ||
				    (uint16_t)pcm[i] % 32 == 0);
			last = pcm[i];
		}
		samples += n;
		done = samples + live_tap_dropped(shared_tap) ==
		       (uint64_t)MANY * FRAME;
	} while (!done);
	(void)pthread_join(writer, NULL);
	assert_true(in_order > samples - samples / FRAME - 1);
}

#define WITH_TAPS(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TAPS(what_is_written_is_read_each_side_by_itself),
		WITH_TAPS(a_full_ring_drops_what_comes_and_counts_it),
		WITH_TAPS(what_was_cleared_is_not_heard),
		WITH_TAPS(a_tap_is_filled_by_its_call_alone),
		WITH_TAPS(there_are_so_many_and_no_more),
		WITH_TAPS(a_reader_beside_its_writer_reads_whole_frames),
	};

	return cmocka_run_group_tests_name("live_taps", tests, NULL, NULL);
}
