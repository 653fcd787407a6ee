/*
 * db_error_tables.c - what each failure of a database means
 *
 * Sources: PostgreSQL's list of error codes, what Neon's proxy and PgBouncer
 * say, SQLite's result codes. A line here is a decision about records: read
 * db_error.h first.
 */
#include "persistence/db_error_tables.h"

#include <sqlite3.h>

#define LOST	       DB_RULE_LOST
#define THEN_SETUP     DB_RULE_THEN_SETUP
#define THEN_POISON    DB_RULE_THEN_POISON
#define THEN_TRANSIENT DB_RULE_THEN_TRANSIENT
#define AT_ONCE	       DB_RULE_AT_ONCE
#define SLOW	       DB_RULE_SLOW
#define PARENT	       DB_RULE_PARENT

static const struct db_rule sqlstates[] = {
	{ "08", "ConnectionException", DB_TRANSIENT, LOST },
	{ "08001", "UnableToConnect", DB_TRANSIENT, LOST },
	{ "08003", "ConnectionDoesNotExist", DB_TRANSIENT, LOST },
	{ "08004", "ConnectionRejected", DB_TRANSIENT, LOST | THEN_SETUP },
	{ "08006", "ConnectionFailure", DB_TRANSIENT, LOST },
	{ "08007", "TransactionResolutionUnknown", DB_TRANSIENT, LOST },
	{ "08P01", "ProtocolViolation", DB_RESET, LOST | THEN_SETUP },
	{ "0A000", "FeatureNotSupported", DB_SETUP, LOST },
	{ "21000", "CardinalityViolation", DB_POISON, 0 },

	{ "22", "DataException", DB_POISON, 0 },
	{ "22001", "StringDataRightTruncation", DB_POISON, 0 },
	{ "22003", "NumericValueOutOfRange", DB_POISON, 0 },
	{ "22007", "InvalidDatetimeFormat", DB_POISON, 0 },
	{ "22008", "DatetimeFieldOverflow", DB_POISON, 0 },
	{ "22021", "CharacterNotInRepertoire", DB_POISON, 0 },
	{ "22023", "InvalidParameterValue", DB_POISON, 0 },
	{ "22P02", "InvalidTextRepresentation", DB_POISON, 0 },
	{ "22P05", "UntranslatableCharacter", DB_POISON, 0 },
	/* If it is not this row, our encoder is wrong for every row. */
	{ "22P03", "InvalidBinaryRepresentation", DB_POISON, THEN_SETUP },
	{ "22P04", "BadCopyFileFormat", DB_POISON, THEN_SETUP },

	{ "23", "IntegrityConstraintViolation", DB_POISON, 0 },
	{ "23001", "RestrictViolation", DB_POISON, 0 },
	{ "23502", "NotNullViolation", DB_POISON, 0 },
	{ "23503", "ForeignKeyViolation", DB_POISON, PARENT },
	/* The store looks whether it is really there (store.c). */
	{ "23505", "UniqueViolation", DB_PRESENT, 0 },
	{ "23514", "CheckViolation", DB_POISON, 0 },
	{ "23P01", "ExclusionViolation", DB_POISON, 0 },
	{ "44000", "WithCheckOptionViolation", DB_POISON, 0 },

	{ "25", "InvalidTransactionState", DB_RESET, LOST },
	/* What a failover leaves behind: the next host may be the primary. */
	{ "25006", "ReadOnlySqlTransaction", DB_TRANSIENT, LOST },
	{ "25P02", "InFailedSqlTransaction", DB_RESET, LOST },
	{ "25P03", "IdleInTransactionSessionTimeout", DB_RESET, LOST },
	{ "26000", "InvalidSqlStatementName", DB_RESET, LOST },
	{ "42P05", "DuplicatePreparedStatement", DB_RESET, LOST },
	{ "57P05", "IdleSessionTimeout", DB_RESET, LOST },

	{ "28", "InvalidAuthorization", DB_SETUP, LOST },
	{ "28P01", "InvalidPassword", DB_SETUP, LOST },
	{ "3D000", "InvalidCatalogName", DB_SETUP, LOST },
	{ "3F000", "InvalidSchemaName", DB_SETUP, 0 },

	{ "40", "TransactionRollback", DB_TRANSIENT, AT_ONCE },
	{ "40001", "SerializationFailure", DB_TRANSIENT, AT_ONCE },
	{ "40003", "StatementCompletionUnknown", DB_TRANSIENT, LOST },
	{ "40P01", "DeadlockDetected", DB_TRANSIENT, AT_ONCE },

	{ "42", "SyntaxErrorOrAccessRuleViolation", DB_SETUP, 0 },
	{ "42501", "InsufficientPrivilege", DB_SETUP, 0 },
	{ "42601", "SyntaxError", DB_SETUP, 0 },
	{ "42703", "UndefinedColumn", DB_SETUP, 0 },
	{ "42704", "UndefinedObject", DB_SETUP, 0 },
	{ "42804", "DatatypeMismatch", DB_SETUP, 0 },
	{ "42883", "UndefinedFunction", DB_SETUP, 0 },
	{ "42P01", "UndefinedTable", DB_SETUP, 0 },
	{ "42P10", "InvalidColumnReference", DB_SETUP, 0 },

	{ "53", "InsufficientResources", DB_TRANSIENT, 0 },
	{ "53100", "DiskFull", DB_TRANSIENT, SLOW },
	{ "53200", "OutOfMemory", DB_SMALLER, THEN_TRANSIENT },
	{ "53300", "TooManyConnections", DB_TRANSIENT, LOST | SLOW },
	{ "53400", "ConfigurationLimitExceeded", DB_TRANSIENT, 0 },
	{ "54", "ProgramLimitExceeded", DB_SMALLER, THEN_POISON },
	{ "54001", "StatementTooComplex", DB_SMALLER, THEN_POISON },
	{ "54011", "TooManyColumns", DB_SMALLER, THEN_POISON },
	{ "54023", "TooManyArguments", DB_SMALLER, THEN_POISON },
	{ "55", "ObjectNotInPrerequisiteState", DB_TRANSIENT, THEN_SETUP },
	{ "55006", "ObjectInUse", DB_TRANSIENT, 0 },
	{ "55P03", "LockNotAvailable", DB_SMALLER, THEN_TRANSIENT },

	{ "57", "OperatorIntervention", DB_TRANSIENT, LOST },
	{ "57014", "QueryCanceled", DB_SMALLER, THEN_TRANSIENT | SLOW },
	{ "57P01", "AdminShutdown", DB_TRANSIENT, LOST },
	{ "57P02", "CrashShutdown", DB_TRANSIENT, LOST },
	{ "57P03", "CannotConnectNow", DB_TRANSIENT, LOST },
	{ "57P04", "DatabaseDropped", DB_SETUP, LOST },

	{ "58", "SystemError", DB_TRANSIENT, SLOW },
	{ "58030", "IoError", DB_TRANSIENT, SLOW },
	{ "58P01", "UndefinedFile", DB_TRANSIENT, SLOW },
	{ "58P02", "DuplicateFile", DB_TRANSIENT, SLOW },
	{ "72000", "SnapshotTooOld", DB_TRANSIENT, 0 },
	{ "F0", "ConfigFileError", DB_SETUP, 0 },
	{ "F0001", "LockFileExists", DB_SETUP, 0 },
	{ "HV", "FdwError", DB_TRANSIENT, 0 },
	/* A trigger's own word is about this row; its bugs are about all. */
	{ "P0", "PlpgsqlError", DB_POISON, THEN_SETUP },
	{ "P0001", "RaiseException", DB_POISON, 0 },
	{ "P0002", "NoDataFound", DB_POISON, THEN_SETUP },
	{ "P0003", "TooManyRows", DB_POISON, THEN_SETUP },
	{ "P0004", "AssertFailure", DB_POISON, THEN_SETUP },
	{ "XX000", "InternalError", DB_TRANSIENT, THEN_POISON | SLOW },
	{ "XX001", "DataCorrupted", DB_SETUP, 0 },
	{ "XX002", "IndexCorrupted", DB_SETUP, 0 },
};

