/* db_error_test.c - each failure belongs to the family that the plan says
 *
 * What nobody has heard of must never be given up, and what proxies say must
 * not pass for the database's word. Codes that a server sends for a statement
 * are tested with a server, in store_errors_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "persistence/db_error.h"

struct row {
	const char *sqlstate, *text, *reason;
	enum db_family family, then;
	enum db_pace pace;
};

typedef void from(struct db_error *err, const char *sqlstate, const char *text);

static void check(from *make, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct db_error err;

		make(&err, rows[i].sqlstate, rows[i].text);
		if (err.family != rows[i].family || err.then != rows[i].then ||
		    err.pace != rows[i].pace ||
		    strcmp(err.reason, rows[i].reason) != 0)
			fail_msg("'%s' '%s' is %s, then %s, pace %d, %s",
				 rows[i].sqlstate, rows[i].text,
				 db_family_name(err.family),
				 db_family_name(err.then), (int)err.pace,
				 err.reason);
		assert_string_equal(err.sqlstate, rows[i].sqlstate);
		if (make == db_error_from_connect)
			assert_true(err.connection_lost);
	}
}

#define CHECK(make, rows) check(make, rows, sizeof(rows) / sizeof((rows)[0]))

#define USUAL		  DB_PACE_USUAL
#define SLOW		  DB_PACE_SLOW

static void what_proxies_say_at_a_connect_is_told_apart_by_text(void **state)
{
	static const struct row rows[] = {
		{ "XX000",
		  "The endpoint has been disabled. Enable it using Neon API "
		  "and retry",
		  "NeonEndpointDisabled", DB_TRANSIENT, DB_OK, USUAL },
		{ "XX000", "Control plane request failed: endpoint is disabled",
		  "NeonEndpointDisabled", DB_TRANSIENT, DB_OK, USUAL },
		{ "XX000",
		  "Control plane request failed: endpoint is temporarily "
		  "unavailable. Check your quotas and/or contact our support.",
		  "NeonEndpointUnavailable", DB_TRANSIENT, DB_OK, SLOW },
		{ "XX000",
		  "CONTROL PLANE REQUEST FAILED: ENDPOINT CANNOT BE FOUND",
		  "NeonEndpointMissing", DB_SETUP, DB_OK, USUAL },
		{ "XX000",
		  "The requested endpoint could not be found, or you don't "
		  "have access to it.",
		  "NeonEndpointMissing", DB_SETUP, DB_OK, USUAL },
		{ "XX000",
		  "Your account or project has exceeded the compute time "
		  "quota. Upgrade your plan to increase limits.",
		  "NeonQuota", DB_TRANSIENT, DB_OK, SLOW },
		{ "XX000",
		  "Your project has exceeded the data transfer quota. Upgrade "
		  "your plan to increase limits.",
		  "NeonQuota", DB_TRANSIENT, DB_OK, SLOW },
		{ "XX000",
		  "You have exceeded the limit of concurrently active "
		  "endpoints. Please suspend some endpoints.",
		  "NeonTooManyEndpoints", DB_TRANSIENT, DB_OK, SLOW },
		{ "XX000", "Couldn't connect to compute node",
		  "NeonComputeUnreachable", DB_TRANSIENT, DB_OK, USUAL },
		{ "XX000", "Control plane request failed", "NeonControlPlane",
		  DB_TRANSIENT, DB_OK, USUAL },
		{ "XX000", "Too many connections attempts", "NeonRateLimited",
		  DB_TRANSIENT, DB_OK, SLOW },
		{ "XX000",
		  "Failed to acquire permit to connect to the database. Too "
		  "many database connection attempts are currently ongoing.",
		  "NeonRateLimited", DB_TRANSIENT, DB_OK, SLOW },
		{ "XX000",
		  "Endpoint ID is not specified. Either please upgrade the "
		  "postgres client library (libpq) for SNI support",
		  "NeonEndpointUnnamed", DB_SETUP, DB_OK, USUAL },
		{ "XX000",
		  "This IP address 1.2.3.4 is not allowed to connect to this "
		  "endpoint.",
		  "NeonAddressNotAllowed", DB_SETUP, DB_OK, USUAL },
		{ "XX000", "password authentication failed for user 'x'",
		  "InvalidPassword", DB_SETUP, DB_OK, USUAL },
		{ "XX000", "Tenant or user not found", "InvalidAuthorization",
		  DB_SETUP, DB_OK, USUAL },
		{ "XX000", "something else", "InternalError", DB_TRANSIENT,
		  DB_OK, USUAL },
		{ "08P01", "unsupported startup parameter: options",
		  "UnsupportedStartupParameter", DB_SETUP, DB_OK, USUAL },
		{ "08P01", "query_wait_timeout", "PoolerQueueTimeout",
		  DB_TRANSIENT, DB_OK, USUAL },
		{ "08P01", "no more connections allowed (max_client_conn)",
		  "PoolerFull", DB_TRANSIENT, DB_OK, SLOW },
		{ "08P01",
		  "server login has been failing, cached error: FATAL: "
		  "password authentication failed (server_login_retry)",
		  "PoolerLoginFailing", DB_TRANSIENT, DB_OK, USUAL },
		{ "08P01", "no such database: x", "InvalidCatalogName",
		  DB_SETUP, DB_OK, USUAL },
		{ "08P01", "something else", "ProtocolViolation", DB_RESET,
		  DB_SETUP, USUAL },
		/* A code that means something goes before any text. */
		{ "57P03", "the endpoint has been disabled", "CannotConnectNow",
		  DB_TRANSIENT, DB_OK, USUAL },
	};

	(void)state;
	CHECK(db_error_from_connect, rows);
}

