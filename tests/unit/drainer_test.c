/* drainer_test.c - from the outbox into a store, whatever happens meanwhile */
#define DRAINER_KIT_PORT 20511
#include "drainer_kit.h"

#include "persistence/breaker.h"
#include "persistence/disk.h"
#include "persistence/drain_batch.h"

/* ---- delivering ------------------------------------------------------------
 */

static void everything_lands_once(void **state)
{
	struct fixture *f = *state;
	int64_t drained = metric(METRIC_DRAINED_TOTAL, "");
	struct journal *journal = open_journal(f);

	commit_calls(journal, 1, 400);
	journal_close(journal);
	start(f);
	AWAIT(metric(METRIC_DRAINED_TOTAL, "") - drained == 1200);
	assert_int_equal(lite_number(f, "SELECT count(*) FROM calls "
					"WHERE state = 'ended' AND rev = 3"),
			 400);
	stop(f);
	assert_int_equal(pending(f), 0);

	start(f); /* nothing comes twice */
	AWAIT(db_state() == BOARD_DB_UP);
	stop(f);
	assert_int_equal(metric(METRIC_DRAINED_TOTAL, "") - drained, 1200);
}

static void a_live_journal_is_followed(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);

	start(f);
	for (unsigned call = 1; call <= 3; call++) {
		commit_calls(journal, call, call);
		AWAIT(lite_number(f, "SELECT count(*) FROM calls "
				     "WHERE state = 'ended'") == call);
	}
	stop(f);
	assert_int_equal(lite_number(f, "SELECT count(*) FROM calls"), 3);
	journal_close(journal);
}

/* A call that ends between the last look and the stop still lands. */
static void what_is_there_at_the_stop_lands(void **state)
{
	struct fixture *f = *state;
	struct journal *journal;

	start(f);
	AWAIT(db_state() == BOARD_DB_UP && lite_number(f, "SELECT 1") == 1);
	journal = open_journal(f);
	commit_calls(journal, 1, 50);
	journal_close(journal);
	stop(f);
	assert_int_equal(lite_number(f, "SELECT count(*) FROM calls"), 50);
}

static void the_estate_of_the_dead_is_settled_once(void **state)
{
	struct fixture *f = *state;
	int64_t settled = metric(METRIC_ESTATES_SETTLED_TOTAL, "");
	struct journal *journal = open_journal(f);
	struct record *records[] = {
		rows_started(1),
		rows_started(2),
		rows_started(3),
		rows_ended(2, 2),
		rows_call(RECORD_CALL_CHECKPOINT, 3, 2, "live", 50),
		rows_event(9, 3),
	};

	f->settings.database.batch_records = 2; /* an estate in parts */
	commit(journal, records, 6);
	start(f);
	AWAIT(lite_number(f, "SELECT count(*) FROM call_events") == 1);
	assert_int_equal(lite_number(f, "SELECT count(*) FROM calls "
					"WHERE state = 'live'"),
			 2);
	journal_close(journal); /* its process dies */
	AWAIT(metric(METRIC_ESTATES_SETTLED_TOTAL, "") - settled == 2);
	assert_int_equal(lite_number(f, "SELECT count(*) FROM calls WHERE "
					"end_reason = 'interrupted' AND rev = "
					"2 + (frames_in = 50) AND ended_at > "
					"started_at AND duration_ms > 0"),
			 2);
	assert_int_equal(lite_number(f, "SELECT count(*) FROM calls "
					"WHERE end_reason = 'stop'"),
			 1);
	stop(f);
	start(f);
	AWAIT(db_state() == BOARD_DB_UP);
	stop(f);
	assert_int_equal(metric(METRIC_ESTATES_SETTLED_TOTAL, "") - settled, 2);
}

static void a_former_drainer_is_waited_for(void **state)
{
	struct fixture *f = *state;
	const struct outbox_options options = { .dir = f->outbox_dir };
	struct journal *journal = open_journal(f);
	struct outbox *former;

	commit_calls(journal, 1, 1);
	assert_int_equal(outbox_open(&former, &options), 0);
	start(f);
	pause_briefly();
	assert_int_equal(lite_number(f, "SELECT count(*) FROM calls"), -1);
	outbox_close(former);
	AWAIT(lite_number(f, "SELECT count(*) FROM calls") == 1);
	journal_close(journal);
}

