/* alerts_test.c - what is told of an outage, and what outlives the process
 *
 * More than 3 failures inside 60 s; quiet for 2 s. A control process that dies
 * is one that stops without a word: what is on the board stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include "persistence/alerts.h"

static int told; /* calls of changed() */

static void changed(void *arg)
{
	(void)arg;
	told++;
}

static uint64_t now_ms = 1000;

static void begin(void)
{
	const struct alerts_options options = {
		.db_down_count = 3,
		.window_ms = 60000,
		.changed = changed,
	};

	assert_int_equal(alerts_start(&options, now_ms), 0);
}

static void fail_times(int times)
{
	for (int i = 0; i < times; i++)
		alerts_failed("ConnectionRefused", now_ms += 10);
}

/* Answers, and goes on to. */
static void recover(void)
{
	alerts_answered(now_ms += 10);
	alerts_look(now_ms += 2000);
}

static int64_t metric(enum board_metric metric)
{
	return board_get(board_series(metric, ""));
}

static int setup(void **state)
{
	(void)state;
	told = 0;
	now_ms += 1000000; /* far from the last test's outage */
	begin();
	return 0;
}

static int teardown(void **state)
{
	struct alert alert;

	(void)state;
	recover();
	alerts_stop();
	if (alerts_untold(&alert))
		alerts_told(alert.serial);
	return 0;
}

static void an_outage_is_told_once_and_its_end_once(void **state)
{
	int64_t alerts_before = metric(METRIC_ALERTS_TOTAL);

	(void)state;
	fail_times(3);
	assert_int_equal(told, 0);
	fail_times(20);
	assert_int_equal(told, 1);
	assert_int_equal(metric(METRIC_DB_ALERT), 1);
	recover();
	assert_int_equal(told, 2);
	assert_int_equal(metric(METRIC_DB_ALERT), 0);
	alerts_look(now_ms += 60000);
	assert_int_equal(told, 2);
	assert_int_equal(metric(METRIC_ALERTS_TOTAL), alerts_before + 1);
}

static void the_message_says_what_happened(void **state)
{
	struct alert firing, resolved;

	(void)state;
	fail_times(3);
	assert_false(alerts_untold(&firing));
	fail_times(1);
	assert_true(alerts_untold(&firing));
	assert_true(firing.firing);
	assert_int_equal(firing.count, 4);
	assert_int_equal(firing.window_ms, 60000);
	assert_string_equal(firing.reason, "ConnectionRefused");
	assert_int_equal(firing.at_us - firing.since_us, 30000);
	assert_int_equal(strlen(firing.id), 36);
	alerts_told(firing.serial);
	assert_false(alerts_untold(&resolved));

	fail_times(6);
	recover();
	assert_true(alerts_untold(&resolved));
	assert_false(resolved.firing);
	assert_int_equal(resolved.count, 10);
	assert_int_equal(resolved.since_us, firing.since_us);
	assert_string_not_equal(resolved.id, firing.id);
}

static void a_message_stays_the_same_until_it_is_told(void **state)
{
	struct alert first, second;

	(void)state;
	fail_times(4);
	assert_true(alerts_untold(&first));
	fail_times(9);
	assert_true(alerts_untold(&second));
	assert_string_equal(first.id, second.id);
	assert_int_equal(first.count, second.count);
	assert_int_equal(first.at_us, second.at_us);
}

static void the_newest_message_takes_the_place_of_an_untold_one(void **state)
{
	struct alert alert;

	(void)state;
	fail_times(4);
	assert_true(alerts_untold(&alert));
	recover();
	alerts_told(alert.serial); /* the old one got through just now */
	assert_true(alerts_untold(&alert));
	assert_false(alert.firing);
	alerts_told(alert.serial);
	assert_false(alerts_untold(&alert));
}

static void a_new_process_does_not_tell_the_same_outage_again(void **state)
{
	struct alert before, after;

	(void)state;
	fail_times(4);
	assert_true(alerts_untold(&before));
	alerts_stop();
	begin();
	assert_true(alerts_untold(&after)); /* its predecessor did not manage */
	assert_string_equal(before.id, after.id);
	alerts_told(after.serial);
	fail_times(20);
	assert_false(alerts_untold(&after));
	assert_int_equal(told, 1);
}

static void a_new_process_tells_the_end_of_an_old_outage(void **state)
{
	struct alert alert;

	(void)state;
	fail_times(4);
	alerts_stop();
	begin();
	recover();
	assert_int_equal(told, 2);
	assert_true(alerts_untold(&alert));
	assert_false(alert.firing);

	fail_times(4);
	alerts_answered(now_ms += 10); /* and dies before the quiet is over */
	alerts_stop();
	begin();
	alerts_look(now_ms += 2000);
	assert_int_equal(told, 4);
}

static void the_length_of_an_outage_outlives_the_process(void **state)
{
	(void)state;
	fail_times(1);
	alerts_stop();
	begin();
	alerts_look(now_ms += 60000);
	assert_int_equal(told, 1);
}

static void a_clock_of_another_thread_that_is_behind_does_no_harm(void **state)
{
	(void)state;
	fail_times(2);
	alerts_look(now_ms - 500);
	alerts_failed("ConnectionRefused", now_ms - 500);
	assert_int_equal(told, 0);
	alerts_failed("ConnectionRefused", now_ms - 500);
	assert_int_equal(told, 1);
}

static void before_the_start_nobody_listens(void **state)
{
	(void)state;
	alerts_stop();
	fail_times(9);
	alerts_look(now_ms);
	alerts_answered(now_ms);
	assert_int_equal(told, 0);
	begin();
}

static void *report(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < 20000; i++) {
		alerts_failed("ConnectionRefused", 10000000 + i);
		if (i % 100 == 0)
			alerts_look(10000000 + i);
	}
	return NULL;
}

static void many_threads_report_one_outage(void **state)
{
	pthread_t threads[4];

	(void)state;
	now_ms = 10100000;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, report, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(told, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_outage_is_told_once_and_its_end_once),
		TEST(the_message_says_what_happened),
		TEST(a_message_stays_the_same_until_it_is_told),
		TEST(the_newest_message_takes_the_place_of_an_untold_one),
		TEST(a_new_process_does_not_tell_the_same_outage_again),
		TEST(a_new_process_tells_the_end_of_an_old_outage),
		TEST(the_length_of_an_outage_outlives_the_process),
		TEST(a_clock_of_another_thread_that_is_behind_does_no_harm),
		TEST(before_the_start_nobody_listens),
		TEST(many_threads_report_one_outage),
	};

	return cmocka_run_group_tests_name("alerts", tests, NULL, NULL);
}