static void what_libpq_says_is_told_apart_by_its_text(void **state)
{
	static const struct row rows[] = {
		{ "", "", "ConnectionFailure", DB_TRANSIENT, DB_OK, USUAL },
		{ "", "connection to server failed: Connection refused",
		  "ConnectionRefused", DB_TRANSIENT, DB_OK, USUAL },
		{ "", "connection failed: No route to host", "NoRoute",
		  DB_TRANSIENT, DB_OK, USUAL },
		{ "", "connection failed: fe_sendauth: no password supplied",
		  "InvalidPassword", DB_SETUP, DB_OK, USUAL },
		{ "", "SSL error: certificate verify failed",
		  "CertificateRejected", DB_SETUP, DB_OK, USUAL },
		{ "", "server certificate for 'a' does not match host name 'b'",
		  "CertificateRejected", DB_SETUP, DB_OK, USUAL },
		{ "", "SSL error: tlsv1 alert unknown ca",
		  "CertificateRejected", DB_SETUP, DB_OK, USUAL },
		{ "", "SSL error: sslv3 alert certificate expired",
		  "CertificateRejected", DB_SETUP, DB_OK, USUAL },
		{ "", "root certificate file \"/x\" does not exist",
		  "CertificateUnusable", DB_SETUP, DB_OK, USUAL },
		{ "", "server does not support SSL, but SSL was required",
		  "SslUnsupported", DB_SETUP, DB_OK, USUAL },
		{ "", "channel binding required but not supported by server",
		  "AuthenticationMethod", DB_SETUP, DB_OK, USUAL },
		{ "", "invalid sslmode value: \"x\"", "InvalidUrl", DB_SETUP,
		  DB_OK, USUAL },
		{ "", "session is read-only", "ReadOnlySqlTransaction",
		  DB_TRANSIENT, DB_OK, USUAL },
		{ "", "server is in hot standby mode", "ReadOnlySqlTransaction",
		  DB_TRANSIENT, DB_OK, USUAL },
	};

	(void)state;
	CHECK(db_error_from_connect, rows);
}

static void a_connect_is_never_the_records_fault(void **state)
{
	static const struct row rows[] = {
		{ "22023", "", "InvalidParameterValue", DB_SETUP, DB_OK,
		  USUAL },
		{ "23505", "", "UniqueViolation", DB_SETUP, DB_OK, USUAL },
		{ "54000", "", "ProgramLimitExceeded", DB_TRANSIENT, DB_OK,
		  USUAL },
		{ "57014", "", "QueryCanceled", DB_TRANSIENT, DB_OK, SLOW },
		{ "53200", "", "OutOfMemory", DB_TRANSIENT, DB_OK, USUAL },
		{ "P0001", "", "RaiseException", DB_SETUP, DB_OK, USUAL },
		{ "55000", "", "ObjectNotInPrerequisiteState", DB_TRANSIENT,
		  DB_SETUP, USUAL },
		{ "53300", "", "TooManyConnections", DB_TRANSIENT, DB_OK,
		  SLOW },
		{ "0A000", "", "FeatureNotSupported", DB_SETUP, DB_OK, USUAL },
	};

	(void)state;
	CHECK(db_error_from_connect, rows);
}