static void live_and_finished_journals_share_a_batch(void **state)
{
	struct fixture *f = *state;
	const struct outbox_options options = { .dir = f->outbox_dir };
	struct journal *finished = open_journal(f), *live;
	size_t of_live = 0;
	struct drain_batch batch;
	struct outbox *outbox;

	commit_calls(finished, 1, 100);
	journal_close(finished);
	live = open_journal(f);
	commit_calls(live, 1001, 1100);
	assert_int_equal(outbox_open(&outbox, &options), 0);
	assert_int_equal(drain_batch_init(&batch, 100), 0);
	assert_int_equal(drain_batch_fill(&batch, outbox), 0);
	assert_int_equal(batch.count, 100);
	for (size_t i = 0; i < batch.count; i++)
		of_live += outbox_journal_live(batch.origins[i].journal);
	assert_int_equal(of_live, 50);
	drain_batch_finish(&batch);
	outbox_close(outbox);
	journal_close(live);
}

/* ---- poison -----------------------------------------------------------------
 */

static void poison_lets_the_others_pass(void **state)
{
	static const struct {
		unsigned total, poison[3]; /* which ones, from 1; 0: none */
	} rows[] = {
		{ 100, { 1 } },	      { 100, { 100 } },		{ 100, { 57 } },
		{ 250, { 1, 2, 3 } }, { 250, { 50, 51, 249 } }, { 1, { 1 } },
		{ 3, { 1, 2, 3 } },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned first = (unsigned)(i + 1) * 10000, poisoned = 0;
		int64_t before = metric(METRIC_DEAD_LETTERS, "");
		struct journal *journal = open_journal(f);
		char sql[128];

		for (unsigned n = 1; n <= rows[i].total; n++) {
			bool odd = n == rows[i].poison[0] ||
				   n == rows[i].poison[1] ||
				   n == rows[i].poison[2];
			struct record *record =
				odd ? rows_call(RECORD_CALL_ENDED, first + n, 1,
						"odd", 0)
				    : rows_ended(first + n, 1);

			poisoned += odd;
			commit(journal, &record, 1);
		}
		journal_close(journal);
		if (i == 0) {
			before = 0;
			start(f);
		}
		AWAIT(metric(METRIC_DEAD_LETTERS, "") - before == poisoned);
		(void)snprintf(sql, sizeof(sql),
			       "SELECT count(*) FROM calls WHERE substr("
			       "call_id, 25) BETWEEN '%012x' AND '%012x'",
			       first, first + 9999);
		AWAIT(lite_number(f, sql) == (long)(rows[i].total - poisoned));
		AWAIT(pending(f) == 0);
	}
}

static void a_dead_letter_says_why_and_carries_all(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);
	struct record *odd = rows_call(RECORD_CALL_ENDED, 1, 1, "odd", 7);
	char id[UUID_TEXT_SIZE];
	json_t *letter, *record;

	uuid_format(&odd->id, id);
	commit(journal, &odd, 1);
	journal_close(journal);
	start(f);
	AWAIT(pending(f) == 0);
	stop(f);
	assert_int_equal(dead_letters(f, &letter), 1);
	assert_string_equal(
		json_string_value(json_object_get(letter, "reason")),
		"CheckViolation");
	record = json_object_get(letter, "record");
	assert_string_equal(json_string_value(json_object_get(record, "id")),
			    id);
	assert_string_equal(json_string_value(json_object_get(record, "kind")),
			    "call.ended");
	assert_int_equal(
		json_integer_value(json_object_get(
			json_object_get(record, "payload"), "frames_in")),
		7);
	json_decref(letter);

	start(f); /* what lies there is counted after a restart too */
	AWAIT(db_state() == BOARD_DB_UP);
	AWAIT(metric(METRIC_DEAD_LETTERS, "") == 1);
}

static atomic_int refusals; /* of new files, still to come */

static int refuse_new_files(const char *operation)
{
	return strcmp(operation, "create") == 0 &&
			       atomic_fetch_sub(&refusals, 1) > 0
		       ? -ENOSPC
		       : 0;
}

/* It comes to be judged as often as its letter cannot be written; but it is one
 * record that is refused, not many. */
static void one_poison_on_a_full_disk_is_no_storm(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);
	struct record *odd = rows_call(RECORD_CALL_ENDED, 5, 1, "odd", 7);
	json_t *letter;

	commit_calls(journal, 1, 4);
	commit(journal, &odd, 1); /* with nothing behind it that would pass */
	journal_close(journal);
	atomic_store(&refusals, 40);
	disk_set_fault(refuse_new_files);
	start(f);
	AWAIT(pending(f) == 0);
	disk_set_fault(NULL);
	stop(f);
	assert_true(atomic_load(&refusals) <= 0);
	assert_int_equal(dead_letters(f, &letter), 1);
	json_decref(letter);
	assert_int_equal(
		lite_number(f, "SELECT count(*) FROM calls WHERE rev = 3"), 4);
}

