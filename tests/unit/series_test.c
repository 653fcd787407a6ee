/* series_test.c - a run of any length in so many moments, and nothing of it
 * lost */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "tools/holdload/histogram.h"
#include "tools/holdload/series.h"

#define SECOND 1000000000ull
#define BEGAN  (7 * SECOND)

static struct histogram echo, late;
static struct so_far sums = { .echo_us = &echo, .late_us = &late };

static int begin(void **state)
{
	(void)state;
	echo = late = (struct histogram){ 0 };
	sums.sums = (struct moment){ 0 };
	return 0;
}

/* A second in which a call begins and 50 frames are echoed, each in so many us.
 */
static void live_through(struct series *series, uint64_t second, uint64_t us)
{
	sums.sums.live++;
	sums.sums.begun++;
	sums.sums.frames_sent += 50;
	for (int i = 0; i < 50; i++)
		histogram_add(&echo, us);
	series_note(series, &sums, BEGAN + (second + 1) * SECOND);
}

static uint64_t frames_of(const struct series *series)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < series_count(series); i++)
		frames += series_at(series, i)->frames_sent;
	return frames;
}

static void a_moment_has_what_came_in_it(void **state)
{
	struct series *series = series_create(BEGAN);

	(void)state;
	live_through(series, 0, 100);
	live_through(series, 1, 5000);
	histogram_add(&echo, 9);
	series_finish(series, &sums, BEGAN + 5 * SECOND / 2);
	assert_int_equal(series_count(series), 3);
	assert_int_equal(series_at(series, 1)->live, 2);
	assert_int_equal(series_at(series, 1)->begun, 1);
	assert_int_equal(series_at(series, 1)->echo.count, 50);
	assert_in_range(spread_quantile(&series_at(series, 0)->echo, 0.99), 100,
			107);
	assert_in_range(spread_quantile(&series_at(series, 1)->echo, 0.5), 5000,
			5350);
	assert_int_equal(series_at(series, 2)->echo.count, 1);
	assert_int_equal(series_at(series, 2)->begun, 0);
	series_free(series);
}

static void moments_grow_and_lose_nothing(void **state)
{
	struct series *series = series_create(BEGAN);
	const uint64_t seconds = 5 * SERIES_MOMENTS + 3;

	(void)state;
	for (uint64_t i = 0; i < seconds; i++)
		live_through(series, i, 100);
	series_finish(series, &sums, BEGAN + seconds * SECOND + 1);
	assert_int_equal(series_length_ns(series), 8 * SECOND);
	assert_in_range(series_count(series), SERIES_MOMENTS / 2,
			SERIES_MOMENTS);
	assert_int_equal(frames_of(series), 50 * seconds);
	for (size_t i = 0; i + 1 < series_count(series); i++)
		assert_int_equal(series_at(series, i)->live, 8 * (i + 1));
	series_free(series);
}

/* Nobody looked for a while. */
static void what_comes_late_is_in_the_first_moment(void **state)
{
	struct series *series = series_create(BEGAN);

	(void)state;
	live_through(series, 3, 100);
	assert_int_equal(series_count(series), 4);
	assert_int_equal(frames_of(series), 50);
	assert_int_equal(series_due_ns(series), BEGAN + 5 * SECOND);
	series_free(series);
}

static void two_are_one_whatever_their_lengths(void **state)
{
	struct series *whole = series_create(BEGAN), *more;

	(void)state;
	live_through(whole, 0, 100);
	live_through(whole, 1, 100);
	series_finish(whole, &sums, BEGAN + 2 * SECOND + 1);
	(void)begin(NULL);
	more = series_create(BEGAN);
	for (uint64_t i = 0; i < SERIES_MOMENTS + 10; i++)
		live_through(more, i, 9000);
	series_finish(more, &sums, BEGAN + (SERIES_MOMENTS + 10) * SECOND + 1);
	series_merge(whole, more);
	assert_int_equal(series_length_ns(whole), 2 * SECOND);
	assert_int_equal(frames_of(whole), 50 * (SERIES_MOMENTS + 12));
	assert_int_equal(series_at(whole, 0)->live, 4);
	assert_int_equal(series_at(whole, 0)->echo.max, 9000);
	assert_int_equal(series_at(whole, 5)->live, 12);
	series_free(whole);
	series_free(more);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		TEST(a_moment_has_what_came_in_it),
		TEST(moments_grow_and_lose_nothing),
		TEST(what_comes_late_is_in_the_first_moment),
		TEST(two_are_one_whatever_their_lengths),
	};

	return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
