/* store_queries.c - what is asked of the tables (see store_queries.h) */
#include "persistence/store_queries.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	enum store_table_id table;
	unsigned parameters;
	const char *text;
} queries[QUERY_COUNT] = {
	[QUERY_CALLS] = { TABLE_CALLS, 8,
			  "SELECT {row} FROM calls"
			  " WHERE (?1:text IS NULL OR state = ?1)"
			  " AND (?2:text IS NULL OR provider = ?2)"
			  " AND (?3:text IS NULL OR end_reason = ?3)"
			  " AND (?4:text IS NULL"
			  " OR ?4 IN (from_number, to_number))"
			  " AND (?5:timestamptz IS NULL OR started_at >= ?5)"
			  " AND (?6:timestamptz IS NULL OR started_at < ?6)"
			  " AND (?7:uuid IS NULL OR call_id < ?7)"
			  " ORDER BY call_id DESC LIMIT ?8" },
	[QUERY_CALL] = { TABLE_CALLS, 1,
			 "SELECT {row} FROM calls WHERE call_id = ?1" },
	[QUERY_CALL_EVENTS] = { TABLE_CALL_EVENTS, 1,
				"SELECT {row} FROM call_events"
				" WHERE call_id = ?1 ORDER BY at, event_id" },
	/* Its own node removes its recording first, and has time for it. */
	[QUERY_OLD_CALLS] = { TABLE_CALLS, 4,
			      "SELECT {row} FROM calls"
			      " WHERE state = 'ended' AND started_at < ?1"
			      " AND (node_id = ?2 OR recording_path IS NULL"
			      " OR started_at < ?3)"
			      " ORDER BY started_at LIMIT ?4" },
	[QUERY_OLD_RECORDINGS] = { TABLE_CALLS, 3,
				   "SELECT {row} FROM calls"
				   " WHERE recording_path IS NOT NULL"
				   " AND state = 'ended' AND started_at < ?1"
				   " AND node_id = ?2"
				   " ORDER BY started_at LIMIT ?3" },
	[QUERY_FORGET_RECORDING] = { TABLE_CALLS, 1,
				     "UPDATE calls SET recording_path = NULL"
				     " WHERE call_id = ?1" },
	[QUERY_FORGET_EVENTS] = { TABLE_CALL_EVENTS, 1,
				  "DELETE FROM call_events"
				  " WHERE call_id = ?1" },
	[QUERY_FORGET_STATUSES] = { TABLE_CALL_STATUSES, 2,
				    "DELETE FROM call_statuses"
				    " WHERE provider = ?1"
				    " AND provider_call_id = ?2" },
	[QUERY_FORGET_CALL] = { TABLE_CALLS, 1,
				"DELETE FROM calls WHERE call_id = ?1" },
	[QUERY_USERS] = { TABLE_USERS, 0,
			  "SELECT {row} FROM users ORDER BY email" },
	[QUERY_USER] = { TABLE_USERS, 1,
			 "SELECT {row} FROM users WHERE email = ?1" },
	[QUERY_USER_ADD] = { TABLE_USERS, 5,
			     "INSERT INTO users (user_id, email,"
			     " password_hash, role, created_at)"
			     " VALUES (?1, ?2, ?3, ?4, ?5)"
			     " ON CONFLICT (email) DO NOTHING"
			     " RETURNING {row}" },
	[QUERY_USER_CHANGE] = { TABLE_USERS, 3,
				"UPDATE users SET"
				" password_hash = coalesce(?2, password_hash),"
				" role = coalesce(?3, role)"
				" WHERE email = ?1 RETURNING {row}" },
	[QUERY_USER_REMOVE] = { TABLE_USERS, 1,
				"DELETE FROM users WHERE email = ?1"
				" RETURNING {row}" },
};

unsigned store_query_parameters(enum store_query query)
{
	return queries[query].parameters;
}

/* "?1:uuid" in the dialect's words; returns what follows. */
static const char *put_parameter(FILE *sql, const char *text,
				 enum store_dialect dialect)
{
	fprintf(sql, "%c%c", dialect == DIALECT_POSTGRES ? '$' : '?', text[1]);
	text += 2;
	if (*text != ':')
		return text;
	text++;
	if (dialect == DIALECT_POSTGRES)
		fputs("::", sql);
	for (; isalpha((unsigned char)*text); text++)
		if (dialect == DIALECT_POSTGRES)
			fputc(*text, sql);
	return text;
}

static void put_query(FILE *sql, const char *text, const char *row,
		      enum store_dialect dialect)
{
	static const char placeholder[] = "{row}";

	while (*text) {
		if (*text == '?') {
			text = put_parameter(sql, text, dialect);
		} else if (*text == '{') {
			fputs(row, sql);
			text += sizeof(placeholder) - 1;
		} else {
			fputc(*text++, sql);
		}
	}
}

char *store_query_sql(enum store_query query, enum store_dialect dialect)
{
	char *row = store_tables_read_sql(queries[query].table, dialect);
	char *text = NULL;
	size_t size;
	FILE *sql = row ? open_memstream(&text, &size) : NULL;

	if (sql)
		put_query(sql, queries[query].text, row, dialect);
	free(row);
	if (sql && fclose(sql) == 0)
		return text;
	free(text);
	return NULL;
}
