/* poison_test.c - a bad record is one thing, a bad database another */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "persistence/poison.h"

#define PERCENT 20u

static const struct uuid bad = { .bytes = { 1 } };

static void a_few_refusals_are_no_storm_however_quiet_the_night(void **state)
{
	struct poison_window window;

	(void)state;
	poison_init(&window, PERCENT);
	for (unsigned i = 0; i < POISON_FEW; i++) {
		poison_refused(&window, &bad);
		assert_false(poison_is_storm(&window));
	}
	poison_refused(&window, &bad);
	assert_true(poison_is_storm(&window));
}

static void the_share_decides_in_a_full_window(void **state)
{
	static const struct {
		unsigned refused_of_200;
		bool storm;
	} rows[] = { { 2, false }, { 20, false }, { 40, false },
		     { 41, true }, { 100, true }, { 200, true } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct poison_window window;

		poison_init(&window, PERCENT);
		poison_passed(&window, POISON_WINDOW - rows[i].refused_of_200);
		for (unsigned n = 0; n < rows[i].refused_of_200; n++)
			poison_refused(&window, &bad);
		assert_int_equal(poison_is_storm(&window), rows[i].storm);
	}
}

static void old_verdicts_leave_the_window(void **state)
{
	struct poison_window window;

	(void)state;
	poison_init(&window, PERCENT);
	for (unsigned i = 0; i < 3 * POISON_WINDOW; i++)
		poison_refused(&window, &bad);
	assert_int_equal(window.refused, POISON_WINDOW);
	poison_passed(&window, 1000000);
	assert_int_equal(window.refused, 0);
	assert_false(poison_is_storm(&window));
	for (unsigned i = 0; i < 40; i++)
		poison_refused(&window, &bad);
	assert_false(poison_is_storm(&window)); /* 40 of 200 */
	poison_refused(&window, &bad);
	assert_true(poison_is_storm(&window));
}

static void a_sample_tells_when_it_is_over(void **state)
{
	struct poison_window window;

	(void)state;
	poison_init(&window, PERCENT);
	assert_true(poison_sample_is_bad(&window, 1, 1));
	assert_true(poison_sample_is_bad(&window, 20, 5));
	assert_false(poison_sample_is_bad(&window, 20, 4));
	assert_false(poison_sample_is_bad(&window, 20, 0));
}

static void the_refused_ones_are_remembered_while_in_the_window(void **state)
{
	struct uuid ids[POISON_WINDOW];
	struct poison_window window;

	(void)state;
	poison_init(&window, PERCENT);
	assert_int_equal(poison_ids(&window, ids), 0);
	for (uint8_t n = 1; n <= 3; n++) {
		poison_refused(&window, &(struct uuid){ .bytes = { n } });
		poison_passed(&window, 60);
	}
	assert_int_equal(poison_ids(&window, ids), 3);
	for (uint8_t n = 1; n <= 3; n++)
		assert_int_equal(ids[n - 1].bytes[0], n);
	poison_passed(&window, 60); /* and the first is forgotten */
	assert_int_equal(poison_ids(&window, ids), 2);
}

static void a_hundred_percent_switches_it_off(void **state)
{
	struct poison_window window;

	(void)state;
	poison_init(&window, 100);
	for (unsigned i = 0; i < POISON_WINDOW; i++)
		poison_refused(&window, &bad);
	assert_false(poison_is_storm(&window));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_few_refusals_are_no_storm_however_quiet_the_night),
		cmocka_unit_test(the_share_decides_in_a_full_window),
		cmocka_unit_test(old_verdicts_leave_the_window),
		cmocka_unit_test(a_sample_tells_when_it_is_over),
		cmocka_unit_test(
			the_refused_ones_are_remembered_while_in_the_window),
		cmocka_unit_test(a_hundred_percent_switches_it_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