static void a_payload_that_is_no_json_dies_as_text(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);
	struct record *records[] = {
		rows_ended(1, 1),
		rows_make(RECORD_CALL_EVENT, 2, 0, "no \"json"),
		rows_ended(3, 1),
	};
	json_t *letter;

	commit(journal, records, 3);
	journal_close(journal);
	start(f);
	AWAIT(pending(f) == 0);
	stop(f);
	assert_int_equal(lite_number(f, "SELECT count(*) FROM calls"), 2);
	assert_int_equal(dead_letters(f, &letter), 1);
	assert_string_equal(
		json_string_value(json_object_get(letter, "record_text")),
		"no \"json");
	json_decref(letter);
}

/* ---- a database that goes and comes -----------------------------------------
 */

static void a_server_stopped_in_the_middle_loses_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t drained = metric(METRIC_DRAINED_TOTAL, "");
	struct journal *journal = open_journal(f), *live;

	f->settings.database.batch_records = 20;
	commit_calls(journal, 1, 3000);
	journal_close(journal);
	live = open_journal(f);
	start(f);
	for (unsigned i = 0; i < 3; i++) {
		int64_t before = metric(METRIC_DRAINED_TOTAL, "");

		AWAIT(metric(METRIC_DRAINED_TOTAL, "") > before);
		postgres_stop(&pg, SIGQUIT);
		commit_calls(live, 10001 + i, 10001 + i);
		AWAIT(db_state() == BOARD_DB_DOWN);
		postgres_start(&pg);
		AWAIT(db_state() == BOARD_DB_UP);
	}
	AWAIT(metric(METRIC_DRAINED_TOTAL, "") - drained >= 9009);
	assert_int_equal(pg_number("SELECT count(*) FROM calls WHERE "
				   "state = 'ended' AND rev = 3"),
			 3003);
	assert_int_equal(pg_number("SELECT count(*) FROM calls"), 3003);
	stop(f);
	assert_int_equal(pending(f), 0);
	journal_close(live);
}

static void a_server_stopped_in_quiet_is_noticed(void **state)
{
	struct fixture *f = *state;

	start(f);
	AWAIT(db_state() == BOARD_DB_UP);
	for (int i = 0; i < 2; i++) {
		postgres_stop(&pg, SIGINT);
		AWAIT(db_state() == BOARD_DB_DOWN);
		assert_int_equal(metric(METRIC_DB_UP, ""), 0);
		postgres_start(&pg);
		AWAIT(db_state() == BOARD_DB_UP);
		assert_int_equal(metric(METRIC_DB_UP, ""), 1);
	}
}

/* A session that is ended while nothing happens is no outage. */
static void a_hang_up_in_quiet_is_no_outage(void **state)
{
	static const char pid[] = "SELECT max(pid) FROM pg_stat_activity WHERE "
				  "application_name LIKE 'holdline/n1/%'";
	struct fixture *f = *state;
	int64_t since;
	long before;

	start(f);
	AWAIT(db_state() == BOARD_DB_UP);
	since = atomic_load(&board_flags()->db_since_us);
	AWAIT((before = pg_number(pid)) > 0);
	(void)pg_number("SELECT count(pg_terminate_backend(pid)) FROM "
			"pg_stat_activity WHERE application_name LIKE "
			"'holdline/n1/%'");
	AWAIT(pg_number(pid) > 0 && pg_number(pid) != before);
	assert_int_equal(atomic_load(&board_flags()->db_since_us), since);
}

static void a_missing_table_pauses_and_kills_nothing(void **state)
{
	struct fixture *f = *state;
	struct journal *journal;
	json_t *letter;

	start(f);
	AWAIT(db_state() == BOARD_DB_UP);
	postgres_sql(&pg, "ALTER TABLE calls RENAME TO gone", NULL, 0);
	journal = open_journal(f);
	commit_calls(journal, 1, 300);
	journal_close(journal);
	AWAIT(db_state() == BOARD_DB_PAUSED);
	AWAIT(metric(METRIC_DB_DOWN_TOTAL,
		     "op=\"outbox_drain\",reason=\"UndefinedTable\"") >= 3);
	assert_int_equal(dead_letters(f, &letter), 0);
	postgres_sql(&pg, "ALTER TABLE gone RENAME TO calls", NULL, 0);
	AWAIT(db_state() == BOARD_DB_UP);
	AWAIT(pg_number("SELECT count(*) FROM calls WHERE rev = 3") == 300);
	assert_int_equal(dead_letters(f, &letter), 0);
}

