/*
 * db_error.c - the tables that tell failures apart (see db_error.h)
 *
 * PostgreSQL:  the rule with the longest matching prefix of the SQLSTATE wins,
 *              so a class stands beside the exceptions within it. Proxies put
 *              XX000 on whatever goes wrong before a server is reached; there,
 *              and where libpq gives no SQLSTATE, a hint in the text decides.
 *              Hints may pause or slow us down, never give a record up.
 * SQLite:      extended result codes before their primary code; its catch-all
 *              SQLITE_ERROR is told apart by text.
 */
#include "persistence/db_error.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define LOST true /* the session has ended, or is worth nothing any more */

struct sqlstate_rule {
	const char *prefix; /* a whole SQLSTATE, or its beginning */
	const char *reason;
	enum db_family family;
	bool lost;
};

static const struct sqlstate_rule sqlstate_rules[] = {
	{ "08", "ConnectionException", DB_TRANSIENT, LOST },
	{ "08001", "UnableToConnect", DB_TRANSIENT, LOST },
	{ "08003", "ConnectionDoesNotExist", DB_TRANSIENT, LOST },
	{ "08004", "ConnectionRejected", DB_TRANSIENT, LOST },
	{ "08006", "ConnectionFailure", DB_TRANSIENT, LOST },
	{ "08007", "TransactionResolutionUnknown", DB_TRANSIENT, LOST },
	{ "08P01", "ProtocolViolation", DB_TRANSIENT, LOST },
	/* "cached plan must not change result type" after a DDL */
	{ "0A000", "FeatureNotSupported", DB_RESET, LOST },
	{ "21000", "CardinalityViolation", DB_POISON, false },

	{ "22", "DataException", DB_POISON, false },
	{ "22001", "StringDataRightTruncation", DB_POISON, false },
	{ "22003", "NumericValueOutOfRange", DB_POISON, false },
	{ "22007", "InvalidDatetimeFormat", DB_POISON, false },
	{ "22008", "DatetimeFieldOverflow", DB_POISON, false },
	{ "22021", "CharacterNotInRepertoire", DB_POISON, false },
	{ "22023", "InvalidParameterValue", DB_POISON, false },
	{ "22P02", "InvalidTextRepresentation", DB_POISON, false },
	{ "22P05", "UntranslatableCharacter", DB_POISON, false },
	/* our encoder would be wrong for every row */
	{ "22P03", "InvalidBinaryRepresentation", DB_SETUP, false },
	{ "22P04", "BadCopyFileFormat", DB_SETUP, false },

	{ "23", "IntegrityConstraintViolation", DB_POISON, false },
	{ "23502", "NotNullViolation", DB_POISON, false },
	/* Parents travel in the same transaction, before their children. */
	{ "23503", "ForeignKeyViolation", DB_POISON, false },
	/* The store turns it into DB_PRESENT when it is the record's own key */
	{ "23505", "UniqueViolation", DB_POISON, false },
	{ "23514", "CheckViolation", DB_POISON, false },
	{ "23P01", "ExclusionViolation", DB_POISON, false },
	{ "44000", "WithCheckOptionViolation", DB_POISON, false },

	{ "25", "InvalidTransactionState", DB_RESET, LOST },
	{ "25006", "ReadOnlySqlTransaction", DB_TRANSIENT, LOST },
	{ "25P02", "InFailedSqlTransaction", DB_RESET, LOST },
	{ "25P03", "IdleInTransactionSessionTimeout", DB_RESET, LOST },
	{ "26000", "InvalidSqlStatementName", DB_RESET, LOST },
	{ "42P05", "DuplicatePreparedStatement", DB_RESET, LOST },
	{ "57P05", "IdleSessionTimeout", DB_RESET, LOST },

	{ "28", "InvalidAuthorization", DB_SETUP, LOST },
	{ "28P01", "InvalidPassword", DB_SETUP, LOST },
	{ "3D000", "InvalidCatalogName", DB_SETUP, LOST },
	{ "3F000", "InvalidSchemaName", DB_SETUP, false },

	{ "40", "TransactionRollback", DB_TRANSIENT, false },
	{ "40001", "SerializationFailure", DB_TRANSIENT, false },
	{ "40003", "StatementCompletionUnknown", DB_TRANSIENT, LOST },
	{ "40P01", "DeadlockDetected", DB_TRANSIENT, false },

	{ "42", "SyntaxErrorOrAccessRuleViolation", DB_SETUP, false },
	{ "42501", "InsufficientPrivilege", DB_SETUP, false },
	{ "42601", "SyntaxError", DB_SETUP, false },
	{ "42703", "UndefinedColumn", DB_SETUP, false },
	{ "42704", "UndefinedObject", DB_SETUP, false },
	{ "42804", "DatatypeMismatch", DB_SETUP, false },
	{ "42883", "UndefinedFunction", DB_SETUP, false },
	{ "42P01", "UndefinedTable", DB_SETUP, false },
	{ "42P10", "InvalidColumnReference", DB_SETUP, false },

	{ "53", "InsufficientResources", DB_TRANSIENT, false },
	{ "53100", "DiskFull", DB_TRANSIENT, false },
	{ "53200", "OutOfMemory", DB_SMALLER, false },
	{ "53300", "TooManyConnections", DB_TRANSIENT, LOST },
	{ "53400", "ConfigurationLimitExceeded", DB_TRANSIENT, false },
	{ "54", "ProgramLimitExceeded", DB_SMALLER, false },
	{ "55", "ObjectNotInPrerequisiteState", DB_TRANSIENT, false },
	{ "55006", "ObjectInUse", DB_TRANSIENT, false },
	{ "55P03", "LockNotAvailable", DB_SMALLER, false },

	{ "57", "OperatorIntervention", DB_TRANSIENT, LOST },
	{ "57014", "QueryCanceled", DB_SMALLER, false },
	{ "57P01", "AdminShutdown", DB_TRANSIENT, LOST },
	{ "57P02", "CrashShutdown", DB_TRANSIENT, LOST },
	{ "57P03", "CannotConnectNow", DB_TRANSIENT, LOST },
	{ "57P04", "DatabaseDropped", DB_SETUP, LOST },

	{ "58", "SystemError", DB_TRANSIENT, false },
	{ "58030", "IoError", DB_TRANSIENT, false },
	{ "72000", "SnapshotTooOld", DB_TRANSIENT, false },
	{ "F0", "ConfigFileError", DB_SETUP, false },
	{ "HV", "FdwError", DB_TRANSIENT, false },
	{ "P0", "PlpgsqlError", DB_POISON, false },
	{ "P0001", "RaiseException", DB_POISON, false },
	{ "XX000", "InternalError", DB_TRANSIENT, false },
	{ "XX001", "DataCorrupted", DB_SETUP, false },
	{ "XX002", "IndexCorrupted", DB_SETUP, false },
};

