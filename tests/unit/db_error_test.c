/* db_error_test.c - each failure belongs to the family that the plan says
 *
 * A row for each kind of failure. What nobody has heard of must never be given
 * up, and what proxies say must not pass for the database's word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "persistence/db_error.h"

struct row {
	const char *sqlstate, *text;
	const char *reason; /* NULL: any */
	enum db_family family;
	bool lost;
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct db_error err;

		db_error_from_sqlstate(&err, rows[i].sqlstate, rows[i].text);
		if (err.family != rows[i].family ||
		    err.connection_lost != rows[i].lost ||
		    (rows[i].reason && strcmp(err.reason, rows[i].reason) != 0))
			fail_msg("'%s' '%s' is %s %s lost=%d", rows[i].sqlstate,
				 rows[i].text, db_family_name(err.family),
				 err.reason, err.connection_lost);
		assert_string_equal(err.sqlstate, rows[i].sqlstate);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void sqlstates_have_their_family(void **state)
{
	static const struct row rows[] = {
		{ "", "", "ConnectionFailure", DB_TRANSIENT, true },
		{ "08006", "", "ConnectionFailure", DB_TRANSIENT, true },
		{ "08P01", "query_wait_timeout", NULL, DB_TRANSIENT, true },
		{ "0A000", "", NULL, DB_RESET, true },
		{ "21000", "", NULL, DB_POISON, false },
		{ "22001", "", NULL, DB_POISON, false },
		{ "22021", "", NULL, DB_POISON, false },
		{ "22P02", "", NULL, DB_POISON, false },
		{ "22P05", "", NULL, DB_POISON, false },
		{ "22P04", "", NULL, DB_SETUP, false },
		{ "22012", "", "DataException", DB_POISON, false },
		{ "23502", "", NULL, DB_POISON, false },
		{ "23505", "", NULL, DB_POISON, false },
		{ "23514", "", "CheckViolation", DB_POISON, false },
		{ "25006", "", NULL, DB_TRANSIENT, true },
		{ "25P02", "", NULL, DB_RESET, true },
		{ "26000", "", NULL, DB_RESET, true },
		{ "28000", "", NULL, DB_SETUP, true },
		{ "28P01", "", "InvalidPassword", DB_SETUP, true },
		{ "3D000", "", "InvalidCatalogName", DB_SETUP, true },
		{ "3F000", "", NULL, DB_SETUP, false },
		{ "40001", "", NULL, DB_TRANSIENT, false },
		{ "40P01", "", "DeadlockDetected", DB_TRANSIENT, false },
		{ "42501", "", NULL, DB_SETUP, false },
		{ "42703", "", NULL, DB_SETUP, false },
		{ "42P01", "", "UndefinedTable", DB_SETUP, false },
		{ "42P05", "", NULL, DB_RESET, true },
		{ "42999", "", NULL, DB_SETUP, false },
		{ "44000", "", NULL, DB_POISON, false },
		{ "53100", "", "DiskFull", DB_TRANSIENT, false },
		{ "53200", "", NULL, DB_SMALLER, false },
		{ "53300", "", NULL, DB_TRANSIENT, true },
		{ "54000", "", NULL, DB_SMALLER, false },
		{ "55P03", "", NULL, DB_SMALLER, false },
		{ "57014", "", "QueryCanceled", DB_SMALLER, false },
		{ "57P01", "", "AdminShutdown", DB_TRANSIENT, true },
		{ "57P03", "", "CannotConnectNow", DB_TRANSIENT, true },
		{ "57P04", "", NULL, DB_SETUP, true },
		{ "58030", "", NULL, DB_TRANSIENT, false },
		{ "72000", "", NULL, DB_TRANSIENT, false },
		{ "F0001", "", NULL, DB_SETUP, false },
		{ "HV000", "", NULL, DB_TRANSIENT, false },
		{ "P0001", "", "RaiseException", DB_POISON, false },
		{ "XX000", "", "InternalError", DB_TRANSIENT, false },
		{ "XX001", "", NULL, DB_SETUP, false },
		{ "ZZ999", "", "UnknownError", DB_TRANSIENT, false },
	};

	(void)state;
	CHECK(rows);
}

