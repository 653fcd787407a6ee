/* pacer_test.c - when audio leaves, with time as an argument
 *
 * Audio is PCMU: 8 bytes a millisecond, 160 a frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "media/pacer.h"

#define FRAME 160u

static const struct pacer_options clocked = { .bytes_per_s = 8000,
					      .silence = 0xff,
					      .least = FRAME,
					      .step = FRAME,
					      .most = FRAME,
					      .clocked = true,
					      .queue_ms = 1000,
					      .age_ms = 2000 };
static const struct pacer_options ahead = { .bytes_per_s = 8000,
					    .silence = 0xff,
					    .least = 1,
					    .step = 1,
					    .most = 8000,
					    .ahead_ms = 100,
					    .queue_ms = 1000,
					    .age_ms = 2000 };

static struct pacer *pacer;

static void begin(const struct pacer_options *options)
{
	pacer = pacer_create(options);
	assert_non_null(pacer);
}

static int end(void **state)
{
	(void)state;
	pacer_destroy(pacer);
	pacer = NULL;
	return 0;
}

/* `count` frames, each filled with its number from `first`. */
static unsigned add(uint64_t now_ms, unsigned first, unsigned count)
{
	uint8_t frame[FRAME];
	unsigned taken = 0;

	for (unsigned i = 0; i < count; i++) {
		memset(frame, (int)(first + i), sizeof(frame));
		taken += pacer_add_audio(pacer, now_ms, frame, sizeof(frame));
	}
	return taken;
}

/* How many frames leave now; the late ones of them are counted, too. */
static unsigned leave(uint64_t now_ms, unsigned *late)
{
	unsigned count = 0;
	struct piece piece;

	if (late)
		*late = 0;
	while ((piece = pacer_next(pacer, now_ms)).kind == PIECE_AUDIO) {
		count++;
		if (late)
			*late += piece.late;
	}
	assert_int_equal(piece.kind, PIECE_NONE);
	return count;
}

static void frames_leave_on_a_grid_that_does_not_drift(void **state)
{
	unsigned sent = 0;

	(void)state;
	begin(&clocked);
	assert_int_equal(add(1000, 0, 50), 50);
	/* Looked at every 7 ms: the n-th leaves at the first look past its
	 * time, never later because of the one before. */
	for (uint64_t now = 1000; now < 2000; now += 7) {
		unsigned late;

		sent += leave(now, &late);
		assert_int_equal(sent, (now - 1000) / 20 + 1);
		assert_int_equal(late, 0);
	}
	assert_true(pacer_is_empty(pacer));
}

static void a_tick_that_was_missed_is_caught_up(void **state)
{
	unsigned late;

	(void)state;
	begin(&clocked);
	add(0, 0, 20);
	assert_int_equal(leave(0, NULL), 1);
	assert_int_equal(leave(65, &late), 3); /* due at 20, 40 and 60 */
	assert_int_equal(late, 2); /* the third is not a frame late */
	assert_int_equal(leave(79, NULL), 0);
	assert_int_equal(leave(80, NULL), 1);
}

static void what_lies_too_far_back_is_forgiven(void **state)
{
	(void)state;
	begin(&clocked);
	add(0, 0, 50);
	assert_int_equal(leave(0, NULL), 1);
	/* Ten seconds would be 500 frames; a burst of PACER_CATCH_UP_MS. */
	assert_int_equal(leave(900, NULL), PACER_CATCH_UP_MS / 20 + 1);
	assert_int_equal(leave(919, NULL), 0);
	assert_int_equal(leave(920, NULL), 1);
}

static void what_comes_in_time_passes_by_the_queue(void **state)
{
	(void)state;
	begin(&clocked);
	assert_true(pacer_pass(pacer, 500, FRAME));
	assert_false(pacer_pass(pacer, 519, FRAME));
	assert_true(pacer_pass(pacer, 520, FRAME));
	assert_false(pacer_pass(pacer, 540, FRAME - 1)); /* not that size */
	add(541, 0, 1);
	assert_false(pacer_pass(pacer, 600, FRAME)); /* would overtake */
}

