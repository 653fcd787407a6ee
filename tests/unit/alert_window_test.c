/* alert_window_test.c - the alert's whole life, told as rows
 *
 * Each row: at that second this happens, and changes the verdict so. More than
 * 3 failures inside 60 s are too many; quiet for 2 s is quiet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "persistence/alert_window.h"

enum act { FAILS, ANSWERS, LOOK, END };

struct step {
	double at_s;
	enum act act;
	enum alert_change change;
};

static void tell(const struct step *story)
{
	struct alert_window w;

	assert_int_equal(alert_window_init(&w, 3, 60000), 0);
	for (const struct step *s = story; s->act != END; s++) {
		uint64_t now_ms = (uint64_t)(s->at_s * 1000);
		enum alert_change change = ALERT_SAME;

		switch (s->act) {
		case FAILS: change = alert_window_failed(&w, now_ms); break;
		case ANSWERS: alert_window_answered(&w, now_ms); break;
		default: change = alert_window_look(&w, now_ms); break;
		}
		if (change != s->change)
			fail_msg("row %td: change %d", s - story, change);
	}
	alert_window_finish(&w);
}

static void one_more_than_the_limit_fires_once(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, ALERT_SAME },
		{ 2, FAILS, ALERT_SAME },
		{ 3, FAILS, ALERT_SAME },
		{ 4, FAILS, ALERT_FIRES },
		{ 5, FAILS, ALERT_SAME },
		{ 6, LOOK, ALERT_SAME },
		{ 99, FAILS, ALERT_SAME },
		{ 999, LOOK, ALERT_SAME },
		{ 0, END, 0 },
	};

	(void)state;
	tell(story);
}

static void what_left_the_window_does_not_count(void **state)
{
	static const struct step outside[] = {
		{ 1, FAILS, ALERT_SAME },  { 2, FAILS, ALERT_SAME },
		{ 3, FAILS, ALERT_SAME },  { 4, ANSWERS, ALERT_SAME },
		{ 61, FAILS, ALERT_SAME }, { 0, END, 0 },
	};
	static const struct step just_inside[] = {
		{ 1, FAILS, ALERT_SAME },	{ 2, FAILS, ALERT_SAME },
		{ 3, FAILS, ALERT_SAME },	{ 4, ANSWERS, ALERT_SAME },
		{ 60.999, FAILS, ALERT_FIRES }, { 0, END, 0 },
	};

	(void)state;
	tell(outside);
	tell(just_inside);
}

static void a_window_without_an_answer_fires_whatever_the_count(void **state)
{
	static const struct step seen_by_a_failure[] = {
		{ 1, FAILS, ALERT_SAME },
		{ 50, FAILS, ALERT_SAME },
		{ 61, FAILS, ALERT_FIRES },
		{ 0, END, 0 },
	};
	static const struct step seen_by_a_look[] = {
		{ 1, FAILS, ALERT_SAME },
		{ 60.999, LOOK, ALERT_SAME },
		{ 61, LOOK, ALERT_FIRES },
		{ 0, END, 0 },
	};
	static const struct step answered_between[] = {
		{ 1, FAILS, ALERT_SAME }, { 40, ANSWERS, ALERT_SAME },
		{ 61, LOOK, ALERT_SAME }, { 61, FAILS, ALERT_SAME },
		{ 99, LOOK, ALERT_SAME }, { 0, END, 0 },
	};

	(void)state;
	tell(seen_by_a_failure);
	tell(seen_by_a_look);
	tell(answered_between);
}

static void it_is_over_after_an_answer_and_some_quiet(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_FIRES },
		{ 10, ANSWERS, ALERT_SAME },
		{ 11.999, LOOK, ALERT_SAME },
		{ 12, LOOK, ALERT_RESOLVED },
		{ 13, LOOK, ALERT_SAME },
		{ 0, END, 0 },
	};

	(void)state;
	tell(story);
}

static void coming_and_going_is_one_alert(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_FIRES },
		{ 2, ANSWERS, ALERT_SAME },
		{ 3, FAILS, ALERT_SAME },
		{ 4, ANSWERS, ALERT_SAME },
		{ 5, FAILS, ALERT_SAME },
		{ 6, LOOK, ALERT_SAME },
		{ 7, ANSWERS, ALERT_SAME },
		{ 8, ANSWERS, ALERT_SAME },
		{ 9, LOOK, ALERT_RESOLVED },
		{ 0, END, 0 },
	};

	(void)state;
	tell(story);
}

static void after_the_end_counting_begins_anew(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_FIRES },
		{ 2, ANSWERS, ALERT_SAME },
		{ 4, LOOK, ALERT_RESOLVED },
		{ 5, FAILS, ALERT_SAME },
		{ 6, FAILS, ALERT_SAME },
		{ 7, FAILS, ALERT_SAME },
		{ 8, FAILS, ALERT_FIRES },
		{ 9, ANSWERS, ALERT_SAME },
		{ 11, LOOK, ALERT_RESOLVED },
		{ 0, END, 0 },
	};

	(void)state;
	tell(story);
}

/* Nobody looked for long: the failure that comes first ends the old alert and
 * belongs to the next. */