static void what_proxies_say_is_told_apart_by_its_text(void **state)
{
	static const struct row rows[] = {
		{ "XX000",
		  "The endpoint has been disabled. Enable it using Neon API "
		  "and retry",
		  "NeonEndpointDisabled", DB_TRANSIENT, true },
		{ "XX000", "Control plane request failed: endpoint is disabled",
		  "NeonEndpointDisabled", DB_TRANSIENT, true },
		{ "XX000", "the requested ENDPOINT CANNOT BE FOUND",
		  "NeonEndpointNotFound", DB_SETUP, true },
		{ "XX000", "Couldn't connect to compute node",
		  "NeonComputeUnreachable", DB_TRANSIENT, true },
		{ "XX000", "Control plane request failed", "NeonControlPlane",
		  DB_TRANSIENT, true },
		{ "XX000", "password authentication failed for user 'x'",
		  "InvalidPassword", DB_SETUP, true },
		{ "08P01", "unsupported startup parameter: options",
		  "UnsupportedStartupParameter", DB_SETUP, true },
		{ "", "connection to server failed: Connection refused",
		  "ConnectionRefused", DB_TRANSIENT, true },
		/* A row may say anything: only silence and XX000 are hinted. */
		{ "22P02", "endpoint cannot be found", NULL, DB_POISON, false },
	};

	(void)state;
	CHECK(rows);
}

static void sqlite_codes_have_their_family(void **state)
{
	static const struct {
		const char *text, *reason;
		int code;
		enum db_family family;
		bool lost;
	} rows[] = {
		{ "", "DatabaseBusy", SQLITE_BUSY, DB_TRANSIENT, false },
		{ "", NULL, SQLITE_BUSY_SNAPSHOT, DB_TRANSIENT, false },
		{ "", "DiskFull", SQLITE_FULL, DB_TRANSIENT, false },
		{ "", "IoError", SQLITE_IOERR_FSYNC, DB_TRANSIENT, true },
		{ "", NULL, SQLITE_CORRUPT, DB_SETUP, true },
		{ "", NULL, SQLITE_NOTADB, DB_SETUP, true },
		{ "", NULL, SQLITE_CANTOPEN_ISDIR, DB_SETUP, true },
		{ "", NULL, SQLITE_READONLY_DIRECTORY, DB_SETUP, true },
		{ "", "CheckViolation", SQLITE_CONSTRAINT_CHECK, DB_POISON,
		  false },
		{ "", NULL, SQLITE_CONSTRAINT_TRIGGER, DB_POISON, false },
		{ "", NULL, SQLITE_CONSTRAINT_PRIMARYKEY, DB_PRESENT, false },
		{ "", NULL, SQLITE_MISMATCH, DB_POISON, false },
		{ "", NULL, SQLITE_TOOBIG, DB_POISON, false },
		{ "", NULL, SQLITE_INTERRUPT, DB_SMALLER, false },
		{ "no such table: calls", "UndefinedTable", SQLITE_ERROR,
		  DB_SETUP, false },
		{ "malformed JSON", NULL, SQLITE_ERROR, DB_POISON, false },
		{ "something new", "UnknownError", SQLITE_ERROR, DB_TRANSIENT,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct db_error err;

		db_error_from_sqlite(&err, rows[i].code, rows[i].text);
		if (err.family != rows[i].family ||
		    err.connection_lost != rows[i].lost ||
		    (rows[i].reason && strcmp(err.reason, rows[i].reason) != 0))
			fail_msg("%d '%s' is %s %s", rows[i].code, rows[i].text,
				 db_family_name(err.family), err.reason);
	}
}

static void a_text_fits_between_the_quotes_of_a_log_line(void **state)
{
	char text[1000];
	struct db_error err;

	(void)state;
	db_error_set(&err, DB_SETUP, "NewerSchema", "relation \"x\"\nline 2");
	assert_string_equal(err.text, "relation 'x' line 2");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	db_error_from_sqlstate(&err, "42P01", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sqlstates_have_their_family),
		cmocka_unit_test(what_proxies_say_is_told_apart_by_its_text),
		cmocka_unit_test(sqlite_codes_have_their_family),
		cmocka_unit_test(a_text_fits_between_the_quotes_of_a_log_line),
	};

	return cmocka_run_group_tests_name("db_error", tests, NULL, NULL);
}
