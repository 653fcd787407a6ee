/* drainer_test.c - from the outbox into a store, whatever happens meanwhile
 *
 * Real journals, a real drainer thread, real databases: SQLite where any will
 * do, a PostgreSQL of our own where it has to be stopped or misconfigured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include <jansson.h>
#include <sqlite3.h>

#include "persistence/breaker.h"
#include "persistence/drain_batch.h"
#include "persistence/drainer.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/outbox.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/settings.h"
#include "support/postgres.h"
#include "support/rows.h"

#define PORT	 22011
#define AWAIT_MS 60000u

static struct postgres pg;

struct fixture {
	char dir[32], outbox_dir[48], db_path[48], dead_dir[64];
	struct settings settings;
	struct estate *estate; /* what the next journal's writer has open */
	struct drainer *drainer;
};

/* ---- set-up ---------------------------------------------------------------
 */

static int start_server(void **state)
{
	(void)state;
	postgres_create(&pg, PORT);
	postgres_start(&pg);
	postgres_wait(&pg);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	postgres_destroy(&pg);
	return 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/holdline-drain-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->outbox_dir, sizeof(f->outbox_dir), "%s/outbox",
		       f->dir);
	(void)snprintf(f->dead_dir, sizeof(f->dead_dir), "%s/outbox/dead",
		       f->dir);
	(void)snprintf(f->db_path, sizeof(f->db_path), "%s/h.db", f->dir);
	(void)snprintf(f->settings.data_dir, sizeof(f->settings.data_dir), "%s",
		       f->dir);
	(void)snprintf(f->settings.node_id, sizeof(f->settings.node_id), "n1");
	(void)snprintf(f->settings.database.url,
		       sizeof(f->settings.database.url), "sqlite:%s",
		       f->db_path);
	f->settings.outbox.keep_delivered_ms = 3600000;
	f->settings.database.connect_timeout_ms = 5000;
	f->settings.database.statement_timeout_ms = 30000;
	f->settings.database.pool_recycle_ms = 300000;
	f->settings.database.batch_records = 100;
	f->settings.database.retry_initial_ms = 20;
	f->settings.database.retry_max_ms = 200;
	f->settings.database.retry_jitter = 0.2;
	f->settings.database.breaker_open_after_ms = 300000;
	f->settings.database.breaker_pause_ms = 60000;
	assert_int_equal(estate_create(&f->estate), 0);
	atomic_store(&board_flags()->db_state, BOARD_DB_UNKNOWN);
	*state = f;
	return 0;
}

static int set_up_postgres(void **state)
{
	if (pg.pid == 0)
		postgres_start(&pg);
	postgres_wait(&pg);
	postgres_sql(&pg, "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
		     NULL, 0);
	(void)set_up(state);
	(void)snprintf(
		((struct fixture *)*state)->settings.database.url,
		sizeof(((struct fixture *)*state)->settings.database.url), "%s",
		pg.url);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[96];

	if (f->drainer)
		drainer_stop(f->drainer, 1000);
	estate_destroy(f->estate);
	(void)snprintf(command, sizeof(command), "rm -rf -- %s", f->dir);
	/* NOLINTNEXTLINE(cert-env33-c): a path of our own making */
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* ---- what the tests are told in -------------------------------------------
 */

static struct journal *open_journal(struct fixture *f)
{
	const struct journal_options options = {
		.outbox_dir = f->outbox_dir,
		.role = "media",
		.segment_bytes = 1048576,
		.open = f->estate,
	};
	struct journal *journal;

	assert_int_equal(journal_create(&journal, &options), 0);
	return journal;
}

/* Commits and frees. */
static void commit(struct journal *journal, struct record **records,
		   size_t count)
{
	assert_int_equal(journal_commit(journal, records, count), 0);
	for (size_t i = 0; i < count; i++)
		free(records[i]);
}

/* A call's start, checkpoint and end, for calls first to last. */
static void commit_calls(struct journal *journal, unsigned first, unsigned last)
{
	for (unsigned call = first; call <= last; call++) {
		struct record *records[] = {
			rows_started(call),
			rows_call(RECORD_CALL_CHECKPOINT, call, 2, "live", 50),
			rows_ended(call, 3),
		};

		commit(journal, records, 3);
	}
}

static void start(struct fixture *f)
{
	assert_int_equal(drainer_start(&f->drainer, &f->settings), 0);
}

static void stop(struct fixture *f)
{
	drainer_stop(f->drainer, 10000);
	f->drainer = NULL;
}

/* The one value of a query; -1 while there is no such table. */
static long lite_number(const struct fixture *f, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	long number = -1;
	sqlite3 *db;

	if (sqlite3_open_v2(f->db_path, &db, SQLITE_OPEN_READONLY, NULL) ==
		    SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = (long)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return number;
}

static void pause_briefly(void)
{
	static const struct timespec step = { .tv_nsec = 5000000 };

	(void)nanosleep(&step, NULL);
}

#define AWAIT(condition)                                             \
	do {                                                         \
		uint64_t await_until = clock_mono_ms() + AWAIT_MS;   \
                                                                     \
		while (!(condition)) {                               \
			if (clock_mono_ms() >= await_until)          \
				fail_msg("in vain: %s", #condition); \
			pause_briefly();                             \
		}                                                    \
	} while (0)

static int64_t metric(enum board_metric which, const char *labels)
{
	return board_get(board_series(which, labels));
}

static uint32_t db_state(void)
{
	return atomic_load(&board_flags()->db_state);
}

/* What is not acked, as a tool sees it. */
static uint64_t pending(const struct fixture *f)
{
	const struct outbox_options options = { .dir = f->outbox_dir,
						.read_only = true };
	struct outbox *outbox;
	uint64_t count;

	assert_int_equal(outbox_open(&outbox, &options), 0);
	count = outbox_stats(outbox).pending;
	outbox_close(outbox);
	return count;
}

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

/* Reads the dead letters back; the last one's payload is the caller's. */
static unsigned dead_letters(const struct fixture *f, json_t **last)
{
	const struct outbox_options options = { .dir = f->dead_dir,
						.read_only = true };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	unsigned count = 0;
	size_t cursor = 0;

	*last = NULL;
	if (outbox_open(&outbox, &options) == -ENOENT)
		return 0;
	while ((journal = outbox_next_journal(outbox, &cursor)))
		while (outbox_journal_next(journal, &entry) == 1) {
			json_decref(*last);
			*last = json_loads(entry.record->payload, 0, NULL);
			free(entry.record);
			count++;
		}
	outbox_close(outbox);
	return count;
}

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

static long pg_number(const char *sql)
{
	return postgres_number(&pg, sql);
}

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
	AWAIT(db_state() == BOARD_DB_DOWN);
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
	assert_int_equal(db_state(), BOARD_DB_DOWN);
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

#define LITE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define POSTGRES(test) \
	cmocka_unit_test_setup_teardown(test, set_up_postgres, tear_down)

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
