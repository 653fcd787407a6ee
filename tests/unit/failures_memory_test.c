/*
 * failures_memory_test.c - every allocation fails in turn, and nothing is lost
 *
 * The n-th allocation on the way of some records from a queue to a database
 * fails, those of jansson and SQLite included: see failures_kit.h.
 *
 *   HOLDLINE_CAMPAIGN_SEEDS=10000   every n, or so many of them
 *   HOLDLINE_SEED=4711              which ones, when it is not all
 */
#include "failures_kit.h"

#include "support/failing_memory.h"

#define QUICK 40u

static void an_allocation_that_fails_once_costs_nothing(void **state)
{
	(void)state;
	kit_try_each(&(struct trial){ .width = 1,
				      .error = ENOMEM,
				      .what = "no memory, once" },
		     QUICK);
}

static void no_memory_for_a_while_costs_nothing(void **state)
{
	(void)state;
	kit_try_each(&(struct trial){ .width = A_WHILE,
				      .error = ENOMEM,
				      .what = "no memory, for a while" },
		     QUICK);
}

static void no_memory_for_good_costs_what_is_said(void **state)
{
	(void)state;
	kit_try_each(&(struct trial){ .width = FAILING_FOR_GOOD,
				      .error = ENOMEM,
				      .what = "no memory, for good" },
		     QUICK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allocation_that_fails_once_costs_nothing),
		cmocka_unit_test(no_memory_for_a_while_costs_nothing),
		cmocka_unit_test(no_memory_for_good_costs_what_is_said),
	};

	failing_memory_install();
	return cmocka_run_group_tests_name("failures_memory", tests, NULL,
					   NULL);
}
