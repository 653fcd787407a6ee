/* postgres_io.c - waiting, and what went wrong (see postgres_io.h) */
#include "persistence/postgres_io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "server/clock.h"
#include "server/log.h"

static void set_lost(struct db_error *err, const char *reason, const char *text)
{
	db_error_set(err, DB_TRANSIENT, reason, text);
	err->connection_lost = true;
}

int pg_wait(int fd, short events, uint64_t deadline_ms, int interrupt_fd,
	    struct db_error *err)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = events },
		{ .fd = interrupt_fd, .events = POLLIN },
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

void pg_log_notice(void *arg, const PGresult *notice)
{
	const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
	const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);

	(void)arg;
	log_debug("DB_NOTICE", "sqlstate=%s text=\"%s\"",
		  sqlstate ? sqlstate : "none", text ? text : "");
}

/* libpq quotes what it was given, the server what it was asked. */
static void hide_secrets(PGconn *conn, struct db_error *err)
{
	PQconninfoOption *options = PQconninfo(conn);

	for (PQconninfoOption *o = options; o && o->keyword; o++)
		if (strcmp(o->keyword, "password") == 0 ||
		    strcmp(o->keyword, "sslpassword") == 0)
			db_error_hide(err, o->val);
	PQconninfoFree(options);
}

/*
 * There is no call for the SQLSTATE of a failed connect; with verbosity VERBOSE
 * the message has it: `... failed: FATAL:  28P01: password authentication
 * failed ...`. Of several (first with TLS, then without) the last verdict is
 * the one that ended it.
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

/* The part of libpq's message that counts, as one line. */
static void read_message(PGconn *conn, char sqlstate[6], char *line,
			 size_t size)
{
	const char *message = PQerrorMessage(conn);
	const char *text = find_sqlstate(message, sqlstate);

	if (!text)
		text = message;
	(void)snprintf(line, size, "%.*s", (int)strcspn(text, "\n"), text);
}

void pg_connect_error(PGconn *conn, struct db_error *err)
{
	char sqlstate[6] = "", line[512];

	read_message(conn, sqlstate, line, sizeof(line));
	db_error_from_connect(err, sqlstate, line);
	if (PQconnectionNeedsPassword(conn)) {
		db_error_set(err, DB_SETUP, "InvalidPassword", line);
		err->connection_lost = true;
	}
	hide_secrets(conn, err);
}

void pg_broken_error(PGconn *conn, struct db_error *err)
{
	char sqlstate[6] = "", line[512];

	read_message(conn, sqlstate, line, sizeof(line));
	db_error_from_sqlstate(err, sqlstate, line);
	err->connection_lost = true;
	hide_secrets(conn, err);
}

/* Class 22 quotes the value that it could not take: 'invalid input syntax for
 * type uuid: "..."'. What stands between its quotes goes. */
static void hide_values(char *text)
{
	char *out = text;
	bool quoted = false;

	for (const char *c = text; *c; c++) {
		if (*c == '"' || !quoted)
			*out++ = *c;
		if (*c == '"')
			quoted = !quoted;
	}
	*out = '\0';
}

static void add_name(char *text, size_t size, const PGresult *result, int field,
		     const char *what)
{
	const char *name = PQresultErrorField(result, field);
	size_t length = strlen(text);

	if (name)
		(void)snprintf(text + length, size - length, " %s=%s", what,
			       name);
}

static void describe(const PGresult *result, const char *sqlstate, char *text,
		     size_t size)
{
	const char *primary =
		PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	(void)snprintf(text, size, "%.*s", (int)size / 2,
		       primary ? primary : "");
	if (strncmp(sqlstate, "22", 2) == 0)
		hide_values(text);
	add_name(text, size, result, PG_DIAG_TABLE_NAME, "table");
	add_name(text, size, result, PG_DIAG_COLUMN_NAME, "column");
	add_name(text, size, result, PG_DIAG_CONSTRAINT_NAME, "constraint");
}

void pg_result_error(PGconn *conn, const PGresult *result, struct db_error *err)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	char text[512];

	if (!sqlstate) {
		pg_broken_error(conn, err);
		err->connection_lost = PQstatus(conn) == CONNECTION_BAD;
		return;
	}
	describe(result, sqlstate, text, sizeof(text));
	db_error_from_sqlstate(err, sqlstate, text);
	if (PQstatus(conn) == CONNECTION_BAD)
		err->connection_lost = true;
	hide_secrets(conn, err);
}
