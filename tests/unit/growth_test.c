/* growth_test.c - the rate is that of the last minutes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/control/growth.h"

static int rate_of(const struct growth *growth)
{
	return (int)growth_rate(growth);
}

static void nothing_is_known_at_first(void **state)
{
	struct growth growth = { 0 };
	uint64_t now_ms = 1;

	(void)state;
	for (unsigned i = 0; i < GROWTH_LEAST - 1; i++) {
		assert_int_equal(rate_of(&growth), 0);
		growth_note(&growth, 5000 * (int64_t)i, now_ms);
		now_ms += GROWTH_STEP_MS;
	}
	assert_int_equal(rate_of(&growth), 0);
	growth_note(&growth, 5000 * (int64_t)(GROWTH_LEAST - 1), now_ms);
	assert_int_equal(rate_of(&growth), 1000);
}

static void notes_within_a_step_change_nothing(void **state)
{
	struct growth growth = { 0 };

	(void)state;
	growth_note(&growth, 0, 1);
	growth_note(&growth, 999, GROWTH_STEP_MS);
	assert_int_equal(growth.count, 1);
	growth_note(&growth, 5000, 1 + GROWTH_STEP_MS);
	assert_int_equal(growth.count, 2);
}

static void what_was_long_ago_is_forgotten(void **state)
{
	struct growth growth = { 0 };
	uint64_t now_ms = 1;
	int64_t bytes = 0;

	(void)state;
	for (unsigned i = 0; i < 3 * GROWTH_NOTES; i++) {
		growth_note(&growth, bytes, now_ms);
		now_ms += GROWTH_STEP_MS;
		bytes += 10000;
	}
	assert_int_equal(rate_of(&growth), 2000);
	for (unsigned i = 0; i < GROWTH_NOTES; i++) {
		bytes -= 5000;
		growth_note(&growth, bytes, now_ms);
		now_ms += GROWTH_STEP_MS;
	}
	assert_int_equal(rate_of(&growth), -1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_at_first),
		cmocka_unit_test(notes_within_a_step_change_nothing),
		cmocka_unit_test(what_was_long_ago_is_forgotten),
	};

	return cmocka_run_group_tests_name("growth", tests, NULL, NULL);
}
