/* retry_test.c - waits double up to the cap, and spread by the jitter */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "persistence/retry.h"

static const struct retry_policy policy = { .initial_ms = 1000,
					    .max_ms = 60000,
					    .jitter = 0.2 };

#define MIDDLE 0.5 /* the random number that leaves a wait as it is */

static void waits_double_up_to_the_cap(void **state)
{
	static const uint32_t waits_ms[] = { 1000,  2000,  4000,  8000,
					     16000, 32000, 60000, 60000 };
	struct retry retry;

	(void)state;
	retry_init(&retry, &policy);
	for (size_t i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++) {
		assert_int_equal(retry_failed(&retry, 10 + i, MIDDLE),
				 waits_ms[i]);
		assert_int_equal(retry.tries, i + 1);
		assert_int_equal(retry.failing_since_ms, 10);
	}
}

static void jitter_spreads_a_wait_by_its_part(void **state)
{
	static const struct {
		double random;
		uint32_t wait_ms;
	} rows[] = { { 0, 800 }, { 0.25, 900 }, { 0.5, 1000 }, { 0.75, 1100 } };
	struct retry retry;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		retry_init(&retry, &policy);
		assert_int_equal(retry_failed(&retry, 1, rows[i].random),
				 rows[i].wait_ms);
	}
}

static void a_success_begins_anew(void **state)
{
	struct retry retry;

	(void)state;
	retry_init(&retry, &policy);
	(void)retry_failed(&retry, 1, MIDDLE);
	(void)retry_failed(&retry, 2, MIDDLE);
	retry_succeeded(&retry);
	assert_int_equal(retry.tries, 0);
	assert_int_equal(retry_failed(&retry, 50, MIDDLE), 1000);
	assert_int_equal(retry.failing_since_ms, 50);
}

static void years_of_failures_keep_the_cap(void **state)
{
	struct retry retry;

	(void)state;
	retry_init(&retry, &policy);
	retry.tries = UINT32_MAX - 1;
	for (int i = 0; i < 3; i++)
		assert_int_equal(retry_failed(&retry, 1, MIDDLE), 60000);
	assert_int_equal(retry.tries, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_the_cap),
		cmocka_unit_test(jitter_spreads_a_wait_by_its_part),
		cmocka_unit_test(a_success_begins_anew),
		cmocka_unit_test(years_of_failures_keep_the_cap),
	};

	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
