/* store_codes_test.c - every code that PostgreSQL may send, and what it means
 *
 * A trigger of a real server raises each code of the table in turn.
 * store_write() has to tell its family, what it may turn out to be, when to try
 * again and whether the session is still good; and afterwards to write the same
 * record as if nothing had been. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/store_kit.h"

#define PORT 23002

static struct postgres pg;

static int start_server(void **state)
{
	kit_start(&pg, PORT);
	*state = kit_store(pg.url, 5000, 5000);
	return 0;
}

static int stop_server(void **state)
{
	store_destroy(*state);
	postgres_destroy(&pg);
	return 0;
}

struct raised {
	const char *sqlstate, *reason;
	enum db_family family, then;
	enum db_pace pace;
	bool lost;
	const char *text;
};

#define USUAL	DB_PACE_USUAL
#define AT_ONCE DB_PACE_AT_ONCE
#define SLOW	DB_PACE_SLOW

static const struct raised raised[] = {
	{ "08000", "ConnectionException", DB_TRANSIENT, DB_OK, USUAL, true,
	  "x" },
	{ "08001", "UnableToConnect", DB_TRANSIENT, DB_OK, USUAL, true, "x" },
	{ "08003", "ConnectionDoesNotExist", DB_TRANSIENT, DB_OK, USUAL, true,
	  "x" },
	{ "08004", "ConnectionRejected", DB_TRANSIENT, DB_SETUP, USUAL, true,
	  "x" },
	{ "08006", "ConnectionFailure", DB_TRANSIENT, DB_OK, USUAL, true, "x" },
	{ "08007", "TransactionResolutionUnknown", DB_TRANSIENT, DB_OK, USUAL,
	  true, "x" },
	{ "08P01", "PoolerQueueTimeout", DB_TRANSIENT, DB_OK, USUAL, true,
	  "query_wait_timeout" },
	{ "08P01", "PoolerFull", DB_TRANSIENT, DB_OK, SLOW, true,
	  "no more connections allowed (max_client_conn)" },
	{ "08P01", "PoolerLoginFailing", DB_TRANSIENT, DB_OK, USUAL, true,
	  "server login has been failing, cached error: password "
	  "authentication failed" },
	{ "08P01", "ProtocolViolation", DB_RESET, DB_SETUP, USUAL, true, "x" },
	{ "0A000", "CachedPlanChanged", DB_RESET, DB_OK, USUAL, true,
	  "cached plan must not change result type" },
	{ "0A000", "FeatureNotSupported", DB_SETUP, DB_OK, USUAL, true, "x" },
	{ "21000", "CardinalityViolation", DB_POISON, DB_OK, USUAL, false,
	  "x" },
	{ "22000", "DataException", DB_POISON, DB_OK, USUAL, false, "x" },
	{ "22012", "DataException", DB_POISON, DB_OK, USUAL, false, "x" },
	{ "22P03", "InvalidBinaryRepresentation", DB_POISON, DB_SETUP, USUAL,
	  false, "x" },
	{ "22P04", "BadCopyFileFormat", DB_POISON, DB_SETUP, USUAL, false,
	  "x" },
	{ "22P05", "UntranslatableCharacter", DB_POISON, DB_OK, USUAL, false,
	  "x" },
	{ "22P07", "DataException", DB_POISON, DB_OK, USUAL, false, "x" },
	{ "23000", "IntegrityConstraintViolation", DB_POISON, DB_OK, USUAL,
	  false, "x" },
	{ "23001", "RestrictViolation", DB_POISON, DB_OK, USUAL, false, "x" },
	{ "23503", "ForeignKeyViolation", DB_POISON, DB_OK, DB_PACE_PARENT,
	  false, "x" },
	{ "23505", "UniqueViolation", DB_POISON, DB_OK, USUAL, false, "x" },
	{ "23P01", "ExclusionViolation", DB_POISON, DB_OK, USUAL, false, "x" },
	{ "25000", "InvalidTransactionState", DB_RESET, DB_OK, USUAL, true,
	  "x" },
	{ "25001", "InvalidTransactionState", DB_RESET, DB_OK, USUAL, true,
	  "x" },
	{ "25006", "ReadOnlySqlTransaction", DB_TRANSIENT, DB_OK, USUAL, true,
	  "x" },
	{ "25P01", "InvalidTransactionState", DB_RESET, DB_OK, USUAL, true,
	  "x" },
	{ "25P02", "InFailedSqlTransaction", DB_RESET, DB_OK, USUAL, true,
	  "x" },
	{ "25P03", "IdleInTransactionSessionTimeout", DB_RESET, DB_OK, USUAL,
	  true, "x" },
	{ "26000", "InvalidSqlStatementName", DB_RESET, DB_OK, USUAL, true,
	  "x" },
	{ "28000", "InvalidAuthorization", DB_SETUP, DB_OK, USUAL, true, "x" },
	{ "28P01", "InvalidPassword", DB_SETUP, DB_OK, USUAL, true, "x" },
	{ "3D000", "InvalidCatalogName", DB_SETUP, DB_OK, USUAL, true, "x" },
	{ "3F000", "InvalidSchemaName", DB_SETUP, DB_OK, USUAL, false, "x" },
	{ "40000", "TransactionRollback", DB_TRANSIENT, DB_OK, AT_ONCE, false,
	  "x" },
	{ "40001", "SerializationFailure", DB_TRANSIENT, DB_OK, AT_ONCE, false,
	  "x" },
	{ "40002", "TransactionRollback", DB_TRANSIENT, DB_OK, AT_ONCE, false,
	  "x" },
	{ "40003", "StatementCompletionUnknown", DB_TRANSIENT, DB_OK, USUAL,
	  true, "x" },
	{ "42501", "InsufficientPrivilege", DB_SETUP, DB_OK, USUAL, false,
	  "x" },
	{ "42601", "SyntaxError", DB_SETUP, DB_OK, USUAL, false, "x" },
	{ "42704", "UndefinedObject", DB_SETUP, DB_OK, USUAL, false, "x" },
	{ "42804", "DatatypeMismatch", DB_SETUP, DB_OK, USUAL, false, "x" },
	{ "42846", "SyntaxErrorOrAccessRuleViolation", DB_SETUP, DB_OK, USUAL,
	  false, "x" },
	{ "42P05", "DuplicatePreparedStatement", DB_RESET, DB_OK, USUAL, true,
	  "x" },
	{ "53000", "InsufficientResources", DB_TRANSIENT, DB_OK, USUAL, false,
	  "x" },
	{ "53100", "DiskFull", DB_TRANSIENT, DB_OK, SLOW, false, "x" },
	{ "53200", "OutOfMemory", DB_SMALLER, DB_TRANSIENT, USUAL, false, "x" },
	{ "53300", "TooManyConnections", DB_TRANSIENT, DB_OK, SLOW, true, "x" },
	{ "54000", "ProgramLimitExceeded", DB_SMALLER, DB_POISON, USUAL, false,
	  "x" },
	{ "54011", "TooManyColumns", DB_SMALLER, DB_POISON, USUAL, false, "x" },
	{ "54023", "TooManyArguments", DB_SMALLER, DB_POISON, USUAL, false,
	  "x" },
	{ "55000", "ObjectNotInPrerequisiteState", DB_TRANSIENT, DB_SETUP,
	  USUAL, false, "x" },
	{ "55006", "ObjectInUse", DB_TRANSIENT, DB_OK, USUAL, false, "x" },
	{ "57000", "OperatorIntervention", DB_TRANSIENT, DB_OK, USUAL, true,
	  "x" },
	{ "57P02", "CrashShutdown", DB_TRANSIENT, DB_OK, USUAL, true, "x" },
	{ "57P03", "CannotConnectNow", DB_TRANSIENT, DB_OK, USUAL, true, "x" },
	{ "57P04", "DatabaseDropped", DB_SETUP, DB_OK, USUAL, true, "x" },
	{ "57P05", "IdleSessionTimeout", DB_RESET, DB_OK, USUAL, true, "x" },
	{ "58000", "SystemError", DB_TRANSIENT, DB_OK, SLOW, false, "x" },
	{ "58030", "IoError", DB_TRANSIENT, DB_OK, SLOW, false, "x" },
	{ "58P01", "UndefinedFile", DB_TRANSIENT, DB_OK, SLOW, false, "x" },
	{ "58P02", "DuplicateFile", DB_TRANSIENT, DB_OK, SLOW, false, "x" },
	{ "72000", "SnapshotTooOld", DB_TRANSIENT, DB_OK, USUAL, false, "x" },
	{ "F0000", "ConfigFileError", DB_SETUP, DB_OK, USUAL, false, "x" },
	{ "F0001", "LockFileExists", DB_SETUP, DB_OK, USUAL, false, "x" },
	{ "HV000", "FdwError", DB_TRANSIENT, DB_OK, USUAL, false, "x" },
	{ "HV00N", "FdwError", DB_TRANSIENT, DB_OK, USUAL, false, "x" },
	{ "P0000", "PlpgsqlError", DB_POISON, DB_SETUP, USUAL, false, "x" },
	{ "P0001", "RaiseException", DB_POISON, DB_OK, USUAL, false, "x" },
	{ "XX000", "InternalError", DB_TRANSIENT, DB_POISON, SLOW, false, "x" },
	/* What a trigger says is not Neon's word. */
	{ "XX000", "InternalError", DB_TRANSIENT, DB_POISON, SLOW, false,
	  "endpoint cannot be found" },
	{ "XX001", "DataCorrupted", DB_SETUP, DB_OK, USUAL, false, "x" },
	{ "XX002", "IndexCorrupted", DB_SETUP, DB_OK, USUAL, false, "x" },
	{ "ZZ999", "UnknownError", DB_TRANSIENT, DB_OK, USUAL, false, "x" },
	{ "99999", "UnknownError", DB_TRANSIENT, DB_OK, USUAL, false, "x" },
};

