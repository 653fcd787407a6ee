/*
 * postgres_session.c - one connection to PostgreSQL (see postgres_session.h)
 *
 *   run():   statement, statement, ..., sync  -->
 *            <--  result, NULL, result, NULL, ..., PGRES_PIPELINE_SYNC
 *
 * After an error the server skips everything up to the sync and says so
 * (PGRES_PIPELINE_ABORTED), so the sync always comes, or the connection ends.
 */
#include "persistence/postgres_session.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/log.h"

#define LOCK_TIMEOUT_MS	       5000u /* what holds a lock for longer is stuck */
#define NETWORK_GRACE_MS       5000u /* beyond the server's own timeout */
#define TRANSACTION_STATEMENTS 8     /* the caller's, at most */

struct pg_session {
	PGconn *conn;
	struct pg_session_options options;
	char statement_timeout[16], lock_timeout[16]; /* ms, as parameters */
};

static const struct pg_statement begin = { .sql = "BEGIN" };
static const struct pg_statement commit = { .sql = "COMMIT" };
static const struct pg_statement rollback = { .sql = "ROLLBACK" };

static void on_notice(void *arg, const char *message)
{
	(void)arg;
	log_debug("DB_NOTICE", "text=\"%.*s\"", (int)strcspn(message, "\"\r\n"),
		  message);
}

static void set_lost(struct db_error *err, const char *reason, const char *text)
{
	db_error_set(err, DB_TRANSIENT, reason, text);
	err->connection_lost = true;
}

/* Waits until the connection can do what `events` says. */
static int wait_for(const struct pg_session *session, short events,
		    uint64_t deadline_ms, struct db_error *err)
{
	struct pollfd fds[] = {
		{ .fd = PQsocket(session->conn), .events = events },
		{ .fd = session->options.interrupt_fd, .events = POLLIN },
	};
	uint64_t now_ms;
	int n;

	do {
		now_ms = clock_mono_ms();
		n = now_ms < deadline_ms
			    ? poll(fds, 2, (int)(deadline_ms - now_ms))
			    : 0;
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		set_lost(err, "PollFailed", strerror(errno));
	else if (n == 0)
		set_lost(err, "Timeout", "no answer within the time allowed");
	else if (fds[1].revents)
		set_lost(err, "Interrupted", "interrupted by our own shutdown");
	else
		return 0;
	return -1;
}

/*
 * There is no call for the SQLSTATE of a failed connect; with verbosity VERBOSE
 * the message has it: `... failed: FATAL:  28P01: password authentication
 * failed ...`. With several hosts, the last verdict is the one that ended it.
 */
static const char *find_sqlstate(const char *message, char sqlstate[6])
{
	const char *text = NULL;

	for (const char *p = strstr(message, ":  "); p;
	     p = strstr(p + 1, ":  ")) {
		const char *code = p + 3;
		size_t length = strspn(code, "0123456789"
					     "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (length != 5 || strncmp(code + 5, ": ", 2) != 0)
			continue;
		memcpy(sqlstate, code, 5);
		sqlstate[5] = '\0';
		text = code + 7;
	}
	return text;
}

static void connect_error(PGconn *conn, struct db_error *err)
{
	const char *message = PQerrorMessage(conn);
	char sqlstate[6] = "", line[256];
	const char *text = find_sqlstate(message, sqlstate);

	(void)snprintf(line, sizeof(line), "%.*s",
		       (int)strcspn(text ? text : message, "\n"),
		       text ? text : message);
	db_error_from_sqlstate(err, sqlstate, line);
	if (PQconnectionNeedsPassword(conn))
		db_error_set(err, DB_SETUP, "InvalidPassword", line);
	err->connection_lost = true;
}

/* The url may say otherwise wherever it stands behind us. A vanished peer is
 * noticed in five seconds; no start-up options, which poolers refuse. */
static PGconn *start_connecting(const struct pg_session_options *options)
{
	const char *const names[] = {
		"application_name", "keepalives_idle",	"keepalives_interval",
		"keepalives_count", "tcp_user_timeout", "target_session_attrs",
		"dbname",	    "client_encoding",	NULL,
	};
	const char *const values[] = {
		options->application,
		"10",
		"3",
		"3",
		"5000",
		options->read_only ? "any" : "read-write",
		options->url,
		"UTF8",
		NULL,
	};

	return PQconnectStartParams(names, values, 1);
}

static int finish_connecting(struct pg_session *session, struct db_error *err)
{
	uint64_t deadline_ms =
		clock_mono_ms() + session->options.connect_timeout_ms;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK) {
		short events =
			status == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (wait_for(session, events, deadline_ms, err) < 0)
			return -1;
		status = PQconnectPoll(session->conn);
		if (status == PGRES_POLLING_FAILED) {
			connect_error(session->conn, err);
			return -1;
		}
	}
	return 0;
}

int pg_session_open(struct pg_session **ret,
		    const struct pg_session_options *options,
		    struct db_error *err)
{
	struct pg_session *session = calloc(1, sizeof(*session));
	uint32_t lock_ms = options->statement_timeout_ms < LOCK_TIMEOUT_MS
				   ? options->statement_timeout_ms
				   : LOCK_TIMEOUT_MS;

	if (session)
		session->conn = start_connecting(options);
	if (!session || !session->conn) {
		db_error_set(err, DB_TRANSIENT, "OutOfMemory", "no memory");
		goto fail;
	}
	session->options = *options;
	(void)snprintf(session->statement_timeout,
		       sizeof(session->statement_timeout), "%u",
		       options->statement_timeout_ms);
	(void)snprintf(session->lock_timeout, sizeof(session->lock_timeout),
		       "%u", lock_ms);
	(void)PQsetNoticeProcessor(session->conn, on_notice, NULL);
	(void)PQsetErrorVerbosity(session->conn, PQERRORS_VERBOSE);
	if (PQstatus(session->conn) == CONNECTION_BAD) {
		connect_error(session->conn, err);
		goto fail;
	}
	if (finish_connecting(session, err) < 0)
		goto fail;
	if (PQsetnonblocking(session->conn, 1) < 0) {
		set_lost(err, "ConnectionFailure", "cannot be made to poll");
		goto fail;
	}
	*ret = session;
	return 0;
fail:
	pg_session_close(session);
	return -1;
}

struct pg_session *pg_session_close(struct pg_session *session)
{
	if (!session)
		return NULL;
	PQfinish(session->conn);
	free(session);
	return NULL;
}

int pg_session_socket(const struct pg_session *session)
{
	return PQsocket(session->conn);
}

/* Names of tables and constraints help; DETAIL and CONTEXT hold row values. */
static void result_error(PGconn *conn, const PGresult *result,
			 struct db_error *err)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *constraint =
		PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

	if (!sqlstate)
		text = PQerrorMessage(conn);
	db_error_from_sqlstate(err, sqlstate ? sqlstate : "", text ? text : "");
	/* Our tables' own keys: the record is there already. */
	if (strcmp(err->sqlstate, "23505") == 0 && constraint &&
	    strlen(constraint) > 5 &&
	    strcmp(constraint + strlen(constraint) - 5, "_pkey") == 0)
		err->family = DB_PRESENT;
	if (PQstatus(conn) == CONNECTION_BAD)
		err->connection_lost = true;
}