struct text_hint {
	const char *text; /* anywhere in the message, in any case */
	enum db_family family;
	const char *reason;
};

/* Earlier ones are more specific. Whatever the outcome, there is no session. */
static const struct text_hint connect_hints[] = {
	{ "endpoint has been disabled", DB_TRANSIENT, "NeonEndpointDisabled" },
	{ "endpoint is disabled", DB_TRANSIENT, "NeonEndpointDisabled" },
	{ "endpoint is temporarily unavailable", DB_TRANSIENT,
	  "NeonEndpointUnavailable" },
	{ "exceeded the compute time quota", DB_TRANSIENT,
	  "NeonQuotaExceeded" },
	{ "limit of concurrently active endpoints", DB_TRANSIENT,
	  "NeonEndpointLimit" },
	{ "endpoint cannot be found", DB_SETUP, "NeonEndpointNotFound" },
	{ "Endpoint ID is not specified", DB_SETUP, "NeonEndpointUnnamed" },
	{ "connect to compute node", DB_TRANSIENT, "NeonComputeUnreachable" },
	{ "Control plane request failed", DB_TRANSIENT, "NeonControlPlane" },
	{ "Too many connections attempts", DB_TRANSIENT, "NeonRateLimited" },
	{ "Failed to acquire permit", DB_TRANSIENT, "NeonRateLimited" },
	{ "password authentication failed", DB_SETUP, "InvalidPassword" },
	{ "no password supplied", DB_SETUP, "InvalidPassword" },
	{ "unsupported startup parameter", DB_SETUP,
	  "UnsupportedStartupParameter" },
	{ "certificate verify failed", DB_SETUP, "CertificateRejected" },
	{ "does not support SSL", DB_SETUP, "SslUnsupported" },
	{ "Connection refused", DB_TRANSIENT, "ConnectionRefused" },
	{ "could not translate host name", DB_TRANSIENT, "HostNotFound" },
	{ "session is read-only", DB_TRANSIENT, "ReadOnlySqlTransaction" },
};

