/* db_health_test.c - several users of one database, and what the process shows
 *
 * The board is this test's own; every test leaves it without users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "persistence/db_health.h"
#include "server/clock.h"
#include "server/settings.h"

static struct settings settings;
static struct db_health drain, api;

static struct db_error error_of(enum db_family family, const char *reason)
{
	struct db_error err;

	db_error_set(&err, family, reason, "for a test");
	return err;
}

static void fails(struct db_health *health, enum db_family family,
		  const char *reason)
{
	struct db_error err = error_of(family, reason);

	(void)db_health_failed(health, &err, clock_mono_ms(), 0.5);
}

static void succeeds(struct db_health *health)
{
	db_health_succeeded(health, clock_mono_ms());
}

static void assert_shown(enum board_db_state state, const char *reason)
{
	char text[BOARD_TEXT_SIZE];

	board_text_get(&board_flags()->db_reason, text);
	assert_int_equal(db_health_shown(), state);
	assert_string_equal(text, reason);
	assert_int_equal(board_get(board_series(METRIC_DB_UP, "")),
			 state == BOARD_DB_UP);
	assert_int_equal(board_get(board_series(METRIC_DB_PAUSED, "")),
			 state == BOARD_DB_PAUSED);
}

static int set_up(void **state)
{
	(void)state;
	settings.database.retry_initial_ms = 1000;
	settings.database.retry_max_ms = 60000;
	settings.database.retry_jitter = 0.2;
	settings.database.breaker_open_after_ms = 300000;
	settings.database.breaker_pause_ms = 60000;
	atomic_store(&board_flags()->db_state, BOARD_DB_UNKNOWN);
	db_health_init(&drain, "outbox_drain", &settings);
	db_health_init(&api, "api_query", &settings);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	db_health_leave(&drain);
	db_health_leave(&api);
	return 0;
}

static void what_nobody_asked_yet_is_unknown(void **state)
{
	(void)state;
	assert_int_equal(db_health_shown(), BOARD_DB_UNKNOWN);
	succeeds(&drain); /* the other has asked nothing: no bad news */
	assert_shown(BOARD_DB_UP, "");
}

static void the_worst_off_is_shown_until_all_are_well(void **state)
{
	(void)state;
	succeeds(&drain);
	succeeds(&api);
	fails(&api, DB_TRANSIENT, "ConnectionRefused");
	assert_shown(BOARD_DB_DOWN, "ConnectionRefused");
	assert_true(atomic_load(&board_flags()->db_next_try_us) > 0);
	succeeds(&drain); /* its good news is its own */
	assert_shown(BOARD_DB_DOWN, "ConnectionRefused");
	fails(&drain, DB_SETUP, "UndefinedTable");
	assert_shown(BOARD_DB_DOWN, "ConnectionRefused");
	succeeds(&api);
	assert_shown(BOARD_DB_PAUSED, "UndefinedTable");
	succeeds(&drain);
	assert_shown(BOARD_DB_UP, "");
	assert_int_equal(atomic_load(&board_flags()->db_next_try_us), 0);
}

/* "Since when" is that of the outage, whoever met it first. */
static void an_outage_has_one_beginning(void **state)
{
	int64_t since_us;

	(void)state;
	succeeds(&drain);
	fails(&api, DB_TRANSIENT, "ConnectionRefused");
	since_us = atomic_load(&board_flags()->db_since_us);
	fails(&drain, DB_TRANSIENT, "ConnectionRefused");
	succeeds(&api);
	fails(&drain, DB_SETUP, "UndefinedTable");
	assert_int_equal(atomic_load(&board_flags()->db_since_us), since_us);
}

static void who_leaves_or_comes_again_is_no_longer_bad_news(void **state)
{
	(void)state;
	succeeds(&drain);
	fails(&api, DB_TRANSIENT, "ConnectionRefused");
	db_health_leave(&api);
	assert_shown(BOARD_DB_UP, "");
	db_health_leave(&api); /* twice is no harm */
	db_health_init(&api, "api_query", &settings);
	fails(&api, DB_TRANSIENT, "ConnectionRefused");
	db_health_init(&api, "api_query", &settings); /* a restarted thread */
	succeeds(&drain);
	succeeds(&api);
	assert_shown(BOARD_DB_UP, "");
}

static void one_user_too_many_works_unseen(void **state)
{
	static const char *const ops[] = { "a", "b", "c", "d", "e", "f", "g" };
	struct db_health more[7];

	(void)state;
	for (size_t i = 0; i < 7; i++)
		db_health_init(&more[i], ops[i], &settings);
	succeeds(&drain);
	fails(&more[6], DB_TRANSIENT, "ConnectionRefused");
	assert_shown(BOARD_DB_UP, "");
	assert_int_equal(more[6].retry.tries, 1);
	for (size_t i = 0; i < 7; i++)
		db_health_leave(&more[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_nobody_asked_yet_is_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_worst_off_is_shown_until_all_are_well, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(an_outage_has_one_beginning,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_leaves_or_comes_again_is_no_longer_bad_news, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(one_user_too_many_works_unseen,
						set_up, tear_down),
	};

	return cmocka_run_group_tests_name("db_health", tests, NULL, NULL);
}