/* Sends what is left to send and reads until there is a result to take. */
static int await_result(struct pg_session *session, uint64_t deadline_ms,
			struct db_error *err)
{
	for (;;) {
		int unsent = PQflush(session->conn);

		if (!PQisBusy(session->conn) && unsent <= 0)
			return 0;
		if (wait_for(session,
			     (short)(POLLIN | (unsent > 0 ? POLLOUT : 0)),
			     deadline_ms, err) < 0)
			return -1;
		/* What the server said before it hung up is still a result. */
		if (!PQconsumeInput(session->conn))
			return 0;
	}
}

/* What has been heard of a pipeline so far. */
struct answers {
	PGresult **results; /* or NULL */
	size_t next, count;
	bool failed, synced;
};

static void take_result(struct pg_session *session, struct answers *answers,
			PGresult *result, struct db_error *err)
{
	switch (PQresultStatus(result)) {
	case PGRES_PIPELINE_SYNC: answers->synced = true; break;
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_EMPTY_QUERY:
		if (answers->results && answers->next < answers->count) {
			answers->results[answers->next++] = result;
			return;
		}
		break;
	case PGRES_PIPELINE_ABORTED: break;
	default:
		if (!answers->failed)
			result_error(session->conn, result, err);
		answers->failed = true;
		break;
	}
	PQclear(result);
}