struct sqlite_rule {
	int code; /* an extended code, or the primary one of many */
	enum db_family family;
	const char *reason;
	bool lost;
};

static const struct sqlite_rule sqlite_rules[] = {
	{ SQLITE_CONSTRAINT_PRIMARYKEY, DB_PRESENT, "UniqueViolation", false },
	{ SQLITE_CONSTRAINT_UNIQUE, DB_POISON, "UniqueViolation", false },
	{ SQLITE_CONSTRAINT_NOTNULL, DB_POISON, "NotNullViolation", false },
	{ SQLITE_CONSTRAINT_CHECK, DB_POISON, "CheckViolation", false },
	{ SQLITE_CONSTRAINT_DATATYPE, DB_POISON, "DatatypeMismatch", false },
	{ SQLITE_CONSTRAINT, DB_POISON, "IntegrityConstraintViolation", false },
	{ SQLITE_MISMATCH, DB_POISON, "DatatypeMismatch", false },
	{ SQLITE_TOOBIG, DB_POISON, "ProgramLimitExceeded", false },
	{ SQLITE_BUSY, DB_TRANSIENT, "DatabaseBusy", false },
	{ SQLITE_LOCKED, DB_TRANSIENT, "DatabaseLocked", false },
	{ SQLITE_PROTOCOL, DB_TRANSIENT, "LockProtocol", false },
	{ SQLITE_NOMEM, DB_TRANSIENT, "OutOfMemory", false },
	{ SQLITE_FULL, DB_TRANSIENT, "DiskFull", false },
	{ SQLITE_INTERRUPT, DB_SMALLER, "QueryCanceled", false },
	/* After these SQLite would go on and acknowledge what is not there. */
	{ SQLITE_IOERR, DB_TRANSIENT, "IoError", LOST },
	{ SQLITE_CORRUPT, DB_SETUP, "DataCorrupted", LOST },
	{ SQLITE_NOTADB, DB_SETUP, "NotADatabase", LOST },
	{ SQLITE_CANTOPEN, DB_SETUP, "CannotOpenFile", LOST },
	{ SQLITE_READONLY, DB_SETUP, "ReadOnlyDatabase", LOST },
	{ SQLITE_PERM, DB_SETUP, "InsufficientPrivilege", LOST },
	{ SQLITE_AUTH, DB_SETUP, "InsufficientPrivilege", LOST },
	{ SQLITE_SCHEMA, DB_RESET, "SchemaChanged", LOST },
};

