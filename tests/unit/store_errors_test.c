/* store_errors_test.c - what a real PostgreSQL refuses, and what it means
 *
 * Each error is brought about as it comes about in life: a row that breaks a
 * rule, a table that was changed, a right that is missing, a deadlock. What
 * cannot be brought about is raised, in store_codes_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <cmocka.h>

#include "unit/store_kit.h"

#define PORT   23001
#define SECRET "4915112345678"

static struct postgres pg;

static struct store *make_store_of(const char *user)
{
	char url[sizeof(pg.url)];

	(void)snprintf(url, sizeof(url),
		       "postgresql:///postgres?host=%s&port=%u&user=%s", pg.dir,
		       pg.port, user);
	return kit_store(url, 5000, 2000);
}

static int start_server(void **state)
{
	(void)state;
	kit_start(&pg, PORT);
	postgres_sql(&pg, "CREATE ROLE limited LOGIN", NULL, 0);
	postgres_sql(&pg, "ALTER SYSTEM SET deadlock_timeout = '20ms'", NULL,
		     0);
	postgres_sql(&pg, "SELECT pg_reload_conf()", NULL, 0);
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
	struct db_error err;

	postgres_sql(&pg,
		     "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
		     "GRANT USAGE ON SCHEMA public TO limited",
		     NULL, 0);
	*state = kit_store(pg.url, 5000, 2000);
	assert_int_equal(store_ready(*state, &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	store_destroy(*state);
	return 0;
}

static struct record *with_payload(const char *payload)
{
	return rows_make(RECORD_CALL_STARTED, 1, 1, payload);
}

/* ---- what can be brought about --------------------------------------------
 */

#define CALL                                                    \
	"\"call_id\":\"019e0000-0000-7000-8000-000000000001\"," \
	"\"started_at\":\"2026-11-23T06:37:00Z\",\"rev\":1,"    \
	"\"from_number\":\"" SECRET "\""
#define NODE ",\"node_id\":\"n1\",\"provider\":\"twilio\""
#define LIVE ",\"state\":\"live\""
#define TRIGGER(body)                                                        \
	"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$DECLARE " \
	"n int; BEGIN " body " RETURN NEW; END$$;"                           \
	"CREATE TRIGGER t BEFORE INSERT ON calls FOR EACH ROW EXECUTE "      \
	"FUNCTION t()"

struct natural {
	const char *sqlstate, *reason;
	enum db_family family, then;
	const char *sql, *payload; /* NULL: nothing to do; a good one */
};

