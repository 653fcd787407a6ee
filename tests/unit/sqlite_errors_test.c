/* sqlite_errors_test.c - what a real SQLite refuses, and what it means
 *
 * Rows that break rules, tables that are gone, disks that are full or damaged,
 * memory that is short: each brought about, none imitated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <signal.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/store_kit.h"

struct fixture {
	char dir[32], path[64], url[80];
	struct store *store;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/holdline-lite-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/h.db", f->dir);
	(void)snprintf(f->url, sizeof(f->url), "sqlite:%s", f->path);
	f->store = kit_store(f->url, 1000, 5000);
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

#define CALL                                                    \
	"\"call_id\":\"019e0000-0000-7000-8000-000000000001\"," \
	"\"started_at\":\"2026-11-23T06:37:00Z\",\"rev\":1,"    \
	"\"provider\":\"twilio\",\"state\":\"live\""
#define NODE ",\"node_id\":\"n1\""
#define TRIGGER(body) \
	"CREATE TRIGGER t BEFORE INSERT ON calls BEGIN " body " END"

static void what_sqlite_refuses_has_its_meaning(void **state)
{
	static const char good[] = "{" CALL NODE "}";
	static const struct {
		const char *reason;
		enum db_family family, then;
		const char *sql, *payload; /* NULL: nothing; a good one */
	} rows[] = {
		{ "NotNullViolation", DB_POISON, DB_OK, NULL, "{" CALL "}" },
		{ "CheckViolation", DB_POISON, DB_OK, NULL,
		  "{" CALL NODE ",\"ended_at\":\"never\"}" },
		{ "DatatypeMismatch", DB_POISON, DB_OK, NULL,
		  "{" CALL NODE ",\"frames_in\":\"many\"}" },
		{ "DatatypeMismatch", DB_POISON, DB_OK, NULL,
		  "{" CALL NODE ",\"frames_in\":99999999999999999999}" },
		{ "DatatypeMismatch", DB_POISON, DB_OK, NULL,
		  "{" CALL NODE ",\"frames_in\":1e400}" },
		{ "InvalidTextRepresentation", DB_POISON, DB_OK, NULL,
		  "{" CALL NODE ",\"frames_in\":tru}" },
		{ "InvalidPayload", DB_POISON, DB_OK, NULL,
		  "{" CALL NODE ",\"dtmf\":\"\\u0000\"}" },
		{ "InvalidPayload", DB_POISON, DB_OK, NULL,
		  "{" CALL NODE ",\"dtmf\":\"\xff\"}" },
		{ "UniqueViolation", DB_POISON, DB_OK,
		  "INSERT INTO calls (call_id, node_id, provider, state, "
		  "started_at, rev) VALUES "
		  "('019e0000-0000-7000-8000-000000000002', 'n1', 'twilio', "
		  "'live', '2026-11-23T06:37:00Z', 1);"
		  "CREATE UNIQUE INDEX one ON calls (provider)",
		  NULL },
		{ "UniqueViolation", DB_POISON, DB_OK,
		  "CREATE TABLE audit (id TEXT PRIMARY KEY); INSERT INTO "
		  "audit VALUES ('x');" TRIGGER(
			  "INSERT INTO audit VALUES ('x');"),
		  NULL },
		{ "UniqueViolation", DB_PRESENT, DB_OK,
		  "CREATE TABLE audit (id TEXT PRIMARY KEY); INSERT INTO "
		  "audit VALUES ('x');"
		  "INSERT INTO calls (call_id, node_id, provider, state, "
		  "started_at, rev) VALUES "
		  "('019e0000-0000-7000-8000-000000000001', 'n1', 'twilio', "
		  "'live', '2026-11-23T06:37:00Z', 1);" TRIGGER(
			  "INSERT INTO audit VALUES ('x');"),
		  NULL },
		{ "RaiseException", DB_POISON, DB_OK,
		  TRIGGER("SELECT raise(ABORT, 'no');"), NULL },
		{ "DatatypeMismatch", DB_POISON, DB_OK,
		  "CREATE TABLE n (i INTEGER PRIMARY KEY);" TRIGGER(
			  "INSERT INTO n VALUES ('x');"),
		  NULL },
		{ "ProgramLimitExceeded", DB_SMALLER, DB_POISON,
		  TRIGGER("SELECT length(hex(zeroblob(900000000)));"), NULL },
		{ "QueryCanceled", DB_SMALLER, DB_TRANSIENT,
		  "CREATE VIEW endless AS WITH RECURSIVE e(i) AS (SELECT 1 "
		  "UNION ALL SELECT i + 1 FROM e) SELECT i FROM e;" TRIGGER(
			  "SELECT count(*) FROM endless;"),
		  NULL },
		{ "UndefinedTable", DB_SETUP, DB_OK, "DROP TABLE calls", NULL },
		{ "UndefinedColumn", DB_SETUP, DB_OK,
		  "ALTER TABLE calls DROP COLUMN dtmf", NULL },
		{ "UndefinedFunction", DB_SETUP, DB_OK,
		  TRIGGER("SELECT nowhere();"), NULL },
		{ "UndefinedTable", DB_SETUP, DB_OK,
		  TRIGGER("INSERT INTO nowhere VALUES (1);"), NULL },
		{ "InvalidColumnReference", DB_SETUP, DB_OK,
		  "PRAGMA legacy_alter_table = ON;"
		  "CREATE TABLE copy AS SELECT * FROM calls; DROP TABLE calls;"
		  "ALTER TABLE copy RENAME TO calls",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *fixture = NULL;
		struct store *store;
		struct fixture *f;
		struct db_error err;

		assert_int_equal(set_up(&fixture), 0);
		f = fixture;
		assert_int_equal(store_ready(f->store, &err), 0);
		if (rows[i].sql)
			run_sql(f, rows[i].sql);
		store = kit_store(f->url, 100, 100);
		err = kit_refusal(
			store,
			rows_make(RECORD_CALL_STARTED, 1, 1,
				  rows[i].payload ? rows[i].payload : good));
		if (err.family != rows[i].family || err.then != rows[i].then ||
		    strcmp(err.reason, rows[i].reason) != 0)
			fail_msg("%s (%zu) is %s %s: %s", rows[i].reason, i,
				 db_family_name(err.family), err.reason,
				 err.text);
		store_destroy(store);
		tear_down(&fixture);
	}
}

