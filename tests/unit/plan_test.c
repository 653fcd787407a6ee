/* plan_test.c - what the calls of a run are to do, by their seed
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/holdload/options.h"
#include "tools/holdload/plan.h"

#define SECOND 1000000000.0

/* Every call of the plan; to be freed. */
static struct call_plan *calls_of(const struct options *options, size_t *count)
{
	struct call_plan *calls = NULL, call;
	struct plan plan;
	size_t room = 0;

	*count = 0;
	plan_init(&plan, options);
	while (plan_next(&plan, &call)) {
		if (*count == room) {
			room = room ? room * 2 : 64;
			calls = reallocarray(calls, room, sizeof(*calls));
			assert_non_null(calls);
		}
		calls[(*count)++] = call;
	}
	return calls;
}

static struct options options_of(const char *duration, const char *misbehave)
{
	struct options options = { .calls = 10000, .seed = 7 };

	options.audio.frame_ms = 20;
	options.audio.count = 50;
	assert_int_equal(lengths_parse(&options.lengths, duration), 0);
	if (misbehave)
		assert_int_equal(misdeeds_parse(&options.misdeeds, misbehave),
				 0);
	return options;
}

static void the_same_seed_is_the_same_plan(void **state)
{
	struct options options = options_of("exp:30s", "drop=5%,stall=5%");
	struct call_plan *first, *second, *third;
	size_t count;

	(void)state;
	options.rate_per_s = 100;
	options.time_ms = 20000;
	options.poisson = true;
	first = calls_of(&options, &count);
	second = calls_of(&options, &count);
	options.seed = 8;
	third = calls_of(&options, &count);
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(first[i].after_ns, second[i].after_ns);
		assert_int_equal(first[i].length_ns, second[i].length_ns);
		assert_int_equal(first[i].misdeed, second[i].misdeed);
	}
	assert_int_not_equal(first[1].after_ns, third[1].after_ns);
	assert_int_not_equal(first[0].length_ns, third[0].length_ns);
	free(first);
	free(second);
	free(third);
}

static void calls_come_as_often_as_was_asked(void **state)
{
	struct options options = options_of("1s", NULL);

	(void)state;
	options.rate_per_s = 200;
	options.time_ms = 100000;
	for (int poisson = 0; poisson < 2; poisson++) {
		struct call_plan *calls;
		double squares = 0;
		size_t count;

		options.poisson = poisson;
		calls = calls_of(&options, &count);
		/* Four deviations of a Poisson count. */
		assert_true(fabs((double)count - 20000) <=
			    (poisson ? 4 * sqrt(20000) : 0));
		assert_true((double)calls[count - 1].after_ns < 100 * SECOND);
		for (size_t i = 1; i < count; i++) {
			double gap = (double)(calls[i].after_ns -
					      calls[i - 1].after_ns) /
				     SECOND * 200;

			squares += (gap - 1) * (gap - 1);
		}
		/* Gaps that are exponential vary as much as they are long. */
		if (poisson)
			assert_true(fabs(squares / (double)count - 1) < 0.1);
		else
			assert_true(squares / (double)count < 1e-6);
		free(calls);
	}
}

static void each_call_once_ramped(void **state)
{
	struct options options = options_of("1s", NULL);
	struct call_plan *calls;
	size_t count;

	(void)state;
	options.ramp_per_s = 5000;
	calls = calls_of(&options, &count);
	assert_int_equal(count, 10000);
	assert_int_equal(calls[0].after_ns, 0);
	assert_int_equal(calls[5000].after_ns, (uint64_t)SECOND);
	free(calls);
}

