/* store_queries.c - what is asked of the tables (see store_queries.h) */
#include "persistence/store_queries.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From behind the message ?2, at most ?3. */
#define MESSAGES_PAGE                                                        \
	" AND (?2:uuid IS NULL OR (at, message_id)"                          \
	" > ((SELECT c.at FROM messages AS c WHERE c.message_id = ?2), ?2))" \
	" ORDER BY at, message_id LIMIT ?3"

/* Rows that are older than ?1, at most ?2 of them. */
#define REMOVE_OLD(id, table, key, which)                                     \
	{                                                                     \
		id, 2,                                                        \
			"DELETE FROM " table " WHERE " key " IN (SELECT " key \
			" FROM " table " WHERE " which                        \
			" LIMIT ?2) RETURNING {row}"                          \
	}

/* Grows by ?3 if it is the one that ?2 names. */
#define COUNTED(name) \
	" + CASE ?2:text WHEN '" name "' THEN ?3:bigint ELSE 0 END"

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
	[QUERY_OLD_EVENTS] = REMOVE_OLD(TABLE_CALL_EVENTS, "call_events",
					"event_id", "at < ?1"),
	/* Those of a call that is there go with it. */
	[QUERY_OLD_STATUSES] =
		REMOVE_OLD(TABLE_CALL_STATUSES, "call_statuses", "status_id",
			   "at < ?1 AND NOT EXISTS (SELECT 1 FROM calls AS c"
			   " WHERE c.provider = call_statuses.provider"
			   " AND c.provider_call_id ="
			   " call_statuses.provider_call_id)"),
	[QUERY_OLD_MESSAGES] =
		REMOVE_OLD(TABLE_MESSAGES, "messages", "message_id", "at < ?1"),
	[QUERY_OLD_MESSAGE_STATUSES] =
		REMOVE_OLD(TABLE_MESSAGE_STATUSES, "message_statuses",
			   "status_id", "at < ?1"),
	[QUERY_OLD_NOTICES] =
		REMOVE_OLD(TABLE_MESSAGE_NOTICES, "message_notices",
			   "notice_id", "at < ?1"),
	[QUERY_OLD_SUMMARIES] =
		REMOVE_OLD(TABLE_SESSION_SUMMARIES, "session_summaries",
			   "close_id", "closed_at < ?1"),
	/* An open one is the session loop's, and one that has messages stays
	 * with them. */
	[QUERY_OLD_SESSIONS] =
		REMOVE_OLD(TABLE_SESSIONS, "sessions", "session_id",
			   "state = 'closed' AND opened_at < ?1"
			   " AND last_message_at < ?1"
			   " AND NOT EXISTS (SELECT 1 FROM messages AS m"
			   " WHERE m.session_id = sessions.session_id)"),
	[QUERY_FORGET_RECORDING] = { TABLE_CALLS, 1,
				     "UPDATE calls SET recording_path = NULL"
				     " WHERE call_id = ?1" },
	[QUERY_FORGET_EVENTS] = { TABLE_CALL_EVENTS, 1,
				  "DELETE FROM call_events"
				  " WHERE call_id = ?1 RETURNING {row}" },
	[QUERY_FORGET_STATUSES] = { TABLE_CALL_STATUSES, 2,
				    "DELETE FROM call_statuses"
				    " WHERE provider = ?1"
				    " AND provider_call_id = ?2"
				    " RETURNING {row}" },
	[QUERY_FORGET_CALL] = { TABLE_CALLS, 1,
				"DELETE FROM calls WHERE call_id = ?1"
				" RETURNING {row}" },
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
				" role = coalesce(?3, role),"
				" changed_at = {now}"
				" WHERE email = ?1 RETURNING {row}" },
	[QUERY_USER_REMOVE] = { TABLE_USERS, 1,
				"DELETE FROM users WHERE email = ?1"
				" RETURNING {row}" },
	[QUERY_SESSIONS] = { TABLE_SESSIONS, 8,
			     "SELECT {row} FROM sessions"
			     " WHERE (?1:text IS NULL OR state = ?1)"
			     " AND (?2:text IS NULL OR channel = ?2)"
			     " AND (?3:text IS NULL OR account_id = ?3)"
			     " AND (?4:text IS NULL"
			     " OR ?4 IN (peer_phone, peer_user_id))"
			     " AND (?5:timestamptz IS NULL OR opened_at >= ?5)"
			     " AND (?6:timestamptz IS NULL OR opened_at < ?6)"
			     " AND (?7:uuid IS NULL OR (opened_at, session_id)"
			     " < ((SELECT c.opened_at FROM sessions AS c"
			     " WHERE c.session_id = ?7), ?7))"
			     " ORDER BY opened_at DESC, session_id DESC"
			     " LIMIT ?8" },
	[QUERY_SESSION] = { TABLE_SESSIONS, 1,
			    "SELECT {row} FROM sessions"
			    " WHERE session_id = ?1" },
	[QUERY_SESSION_SUMMARY] = { TABLE_SESSION_SUMMARIES, 1,
				    "SELECT {row} FROM session_summaries"
				    " WHERE session_id = ?1" },
	[QUERY_SESSION_MESSAGES] = { TABLE_MESSAGES, 3,
				     "SELECT {row} FROM messages"
				     " WHERE session_id = ?1" MESSAGES_PAGE },
	[QUERY_SESSION_STATUSES] = { TABLE_MESSAGE_STATUSES, 3,
				     "SELECT {row} FROM message_statuses"
				     " WHERE (provider, provider_message_id) IN"
				     " (SELECT provider, provider_message_id"
				     " FROM messages"
				     " WHERE session_id = ?1" MESSAGES_PAGE ")"
				     " ORDER BY at, rank, status_id" },
	[QUERY_CLOSE_SESSIONS] = { TABLE_SESSIONS, 3,
				   "WITH due AS MATERIALIZED"
				   " (SELECT session_id FROM sessions"
				   " WHERE state = 'open'"
				   " AND (idle_at < {ago ?2}"
				   " OR (idle_at IS NULL AND"
				   " coalesce(last_message_at, opened_at)"
				   " < {ago ?3}))"
				   " ORDER BY idle_at LIMIT ?1"
				   "{skip_locked sessions})"
				   " UPDATE sessions SET state = 'closed',"
				   " closed_at = coalesce(idle_at, {now}),"
				   " idle_at = coalesce(idle_at, {now}),"
				   " close_reason = 'idle', rev = rev + 1"
				   " WHERE session_id IN"
				   " (SELECT session_id FROM due)"
				   " RETURNING {row}" },
	[QUERY_CLAIM_SUMMARIES] = { TABLE_SESSION_SUMMARIES, 2,
				    "WITH due AS MATERIALIZED"
				    " (SELECT close_id FROM session_summaries"
				    " WHERE NOT told AND (claimed_at IS NULL"
				    " OR claimed_at < {ago ?2})"
				    " ORDER BY closed_at LIMIT ?1"
				    "{skip_locked session_summaries})"
				    " UPDATE session_summaries"
				    " SET claimed_at = {now}"
				    " WHERE close_id IN"
				    " (SELECT close_id FROM due)"
				    " RETURNING {row}" },
	[QUERY_SUMMARIES_TOLD] = { TABLE_SESSION_SUMMARIES, 1,
				   "UPDATE session_summaries SET told = true"
				   " WHERE close_id IN {uuids ?1}" },
	[QUERY_OPEN_SESSIONS] = { TABLE_SESSIONS, 0,
				  "SELECT {object 'count', count(*)}"
				  " FROM sessions WHERE state = 'open'" },
	[QUERY_LIVE_CALLS] = { TABLE_CALLS, 0,
			       "SELECT {object 'count', count(*)}"
			       " FROM calls WHERE state = 'live'" },
	[QUERY_NODE_SEEN] = { TABLE_NODES, 2,
			      "INSERT INTO nodes (node_id, started_at, seen_at)"
			      " VALUES (?1, ?2, {now})"
			      " ON CONFLICT (node_id) DO UPDATE"
			      " SET started_at = excluded.started_at,"
			      " seen_at = excluded.seen_at" },
	/* A node without calls may have let its lease lapse; it has time to
	 * renew it when a call begins. The rev stays, so that whatever the node
	 * still has to say wins. */
	[QUERY_END_LOST_CALLS] = { TABLE_CALLS, 3,
				   "WITH lost (lost_id, lost_at) AS MATERIALIZED"
				   " (SELECT c.call_id, n.seen_at"
				   " FROM calls AS c JOIN nodes AS n"
				   " ON n.node_id = c.node_id"
				   " WHERE c.state = 'live'"
				   " AND n.seen_at < {ago ?2}"
				   " AND c.started_at < {ago ?2}"
				   " AND n.node_id <> ?3"
				   " ORDER BY c.call_id LIMIT ?1"
				   "{skip_locked c})"
				   " UPDATE calls SET state = 'ended',"
				   " end_reason = 'interrupted',"
				   " ended_at = CASE WHEN lost_at > started_at"
				   " THEN lost_at ELSE started_at END,"
				   " duration_ms = CASE"
				   " WHEN lost_at > started_at"
				   " THEN {ms lost_at} - {ms started_at}"
				   " ELSE 0 END"
				   " FROM lost WHERE call_id = lost_id"
				   " RETURNING {row}" },
	[QUERY_ERASURES] = { TABLE_ERASURES, 3,
			     "SELECT {row} FROM erasures"
			     " WHERE (?1:text IS NULL OR subject = ?1)"
			     " AND (?2:uuid IS NULL OR erasure_id < ?2)"
			     " ORDER BY erasure_id DESC LIMIT ?3" },
	[QUERY_ERASURE] = { TABLE_ERASURES, 1,
			    "SELECT {row} FROM erasures"
			    " WHERE erasure_id = ?1" },
	[QUERY_ERASURES_OPEN] = { TABLE_ERASURES, 2,
				  "SELECT {row} FROM erasures"
				  " WHERE state <> 'done'"
				  " AND (?1:uuid IS NULL OR erasure_id > ?1)"
				  " ORDER BY erasure_id LIMIT ?2" },
	[QUERY_ERASURE_ADD] = { TABLE_ERASURES, 6,
				"INSERT INTO erasures (erasure_id, what,"
				" subject, target, requested_by, requested_at,"
				" state) VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
				" 'erasing') RETURNING {row}" },
	[QUERY_ERASURE_COUNT] = { TABLE_ERASURES, 3,
				  "UPDATE erasures SET"
				  " calls = calls" COUNTED(
					  "calls") ", call_events"
						   " = call_events" COUNTED(
							   "call_events") ", call_statuses"
									  " = call_statuses" COUNTED(
										  "call_statuses") ", recordings"
												   " = recordings" COUNTED("recordings") ", messages = messages" COUNTED("messages") ", message_statuses = message_statuses" COUNTED("message_statuses") ", message_notices = message_notices" COUNTED(
													   "message_notices") ", sessions = sessions" COUNTED("sessions") " WHERE erasure_id = ?1" },
	[QUERY_ERASURE_STATE] = { TABLE_ERASURES, 3,
				  "UPDATE erasures SET state = ?2:text,"
				  " finished_at = coalesce(finished_at,"
				  " ?3:timestamptz), target = CASE ?2:text"
				  " WHEN 'done' THEN NULL ELSE target END"
				  " WHERE erasure_id = ?1"
				  " AND state <> ?2:text RETURNING {row}" },
	[QUERY_ERASE_KEY] = { TABLE_ERASURES, 2,
			      "INSERT INTO erased (key, erasure_id)"
			      " VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING" },
	/* Those that have ended come first. */
	[QUERY_ERASE_CALLS] = { TABLE_CALLS, 3,
				"SELECT {row} FROM calls"
				" WHERE started_at < ?2"
				" AND (from_number IN {number ?1}"
				" OR to_number IN {number ?1})"
				" ORDER BY state, call_id LIMIT ?3" },
	[QUERY_ERASE_MESSAGES] = { TABLE_MESSAGES, 3,
				   "SELECT {row} FROM messages WHERE at < ?2"
				   " AND (peer IN {number ?1}"
				   " OR peer_phone IN {number ?1})"
				   " LIMIT ?3" },
	/* What came without a number, of whom one is known. */
	[QUERY_ERASE_SESSION_MESSAGES] = { TABLE_MESSAGES, 3,
					   "SELECT {row} FROM messages"
					   " WHERE at < ?2 AND session_id IN"
					   " (SELECT session_id FROM sessions"
					   " WHERE peer IN {number ?1}"
					   " OR peer_phone IN {number ?1})"
					   " LIMIT ?3" },
	/* One that goes on has messages still. */
	[QUERY_ERASE_SESSIONS] = { TABLE_SESSIONS, 3,
				   "SELECT {row} FROM sessions"
				   " WHERE last_message_at < ?2"
				   " AND (peer IN {number ?1}"
				   " OR peer_phone IN {number ?1})"
				   " AND NOT EXISTS (SELECT 1 FROM messages"
				   " AS m WHERE m.session_id ="
				   " sessions.session_id) LIMIT ?3" },
	[QUERY_ERASE_PEER_STATUSES] = { TABLE_MESSAGE_STATUSES, 3,
					"DELETE FROM message_statuses"
					" WHERE status_id IN (SELECT status_id"
					" FROM message_statuses WHERE at < ?2"
					" AND peer IN {number ?1} LIMIT ?3)"
					" RETURNING {row}" },
	[QUERY_ERASE_NOTICES] = { TABLE_MESSAGE_NOTICES, 3,
				  "DELETE FROM message_notices"
				  " WHERE notice_id IN (SELECT notice_id"
				  " FROM message_notices WHERE at < ?2"
				  " AND replace(CAST(data AS text), ?1:text,"
				  " '') <> CAST(data AS text) LIMIT ?3)"
				  " RETURNING {row}" },
	[QUERY_FORGET_MESSAGE] = { TABLE_MESSAGES, 1,
				   "DELETE FROM messages"
				   " WHERE message_id = ?1 RETURNING {row}" },
	[QUERY_FORGET_MESSAGE_STATUSES] = { TABLE_MESSAGE_STATUSES, 2,
					    "DELETE FROM message_statuses"
					    " WHERE provider = ?1"
					    " AND provider_message_id = ?2"
					    " RETURNING {row}" },
	[QUERY_FORGET_SUMMARY] = { TABLE_SESSION_SUMMARIES, 1,
				   "DELETE FROM session_summaries"
				   " WHERE session_id = ?1" },
	[QUERY_FORGET_PREVIOUS] = { TABLE_SESSIONS, 1,
				    "UPDATE sessions"
				    " SET previous_session_id = NULL"
				    " WHERE previous_session_id = ?1" },
	[QUERY_FORGET_SESSION] = { TABLE_SESSIONS, 1,
				   "DELETE FROM sessions"
				   " WHERE session_id = ?1 RETURNING {row}" },
	[QUERY_ERASED_FILE_ADD] = { TABLE_ERASED_FILES, 5,
				    "INSERT INTO erased_files (call_id,"
				    " erasure_id, node_id, started_at,"
				    " recording_path)"
				    " VALUES (?1, ?2, ?3, ?4, ?5)"
				    " ON CONFLICT (call_id) DO NOTHING" },
	[QUERY_ERASED_FILES] = { TABLE_ERASED_FILES, 2,
				 "SELECT {row} FROM erased_files"
				 " WHERE node_id = ?1 LIMIT ?2" },
	[QUERY_ERASED_FILES_OF] = { TABLE_ERASED_FILES, 2,
				    "SELECT {row} FROM erased_files"
				    " WHERE erasure_id = ?1 LIMIT ?2" },
	[QUERY_ERASED_FILE_GONE] = { TABLE_ERASED_FILES, 1,
				     "DELETE FROM erased_files"
				     " WHERE call_id = ?1 RETURNING {row}" },
};

