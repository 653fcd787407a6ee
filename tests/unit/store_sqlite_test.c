/* store_sqlite_test.c - the rules of replay, and what is SQLite's own */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <pthread.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "persistence/migrations.h"
#include "support/store_rules.h"

struct fixture {
	char dir[32], path[64], url[80];
	struct store *store;
};

static struct store *make_store(const char *url, bool read_only)
{
	const struct store_options options = {
		.url = url,
		.connect_timeout_ms = 1000,
		.statement_timeout_ms = 5000,
		.recycle_ms = 300000,
		.read_only = read_only,
	};
	struct store *store;

	assert_int_equal(store_create(&store, &options), 0);
	return store;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/holdline-lite-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/h.db", f->dir);
	(void)snprintf(f->url, sizeof(f->url), "sqlite:%s", f->path);
	f->store = make_store(f->url, false);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "h.db", "h.db-wal", "h.db-shm",
					     "old.db" };
	struct fixture *f = *state;
	char path[96];

	store_destroy(f->store);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void run_sql(const struct fixture *f, const char *sql)
{
	char *message = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

#define RULE(name)                                \
	static void name(void **state)            \
	{                                         \
		const struct fixture *f = *state; \
                                                  \
		rule_##name(f->store);            \
	}

RULE(any_order_ends_in_the_same_row)
RULE(an_older_rev_changes_nothing)
RULE(an_event_is_kept_once)
RULE(a_row_reads_as_the_contract_says)
RULE(calls_are_listed_newest_first)
RULE(a_refused_batch_leaves_no_trace)
RULE(what_the_provider_says_completes_its_call)
RULE(an_interrupted_store_stays_so)

static void *migrate(void *arg)
{
	struct store *store = make_store(arg, false);
	struct db_error err = { .text = "" };
	int r = store_ready(store, &err);

	if (r < 0)
		print_error("%s: %s\n", err.reason, err.text);
	store_destroy(store);
	return r == 0 ? arg : NULL;
}

static void ten_may_migrate_at_once(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[10];
	struct db_error err;
	int has, wants;

	for (size_t i = 0; i < 10; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, migrate, f->url), 0);
	for (size_t i = 0; i < 10; i++) {
		void *fine;

		pthread_join(threads[i], &fine);
		assert_non_null(fine);
	}
	assert_int_equal(store_schema_version(f->store, &has, &wants, &err), 0);
	assert_int_equal(has, wants);
	assert_int_equal(wants, migrations_latest());
}

static void a_newer_schema_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct record *record = rows_started(1);
	struct db_error err;
	int has, wants;

	assert_int_equal(store_ready(f->store, &err), 0);
	store_disconnect(f->store);
	run_sql(f, "INSERT INTO schema_migrations VALUES (999, 'later')");
	assert_int_equal(rules_write(f->store, &record, 1, &err), -1);
	assert_int_equal(err.family, DB_SETUP);
	assert_string_equal(err.reason, "NewerSchema");
	assert_int_equal(store_schema_version(f->store, &has, &wants, &err), 0);
	assert_int_equal(has, 999);
}

static void an_empty_database_has_version_0(void **state)
{
	struct fixture *f = *state;
	struct db_error err;
	int has, wants;

	assert_int_equal(store_schema_version(f->store, &has, &wants, &err), 0);
	assert_int_equal(has, 0);
}

static void a_missing_table_is_a_fault_of_the_set_up(void **state)
{
	struct fixture *f = *state;
	struct record *record = rows_started(1);
	struct db_error err;

	assert_int_equal(store_ready(f->store, &err), 0);
	run_sql(f, "ALTER TABLE calls RENAME TO gone");
	assert_int_equal(rules_write(f->store, &record, 1, &err), -1);
	assert_int_equal(err.family, DB_SETUP);
	assert_string_equal(err.reason, "UndefinedTable");
	run_sql(f, "ALTER TABLE gone RENAME TO calls");
	record = rows_started(1);
	rules_must_write(f->store, &record, 1);
}

/* What is written to a file that was taken away would be found by nobody. */
static void a_file_that_was_moved_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct record *first = rows_started(1), *second = rows_started(2);
	char old[80];
	json_t *row;

	rules_must_write(f->store, &first, 1);
	(void)snprintf(old, sizeof(old), "%s/old.db", f->dir);
	assert_int_equal(rename(f->path, old), 0);
	rules_must_write(f->store, &second, 1);
	assert_int_equal(access(f->path, F_OK), 0);
	assert_null(rules_get(f->store, 1));
	row = rules_get(f->store, 2);
	assert_non_null(row);
	json_decref(row);
}

static void a_locked_file_is_transient_and_ends_in_time(void **state)
{
	struct fixture *f = *state;
	const struct store_options options = {
		.url = f->url,
		.statement_timeout_ms = 50,
	};
	struct record *record = rows_started(1);
	struct db_error err;
	struct store *store;
	sqlite3 *db;

	assert_int_equal(store_ready(f->store, &err), 0);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 0);
	assert_int_equal(store_create(&store, &options), 0);
	assert_int_equal(rules_write(store, &record, 1, &err), -1);
	assert_int_equal(err.family, DB_TRANSIENT);
	assert_string_equal(err.reason, "DatabaseBusy");
	sqlite3_close(db);
	record = rows_started(1);
	rules_must_write(store, &record, 1);
	store_destroy(store);
}

