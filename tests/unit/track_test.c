/* track_test.c - a frame has its place in time, and what is missing is known
 *
 * A test is a stream: one row per media message (160 samples, 8000 Hz), with
 * what the provider says and where it must end up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/track.h"

#define NONE (-1)

struct frame {
	enum track_side side;
	int chunk, stamp; /* NONE: the message does not say */
	enum track_verdict verdict;
	uint64_t position, lost;
};

static void stream(const struct frame *frames, size_t count)
{
	struct tracks tracks = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct frame *f = &frames[i];
		struct event event = { .kind = EVENT_MEDIA };
		struct placed placed;

		event.media.track = f->side;
		event.media.has_chunk = f->chunk != NONE;
		event.media.chunk = (uint64_t)f->chunk;
		event.media.has_timestamp = f->stamp != NONE;
		event.media.timestamp_ms = (uint64_t)f->stamp;
		placed = track_place(&tracks, &event, 160, 8000);
		if (placed.verdict != f->verdict ||
		    placed.position != f->position || placed.lost != f->lost)
			fail_msg("row %zu: verdict %d position %lu lost %lu", i,
				 placed.verdict, (unsigned long)placed.position,
				 (unsigned long)placed.lost);
	}
}
#define STREAM(...)                             \
	stream((struct frame[]){ __VA_ARGS__ }, \
	       sizeof((struct frame[]){ __VA_ARGS__ }) / sizeof(struct frame))

#define IN  TRACK_INBOUND
#define OUT TRACK_OUTBOUND

static void jitter_of_stamps_moves_nothing(void **state)
{
	(void)state;
	STREAM({ IN, 1, 5, TRACK_FOLLOWS, 0, 0 },
	       { IN, 2, 31, TRACK_FOLLOWS, 160, 0 },
	       { IN, 3, 38, TRACK_FOLLOWS, 320, 0 },
	       { IN, 4, 105, TRACK_FOLLOWS, 480, 0 },
	       { IN, 5, 85, TRACK_FOLLOWS, 640, 0 });
}

static void missing_chunks_are_lost_and_leave_room(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { IN, 4, 60, TRACK_GAP, 480, 2 },
	       { IN, 5, 80, TRACK_FOLLOWS, 640, 0 },
	       { IN, 7, NONE, TRACK_GAP, 960, 1 });
}

static void a_pause_in_the_stamps_becomes_silence(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { IN, 2, 1000, TRACK_GAP, 8000, 0 },
	       { IN, 3, 1020, TRACK_FOLLOWS, 8160, 0 });
}

static void what_came_before_is_repeated_or_late(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { IN, 2, 20, TRACK_FOLLOWS, 160, 0 },
	       { IN, 2, 20, TRACK_REPEATED, 160, 0 },
	       { IN, 4, 60, TRACK_GAP, 480, 1 },
	       { IN, 3, 40, TRACK_LATE, 320, 0 },
	       { IN, 5, 80, TRACK_FOLLOWS, 640, 0 });
}

static void two_tracks_may_count_apart(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { OUT, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { IN, 2, 20, TRACK_FOLLOWS, 160, 0 },
	       { OUT, 3, 40, TRACK_GAP, 320, 1 },
	       { IN, 3, 40, TRACK_FOLLOWS, 320, 0 });
}

static void two_tracks_may_share_a_count(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { OUT, 2, 0, TRACK_FOLLOWS, 0, 0 },
	       { IN, 3, 20, TRACK_FOLLOWS, 160, 0 },
	       { OUT, 4, 20, TRACK_FOLLOWS, 160, 0 },
	       { IN, 6, 40, TRACK_GAP, 320, 1 });
}

static void a_track_that_begins_later_is_placed_by_its_stamp(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { OUT, 1, 500, TRACK_GAP, 4000, 0 });
}

static void a_frame_of_long_ago_is_repeated_if_it_had_come(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { IN, 2, 20, TRACK_FOLLOWS, 160, 0 },
	       { IN, 3, 40, TRACK_FOLLOWS, 320, 0 },
	       { IN, 6, 100, TRACK_GAP, 800, 2 },
	       { IN, 2, 20, TRACK_REPEATED, 160, 0 },
	       { IN, 5, 80, TRACK_LATE, 640, 0 },
	       { IN, 5, 80, TRACK_REPEATED, 640, 0 },
	       { IN, 4, 60, TRACK_LATE, 480, 0 },
	       { IN, 7, 120, TRACK_FOLLOWS, 960, 0 });
}

/* The number of row 3 could be the other track's; row 4 shows that it is not.
 */
