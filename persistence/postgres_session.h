/*
 * postgres_session.h - one connection to PostgreSQL, on our own clock
 *
 * libpq is used without its blocking calls: connecting and every answer are
 * waited for in poll(), with a deadline and an eventfd that ends the wait. All
 * statements of a call travel in one pipeline, so a transaction of any number
 * of statements is one round trip.
 *
 * Nothing is kept in the session (no prepared statements, no SET): whatever a
 * transaction needs travels with it. So a pooler between us and the server may
 * give each transaction another server connection, and a DDL never meets a
 * stale plan. Planning anew costs well below a millisecond a batch.
 *
 * Thread: belongs to one thread; never across fork().
 */
#ifndef PERSISTENCE_POSTGRES_SESSION_H
#define PERSISTENCE_POSTGRES_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libpq-fe.h>

#include "persistence/db_error.h"
#include "persistence/postgres_connect.h"

struct pg_session;

struct pg_session_options {
	struct pg_connector *connector; /* borrowed for the opening */
	struct pg_connect_options connect;
	uint32_t statement_timeout_ms;
};

#define PG_PARAMETERS_MAX 8
#define PG_PING_MS	  5000u

struct pg_statement {
	const char *sql;
	int count;
	const char *values[PG_PARAMETERS_MAX]; /* text; NULL is NULL */
};

/* All of these: 0, or -1 and *err. With err->connection_lost nothing but
 * pg_session_close() is left to do. */
int pg_session_open(struct pg_session **ret,
		    const struct pg_session_options *options,
		    struct db_error *err);
struct pg_session *pg_session_close(struct pg_session *session);

/* Has the other end hung up meanwhile, or the last use left something undone?
 * Asks nobody. */
bool pg_session_is_intact(struct pg_session *session);
/* Asks the server, which has PG_PING_MS at most. */
int pg_session_ping(struct pg_session *session, struct db_error *err);

/* Runs all statements in one pipeline; the first error ends it. The result of
 * each goes to results[i] (the caller's to PQclear), unless results is NULL; on
 * error all of them are NULL. */
int pg_session_run(struct pg_session *session,
		   const struct pg_statement *statements, size_t count,
		   PGresult **results, struct db_error *err);

/* The same within BEGIN and COMMIT, with timeouts that the server keeps too.
 * After an error the transaction was rolled back, or the connection is lost. */
int pg_session_transact(struct pg_session *session,
			const struct pg_statement *statements, size_t count,
			PGresult **results, struct db_error *err);

/* Several commands in one string, without parameters and without answers. */
int pg_session_script(struct pg_session *session, const char *sql,
		      struct db_error *err);

int pg_session_socket(const struct pg_session *session);

#endif