static void a_reader_reads_while_the_writer_writes(void **state)
{
	struct fixture *f = *state;
	struct store *reader = make_store(f->url, true);
	struct record *record = rows_started(1);
	json_t *row;

	rules_must_write(f->store, &record, 1);
	row = rules_get(reader, 1);
	assert_non_null(row);
	json_decref(row);
	record = rows_ended(1, 2);
	rules_must_write(f->store, &record, 1);
	row = rules_get(reader, 1);
	assert_int_equal(json_integer_value(json_object_get(row, "rev")), 2);
	json_decref(row);
	store_destroy(reader);
}

static void a_reader_makes_no_file(void **state)
{
	struct fixture *f = *state;
	struct store *reader = make_store(f->url, true);
	struct db_error err;

	assert_int_equal(store_ping(reader, &err), -1);
	assert_int_equal(err.family, DB_SETUP);
	assert_int_equal(access(f->path, F_OK), -1);
	store_destroy(reader);
}

static void a_file_of_another_kind_is_a_fault_of_the_set_up(void **state)
{
	struct fixture *f = *state;
	struct db_error err;
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		(void)fputs("this is not a database ", file);
	(void)fclose(file);
	assert_int_equal(store_ready(f->store, &err), -1);
	assert_int_equal(err.family, DB_SETUP);
	assert_string_equal(err.reason, "NotADatabase");
}

static void an_acknowledged_batch_survives_sigkill(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();
	json_t *row;
	int status;

	if (pid == 0) {
		struct record *record = rows_started(1);
		struct db_error err;

		if (store_write(f->store, &record, 1, &err) == 0)
			(void)raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	row = rules_get(f->store, 1);
	assert_non_null(row);
	json_decref(row);
}

static void a_url_of_no_known_kind_is_refused(void **state)
{
	static const char *const urls[] = { "", "mysql://x",
					    "sqlite:", "/tmp/x.db" };
	struct store *store;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const struct store_options options = { .url = urls[i] };

		if (store_create(&store, &options) != -EINVAL)
			fail_msg("'%s' was taken", urls[i]);
	}
}

static void passwords_are_masked(void **state)
{
	static const struct {
		const char *url, *masked;
	} rows[] = {
		{ "sqlite:/tmp/a:b@c.db", "sqlite:/tmp/a:b@c.db" },
		{ "postgresql://host/db", "postgresql://host/db" },
		{ "postgresql://bob@host:5432/db",
		  "postgresql://bob@host:5432/db" },
		{ "postgresql://bob:secret@host:5432/db?a=b",
		  "postgresql://bob:***@host:5432/db?a=b" },
		{ "postgresql://bob:s/e?c:r@et@host/db",
		  "postgresql://bob:***@host/db" },
		{ "postgresql://host/db?password=secret&user=bob",
		  "postgresql://host/db?password=***&user=bob" },
		{ "postgres://b:x@h/d?user=b&sslpassword=y@z",
		  "postgres://b:***@h/d?user=b&sslpassword=***" },
		{ "postgresql://h/d?passwor%64=a%26b#c&user=b",
		  "postgresql://h/d?passwor%64=***&user=b" },
		{ "postgresql://a:x%40y%zz@h1:1,h2:2/d",
		  "postgresql://a:***@h1:1,h2:2/d" },
		{ "postgresql://a@h/d?x=1&password=", "postgresql://a@h/d?x=1"
						      "&password=***" },
		{ "host=h password='a b&c' user=x", "host=h password=***" },
		{ "user=x", "user=x" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		store_mask_url(rows[i].url, out, sizeof(out));
		assert_string_equal(out, rows[i].masked);
	}
	store_mask_url(rows[3].url, out, 8);
	assert_string_equal(out, "postgre");
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(any_order_ends_in_the_same_row),
		WITH_FILE(an_older_rev_changes_nothing),
		WITH_FILE(an_event_is_kept_once),
		WITH_FILE(a_row_reads_as_the_contract_says),
		WITH_FILE(calls_are_listed_newest_first),
		WITH_FILE(a_refused_batch_leaves_no_trace),
		WITH_FILE(what_the_provider_says_completes_its_call),
		WITH_FILE(an_interrupted_store_stays_so),
		WITH_FILE(ten_may_migrate_at_once),
		WITH_FILE(a_newer_schema_is_left_alone),
		WITH_FILE(an_empty_database_has_version_0),
		WITH_FILE(a_missing_table_is_a_fault_of_the_set_up),
		WITH_FILE(a_file_that_was_moved_is_made_anew),
		WITH_FILE(a_locked_file_is_transient_and_ends_in_time),
		WITH_FILE(a_reader_reads_while_the_writer_writes),
		WITH_FILE(a_reader_makes_no_file),
		WITH_FILE(a_file_of_another_kind_is_a_fault_of_the_set_up),
		WITH_FILE(an_acknowledged_batch_survives_sigkill),
		cmocka_unit_test(a_url_of_no_known_kind_is_refused),
		cmocka_unit_test(passwords_are_masked),
	};

	return cmocka_run_group_tests_name("store_sqlite", tests, NULL, NULL);
}