static void hints_are_not_looked_for_in_a_statements_error(void **state)
{
	static const struct row rows[] = {
		{ "22P02", "endpoint cannot be found",
		  "InvalidTextRepresentation", DB_POISON, DB_OK, USUAL },
		{ "XX000", "endpoint cannot be found", "InternalError",
		  DB_TRANSIENT, DB_POISON, SLOW },
		{ "P0001", "query_wait_timeout", "RaiseException", DB_POISON,
		  DB_OK, USUAL },
		{ "08P01", "query_wait_timeout", "PoolerQueueTimeout",
		  DB_TRANSIENT, DB_OK, USUAL },
		{ "", "server conn crashed?", "PoolerServerLost", DB_TRANSIENT,
		  DB_OK, USUAL },
		{ "", "", "ConnectionFailure", DB_TRANSIENT, DB_OK, USUAL },
		{ "ZZ999", "", "UnknownError", DB_TRANSIENT, DB_OK, USUAL },
	};

	(void)state;
	CHECK(db_error_from_sqlstate, rows);
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
		{ "", NULL, SQLITE_READONLY_DBMOVED, DB_RESET, true },
		{ "", "CheckViolation", SQLITE_CONSTRAINT_CHECK, DB_POISON,
		  false },
		{ "", "NotNullViolation", SQLITE_CONSTRAINT_NOTNULL, DB_POISON,
		  false },
		{ "", "ForeignKeyViolation", SQLITE_CONSTRAINT_FOREIGNKEY,
		  DB_POISON, false },
		{ "", "RaiseException", SQLITE_CONSTRAINT_TRIGGER, DB_POISON,
		  false },
		{ "", "IntegrityConstraintViolation", SQLITE_CONSTRAINT_VTAB,
		  DB_POISON, false },
		{ "", "DatatypeMismatch", SQLITE_CONSTRAINT_DATATYPE, DB_POISON,
		  false },
		{ "", NULL, SQLITE_CONSTRAINT_PRIMARYKEY, DB_PRESENT, false },
		{ "", NULL, SQLITE_CONSTRAINT_UNIQUE, DB_PRESENT, false },
		{ "", NULL, SQLITE_MISMATCH, DB_POISON, false },
		{ "", NULL, SQLITE_TOOBIG, DB_SMALLER, false },
		{ "", "OutOfMemory", SQLITE_NOMEM, DB_SMALLER, false },
		{ "", "OutOfMemory", SQLITE_IOERR_NOMEM, DB_TRANSIENT, true },
		{ "", "DatabaseLocked", SQLITE_LOCKED_SHAREDCACHE, DB_TRANSIENT,
		  false },
		{ "", "LockProtocol", SQLITE_PROTOCOL, DB_TRANSIENT, false },
		{ "", "SchemaChanged", SQLITE_SCHEMA, DB_RESET, true },
		{ "", "InsufficientPrivilege", SQLITE_PERM, DB_SETUP, true },
		{ "", "InsufficientPrivilege", SQLITE_AUTH, DB_SETUP, true },
		{ "", "FileTooLarge", SQLITE_NOLFS, DB_SETUP, true },
		{ "", "InternalError", SQLITE_INTERNAL, DB_TRANSIENT, true },
		{ "", "IoError", SQLITE_IOERR_WRITE, DB_TRANSIENT, true },
		{ "", "IoError", SQLITE_IOERR_SHMMAP, DB_TRANSIENT, true },
		{ "", "DataCorrupted", SQLITE_CORRUPT_INDEX, DB_SETUP, true },
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

static void a_secret_is_hidden_wherever_it_stands(void **state)
{
	struct db_error err;

	(void)state;
	db_error_set(&err, DB_SETUP, "X", "abc: no abc in abcabd");
	db_error_hide(&err, "abc");
	assert_string_equal(err.text, "***: no *** in ***abd");
	db_error_hide(&err, "");
	db_error_hide(&err, NULL);
	assert_string_equal(err.text, "***: no *** in ***abd");
	memset(err.text, 'x', sizeof(err.text) - 1);
	err.text[sizeof(err.text) - 1] = '\0';
	db_error_hide(&err, "x"); /* grows, and is cut */
	assert_true(strlen(err.text) < sizeof(err.text));
	assert_null(strchr(err.text, 'x'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_proxies_say_at_a_connect_is_told_apart_by_text),
		cmocka_unit_test(what_libpq_says_is_told_apart_by_its_text),
		cmocka_unit_test(a_connect_is_never_the_records_fault),
		cmocka_unit_test(
			hints_are_not_looked_for_in_a_statements_error),
		cmocka_unit_test(sqlite_codes_have_their_family),
		cmocka_unit_test(a_text_fits_between_the_quotes_of_a_log_line),
		cmocka_unit_test(a_secret_is_hidden_wherever_it_stands),
	};

	return cmocka_run_group_tests_name("db_error", tests, NULL, NULL);
}