/* One code, two meanings: the text tells which. */
static const struct db_meaning meanings[] = {
	{ "0A000",
	  { "cached plan must not change", "CachedPlanChanged", DB_RESET,
	    LOST } },
	/* A policy minds this row; the set-up, if it minds all of them. */
	{ "42501",
	  { "row-level security", "RowSecurityViolation", DB_POISON,
	    THEN_SETUP } },
};

/* Poolers, at a connect and in the middle of a transaction. Before the hints
 * below: they quote what the server told them. */
static const struct db_rule poolers[] = {
	{ "query_wait_timeout", "PoolerQueueTimeout", DB_TRANSIENT, 0 },
	{ "no more connections allowed", "PoolerFull", DB_TRANSIENT, SLOW },
	{ "max clients reached", "PoolerFull", DB_TRANSIENT, SLOW },
	{ "server login has been failing", "PoolerLoginFailing", DB_TRANSIENT,
	  0 },
	{ "server login failed", "PoolerLoginFailing", DB_TRANSIENT, 0 },
	{ "client_login_timeout", "PoolerLoginFailing", DB_TRANSIENT, 0 },
	{ "server conn crashed", "PoolerServerLost", DB_TRANSIENT, 0 },
	{ "server_lifetime", "PoolerServerLost", DB_TRANSIENT, 0 },
	{ "pooler is shut down", "PoolerShutdown", DB_TRANSIENT, 0 },
	{ "unsupported startup parameter", "UnsupportedStartupParameter",
	  DB_SETUP, 0 },
	{ "no such database", "InvalidCatalogName", DB_SETUP, 0 },
	{ "no such user", "InvalidAuthorization", DB_SETUP, 0 },
	{ "Tenant or user not found", "InvalidAuthorization", DB_SETUP, 0 },
};