static void a_first_frame_lost_does_not_make_a_shared_count(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { OUT, 2, 20, TRACK_FOLLOWS, 0, 0 },
	       { IN, 2, 20, TRACK_FOLLOWS, 160, 0 },
	       { OUT, 3, 40, TRACK_FOLLOWS, 160, 0 },
	       { IN, 3, 40, TRACK_FOLLOWS, 320, 0 },
	       { OUT, 5, 80, TRACK_GAP, 480, 1 });
}

static void a_shared_count_shows_though_its_begin_was_lost(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       { OUT, 4, 20, TRACK_GAP, 480, 3 },
	       { IN, 5, 40, TRACK_GAP, 640, 3 },
	       { OUT, 6, 40, TRACK_FOLLOWS, 640, 0 },
	       { IN, 7, 60, TRACK_FOLLOWS, 800, 0 },
	       { OUT, 8, 60, TRACK_FOLLOWS, 800, 0 });
}

static void a_count_may_begin_anew(void **state)
{
	(void)state;
	STREAM({ IN, 500, 0, TRACK_GAP, 0, 499 },
	       { IN, 501, 20, TRACK_FOLLOWS, 160, 0 },
	       { IN, 1, 40, TRACK_REPEATED, 0, 0 },
	       { IN, 2, 60, TRACK_FOLLOWS, 320, 0 },
	       { IN, 3, 80, TRACK_FOLLOWS, 480, 0 },
	       { IN, 5, 120, TRACK_GAP, 800, 1 });
}

static void forged_numbers_ask_for_nothing_absurd(void **state)
{
	(void)state;
	STREAM({ IN, 1, 0, TRACK_FOLLOWS, 0, 0 },
	       /* a stamp of weeks */
	       { IN, 2, 2147483647, TRACK_FOLLOWS, 160, 0 },
	       /* a jump that nobody can have lost, and back */
	       { IN, 2147483647, NONE, TRACK_FOLLOWS, 320, 0 },
	       { IN, 3, 40, TRACK_REPEATED, 0, 0 },
	       { IN, 4, 60, TRACK_FOLLOWS, 480, 0 },
	       { IN, 5, 80, TRACK_FOLLOWS, 640, 0 });
}

/* The largest numbers a message can hold overflow nothing. */
static void the_largest_numbers_do_no_harm(void **state)
{
	static const uint64_t numbers[] = {
		0, 1, 999999999999999999u, 999999999999999998u, 180001, 2
	};
	struct tracks tracks = { 0 };

	(void)state;
	for (size_t i = 0; i < 216; i++) {
		struct event event = { .kind = EVENT_MEDIA };
		struct placed placed;

		event.media.track = i % 2 ? IN : OUT;
		event.media.has_chunk = event.media.has_timestamp = true;
		event.media.chunk = numbers[i % 6];
		event.media.timestamp_ms = numbers[i / 6 % 6];
		placed = track_place(&tracks, &event, 160, 8000);
		assert_true(placed.lost <= TRACK_LOST_MAX);
		assert_true(placed.position < (uint64_t)8000 * 3600 * 24 * 365);
	}
}

static void without_counters_frames_follow_each_other(void **state)
{
	(void)state;
	STREAM({ IN, NONE, NONE, TRACK_FOLLOWS, 0, 0 },
	       { IN, NONE, NONE, TRACK_FOLLOWS, 160, 0 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jitter_of_stamps_moves_nothing),
		cmocka_unit_test(missing_chunks_are_lost_and_leave_room),
		cmocka_unit_test(a_pause_in_the_stamps_becomes_silence),
		cmocka_unit_test(what_came_before_is_repeated_or_late),
		cmocka_unit_test(two_tracks_may_count_apart),
		cmocka_unit_test(two_tracks_may_share_a_count),
		cmocka_unit_test(
			a_track_that_begins_later_is_placed_by_its_stamp),
		cmocka_unit_test(
			a_frame_of_long_ago_is_repeated_if_it_had_come),
		cmocka_unit_test(
			a_first_frame_lost_does_not_make_a_shared_count),
		cmocka_unit_test(
			a_shared_count_shows_though_its_begin_was_lost),
		cmocka_unit_test(a_count_may_begin_anew),
		cmocka_unit_test(the_largest_numbers_do_no_harm),
		cmocka_unit_test(forged_numbers_ask_for_nothing_absurd),
		cmocka_unit_test(without_counters_frames_follow_each_other),
	};

	return cmocka_run_group_tests_name("track", tests, NULL, NULL);
}