/* Of which the child's exit says whether it went as it should. */
static void in_a_child(struct fixture *f, int (*body)(struct fixture *f))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with %x", (unsigned)status);
}

static int fails_as(struct fixture *f, enum db_family family,
		    const char *reason, bool lost)
{
	struct record *record = rows_started(1);
	struct db_error err = { .family = DB_OK };

	if (rules_write(f->store, &record, 1, &err) < 0 &&
	    err.family == family && strcmp(err.reason, reason) == 0 &&
	    err.connection_lost == lost)
		return 0;
	print_error("%s %s lost=%d: %s\n", db_family_name(err.family),
		    err.reason, err.connection_lost, err.text);
	return 1;
}

/* A file that may not grow: write() fails with EFBIG. */
static int write_to_a_file_that_may_not_grow(struct fixture *f)
{
	struct rlimit none = { 0 }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct record *record = rows_started(1);
	struct db_error err;

	(void)signal(SIGXFSZ, SIG_IGN);
	if (store_ready(f->store, &err) < 0 ||
	    getrlimit(RLIMIT_FSIZE, &all) < 0)
		return 2;
	none.rlim_max = all.rlim_max;
	if (setrlimit(RLIMIT_FSIZE, &none) < 0 ||
	    fails_as(f, DB_TRANSIENT, "IoError", true) != 0 ||
	    setrlimit(RLIMIT_FSIZE, &all) < 0)
		return 3;
	return rules_write(f->store, &record, 1, &err) < 0;
}

static int write_without_memory(struct fixture *f)
{
	struct record *record = rows_started(1);
	struct db_error err;

	if (store_ready(f->store, &err) < 0)
		return 2;
	(void)sqlite3_hard_heap_limit64(1);
	if (fails_as(f, DB_SMALLER, "OutOfMemory", false) != 0)
		return 3;
	(void)sqlite3_hard_heap_limit64(0);
	return rules_write(f->store, &record, 1, &err) < 0;
}

static void an_io_error_throws_the_connection_away(void **state)
{
	in_a_child(*state, write_to_a_file_that_may_not_grow);
}

static void a_want_of_memory_asks_for_less(void **state)
{
	in_a_child(*state, write_without_memory);
}