/* Neon's proxy, whose only code is XX000; the more specific ones first. */
static const struct db_rule neon[] = {
	{ "endpoint has been disabled", "NeonEndpointDisabled", DB_TRANSIENT,
	  0 },
	{ "endpoint is disabled", "NeonEndpointDisabled", DB_TRANSIENT, 0 },
	{ "endpoint is temporarily unavailable", "NeonEndpointUnavailable",
	  DB_TRANSIENT, SLOW },
	{ "exceeded the compute time quota", "NeonQuota", DB_TRANSIENT, SLOW },
	{ "Upgrade your plan", "NeonQuota", DB_TRANSIENT, SLOW },
	{ "limit of concurrently active endpoints", "NeonTooManyEndpoints",
	  DB_TRANSIENT, SLOW },
	{ "endpoint cannot be found", "NeonEndpointMissing", DB_SETUP, 0 },
	{ "endpoint could not be found", "NeonEndpointMissing", DB_SETUP, 0 },
	{ "Endpoint ID is not specified", "NeonEndpointUnnamed", DB_SETUP, 0 },
	{ "not allowed to connect to this endpoint", "NeonAddressNotAllowed",
	  DB_SETUP, 0 },
	{ "connect to compute node", "NeonComputeUnreachable", DB_TRANSIENT,
	  0 },
	{ "Too many connections attempts", "NeonRateLimited", DB_TRANSIENT,
	  SLOW },
	{ "Failed to acquire permit", "NeonRateLimited", DB_TRANSIENT, SLOW },
	{ "Control plane request failed", "NeonControlPlane", DB_TRANSIENT, 0 },
	{ "connection is insecure", "SslRequired", DB_SETUP, 0 },
};

/* Whoever it was at a connect: the server through a proxy, or libpq. */
static const struct db_rule connects[] = {
	{ "password authentication failed", "InvalidPassword", DB_SETUP, 0 },
	{ "no password supplied", "InvalidPassword", DB_SETUP, 0 },
	{ "certificate verify failed", "CertificateRejected", DB_SETUP, 0 },
	{ "does not match host name", "CertificateRejected", DB_SETUP, 0 },
	{ "alert unknown ca", "CertificateRejected", DB_SETUP, 0 },
	{ "alert bad certificate", "CertificateRejected", DB_SETUP, 0 },
	{ "alert certificate", "CertificateRejected", DB_SETUP, 0 },
	{ "root certificate file", "CertificateUnusable", DB_SETUP, 0 },
	{ "certificate file", "CertificateUnusable", DB_SETUP, 0 },
	{ "private key file", "CertificateUnusable", DB_SETUP, 0 },
	{ "does not support SSL", "SslUnsupported", DB_SETUP, 0 },
	{ "channel binding", "AuthenticationMethod", DB_SETUP, 0 },
	{ "authentication method", "AuthenticationMethod", DB_SETUP, 0 },
	{ "invalid connection option", "InvalidUrl", DB_SETUP, 0 },
	{ "invalid port number", "InvalidUrl", DB_SETUP, 0 },
	{ "invalid integer value", "InvalidUrl", DB_SETUP, 0 },
	{ "value: \"", "InvalidUrl", DB_SETUP, 0 },
	{ "definition of service", "InvalidUrl", DB_SETUP, 0 },
	{ "could not match", "InvalidUrl", DB_SETUP, 0 },
	{ "Connection refused", "ConnectionRefused", DB_TRANSIENT, 0 },
	{ "No route to host", "NoRoute", DB_TRANSIENT, 0 },
	{ "Network is unreachable", "NoRoute", DB_TRANSIENT, 0 },
	{ "could not translate host name", "HostNotFound", DB_TRANSIENT, 0 },
	{ "session is read-only", "ReadOnlySqlTransaction", DB_TRANSIENT, 0 },
	{ "server is in hot standby mode", "ReadOnlySqlTransaction",
	  DB_TRANSIENT, 0 },
};