static void an_end_that_nobody_saw_is_not_undone(void **state)
{
	static const struct step story[] = {
		{ 1, FAILS, ALERT_SAME },   { 1, FAILS, ALERT_SAME },
		{ 1, FAILS, ALERT_SAME },   { 1, FAILS, ALERT_FIRES },
		{ 2, ANSWERS, ALERT_SAME }, { 50, FAILS, ALERT_RESOLVED },
		{ 51, FAILS, ALERT_SAME },  { 51, FAILS, ALERT_SAME },
		{ 51, FAILS, ALERT_FIRES }, { 0, END, 0 },
	};

	(void)state;
	tell(story);
}

/* Against a list that forgets nothing. */
static void the_count_is_exact_at_any_limit(void **state)
{
	(void)state;
	for (uint32_t limit = 1; limit < 20; limit++) {
		static uint64_t all[3000];
		struct alert_window w;
		uint64_t now_ms = 1;
		uint32_t seed = limit;

		assert_int_equal(alert_window_init(&w, limit, 1000), 0);
		for (size_t n = 0; n < 3000; n++) {
			uint32_t inside = 0;

			seed = seed * 1664525 + 1013904223;
			now_ms += (seed >> 16) % 300;
			all[n] = now_ms;
			alert_window_answered(&w, now_ms);
			(void)alert_window_failed(&w, now_ms);
			if (w.used == 1) /* an alert ended here */
				for (size_t i = 0; i < n; i++)
					all[i] = 0;
			for (size_t i = 0; i <= n; i++)
				inside += all[i] > 0 && now_ms - all[i] < 1000;
			if (inside > limit + 1)
				inside = limit + 1;
			assert_int_equal(alert_window_count(&w, now_ms),
					 inside);
		}
		alert_window_finish(&w);
	}
}

static void the_trouble_began_with_the_oldest_failure_that_matters(void **state)
{
	struct alert_window w;

	(void)state;
	assert_int_equal(alert_window_init(&w, 3, 60000), 0);
	assert_int_equal(alert_window_since_ms(&w), 0);
	(void)alert_window_failed(&w, 1000);
	alert_window_answered(&w, 2000);
	(void)alert_window_failed(&w, 3000);
	assert_int_equal(alert_window_since_ms(&w), 1000);
	(void)alert_window_failed(&w, 62500);
	assert_int_equal(alert_window_since_ms(&w), 3000);
	alert_window_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_more_than_the_limit_fires_once),
		cmocka_unit_test(what_left_the_window_does_not_count),
		cmocka_unit_test(
			a_window_without_an_answer_fires_whatever_the_count),
		cmocka_unit_test(it_is_over_after_an_answer_and_some_quiet),
		cmocka_unit_test(coming_and_going_is_one_alert),
		cmocka_unit_test(after_the_end_counting_begins_anew),
		cmocka_unit_test(an_end_that_nobody_saw_is_not_undone),
		cmocka_unit_test(the_count_is_exact_at_any_limit),
		cmocka_unit_test(
			the_trouble_began_with_the_oldest_failure_that_matters),
	};

	return cmocka_run_group_tests_name("alert_window", tests, NULL, NULL);
}