static void check_raised(const struct db_error *err, const struct raised *row)
{
	if (strcmp(err->sqlstate, row->sqlstate) != 0 ||
	    strcmp(err->reason, row->reason) != 0 ||
	    err->family != row->family || err->then != row->then ||
	    err->pace != row->pace || err->connection_lost != row->lost)
		fail_msg("%s '%s' is %s, then %s, pace %d, lost %d, %s",
			 row->sqlstate, row->text, db_family_name(err->family),
			 db_family_name(err->then), (int)err->pace,
			 err->connection_lost, err->reason);
}

static void every_code_a_server_may_send_has_its_meaning(void **state)
{
	struct db_error ignored;
	char sql[256];

	assert_int_equal(store_ready(*state, &ignored), 0);
	postgres_sql(
		&pg,
		"CREATE TABLE refusal (code text, message text);"
		"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
		"$$DECLARE r record; BEGIN SELECT * INTO r FROM refusal; "
		"RAISE EXCEPTION USING ERRCODE = r.code, MESSAGE = r.message; "
		"END$$;"
		"CREATE TRIGGER refuse BEFORE INSERT ON calls FOR EACH ROW "
		"EXECUTE FUNCTION refuse()",
		NULL, 0);
	for (size_t i = 0; i < sizeof(raised) / sizeof(raised[0]); i++) {
		struct db_error err;

		(void)snprintf(sql, sizeof(sql),
			       "DELETE FROM refusal; INSERT INTO refusal "
			       "VALUES ('%s', '%s')",
			       raised[i].sqlstate, raised[i].text);
		postgres_sql(&pg, sql, NULL, 0);
		err = kit_refusal(*state, rows_started(1));
		check_raised(&err, &raised[i]);
	}
	postgres_sql(&pg, "DROP TRIGGER refuse ON calls", NULL, 0);
	rules_must_write(*state, &(struct record *){ rows_started(1) }, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_a_server_may_send_has_its_meaning),
	};

	return cmocka_run_group_tests_name("store_codes", tests, start_server,
					   stop_server);
}
