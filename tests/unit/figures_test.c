/* figures_test.c - figures of a report: conditions, JSON, and their units */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tools/holdload/figures.h"

struct sample {
	uint64_t lost;
	struct histogram wait_us;
};

static uint64_t twice_lost(const void *measured)
{
	return 2 * ((const struct sample *)measured)->lost;
}

static const struct figure rows[] = {
	FIGURE_OF_COUNT(sample, "lost", lost),
	FIGURE_OF_SUM("twice", twice_lost),
	FIGURES_OF_TIME(sample, "wait", wait_us),
};
static const struct figure_table table = FIGURE_TABLE(rows);

static void conditions_are_of_the_table_with_units_for_times(void **state)
{
	static const char *const good[] = { "lost>0",	   "twice<=7",
					    "lost!=1",	   "wait_p99>40ms",
					    "wait_max<2s", "wait_p50>=1.5us" };
	static const char *const bad[] = { "found>0",  "lost",	   "lost>",
					   "lost>1ms", "lost=>1",  "wait_p99>4",
					   "wait>1ms", "los>0",	   "lost><1",
					   "lost>1 ",  "lost>>>1", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (figures_check_condition(&table, good[i]) != 0)
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (figures_check_condition(&table, bad[i]) == 0)
			fail_msg("%s", bad[i]);
}

static void those_that_hold_are_counted(void **state)
{
	static struct sample sample = { .lost = 3 };
	static const struct {
		const char *condition;
		int holds;
	} cases[] = {
		{ "lost>2", 1 },       { "lost>3", 0 },
		{ "lost>=3", 1 },      { "lost<4", 1 },
		{ "lost<3", 0 },       { "lost<=3", 1 },
		{ "lost==3", 1 },      { "lost==2", 0 },
		{ "lost!=3", 0 },      { "lost!=2", 1 },
		{ "twice>5", 1 },      { "wait_max>4ms", 1 },
		{ "wait_max>5ms", 0 }, { "wait_max>=0.005s", 1 },
		{ "wait_p50>1ms", 0 },
	};

	(void)state;
	histogram_add(&sample.wait_us, 1000);
	histogram_add(&sample.wait_us, 5000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (figures_failures(&table, &sample, &cases[i].condition, 1) !=
		    cases[i].holds)
			fail_msg("%s", cases[i].condition);
}

static void json_has_every_figure_times_in_milliseconds(void **state)
{
	static struct sample sample = { .lost = 4 };
	json_auto_t *object = json_object();

	(void)state;
	histogram_add(&sample.wait_us, 1500);
	figures_to_json(&table, &sample, object);
	assert_int_equal(json_object_size(object), 8);
	assert_int_equal(json_integer_value(json_object_get(object, "twice")),
			 8);
	assert_true(json_real_value(json_object_get(object, "wait_max_ms")) ==
		    1.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			conditions_are_of_the_table_with_units_for_times),
		cmocka_unit_test(those_that_hold_are_counted),
		cmocka_unit_test(json_has_every_figure_times_in_milliseconds),
	};

	return cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
