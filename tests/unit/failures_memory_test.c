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

#include "persistence/dead_letters.h"
#include "persistence/estate.h"
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

/* The n-th allocation of `make` fails; `same` is what it makes otherwise. */
static void expect_whole_or_nothing(struct record *(*make)(void),
				    const struct record *same)
{
	uint64_t calls = 0;

	for (uint64_t n = 1; n <= calls + 1; n++) {
		struct record *made;

		failing_arm(n, 1, ENOMEM);
		made = make();
		calls = failing_disarm();
		if (made && strcmp(made->payload, same->payload) != 0)
			fail_msg("call %llu: %s", (unsigned long long)n,
				 made->payload);
		free(made);
	}
}

static struct record *open_call; /* of which they are made */

static struct record *settle(void)
{
	return estate_settle(open_call, KIT_US);
}

static struct record *there_and_back(void)
{
	char *line = record_to_json(open_call);
	const char *reason;
	struct record *record =
		line ? record_from_json(line, strlen(line), &reason) : NULL;

	free(line);
	return record;
}

static void what_is_made_of_a_record_is_whole_or_not_made(void **state)
{
	struct record *(*const makers[])(void) = { settle, there_and_back };

	(void)state;
	open_call = rows_started(1);
	for (size_t i = 0; i < 2; i++) {
		struct record *same = makers[i]();

		assert_non_null(same);
		expect_whole_or_nothing(makers[i], same);
		free(same);
	}
	free(open_call);
}

/* It may have the record as text, or not be: but it keeps nothing back. */
static void a_dead_letter_that_cannot_be_made_leaves_nothing(void **state)
{
	const struct db_error err = { .reason = "IntegrityError",
				      .sqlstate = "23505",
				      .text = "twice" };
	struct record *record = rows_started(1);
	uint64_t calls = 0;

	(void)state;
	for (uint64_t n = 1; n <= calls + 1; n++) {
		failing_arm(n, 1, ENOMEM);
		free(dead_letter_wrap(record, &err));
		calls = failing_disarm();
	}
	assert_true(calls > 10);
	free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_of_a_record_is_whole_or_not_made),
		cmocka_unit_test(
			a_dead_letter_that_cannot_be_made_leaves_nothing),
		cmocka_unit_test(an_allocation_that_fails_once_costs_nothing),
		cmocka_unit_test(no_memory_for_a_while_costs_nothing),
		cmocka_unit_test(no_memory_for_good_costs_what_is_said),
	};

	failing_memory_install();
	return cmocka_run_group_tests_name("failures_memory", tests, NULL,
					   NULL);
}