static void audio_goes_ahead_up_to_a_limit(void **state)
{
	(void)state;
	begin(&ahead);
	/* What is sent lasts 20 ms each; 100 ms may lie at the provider when
	 * the next one goes. */
	for (unsigned i = 0; i < 6; i++)
		assert_true(pacer_pass(pacer, 0, FRAME));
	assert_false(pacer_pass(pacer, 0, FRAME));
	assert_false(pacer_pass(pacer, 19, FRAME));
	assert_true(pacer_pass(pacer, 20, FRAME));
	/* After a pause the provider has nothing: it begins anew. */
	for (unsigned i = 0; i < 6; i++)
		assert_true(pacer_pass(pacer, 5000, FRAME));
	assert_false(pacer_pass(pacer, 5000, FRAME));
}

static void it_says_when_to_ask_again(void **state)
{
	(void)state;
	begin(&clocked);
	add(0, 0, 3);
	assert_int_equal(leave(0, NULL), 1);
	assert_int_equal(pacer_due_ms(pacer, 1), 20);
	end(state);
	begin(&ahead);
	for (unsigned i = 0; i < 6; i++)
		assert_true(pacer_pass(pacer, 0, FRAME));
	add(0, 0, 1);
	assert_int_equal(leave(0, NULL), 0);
	assert_int_equal(pacer_due_ms(pacer, 1), 20);
}

static void the_queue_is_bounded_in_time(void **state)
{
	(void)state;
	begin(&clocked);
	assert_int_equal(add(0, 0, 60), 50); /* a second */
}

static void what_has_waited_too_long_is_dropped(void **state)
{
	struct piece piece;

	(void)state;
	begin(&clocked);
	pacer_hold(pacer, true);
	add(0, 1, 3);
	add(1500, 9, 2);
	assert_int_equal(leave(1600, NULL), 0);
	pacer_hold(pacer, false);
	piece = pacer_next(pacer, 2100);
	assert_int_equal(piece.kind, PIECE_AUDIO);
	assert_int_equal(piece.audio[0], 9);
	assert_int_equal(pacer_take_aged(pacer), 3);
	assert_int_equal(pacer_take_aged(pacer), 0);
}

static void a_full_buffer_at_the_provider_is_respected(void **state)
{
	(void)state;
	begin(&clocked);
	pacer_hold(pacer, true);
	assert_false(pacer_pass(pacer, 0, FRAME));
	add(0, 0, 10);
	assert_int_equal(leave(100, NULL), 0);
	pacer_hold(pacer, false);
	assert_int_equal(leave(100, NULL), 1);
}

static void a_mark_waits_behind_its_audio(void **state)
{
	struct piece piece;

	(void)state;
	begin(&clocked);
	add(0, 0, 2);
	assert_true(pacer_add_mark(pacer, 0, "here"));
	add(0, 5, 1);
	assert_int_equal(pacer_next(pacer, 0).kind, PIECE_AUDIO);
	assert_int_equal(pacer_next(pacer, 0).kind, PIECE_NONE);
	assert_int_equal(pacer_next(pacer, 20).kind, PIECE_AUDIO);
	piece = pacer_next(pacer, 20);
	assert_int_equal(piece.kind, PIECE_MARK);
	assert_string_equal(piece.mark, "here");
	assert_int_equal(pacer_next(pacer, 20).kind, PIECE_NONE);
	assert_int_equal(pacer_next(pacer, 40).kind, PIECE_AUDIO);
}

static void marks_are_bounded(void **state)
{
	(void)state;
	begin(&clocked);
	for (unsigned i = 0; i < PACER_MARKS_MAX; i++)
		assert_true(pacer_add_mark(pacer, 0, "m"));
	assert_false(pacer_add_mark(pacer, 0, "m"));
}

static void note_mark(void *arg, const char *mark)
{
	char *names = arg;

	(void)strcat(names, mark);
}

static void clear_empties_it_and_tells_the_marks(void **state)
{
	char names[16] = "";

	(void)state;
	begin(&ahead);
	for (unsigned i = 0; i < 6; i++)
		assert_true(pacer_pass(pacer, 0, FRAME));
	add(0, 0, 10);
	assert_true(pacer_add_mark(pacer, 0, "a"));
	add(0, 0, 5);
	assert_true(pacer_add_mark(pacer, 0, "b"));
	assert_int_equal(pacer_clear(pacer, note_mark, names), 300);
	assert_string_equal(names, "ab");
	assert_true(pacer_is_empty(pacer));
	assert_true(pacer_pass(pacer, 0, FRAME)); /* theirs is empty as well */
}