/* {name argument}: `@` is the argument. */
static const struct idiom {
	const char *name;
	const char *of[DIALECT_COUNT];
} idioms[] = {
	{ "now", { "now()", "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')" } },
	{ "ago",
	  { "now() - @::bigint * interval '1 millisecond'",
	    "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now',"
	    " (-@ / 1000.0) || ' seconds')" } },
	{ "ms",
	  { "(1000 * extract(epoch FROM @))::bigint",
	    "CAST(round((julianday(@) - 2440587.5) * 86400000) AS INTEGER)" } },
	{ "uuids",
	  { "(SELECT value::uuid FROM json_array_elements_text(@::json))",
	    "(SELECT value FROM json_each(@))" } },
	{ "object", { "json_build_object(@)", "json_object(@)" } },
	{ "number",
	  { "(@::text, '+' || @, '00' || @, 'whatsapp:+' || @,"
	    " 'whatsapp:' || @, 'tel:+' || @)",
	    "(@, '+' || @, '00' || @, 'whatsapp:+' || @, 'whatsapp:' || @,"
	    " 'tel:+' || @)" } },
	{ "skip_locked", { " FOR UPDATE OF @ SKIP LOCKED", "" } },
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

/* The same words without what stands between braces. */
static void put_plain(FILE *sql, const char *text, const char *end,
		      enum store_dialect dialect)
{
	while (text < end)
		if (*text == '?')
			text = put_parameter(sql, text, dialect);
		else
			fputc(*text++, sql);
}

/* "{ago ?1}" in the dialect's words; returns what follows. */
static const char *put_idiom(FILE *sql, const char *text, const char *row,
			     enum store_dialect dialect)
{
	const char *name = text + 1, *end = strchr(text, '}');
	size_t length = strcspn(name, " }");
	const char *argument = name + length + (name[length] == ' ');
	const char *idiom = "";

	if (strncmp(name, "row", length) == 0)
		fputs(row, sql);
	for (size_t i = 0; i < sizeof(idioms) / sizeof(idioms[0]); i++)
		if (strncmp(name, idioms[i].name, length) == 0)
			idiom = idioms[i].of[dialect];
	for (; *idiom; idiom++)
		if (*idiom == '@')
			put_plain(sql, argument, end, dialect);
		else
			fputc(*idiom, sql);
	return end + 1;
}

static void put_query(FILE *sql, const char *text, const char *row,
		      enum store_dialect dialect)
{
	while (*text) {
		const char *end = text + strcspn(text, "{");

		put_plain(sql, text, end, dialect);
		text = *end ? put_idiom(sql, end, row, dialect) : end;
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
