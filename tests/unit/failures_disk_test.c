/*
 * failures_disk_test.c - every system call fails in turn, and nothing is lost
 *
 * The n-th call on files, made by the code that brings some records from a
 * queue to a database, fails with one errno after the other: see
 * failures_kit.h. Writes and reads that do half of what they were asked for
 * are among them.
 *
 *   HOLDLINE_CAMPAIGN_SEEDS=10000   every n, or so many of them
 *   HOLDLINE_SEED=4711              which ones, when it is not all
 */
#include "failures_kit.h"

#define QUICK 12u

static void a_call_that_fails_once_costs_nothing(void **state)
{
	static const struct trial trials[] = {
		{ .width = 1, .error = EIO, .what = "EIO, once" },
		{ .width = 1, .error = ENOSPC, .what = "ENOSPC, once" },
		{ .width = 1, .error = EINTR, .what = "EINTR, once" },
		{ .width = 1, .error = EMFILE, .what = "EMFILE, once" },
		{ .width = 1, .error = 0, .what = "half of it, once" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++)
		kit_try_each(&trials[i], QUICK);
}

static void calls_that_fail_for_a_while_cost_nothing(void **state)
{
	static const struct trial trials[] = {
		{ .width = A_WHILE, .error = EIO, .what = "EIO for a while" },
		{ .width = A_WHILE,
		  .error = ENOSPC,
		  .what = "ENOSPC for a while" },
		{ .width = A_WHILE,
		  .error = EINTR,
		  .what = "EINTR for a while" },
		{ .width = A_WHILE,
		  .error = EMFILE,
		  .what = "EMFILE for a while" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++)
		kit_try_each(&trials[i], QUICK);
}

/* Not EINTR: nobody interrupts for good. */
static void calls_that_fail_for_good_cost_what_is_said(void **state)
{
	static const struct trial trials[] = {
		{ .width = FAILING_FOR_GOOD,
		  .error = EIO,
		  .what = "EIO for good" },
		{ .width = FAILING_FOR_GOOD,
		  .error = ENOSPC,
		  .what = "ENOSPC for good" },
		{ .width = FAILING_FOR_GOOD,
		  .error = EMFILE,
		  .what = "EMFILE for good" },
		{ .width = FAILING_FOR_GOOD,
		  .error = 0,
		  .what = "half of it, always" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++)
		kit_try_each(&trials[i], QUICK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_that_fails_once_costs_nothing),
		cmocka_unit_test(calls_that_fail_for_a_while_cost_nothing),
		cmocka_unit_test(calls_that_fail_for_good_cost_what_is_said),
	};

	return cmocka_run_group_tests_name("failures_disk", tests, NULL, NULL);
}