static void messages_have_the_size_that_is_wanted(void **state)
{
	struct pacer_options options = ahead;
	struct piece piece;
	uint8_t audio[500];

	(void)state;
	options.least = 320;
	options.step = 32;
	options.most = 640;
	begin(&options);
	memset(audio, 7, sizeof(audio));
	assert_true(pacer_add_audio(pacer, 0, audio, 300));
	assert_int_equal(leave(0, NULL), 0); /* more may come */
	assert_true(pacer_add_audio(pacer, 10, audio, 30));
	piece = pacer_next(pacer, 10);
	assert_int_equal(piece.bytes, 320);
	assert_int_equal(pacer_next(pacer, 10).kind, PIECE_NONE);
	/* Nothing came for a while: the rest goes, filled up with silence. */
	piece = pacer_next(pacer, 200);
	assert_int_equal(piece.kind, PIECE_AUDIO);
	assert_int_equal(piece.bytes, 320);
	assert_int_equal(piece.audio[9], 7);
	assert_int_equal(piece.audio[10], 0xff);
	assert_int_equal(piece.audio[319], 0xff);
	assert_true(pacer_is_empty(pacer));
}

/* Two bytes a sample, of which 20 ms are half a one too many. */
static void sizes_that_do_not_fit_are_made_to(void **state)
{
	static const struct pacer_options odd = { .bytes_per_s = 22050,
						  .least = 441,
						  .step = 2,
						  .most = 441,
						  .clocked = true,
						  .queue_ms = 1000,
						  .age_ms = 2000 };
	struct piece piece;

	(void)state;
	begin(&odd);
	add(0, 0, 1);
	piece = pacer_next(pacer, 1000);
	assert_int_equal(piece.kind, PIECE_AUDIO);
	assert_int_equal(piece.bytes, 442);
	assert_false(pacer_pass(pacer, 2000, 441));
	assert_true(pacer_pass(pacer, 2000, 442));
}

static void the_end_before_a_mark_does_not_wait(void **state)
{
	struct piece piece;

	(void)state;
	begin(&clocked);
	assert_true(pacer_add_audio(pacer, 0, (const uint8_t *)"abcd", 4));
	assert_int_equal(pacer_next(pacer, 0).kind, PIECE_NONE);
	assert_true(pacer_add_mark(pacer, 0, "end"));
	piece = pacer_next(pacer, 0);
	assert_int_equal(piece.kind, PIECE_AUDIO);
	assert_int_equal(piece.bytes, FRAME);
	assert_memory_equal(piece.audio, "abcd\xff", 5);
	assert_int_equal(pacer_next(pacer, 0).kind, PIECE_MARK);
}

/* A ring that wraps and grows keeps the order: what goes in comes out. */
static void nothing_is_lost_or_changed_on_the_way(void **state)
{
	struct pacer_options options = ahead;
	unsigned in = 0, out = 0;

	(void)state;
	options.queue_ms = 60000;
	options.age_ms = 600000;
	options.most = 97;
	begin(&options);
	for (uint64_t now = 0; now < 100000; now += 10) {
		uint8_t audio[400];
		size_t bytes = now < 50000 ? (now * 7919) % 160 : 0;
		struct piece piece;

		for (size_t i = 0; i < bytes; i++)
			audio[i] = (uint8_t)(in++ * 31 >> 3);
		assert_true(pacer_add_audio(pacer, now, audio, bytes));
		while ((piece = pacer_next(pacer, now)).kind == PIECE_AUDIO)
			for (size_t i = 0; i < piece.bytes; i++)
				assert_int_equal(piece.audio[i],
						 (uint8_t)(out++ * 31 >> 3));
	}
	assert_int_equal(in, out);
	assert_true(in > 300000);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_leave_on_a_grid_that_does_not_drift),
		TEST(a_tick_that_was_missed_is_caught_up),
		TEST(what_lies_too_far_back_is_forgiven),
		TEST(what_comes_in_time_passes_by_the_queue),
		TEST(audio_goes_ahead_up_to_a_limit),
		TEST(it_says_when_to_ask_again),
		TEST(the_queue_is_bounded_in_time),
		TEST(what_has_waited_too_long_is_dropped),
		TEST(a_full_buffer_at_the_provider_is_respected),
		TEST(a_mark_waits_behind_its_audio),
		TEST(marks_are_bounded),
		TEST(clear_empties_it_and_tells_the_marks),
		TEST(messages_have_the_size_that_is_wanted),
		TEST(sizes_that_do_not_fit_are_made_to),
		TEST(the_end_before_a_mark_does_not_wait),
		TEST(nothing_is_lost_or_changed_on_the_way),
	};

	return cmocka_run_group_tests_name("pacer", tests, NULL, NULL);
}
