/*
 * postgres_io.h - waiting for a connection, and what went wrong with it
 *
 * The two things that making a connection (postgres_connect.h) and using it
 * (postgres_session.h) have in common: a wait in poll() that has a deadline and
 * can be interrupted, and the way from libpq's errors to ours.
 *
 * Thread: that of the connection.
 */
#ifndef PERSISTENCE_POSTGRES_IO_H
#define PERSISTENCE_POSTGRES_IO_H

#include <stdint.h>
#include <libpq-fe.h>

#include "persistence/db_error.h"

/* Until fd can do what `events` says: 0. At deadline_ms (monotonic) or once
 * interrupt_fd is readable: -1 and *err, Timeout or Interrupted, both
 * transient; the connection is lost. */
int pg_wait(int fd, short events, uint64_t deadline_ms, int interrupt_fd,
	    struct db_error *err);

/* What a server says without being asked, for PQsetNoticeReceiver(). */
void pg_log_notice(void *arg, const PGresult *notice);

/* Of a connect that failed. */
void pg_connect_error(PGconn *conn, struct db_error *err);
/* Of a connection that broke while it was in use. */
void pg_broken_error(PGconn *conn, struct db_error *err);
/* Of a statement. Says what failed, in which table, column or constraint; never
 * the row's values, which DETAIL and CONTEXT and quotes have. */
void pg_result_error(PGconn *conn, const PGresult *result,
		     struct db_error *err);

#endif
