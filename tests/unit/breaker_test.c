/* breaker_test.c - the breaker's whole life, told as rows
 *
 * Each row: at that time this happens (and is answered so), and leaves the
 * breaker in that state. Open after 300 s of failing, pause 60 s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "persistence/breaker.h"

enum act { FAILS, SUCCEEDS, HURRY, MAY, MAY_NOT, END };

struct step {
	uint64_t at_s;
	enum act act;
	enum breaker_state then;
};

static void tell(const struct step *story)
{
	struct breaker breaker;

	breaker_init(&breaker, "test", 300000, 60000);
	for (const struct step *s = story; s->act != END; s++) {
		uint64_t now_ms = s->at_s * 1000;
		bool may;

		switch (s->act) {
		case FAILS: breaker_failure(&breaker, now_ms); break;
		case SUCCEEDS: breaker_success(&breaker, now_ms); break;
		case HURRY: breaker_hurry(&breaker, now_ms); break;
		default:
			may = breaker_allow(&breaker, now_ms);
			if (may != (s->act == MAY))
				fail_msg("row %td: allowed=%d", s - story, may);
			break;
		}
		if (breaker.state != s->then)
			fail_msg("row %td: state %d", s - story, breaker.state);
	}
}

static void failing_for_long_opens_it(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, BREAKER_CLOSED },	{ 2, MAY, BREAKER_CLOSED },
		{ 300, FAILS, BREAKER_CLOSED }, { 301, FAILS, BREAKER_OPEN },
		{ 360, MAY_NOT, BREAKER_OPEN }, { 0, END, 0 },
	};

	(void)state;
	tell(story);
}

static void one_success_forgives_all_failures(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, BREAKER_CLOSED },
		{ 290, SUCCEEDS, BREAKER_CLOSED },
		{ 295, FAILS, BREAKER_CLOSED },
		{ 594, FAILS, BREAKER_CLOSED },
		{ 595, FAILS, BREAKER_OPEN },
		{ 0, END, 0 },
	};

	(void)state;
	tell(story);
}

static void one_probe_decides_after_the_pause(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, BREAKER_CLOSED },
		{ 301, FAILS, BREAKER_OPEN },
		{ 361, MAY, BREAKER_HALF_OPEN },
		{ 362, MAY_NOT, BREAKER_HALF_OPEN },
		{ 363, FAILS, BREAKER_OPEN },
		{ 422, MAY_NOT, BREAKER_OPEN },
		{ 423, MAY, BREAKER_HALF_OPEN },
		{ 424, SUCCEEDS, BREAKER_CLOSED },
		{ 424, MAY, BREAKER_CLOSED },
		{ 425, FAILS, BREAKER_CLOSED },
		{ 0, END, 0 },
	};

	(void)state;
	tell(story);
}

static void a_probe_that_never_reports_is_replaced(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, BREAKER_CLOSED },
		{ 301, FAILS, BREAKER_OPEN },
		{ 361, MAY, BREAKER_HALF_OPEN },
		{ 420, MAY_NOT, BREAKER_HALF_OPEN },
		{ 421, MAY, BREAKER_HALF_OPEN },
		{ 0, END, 0 },
	};

	(void)state;
	tell(story);
}

static void late_answers_do_not_pass_for_the_probe(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, BREAKER_CLOSED },	 { 301, FAILS, BREAKER_OPEN },
		{ 302, SUCCEEDS, BREAKER_OPEN }, { 350, FAILS, BREAKER_OPEN },
		{ 361, MAY, BREAKER_HALF_OPEN }, { 0, END, 0 },
	};

	(void)state;
	tell(story);
}

static void whoever_knows_more_may_hurry_it(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, BREAKER_CLOSED },
		{ 301, FAILS, BREAKER_OPEN },
		{ 302, MAY_NOT, BREAKER_OPEN },
		{ 303, HURRY, BREAKER_OPEN },
		{ 303, MAY, BREAKER_HALF_OPEN }, /* and only one */
		{ 303, MAY_NOT, BREAKER_HALF_OPEN },
		{ 304, HURRY, BREAKER_HALF_OPEN },
		{ 304, MAY_NOT, BREAKER_HALF_OPEN },
		{ 305, SUCCEEDS, BREAKER_CLOSED },
		{ 306, HURRY, BREAKER_CLOSED },
		{ 0, END, 0 },
	};

	(void)state;
	tell(story);
}

static void it_says_how_long_to_wait(void **state)
{
	struct breaker breaker;

	(void)state;
	breaker_init(&breaker, "test", 1000, 60000);
	assert_int_equal(breaker_wait_ms(&breaker, 5), 0);
	breaker_failure(&breaker, 10);
	breaker_failure(&breaker, 1010);
	assert_int_equal(breaker_wait_ms(&breaker, 1010), 60000);
	assert_int_equal(breaker_wait_ms(&breaker, 61009), 1);
	assert_int_equal(breaker_wait_ms(&breaker, 61010), 0);
	assert_int_equal(breaker_wait_ms(&breaker, 99999), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failing_for_long_opens_it),
		cmocka_unit_test(one_success_forgives_all_failures),
		cmocka_unit_test(one_probe_decides_after_the_pause),
		cmocka_unit_test(a_probe_that_never_reports_is_replaced),
		cmocka_unit_test(late_answers_do_not_pass_for_the_probe),
		cmocka_unit_test(whoever_knows_more_may_hurry_it),
		cmocka_unit_test(it_says_how_long_to_wait),
	};

	return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