static const struct db_sqlite_rule sqlite_codes[] = {
	/* The store looks whether it is really there (store.c). */
	{ SQLITE_CONSTRAINT_PRIMARYKEY, "UniqueViolation", DB_PRESENT, 0 },
	{ SQLITE_CONSTRAINT_UNIQUE, "UniqueViolation", DB_PRESENT, 0 },
	{ SQLITE_CONSTRAINT_ROWID, "UniqueViolation", DB_PRESENT, 0 },
	{ SQLITE_CONSTRAINT_NOTNULL, "NotNullViolation", DB_POISON, 0 },
	{ SQLITE_CONSTRAINT_CHECK, "CheckViolation", DB_POISON, 0 },
	{ SQLITE_CONSTRAINT_DATATYPE, "DatatypeMismatch", DB_POISON, 0 },
	{ SQLITE_CONSTRAINT_FOREIGNKEY, "ForeignKeyViolation", DB_POISON,
	  PARENT },
	{ SQLITE_CONSTRAINT_TRIGGER, "RaiseException", DB_POISON, 0 },
	{ SQLITE_CONSTRAINT, "IntegrityConstraintViolation", DB_POISON, 0 },
	{ SQLITE_MISMATCH, "DatatypeMismatch", DB_POISON, 0 },
	{ SQLITE_RANGE, "InvalidParameterNumber", DB_SETUP, 0 },
	{ SQLITE_TOOBIG, "ProgramLimitExceeded", DB_SMALLER, THEN_POISON },
	{ SQLITE_BUSY, "DatabaseBusy", DB_TRANSIENT, 0 },
	{ SQLITE_BUSY_SNAPSHOT, "DatabaseBusy", DB_TRANSIENT, AT_ONCE },
	{ SQLITE_LOCKED, "DatabaseLocked", DB_TRANSIENT, 0 },
	{ SQLITE_PROTOCOL, "LockProtocol", DB_TRANSIENT, 0 },
	{ SQLITE_NOMEM, "OutOfMemory", DB_SMALLER, THEN_TRANSIENT },
	{ SQLITE_FULL, "DiskFull", DB_TRANSIENT, 0 },
	{ SQLITE_INTERRUPT, "QueryCanceled", DB_SMALLER, THEN_TRANSIENT },
	/* After these SQLite would go on and acknowledge what is not there. */
	{ SQLITE_IOERR, "IoError", DB_TRANSIENT, LOST },
	{ SQLITE_IOERR_NOMEM, "OutOfMemory", DB_TRANSIENT, LOST },
	{ SQLITE_CORRUPT, "DataCorrupted", DB_SETUP, LOST },
	{ SQLITE_NOTADB, "NotADatabase", DB_SETUP, LOST },
	{ SQLITE_CANTOPEN, "CannotOpenFile", DB_SETUP, LOST },
	{ SQLITE_READONLY, "ReadOnlyDatabase", DB_SETUP, LOST },
	/* It was moved away under us: the next connection makes another. */
	{ SQLITE_READONLY_DBMOVED, "FileMoved", DB_RESET, LOST },
	{ SQLITE_PERM, "InsufficientPrivilege", DB_SETUP, LOST },
	{ SQLITE_AUTH, "InsufficientPrivilege", DB_SETUP, LOST },
	{ SQLITE_NOLFS, "FileTooLarge", DB_SETUP, LOST },
	{ SQLITE_SCHEMA, "SchemaChanged", DB_RESET, LOST },
	{ SQLITE_ABORT, "TransactionRollback", DB_RESET, LOST },
	{ SQLITE_MISUSE, "Misuse", DB_RESET, LOST },
	{ SQLITE_INTERNAL, "InternalError", DB_TRANSIENT, LOST },
};

static const struct db_rule sqlite_texts[] = {
	{ "no such table", "UndefinedTable", DB_SETUP, 0 },
	{ "no such column", "UndefinedColumn", DB_SETUP, 0 },
	{ "has no column named", "UndefinedColumn", DB_SETUP, 0 },
	{ "no such function", "UndefinedFunction", DB_SETUP, 0 },
	{ "no such module", "UndefinedObject", DB_SETUP, 0 },
	{ "does not match any PRIMARY KEY", "InvalidColumnReference", DB_SETUP,
	  0 },
	{ "syntax error", "SyntaxError", DB_SETUP, 0 },
	{ "unsupported file format", "NotADatabase", DB_SETUP, 0 },
	{ "malformed JSON", "InvalidTextRepresentation", DB_POISON, 0 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct db_rules db_sqlstate_rules = { sqlstates, COUNT(sqlstates) };
const struct db_rules db_pooler_hints = { poolers, COUNT(poolers) };
const struct db_rules db_neon_hints = { neon, COUNT(neon) };
const struct db_rules db_connect_hints = { connects, COUNT(connects) };
const struct db_rules db_sqlite_hints = { sqlite_texts, COUNT(sqlite_texts) };

const struct db_meaning *db_meaning_next(const struct db_meaning *last)
{
	last = last ? last + 1 : meanings;
	return last < meanings + COUNT(meanings) ? last : NULL;
}

const struct db_sqlite_rule *db_sqlite_rule_find(int code)
{
	for (size_t i = 0; i < COUNT(sqlite_codes); i++)
		if (sqlite_codes[i].code == code)
			return &sqlite_codes[i];
	return NULL;
}