static const struct natural natural[] = {
	{ "23514", "CheckViolation", DB_POISON, DB_OK, NULL,
	  "{" CALL NODE ",\"state\":\"dead\"}" },
	{ "23502", "NotNullViolation", DB_POISON, DB_OK, NULL,
	  "{" CALL LIVE "}" },
	{ "22001", "StringDataRightTruncation", DB_POISON, DB_OK,
	  "ALTER TABLE calls ALTER provider TYPE varchar(2)", NULL },
	{ "22003", "NumericValueOutOfRange", DB_POISON, DB_OK, NULL,
	  "{" CALL NODE LIVE ",\"frames_in\":99999999999999999999}" },
	{ "22P02", "InvalidTextRepresentation", DB_POISON, DB_OK, NULL,
	  "{" CALL NODE LIVE ",\"frames_in\":\"" SECRET "x\"}" },
	{ "22P02", "InvalidTextRepresentation", DB_POISON, DB_OK, NULL,
	  "{" CALL NODE LIVE ",\"frames_in\":tru}" },
	{ "22007", "InvalidDatetimeFormat", DB_POISON, DB_OK, NULL,
	  "{" CALL NODE LIVE ",\"ended_at\":\"" SECRET "x\"}" },
	{ "22008", "DatetimeFieldOverflow", DB_POISON, DB_OK, NULL,
	  "{" CALL NODE LIVE ",\"ended_at\":\"2026-13-45T06:37:00Z\"}" },
	{ "22012", "DataException", DB_POISON, DB_OK, TRIGGER("n := 1 / 0;"),
	  NULL },
	{ "21000", "CardinalityViolation", DB_POISON, DB_OK,
	  TRIGGER("n := (SELECT 1 UNION SELECT 2);"), NULL },
	{ "23P01", "ExclusionViolation", DB_POISON, DB_OK,
	  "INSERT INTO calls (call_id, node_id, provider, state, started_at, "
	  "rev) VALUES (gen_random_uuid(), 'n1', 'twilio', 'live', now(), 1);"
	  "ALTER TABLE calls ADD EXCLUDE (provider WITH =)",
	  NULL },
	{ "23505", "UniqueViolation", DB_POISON, DB_OK,
	  "INSERT INTO calls (call_id, node_id, provider, state, started_at, "
	  "rev) VALUES (gen_random_uuid(), 'n1', 'twilio', 'live', now(), 1);"
	  "CREATE UNIQUE INDEX one ON calls (provider)",
	  NULL },
	/* Somebody else's primary key says nothing of our row. */
	{ "23505", "UniqueViolation", DB_POISON, DB_OK,
	  "CREATE TABLE audit (id int PRIMARY KEY); INSERT INTO audit VALUES "
	  "(1);" TRIGGER("INSERT INTO audit VALUES (1);"),
	  NULL },
	{ "44000", "WithCheckOptionViolation", DB_POISON, DB_OK,
	  "ALTER TABLE calls RENAME TO kept; CREATE VIEW calls AS SELECT * "
	  "FROM kept WHERE provider <> 'twilio' WITH CHECK OPTION",
	  NULL },
	{ "P0001", "RaiseException", DB_POISON, DB_OK,
	  TRIGGER("RAISE 'not today';"), NULL },
	{ "P0002", "NoDataFound", DB_POISON, DB_SETUP,
	  TRIGGER("SELECT 1 INTO STRICT n WHERE false;"), NULL },
	{ "P0003", "TooManyRows", DB_POISON, DB_SETUP,
	  TRIGGER("SELECT x INTO STRICT n FROM generate_series(1, 2) x;"),
	  NULL },
	{ "P0004", "AssertFailure", DB_POISON, DB_SETUP,
	  TRIGGER("ASSERT false;"), NULL },
	{ "42P01", "UndefinedTable", DB_SETUP, DB_OK,
	  "ALTER TABLE calls RENAME TO gone", NULL },
	{ "42703", "UndefinedColumn", DB_SETUP, DB_OK,
	  "ALTER TABLE calls DROP COLUMN dtmf", NULL },
	{ "42883", "UndefinedFunction", DB_SETUP, DB_OK,
	  TRIGGER("n := nowhere();"), NULL },
	{ "42P10", "InvalidColumnReference", DB_SETUP, DB_OK,
	  "ALTER TABLE calls DROP CONSTRAINT calls_pkey", NULL },
	{ "42804", "DatatypeMismatch", DB_SETUP, DB_OK,
	  "ALTER TABLE calls ALTER codec TYPE bytea USING NULL", NULL },
	{ "25006", "ReadOnlySqlTransaction", DB_TRANSIENT, DB_OK,
	  TRIGGER("SET LOCAL transaction_read_only = on; "
		  "CREATE TABLE x (y int);"),
	  NULL },
	{ "57P01", "AdminShutdown", DB_TRANSIENT, DB_OK,
	  TRIGGER("PERFORM pg_terminate_backend(pg_backend_pid());"), NULL },
	{ "57014", "QueryCanceled", DB_SMALLER, DB_TRANSIENT,
	  TRIGGER("SET LOCAL statement_timeout = 10; PERFORM "
		  "pg_cancel_backend(pg_backend_pid()), pg_sleep(5);"),
	  NULL },
	{ "53400", "ConfigurationLimitExceeded", DB_TRANSIENT, DB_OK,
	  "ALTER FUNCTION pg_sleep(float8) VOLATILE;" TRIGGER(
		  "SET LOCAL temp_file_limit = 64; SET LOCAL work_mem = 64; "
		  "PERFORM x FROM generate_series(1, 100000) x ORDER BY -x;"),
	  NULL },
	{ "54001", "StatementTooComplex", DB_SMALLER, DB_POISON,
	  "CREATE FUNCTION deep(n int) RETURNS int LANGUAGE plpgsql AS "
	  "$$BEGIN RETURN deep(n + 1); END$$;" TRIGGER("n := deep(1);"),
	  NULL },
};

static const char good[] = "{" CALL NODE LIVE "}";

static void check_natural(const struct natural *row)
{
	struct store *store = kit_store(pg.url, 5000, 2000);
	struct db_error err;

	assert_int_equal(store_ready(store, &err), 0);
	if (row->sql)
		postgres_sql(&pg, row->sql, NULL, 0);
	err = kit_refusal(store,
			  with_payload(row->payload ? row->payload : good));
	if (strcmp(err.sqlstate, row->sqlstate) != 0 ||
	    strcmp(err.reason, row->reason) != 0 || err.family != row->family ||
	    err.then != row->then)
		fail_msg("%s is %s %s, then %s, %s: %s", row->sqlstate,
			 err.sqlstate, db_family_name(err.family),
			 db_family_name(err.then), err.reason, err.text);
	if (strstr(err.text, SECRET))
		fail_msg("%s tells: %s", row->sqlstate, err.text);
	store_destroy(store);
}

