/* clock_test.c - times are written in one form, and only that form is read */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "server/clock.h"

#define DAY_US INT64_C(86400000000)

struct moment {
	int64_t wall_us;
	const char *text;
};

/* Round trips, both ways. */
static const struct moment moments[] = {
	{ 0, "1970-01-01T00:00:00.000000Z" },
	{ 1, "1970-01-01T00:00:00.000001Z" },
	{ -1, "1969-12-31T23:59:59.999999Z" },
	{ 1795414620123456, "2026-11-23T06:17:00.123456Z" },
	{ 951782400000000, "2000-02-29T00:00:00.000000Z" },
	{ 4107542399999999, "2100-02-28T23:59:59.999999Z" },
	{ 4107542400000000, "2100-03-01T00:00:00.000000Z" },
	{ -62167219200000000, "0000-01-01T00:00:00.000000Z" },
	{ 253402300799999999, "9999-12-31T23:59:59.999999Z" },
};

static void a_time_is_written_and_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		char text[CLOCK_ISO_SIZE];
		int64_t back = 42;

		clock_format_iso(moments[i].wall_us, text);
		assert_string_equal(text, moments[i].text);
		assert_int_equal(clock_parse_iso(text, &back), 0);
		assert_int_equal(back, moments[i].wall_us);
	}
}

static void what_no_year_can_hold_stays_at_the_edge(void **state)
{
	char text[CLOCK_ISO_SIZE];

	(void)state;
	clock_format_iso(INT64_MIN, text);
	assert_int_equal(text[0], '0');
	assert_memory_equal(text, "0000-01-01T00:00:00.", 20);
	clock_format_iso(INT64_MAX, text);
	assert_memory_equal(text, "9999-12-31T23:59:59.", 20);
}

/* The calendar repeats after 400 years; the C library knows it too. */
static void every_day_has_the_date_of_the_c_library(void **state)
{
	(void)state;
	for (int64_t day = -800; day < 146097 + 800; day++) {
		char text[CLOCK_ISO_SIZE], expected[CLOCK_ISO_SIZE];
		time_t seconds = (time_t)day * 86400 + 45296;
		struct tm tm;

		assert_non_null(gmtime_r(&seconds, &tm));
		assert_int_equal(strftime(expected, sizeof(expected),
					  "%Y-%m-%dT%H:%M:%S.000007Z", &tm),
				 27);
		clock_format_iso(day * DAY_US + 45296000007, text);
		assert_string_equal(text, expected);
	}
}

static void anything_else_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"Z",
		"2026-11-23",
		"2026-11-23T06:17:00Z",
		"2026-11-23T06:17:00.123Z",
		"2026-11-23T06:17:00.123456",
		"2026-11-23T06:17:00.1234567Z",
		"2026-11-23T06:17:00.123456z",
		"2026-11-23 06:17:00.123456Z",
		"2026-11-23T06:17:00,123456Z",
		"2026-11-23T06:17:00.123456Z ",
		" 2026-11-23T06:17:00.12345Z",
		"2026-11-23T06:17:00.12 456Z",
		"2026-1a-23T06:17:00.123456Z",
		"+026-11-23T06:17:00.123456Z",
		"2026-00-23T06:17:00.123456Z",
		"2026-13-23T06:17:00.123456Z",
		"2026-11-00T06:17:00.123456Z",
		"2026-11-31T06:17:00.123456Z",
		"2026-02-29T06:17:00.123456Z",
		"2100-02-29T06:17:00.123456Z",
		"2026-11-23T24:00:00.000000Z",
		"2026-11-23T06:60:00.123456Z",
		"2026-11-23T06:17:60.123456Z",
		"9999-12-32T00:00:00.000000Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int64_t untouched = 42;

		if (clock_parse_iso(wrong[i], &untouched) != -EINVAL)
			fail_msg("accepted: %s", wrong[i]);
		assert_int_equal(untouched, 42);
	}
}

static void what_people_write_is_a_time_too(void **state)
{
	static const struct {
		const char *text, *iso; /* NULL: refused */
	} cases[] = {
		{ "2026-11-23", "2026-11-23T00:00:00.000000Z" },
		{ "2026-11-23T06:17:00Z", "2026-11-23T06:17:00.000000Z" },
		{ "2026-11-23t06:17:00z", "2026-11-23T06:17:00.000000Z" },
		{ "2026-11-23 06:17:00.5Z", "2026-11-23T06:17:00.500000Z" },
		{ "2026-11-23T06:17:00.123456789Z",
		  "2026-11-23T06:17:00.123456Z" },
		{ "2026-11-23T00:17:00+01:00", "2026-11-22T23:17:00.000000Z" },
		{ "2026-11-23T00:17:00 01:30", "2026-11-22T22:47:00.000000Z" },
		{ "2026-12-31T23:00:00-05:00", "2027-01-01T04:00:00.000000Z" },
		{ "", NULL },
		{ "2026-11-2", NULL },
		{ "2026-02-29", NULL },
		{ "2026-11-23T", NULL },
		{ "2026-11-23T06:17", NULL },
		{ "2026-11-23T06:17:00", NULL },
		{ "2026-11-23T06:17:00.Z", NULL },
		{ "2026-11-23T06:17:00+0100", NULL },
		{ "2026-11-23T06:17:00+24:00", NULL },
		{ "2026-11-23T06:17:00+01:60", NULL },
		{ "2026-11-23T06:17:00+01:0", NULL },
		{ "2026-11-23T06:17:00Z+01:00", NULL },
		{ "2026-11-23X06:17:00Z", NULL },
		{ "yesterday", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t us = 42;
		char iso[CLOCK_ISO_SIZE];
		int r = clock_parse_rfc3339(cases[i].text, &us);

		if (r != (cases[i].iso ? 0 : -EINVAL))
			fail_msg("%s: %d", cases[i].text, r);
		if (r < 0) {
			assert_int_equal(us, 42);
			continue;
		}
		clock_format_iso(us, iso);
		assert_string_equal(iso, cases[i].iso);
	}
}

static void monotonic_time_never_goes_back(void **state)
{
	uint64_t last = clock_mono_us();

	(void)state;
	assert_true(last > 0);
	for (int i = 0; i < 10000; i++) {
		uint64_t now = clock_mono_us();

		assert_true(now >= last);
		last = now;
	}
	assert_true(clock_mono_ms() >= last / 1000);
}

static void wall_time_is_that_of_the_machine(void **state)
{
	int64_t before = (int64_t)time(NULL);
	int64_t us = clock_wall_us();
	int64_t after = (int64_t)time(NULL);

	(void)state;
	/* time() may lag behind by a tick. */
	assert_in_range(us / 1000000, before, after + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_written_and_read_back),
		cmocka_unit_test(what_no_year_can_hold_stays_at_the_edge),
		cmocka_unit_test(every_day_has_the_date_of_the_c_library),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(what_people_write_is_a_time_too),
		cmocka_unit_test(monotonic_time_never_goes_back),
		cmocka_unit_test(wall_time_is_that_of_the_machine),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
