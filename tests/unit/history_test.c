/* history_test.c - what the last minutes are remembered by */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/board.h"
#include "server/control/history.h"

static uint64_t now_ms = 1;

static struct history_note step(struct history *history)
{
	now_ms += HISTORY_STEP_MS;
	assert_true(history_look(history, now_ms, (int64_t)now_ms * 1000));
	return history
		->notes[(history->next + HISTORY_NOTES - 1) % HISTORY_NOTES];
}

static void end_calls(int count)
{
	board_add(board_series(METRIC_CALLS_TOTAL, "provider=\"a\""), count);
}

static void calls_of_the_last_minute_are_counted(void **state)
{
	struct history history = { 0 };

	(void)state;
	end_calls(1000); /* before anybody looked */
	assert_int_equal(step(&history).calls_minute, 0);
	end_calls(3);
	atomic_fetch_add(&board_flags()->calls_active, 2);
	assert_int_equal(step(&history).calls_minute, 5);
	/* One of them ends: it is no other call. */
	atomic_fetch_sub(&board_flags()->calls_active, 1);
	end_calls(1);
	for (unsigned i = 1; i < HISTORY_PER_MINUTE; i++)
		assert_int_equal(step(&history).calls_minute, 5);
	assert_int_equal(step(&history).calls_minute, 0);
	/* A media process died, and its calls were taken off the board. */
	atomic_store(&board_flags()->calls_active, 0);
	assert_int_equal(step(&history).calls_minute, 0);
}

static void a_step_has_its_own_loss_and_lag(void **state)
{
	struct history history = { 0 };
	struct board_series *frames =
		board_series(METRIC_FRAMES_TOTAL, "direction=\"in\"");
	struct board_series *lost = board_series(METRIC_FRAMES_LOST_TOTAL, "");
	struct board_series *lag = board_series(METRIC_LOOP_LAG_SECONDS, "");
	struct history_note note;

	(void)state;
	board_add(lost, 1000);
	(void)step(&history);
	board_add(frames, 900);
	board_add(lost, 100);
	for (int i = 0; i < 98; i++)
		board_observe(lag, 150);
	board_observe(lag, 3000);
	board_observe(lag, 3000);
	note = step(&history);
	assert_float_equal(note.lost_percent, 10.0, 1e-9);
	assert_float_equal(note.lag_ms, 3.2, 1e-9);
	note = step(&history);
	assert_float_equal(note.lost_percent, 0.0, 1e-9);
	assert_float_equal(note.lag_ms, 0.0, 1e-9);
}

static void the_oldest_go_and_nothing_comes_within_a_step(void **state)
{
	struct history history = { 0 };
	json_t *latest;

	(void)state;
	latest = history_latest(&history);
	assert_true(json_is_null(latest));
	for (unsigned i = 0; i < HISTORY_NOTES + 7; i++)
		(void)step(&history);
	assert_int_equal(history.count, HISTORY_NOTES);
	assert_false(history_look(&history, now_ms + HISTORY_STEP_MS - 1, 0));
	latest = history_latest(&history);
	assert_int_equal(
		json_integer_value(json_object_get(latest, "calls_minute")), 0);
	json_decref(latest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_of_the_last_minute_are_counted),
		cmocka_unit_test(a_step_has_its_own_loss_and_lag),
		cmocka_unit_test(the_oldest_go_and_nothing_comes_within_a_step),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