static void what_goes_wrong_by_itself_has_its_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(natural) / sizeof(natural[0]); i++) {
		void *store = NULL;

		assert_int_equal(set_up(&store), 0);
		check_natural(&natural[i]);
		tear_down(&store);
	}
}

static void a_foreign_key_waits_for_its_parent(void **state)
{
	struct record *event = rows_event(7, 1), *parent = rows_started(1);
	struct db_error err;

	postgres_sql(&pg,
		     "ALTER TABLE call_events ADD FOREIGN KEY (call_id) "
		     "REFERENCES calls",
		     NULL, 0);
	err = kit_refusal(*state, event);
	assert_string_equal(err.sqlstate, "23503");
	assert_int_equal(err.family, DB_POISON);
	assert_int_equal(err.pace, DB_PACE_PARENT);
	assert_non_null(strstr(err.text, "table=call_events"));
	assert_non_null(
		strstr(err.text, "constraint=call_events_call_id_fkey"));
	/* Within a batch the parent goes first, wherever it stands. */
	rules_must_write(*state,
			 (struct record *[]){ rows_event(7, 1), parent }, 2);
}

/* Rows moved into another table by a trigger, as partitions once were. */
static void what_is_there_already_is_present(void **state)
{
	struct record *first = rows_ended(1, 3);
	struct db_error err;

	rules_must_write(*state, &first, 1);
	postgres_sql(&pg,
		     TRIGGER("RAISE unique_violation USING CONSTRAINT = "
			     "'calls_pkey', TABLE = 'calls';"),
		     NULL, 0);
	err = kit_refusal(*state, rows_ended(1, 3));
	assert_int_equal(err.family, DB_PRESENT);
	err = kit_refusal(*state, rows_started(1));
	assert_int_equal(err.family, DB_PRESENT);
	/* Of a later rev we know better: it is not there. */
	err = kit_refusal(*state, rows_ended(1, 4));
	assert_int_equal(err.family, DB_POISON);
	err = kit_refusal(*state, rows_started(2));
	assert_int_equal(err.family, DB_POISON);
}

static void an_event_that_is_there_already_is_present(void **state)
{
	struct record *event = rows_event(7, 1);
	struct db_error err;

	rules_must_write(*state, &event, 1);
	postgres_sql(&pg,
		     "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS "
		     "$$BEGIN RAISE unique_violation; END$$; CREATE TRIGGER t "
		     "BEFORE INSERT ON call_events FOR EACH ROW EXECUTE "
		     "FUNCTION t()",
		     NULL, 0);
	err = kit_refusal(*state, rows_event(7, 1));
	assert_int_equal(err.family, DB_PRESENT);
	err = kit_refusal(*state, rows_event(8, 1));
	assert_int_equal(err.family, DB_POISON);
}

static void rights_that_are_missing_are_the_set_ups_fault(void **state)
{
	struct store *store = make_store_of("limited");
	struct db_error err;

	(void)state;
	postgres_sql(&pg, "GRANT SELECT ON schema_migrations TO limited", NULL,
		     0);
	err = kit_refusal(store, rows_started(1));
	assert_string_equal(err.reason, "InsufficientPrivilege");
	assert_int_equal(err.family, DB_SETUP);
	postgres_sql(&pg,
		     "GRANT SELECT, INSERT, UPDATE ON calls TO limited;"
		     "GRANT SELECT ON call_statuses, erased TO limited;"
		     "ALTER TABLE calls ENABLE ROW LEVEL SECURITY;"
		     "CREATE POLICY ended ON calls TO limited "
		     "USING (true) WITH CHECK (state = 'ended')",
		     NULL, 0);
	err = kit_refusal(store, rows_started(1));
	assert_string_equal(err.sqlstate, "42501");
	assert_string_equal(err.reason, "RowSecurityViolation");
	assert_int_equal(err.family, DB_POISON);
	assert_int_equal(err.then, DB_SETUP);
	rules_must_write(store, &(struct record *){ rows_ended(2, 2) }, 1);
	store_destroy(store);
}

/* The server's own clock ends what takes too long; ours is the second. */
static void a_statement_that_takes_too_long_wants_a_smaller_batch(void **state)
{
	struct store *store = kit_store(pg.url, 5000, 100);
	struct db_error err;

	(void)state;
	assert_int_equal(store_ready(store, &err), 0);
	postgres_sql(&pg, TRIGGER("PERFORM pg_sleep(60);"), NULL, 0);
	err = kit_refusal(store, rows_started(1));
	assert_string_equal(err.sqlstate, "57014");
	assert_int_equal(err.family, DB_SMALLER);
	assert_false(err.connection_lost);
	postgres_sql(&pg, "DROP TRIGGER t ON calls", NULL, 0);
	rules_must_write(store, &(struct record *){ rows_started(1) }, 1);
	store_destroy(store);
}