static void a_wrong_password_pauses_until_it_is_right(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);
	static const char label[] =
		"op=\"outbox_drain\",reason=\"InvalidPassword\"";

	(void)snprintf(f->settings.database.url,
		       sizeof(f->settings.database.url), "%s", pg.tcp_url);
	postgres_sql(&pg, "ALTER ROLE postgres PASSWORD 'other'", NULL, 0);
	commit_calls(journal, 1, 10);
	journal_close(journal);
	start(f);
	AWAIT(metric(METRIC_DB_DOWN_TOTAL, label) >= 2);
	assert_int_equal(db_state(), BOARD_DB_PAUSED);
	postgres_sql(&pg, "ALTER ROLE postgres PASSWORD 'secret'", NULL, 0);
	AWAIT(db_state() == BOARD_DB_UP);
	AWAIT(pending(f) == 0);
	assert_int_equal(pg_number("SELECT count(*) FROM calls"), 10);
}

static void a_breaker_opens_and_lets_probes_through(void **state)
{
	struct fixture *f = *state;

	f->settings.database.breaker_open_after_ms = 100;
	f->settings.database.breaker_pause_ms = 100;
	postgres_stop(&pg, SIGQUIT);
	start(f);
	AWAIT(metric(METRIC_DB_BREAKER_STATE, "") == BREAKER_OPEN);
	postgres_start(&pg);
	AWAIT(db_state() == BOARD_DB_UP);
	assert_int_equal(metric(METRIC_DB_BREAKER_STATE, ""), BREAKER_CLOSED);
}

/* With the longest of backoffs under way, and everything kept. */
static void a_stop_does_not_wait_for_a_database_that_is_away(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);

	f->settings.database.retry_initial_ms = 3600 * 1000;
	f->settings.database.retry_max_ms = 3600 * 1000;
	commit_calls(journal, 1, 10);
	journal_close(journal);
	postgres_stop(&pg, SIGQUIT);
	start(f);
	AWAIT(db_state() == BOARD_DB_DOWN);
	drainer_stop(f->drainer, 3600 * 1000);
	f->drainer = NULL;
	assert_int_equal(pending(f), 30);
}

/* A batch that holds a lock conflict goes on in smaller ones. */
static void a_statement_that_takes_too_long_is_made_smaller(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);

	start(f);
	AWAIT(db_state() == BOARD_DB_UP);
	postgres_sql(&pg,
		     "CREATE FUNCTION heavy() RETURNS trigger LANGUAGE plpgsql "
		     "AS $$BEGIN IF (SELECT count(*) FROM fresh) > 30 THEN "
		     "RAISE EXCEPTION 'too long' USING ERRCODE = '57014'; "
		     "END IF; RETURN NULL; END$$;"
		     "CREATE TRIGGER heavy AFTER INSERT ON call_events "
		     "REFERENCING NEW TABLE AS fresh "
		     "FOR EACH STATEMENT EXECUTE FUNCTION heavy()",
		     NULL, 0);
	for (unsigned i = 1; i <= 300; i++) {
		struct record *event = rows_event(i, 1);

		commit(journal, &event, 1);
	}
	AWAIT(pg_number("SELECT count(*) FROM call_events") == 300);
	assert_int_equal(db_state(), BOARD_DB_UP);
	journal_close(journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LITE(everything_lands_once),
		LITE(a_live_journal_is_followed),
		LITE(what_is_there_at_the_stop_lands),
		LITE(the_estate_of_the_dead_is_settled_once),
		LITE(a_former_drainer_is_waited_for),
		LITE(live_and_finished_journals_share_a_batch),
		LITE(poison_lets_the_others_pass),
		LITE(a_dead_letter_says_why_and_carries_all),
		LITE(one_poison_on_a_full_disk_is_no_storm),
		LITE(a_payload_that_is_no_json_dies_as_text),
		POSTGRES(a_server_stopped_in_the_middle_loses_nothing),
		POSTGRES(a_server_stopped_in_quiet_is_noticed),
		POSTGRES(a_hang_up_in_quiet_is_no_outage),
		POSTGRES(a_missing_table_pauses_and_kills_nothing),
		POSTGRES(a_wrong_password_pauses_until_it_is_right),
		POSTGRES(a_breaker_opens_and_lets_probes_through),
		POSTGRES(a_stop_does_not_wait_for_a_database_that_is_away),
		POSTGRES(a_statement_that_takes_too_long_is_made_smaller),
	};

	return cmocka_run_group_tests_name("drainer", tests, start_server,
					   stop_server);
}