static int collect(struct pg_session *session, struct answers *answers,
		   uint64_t deadline_ms, struct db_error *err)
{
	unsigned silent = 0; /* NULLs in a row: one ends a statement */

	while (!answers->synced) {
		PGresult *result;

		if (await_result(session, deadline_ms, err) < 0)
			return -1;
		result = PQgetResult(session->conn);
		silent = result ? 0 : silent + 1;
		if (result) {
			take_result(session, answers, result, err);
		} else if (silent > 1) {
			if (!answers->failed)
				connect_error(session->conn, err);
			err->connection_lost = true;
			return -1;
		}
	}
	return answers->failed ? -1 : 0;
}

static int send_all(struct pg_session *session,
		    const struct pg_statement *statements, size_t count)
{
	if (!PQenterPipelineMode(session->conn))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (!PQsendQueryParams(session->conn, statements[i].sql,
				       statements[i].count, NULL,
				       statements[i].values, NULL, NULL, 0))
			return -1;
	return PQpipelineSync(session->conn) ? 0 : -1;
}

static void clear_results(PGresult **results, size_t count)
{
	for (size_t i = 0; results && i < count; i++) {
		PQclear(results[i]);
		results[i] = NULL;
	}
}

static uint64_t answer_deadline_ms(const struct pg_session *session)
{
	return clock_mono_ms() + session->options.statement_timeout_ms +
	       NETWORK_GRACE_MS;
}

int pg_session_run(struct pg_session *session,
		   const struct pg_statement *statements, size_t count,
		   PGresult **results, struct db_error *err)
{
	struct answers answers = { .results = results, .count = count };
	int r;

	for (size_t i = 0; results && i < count; i++)
		results[i] = NULL;
	if (send_all(session, statements, count) < 0) {
		connect_error(session->conn, err);
		return -1;
	}
	r = collect(session, &answers, answer_deadline_ms(session), err);
	if (answers.synced && !PQexitPipelineMode(session->conn)) {
		connect_error(session->conn, err);
		r = -1;
	}
	if (r < 0)
		clear_results(results, count);
	return r;
}

/* Anything but a clean rollback is a reason to throw the session away. */
static void roll_back(struct pg_session *session, struct db_error *err)
{
	struct db_error ignored;

	if (err->connection_lost ||
	    PQtransactionStatus(session->conn) == PQTRANS_IDLE)
		return;
	if (pg_session_run(session, &rollback, 1, NULL, &ignored) < 0 ||
	    PQtransactionStatus(session->conn) != PQTRANS_IDLE)
		err->connection_lost = true;
}

/* PostgreSQL answers the COMMIT of a failed transaction with success; only the
 * tag tells. */
static int check_commit(PGresult *result, struct db_error *err)
{
	if (strcmp(PQcmdStatus(result), "COMMIT") == 0)
		return 0;
	set_lost(err, "NotCommitted", PQcmdStatus(result));
	return -1;
}

int pg_session_transact(struct pg_session *session,
			const struct pg_statement *statements, size_t count,
			PGresult **results, struct db_error *err)
{
	struct pg_statement all[TRANSACTION_STATEMENTS + 3] = {
		begin,
		{ .sql = "SELECT set_config('statement_timeout', $1, true), "
			 "set_config('lock_timeout', $2, true), set_config("
			 "'idle_in_transaction_session_timeout', $1, true)",
		  .count = 2,
		  .values = { session->statement_timeout,
			      session->lock_timeout } },
	};
	PGresult *answers[TRANSACTION_STATEMENTS + 3];
	int r;

	assert(count <= TRANSACTION_STATEMENTS);
	memcpy(&all[2], statements, count * sizeof(*statements));
	all[count + 2] = commit;
	r = pg_session_run(session, all, count + 3, answers, err);
	if (r == 0)
		r = check_commit(answers[count + 2], err);
	if (r < 0)
		roll_back(session, err);
	for (size_t i = 0; results && i < count; i++) {
		results[i] = r == 0 ? answers[i + 2] : NULL;
		if (r == 0)
			answers[i + 2] = NULL;
	}
	clear_results(answers, count + 3);
	return r;
}

int pg_session_script(struct pg_session *session, const char *sql,
		      struct db_error *err)
{
	uint64_t deadline_ms = answer_deadline_ms(session);
	bool failed = false;
	PGresult *result;

	if (!PQsendQuery(session->conn, sql)) {
		connect_error(session->conn, err);
		return -1;
	}
	do {
		if (await_result(session, deadline_ms, err) < 0)
			return -1;
		result = PQgetResult(session->conn);
		if (result && !failed &&
		    PQresultStatus(result) == PGRES_FATAL_ERROR) {
			result_error(session->conn, result, err);
			failed = true;
		}
		PQclear(result);
	} while (result);
	return failed ? -1 : 0;
}