/* A disk of our own, small, which nobody else sees. */
static int mount_disk(struct fixture *f, unsigned long flags, const char *size)
{
	static bool moved;

	if (!moved && (unshare(CLONE_NEWNS) < 0 ||
		       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
		return -1;
	moved = true;
	return mount("disk", f->dir, "tmpfs", flags, size);
}

static int write_to_a_full_disk(struct fixture *f)
{
	struct record *record = rows_started(1);
	struct db_error err;
	char filler[96];
	FILE *file;

	(void)snprintf(filler, sizeof(filler), "%s/filler", f->dir);
	if (mount_disk(f, 0, "size=1m") < 0 || store_ready(f->store, &err) < 0)
		return 2;
	file = fopen(filler, "w");
	while (file && fputs("fill the disk", file) >= 0 && fflush(file) == 0)
		;
	if (!file || (fclose(file), false) ||
	    fails_as(f, DB_TRANSIENT, "DiskFull", false) != 0)
		return 3;
	return unlink(filler) < 0 ||
	       rules_write(f->store, &record, 1, &err) < 0;
}

static int write_to_a_disk_that_turned_read_only(struct fixture *f)
{
	struct record *record = rows_started(1);
	struct db_error err;

	if (mount_disk(f, 0, "size=1m") < 0 || store_ready(f->store, &err) < 0)
		return 2;
	store_disconnect(f->store);
	if (mount_disk(f, MS_REMOUNT | MS_RDONLY, NULL) < 0 ||
	    store_ping(f->store, &err) == 0 || err.family != DB_SETUP)
		return 3;
	if (mount_disk(f, MS_REMOUNT, NULL) < 0)
		return 4;
	return rules_write(f->store, &record, 1, &err) < 0;
}

/* Loud, so that nobody takes it for done. */
static bool lacks_root(void)
{
	if (geteuid() == 0)
		return false;
	print_message("NEEDS ROOT, NOT RUN: it mounts a disk of its own\n");
	return true;
}

static void as_root_a_full_disk_is_waited_for(void **state)
{
	if (lacks_root())
		skip();
	in_a_child(*state, write_to_a_full_disk);
}

static void as_root_a_read_only_disk_is_a_fault_of_the_set_up(void **state)
{
	if (lacks_root())
		skip();
	in_a_child(*state, write_to_a_disk_that_turned_read_only);
}

static void a_damaged_file_is_a_fault_of_the_set_up(void **state)
{
	struct fixture *f = *state;
	struct record *record = rows_started(1);
	char noise[4096];
	struct db_error err;
	FILE *file;

	rules_must_write(f->store, &record, 1);
	store_disconnect(f->store);
	memset(noise, 0x5a, sizeof(noise));
	file = fopen(f->path, "r+");
	assert_non_null(file);
	for (long page = 1; page < 12; page++) { /* all but the header's */
		assert_int_equal(fseek(file, page * 4096, SEEK_SET), 0);
		assert_int_equal(fwrite(noise, sizeof(noise), 1, file), 1);
	}
	(void)fclose(file);
	record = rows_ended(1, 2);
	assert_int_equal(rules_write(f->store, &record, 1, &err), -1);
	assert_int_equal(err.family, DB_SETUP);
	assert_string_equal(err.reason, "DataCorrupted");
	assert_true(err.connection_lost);
}

static void a_path_that_leads_nowhere_is_a_fault_of_the_set_up(void **state)
{
	static const char *const urls[] = { "sqlite:/nowhere/h.db",
					    "sqlite:/tmp" };
	struct db_error err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct store *store = kit_store(urls[i], 1000, 5000);

		assert_int_equal(store_ping(store, &err), -1);
		assert_int_equal(err.family, DB_SETUP);
		assert_string_equal(err.reason, "CannotOpenFile");
		store_destroy(store);
	}
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_sqlite_refuses_has_its_meaning),
		WITH_FILE(an_io_error_throws_the_connection_away),
		WITH_FILE(a_want_of_memory_asks_for_less),
		WITH_FILE(as_root_a_full_disk_is_waited_for),
		WITH_FILE(as_root_a_read_only_disk_is_a_fault_of_the_set_up),
		WITH_FILE(a_damaged_file_is_a_fault_of_the_set_up),
		cmocka_unit_test(
			a_path_that_leads_nowhere_is_a_fault_of_the_set_up),
	};

	return cmocka_run_group_tests_name("sqlite_errors", tests, NULL, NULL);
}
