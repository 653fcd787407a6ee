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
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/postgres_io.h"
#include "server/clock.h"

#define LOCK_TIMEOUT_MS	       5000u /* what holds a lock for longer is stuck */
#define NETWORK_GRACE_MS       5000u /* beyond the server's own timeout */
#define LAST_WORDS	       4     /* reads of what an idle server says */
#define TRANSACTION_STATEMENTS 8     /* the caller's, at most */

struct pg_session {
	PGconn *conn;
	bool ended;	  /* the server has said so */
	int interrupt_fd; /* borrowed */
	uint32_t statement_timeout_ms;
	char statement_timeout[16], lock_timeout[16]; /* ms, as parameters */
};

static const struct pg_statement begin = { .sql = "BEGIN" };
static const struct pg_statement commit = { .sql = "COMMIT" };
static const struct pg_statement rollback = { .sql = "ROLLBACK" };

static void set_lost(struct db_error *err, const char *reason, const char *text)
{
	db_error_set(err, DB_TRANSIENT, reason, text);
	err->connection_lost = true;
}

/* A last word before the end comes as a notice, while nothing was asked. */
static void on_notice(void *arg, const PGresult *notice)
{
	const char *severity =
		PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
	struct pg_session *session = arg;

	if (severity &&
	    (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
		session->ended = true;
	pg_log_notice(NULL, notice);
}

int pg_session_open(struct pg_session **ret,
		    const struct pg_session_options *options,
		    struct db_error *err)
{
	struct pg_session *session = calloc(1, sizeof(*session));
	uint32_t lock_ms = options->statement_timeout_ms < LOCK_TIMEOUT_MS
				   ? options->statement_timeout_ms
				   : LOCK_TIMEOUT_MS;

	if (!session) {
		db_error_set(err, DB_TRANSIENT, "OutOfMemory", "no memory");
		return -1;
	}
	session->interrupt_fd = options->connect.interrupt_fd;
	session->statement_timeout_ms = options->statement_timeout_ms;
	(void)snprintf(session->statement_timeout,
		       sizeof(session->statement_timeout), "%u",
		       options->statement_timeout_ms);
	(void)snprintf(session->lock_timeout, sizeof(session->lock_timeout),
		       "%u", lock_ms);
	session->conn = pg_connector_connect(options->connector,
					     &options->connect, err);
	if (!session->conn)
		goto fail;
	(void)PQsetNoticeReceiver(session->conn, on_notice, session);
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

bool pg_session_is_intact(struct pg_session *session)
{
	struct pollfd fd = { .fd = PQsocket(session->conn), .events = POLLIN };

	for (int i = 0; i < LAST_WORDS && poll(&fd, 1, 0) > 0; i++) {
		if (!PQconsumeInput(session->conn))
			return false;
		(void)PQisBusy(session->conn); /* takes in what was read */
	}
	return !session->ended && PQstatus(session->conn) == CONNECTION_OK &&
	       PQtransactionStatus(session->conn) == PQTRANS_IDLE;
}

/* Sends what is left to send and reads until there is a result to take. */
static int await_result(struct pg_session *session, uint64_t deadline_ms,
			struct db_error *err)
{
	for (;;) {
		int unsent = PQflush(session->conn);

		if (!PQisBusy(session->conn) && unsent <= 0)
			return 0;
		if (pg_wait(PQsocket(session->conn),
			    (short)(POLLIN | (unsent > 0 ? POLLOUT : 0)),
			    deadline_ms, session->interrupt_fd, err) < 0)
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
			pg_result_error(session->conn, result, err);
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
				pg_broken_error(session->conn, err);
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
	return clock_mono_ms() + session->statement_timeout_ms +
	       NETWORK_GRACE_MS;
}

static int run(struct pg_session *session,
	       const struct pg_statement *statements, size_t count,
	       PGresult **results, uint64_t deadline_ms, struct db_error *err)
{
	struct answers answers = { .results = results, .count = count };
	int r;

	for (size_t i = 0; results && i < count; i++)
		results[i] = NULL;
	if (send_all(session, statements, count) < 0) {
		pg_broken_error(session->conn, err);
		return -1;
	}
	r = collect(session, &answers, deadline_ms, err);
	if (answers.synced && !PQexitPipelineMode(session->conn)) {
		pg_broken_error(session->conn, err);
		r = -1;
	}
	if (r < 0)
		clear_results(results, count);
	return r;
}

int pg_session_run(struct pg_session *session,
		   const struct pg_statement *statements, size_t count,
		   PGresult **results, struct db_error *err)
{
	return run(session, statements, count, results,
		   answer_deadline_ms(session), err);
}

int pg_session_ping(struct pg_session *session, struct db_error *err)
{
	static const struct pg_statement nothing = { .sql = "SELECT 1" };

	return run(session, &nothing, 1, NULL, clock_mono_ms() + PG_PING_MS,
		   err);
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
		pg_broken_error(session->conn, err);
		return -1;
	}
	do {
		if (await_result(session, deadline_ms, err) < 0)
			return -1;
		result = PQgetResult(session->conn);
		if (result && !failed &&
		    PQresultStatus(result) == PGRES_FATAL_ERROR) {
			pg_result_error(session->conn, result, err);
			failed = true;
		}
		PQclear(result);
	} while (result);
	return failed ? -1 : 0;
}