static void lengths_are_spread_as_they_are_called(void **state)
{
	static const struct {
		const char *text;
		double mean, deviation, least, most;
	} rows[] = {
		{ "30s", 30, 0, 30, 30 },
		{ "10s..60s", 35, 50 / 3.4641, 10, 60 },
		{ "exp:30s", 30, 30, 0.001, 24 * 3600 },
		{ "normal:30s,5s", 30, 5, 0.001, 60 },
		{ "10s,20s", 15, 5, 10, 20 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options options = options_of(rows[i].text, NULL);
		double sum = 0, squares = 0, mean, deviation;
		struct call_plan *calls;
		size_t count;

		calls = calls_of(&options, &count);
		for (size_t n = 0; n < count; n++) {
			double s = (double)calls[n].length_ns / SECOND;

			if (s < rows[i].least || s > rows[i].most)
				fail_msg("%s: %f", rows[i].text, s);
			sum += s;
			squares += s * s;
		}
		mean = sum / (double)count;
		deviation = sqrt(fabs(squares / (double)count - mean * mean));
		if (fabs(mean - rows[i].mean) > 0.04 * rows[i].mean ||
		    fabs(deviation - rows[i].deviation) > 0.04 * rows[i].mean)
			fail_msg("%s: %f %f", rows[i].text, mean, deviation);
		free(calls);
	}
}

static void lengths_that_are_none_are_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"30",
		"0s",
		"-3s",
		"60s..10s",
		"10s..",
		"..10s",
		"1s..2s..3s",
		"exp:",
		"exp:1s,2s",
		"normal:1s",
		"normal:1s,2s,3s",
		"gauss:30s",
		"1s,",
		"1s,,2s",
		"25h",
		"1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s",
	};
	struct lengths lengths;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (lengths_parse(&lengths, rows[i]) == 0)
			fail_msg("%s", rows[i]);
}

static void so_many_of_a_hundred_misbehave(void **state)
{
	struct options options =
		options_of("1s", "drop=5%,stall=10%,malformed=25%");
	size_t counts[MISDEED_COUNT] = { 0 }, count;
	struct call_plan *calls;

	(void)state;
	options.calls = 100;
	calls = calls_of(&options, &count);
	for (size_t i = 0; i < count; i++) {
		counts[calls[i].misdeed]++;
		assert_true(calls[i].moment >= 0 && calls[i].moment < 1);
	}
	assert_in_range(counts[MISDEED_DROP], 4, 6);
	assert_in_range(counts[MISDEED_STALL], 9, 11);
	assert_in_range(counts[MISDEED_BAD_JSON], 4, 6);
	assert_in_range(counts[MISDEED_OVERSIZED], 4, 6);
	assert_in_range(counts[MISDEED_NONE], 58, 62);
	free(calls);
}

static void misdeeds_that_are_none_are_refused(void **state)
{
	static const char *const rows[] = {
		"",	    "drop",	 "drop=",   "drop=5",
		"drop=5%,", "=5%",	 "dro=5%",  "drop=101%",
		"drop=-1%", "drop=nan%", "drop=0%", "drop=60%,stall=50%",
		"drop=5%%", "drop=5%;",	 "none=5%",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct misdeeds misdeeds = { 0 };

		if (misdeeds_parse(&misdeeds, rows[i]) == 0)
			fail_msg("%s", rows[i]);
	}
}

static void all_hundred_percent_misbehave(void **state)
{
	struct misdeeds misdeeds = { 0 };

	(void)state;
	assert_int_equal(misdeeds_parse(&misdeeds, "malformed=100%"), 0);
	for (int i = 0; i < 1000; i++)
		assert_true(misdeeds_choose(&misdeeds, i / 1000.0) >=
			    MISDEED_WRONG_ORDER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_is_the_same_plan),
		cmocka_unit_test(calls_come_as_often_as_was_asked),
		cmocka_unit_test(each_call_once_ramped),
		cmocka_unit_test(lengths_are_spread_as_they_are_called),
		cmocka_unit_test(lengths_that_are_none_are_refused),
		cmocka_unit_test(so_many_of_a_hundred_misbehave),
		cmocka_unit_test(misdeeds_that_are_none_are_refused),
		cmocka_unit_test(all_hundred_percent_misbehave),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