static const struct text_hint sqlite_hints[] = {
	{ "no such table", DB_SETUP, "UndefinedTable" },
	{ "no such column", DB_SETUP, "UndefinedColumn" },
	{ "has no column named", DB_SETUP, "UndefinedColumn" },
	{ "no such function", DB_SETUP, "UndefinedFunction" },
	{ "syntax error", DB_SETUP, "SyntaxError" },
	{ "malformed JSON", DB_POISON, "InvalidTextRepresentation" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *db_family_name(enum db_family family)
{
	static const char *const names[] = {
		[DB_OK] = "ok",		  [DB_TRANSIENT] = "transient",
		[DB_POISON] = "poison",	  [DB_SETUP] = "setup",
		[DB_PRESENT] = "present", [DB_RESET] = "reset",
		[DB_SMALLER] = "smaller",
	};

	return names[family];
}

/* One line that can stand between quotes in a log line. */
static void set_text(struct db_error *err, const char *text)
{
	(void)snprintf(err->text, sizeof(err->text), "%s", text);
	for (char *c = err->text; *c; c++) {
		if (*c == '"')
			*c = '\'';
		else if ((unsigned char)*c < ' ')
			*c = ' ';
	}
}

void db_error_set(struct db_error *err, enum db_family family,
		  const char *reason, const char *text)
{
	*err = (struct db_error){ .family = family };
	(void)snprintf(err->reason, sizeof(err->reason), "%s", reason);
	set_text(err, text);
}

static const struct text_hint *find_hint(const struct text_hint *hints,
					 size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcasestr(text, hints[i].text))
			return &hints[i];
	return NULL;
}

static const struct sqlstate_rule *find_rule(const char *sqlstate)
{
	const struct sqlstate_rule *best = NULL;
	size_t best_length = 0;

	for (size_t i = 0; i < COUNT(sqlstate_rules); i++) {
		size_t length = strlen(sqlstate_rules[i].prefix);

		if (length > best_length &&
		    strncmp(sqlstate, sqlstate_rules[i].prefix, length) == 0) {
			best = &sqlstate_rules[i];
			best_length = length;
		}
	}
	return best;
}

/* Do proxies and libpq itself speak here, rather than a server? */
static bool text_decides(const char *sqlstate)
{
	return !*sqlstate || strcmp(sqlstate, "XX000") == 0 ||
	       strcmp(sqlstate, "08P01") == 0;
}

void db_error_from_sqlstate(struct db_error *err, const char *sqlstate,
			    const char *text)
{
	static const struct sqlstate_rule unknown = { .reason = "UnknownError",
						      .family = DB_TRANSIENT };
	static const struct sqlstate_rule no_answer = {
		.reason = "ConnectionFailure",
		.family = DB_TRANSIENT,
		.lost = LOST
	};
	const struct sqlstate_rule *rule = find_rule(sqlstate);
	const struct text_hint *hint = NULL;

	if (!rule)
		rule = *sqlstate ? &unknown : &no_answer;
	if (text_decides(sqlstate))
		hint = find_hint(connect_hints, COUNT(connect_hints), text);
	db_error_set(err, hint ? hint->family : rule->family,
		     hint ? hint->reason : rule->reason, text);
	err->connection_lost = hint || rule->lost;
	(void)snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", sqlstate);
}

static const struct sqlite_rule *find_sqlite_rule(int code)
{
	for (size_t i = 0; i < COUNT(sqlite_rules); i++)
		if (sqlite_rules[i].code == code)
			return &sqlite_rules[i];
	return NULL;
}

void db_error_from_sqlite(struct db_error *err, int code, const char *text)
{
	const struct sqlite_rule *rule = find_sqlite_rule(code);
	const struct text_hint *hint = NULL;

	if (!rule)
		rule = find_sqlite_rule(code & 0xff);
	if (!rule)
		hint = find_hint(sqlite_hints, COUNT(sqlite_hints), text);
	if (rule)
		db_error_set(err, rule->family, rule->reason, text);
	else if (hint)
		db_error_set(err, hint->family, hint->reason, text);
	else
		db_error_set(err, DB_TRANSIENT, "UnknownError", text);
	err->connection_lost = rule && rule->lost;
}