/* ---- a deadlock -----------------------------------------------------------
 */

struct writing {
	struct store *store;
	struct db_error err;
};

static void *write_call_and_event(void *arg)
{
	struct record *batch[] = { rows_started(1), rows_event(7, 1) };
	struct writing *w = arg;

	if (rules_write(w->store, batch, 2, &w->err) == 0)
		w->err.family = DB_OK;
	return NULL;
}

static void a_deadlock_is_tried_again_at_once(void **state)
{
	static const char event[] =
		"SET deadlock_timeout = '60s'; BEGIN; INSERT INTO call_events "
		"VALUES ('019e0000-0000-7000-8000-000000000007', "
		"'019e0000-0000-7000-8000-000000000001', now(), 'x')";
	static const char call[] =
		"INSERT INTO calls (call_id, node_id, provider, state, "
		"started_at, rev) VALUES ("
		"'019e0000-0000-7000-8000-000000000001', 'n', 'p', 'live', "
		"now(), 1)";
	PGconn *other = PQconnectdb(pg.url);
	struct writing w = { .store = *state };
	pthread_t thread;

	PQclear(PQexec(other, event));
	assert_int_equal(
		pthread_create(&thread, NULL, write_call_and_event, &w), 0);
	while (postgres_number(&pg, "SELECT count(*) FROM pg_locks "
				    "WHERE NOT granted") == 0)
		;
	assert_int_equal(PQsendQuery(other, call), 1);
	pthread_join(thread, NULL);
	PQfinish(other);
	assert_string_equal(w.err.sqlstate, "40P01");
	assert_int_equal(w.err.family, DB_TRANSIENT);
	assert_int_equal(w.err.pace, DB_PACE_AT_ONCE);
	assert_false(w.err.connection_lost);
	rules_must_write(*state, &(struct record *){ rows_started(1) }, 1);
}

/* ---- payloads that must not reach the database ----------------------------
 */

/* In the middle of an array it would end the array, and hide what follows. */
static void a_payload_that_breaks_out_of_its_row_hides_no_other(void **state)
{
	struct record *batch[] = { rows_started(2), with_payload("{}],["),
				   rows_started(3) };
	struct db_error err;

	assert_int_equal(rules_write(*state, batch, 3, &err), -1);
	assert_int_equal(err.family, DB_POISON);
	assert_string_equal(err.reason, "InvalidPayload");
	assert_false(err.connection_lost);
	assert_int_equal(postgres_number(&pg, "SELECT count(*) FROM calls"), 0);
	batch[0] = rows_started(2);
	batch[1] = rows_started(3);
	rules_must_write(*state, batch, 2);
}

/* What is odd and allowed: every length of UTF-8, pairs, all escapes. */
static void an_odd_payload_is_kept_as_it_is(void **state)
{
	static const char text[] =
		"{" CALL NODE LIVE ",\"custom\":{\"a{\\\"}]\":"
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00 "
		"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf\","
		"\"n\":[1,-2.5,true,false,null,{}]}}";
	struct record *record = with_payload(text);
	json_t *row, *expected = json_loads(text, 0, NULL);

	rules_must_write(*state, &record, 1);
	row = rules_get(*state, 1);
	assert_non_null(expected);
	if (!json_equal(json_object_get(row, "custom"),
			json_object_get(expected, "custom")))
		fail_msg("%s", json_dumps(row, 0));
	json_decref(row);
	json_decref(expected);
}

static void a_record_of_an_unknown_kind_is_refused_alone(void **state)
{
	static const enum record_kind kinds[] = { 0, RECORD_KIND_COUNT, 77 };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct record *record = rows_started(1);
		struct db_error err;

		record->kind = kinds[i];
		err = kit_refusal(*state, record);
		assert_int_equal(err.family, DB_POISON);
		assert_string_equal(err.reason, "UnknownKind");
	}
}

#define WITH_TABLES(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_wrong_by_itself_has_its_meaning),
		WITH_TABLES(a_foreign_key_waits_for_its_parent),
		WITH_TABLES(what_is_there_already_is_present),
		WITH_TABLES(an_event_that_is_there_already_is_present),
		WITH_TABLES(rights_that_are_missing_are_the_set_ups_fault),
		WITH_TABLES(
			a_statement_that_takes_too_long_wants_a_smaller_batch),
		WITH_TABLES(a_deadlock_is_tried_again_at_once),
		WITH_TABLES(
			a_payload_that_breaks_out_of_its_row_hides_no_other),
		WITH_TABLES(an_odd_payload_is_kept_as_it_is),
		WITH_TABLES(a_record_of_an_unknown_kind_is_refused_alone),
	};

	return cmocka_run_group_tests_name("store_errors", tests, start_server,
					   stop_server);
}
