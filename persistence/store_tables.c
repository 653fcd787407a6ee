/*
 * store_tables.c - the tables that records go to (see store_tables.h)
 *
 * Written, a batch of calls looks like this in PostgreSQL:
 *
 *   INSERT INTO calls (call_id, ..., rev)
 *   SELECT DISTINCT ON (call_id) call_id, ..., rev
 *   FROM json_to_recordset($1::json) AS r(call_id uuid, ..., rev bigint)
 *   WHERE NOT EXISTS (SELECT FROM erased WHERE key = call_id::text)
 *   ORDER BY call_id, rev DESC
 *   ON CONFLICT (call_id) DO UPDATE SET node_id = excluded.node_id, ...
 *   WHERE calls.rev < excluded.rev
 *
 * DISTINCT ON, because one statement may not touch a row twice there. SQLite
 * may, and takes the rows in turn; a "WHERE true" there only tells the parser
 * that ON CONFLICT is not a join's ON.
 */
#include "persistence/store_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/payload.h"
#include "persistence/record.h"

enum column_type { UUID, TEXT, INTEGER, TIME, JSON };

struct column {
	const char *name;
	enum column_type type;
};

struct table {
	const char *name;
	const struct column *columns; /* the first is the key */
	size_t count;
	size_t given; /* of those the last ones that the database fills in */
	bool revised; /* has a rev */
	/* What its rows are erased by (migration 7): one column, or two with a
	 * blank between; NULL: none. */
	const char *erased_by[2];
	const char *order; /* rows of one batch are written in that of this
			      column; or NULL */
};

static const struct column calls[] = {
	{ "call_id", UUID },
	{ "node_id", TEXT },
	{ "provider", TEXT },
	{ "provider_call_id", TEXT },
	{ "stream_id", TEXT },
	{ "account_id", TEXT },
	{ "direction", TEXT },
	{ "from_number", TEXT },
	{ "to_number", TEXT },
	{ "state", TEXT },
	{ "started_at", TIME },
	{ "ended_at", TIME },
	{ "duration_ms", INTEGER },
	{ "end_reason", TEXT },
	{ "codec", TEXT },
	{ "sample_rate", INTEGER },
	{ "frames_in", INTEGER },
	{ "frames_out", INTEGER },
	{ "bytes_in", INTEGER },
	{ "bytes_out", INTEGER },
	{ "frames_lost", INTEGER },
	{ "max_gap_ms", INTEGER },
	{ "dtmf", TEXT },
	{ "custom", JSON },
	{ "recording_path", TEXT },
	{ "rev", INTEGER },
	{ "frames_late", INTEGER },
	{ "frames_dropped", INTEGER },
	{ "trace_id", TEXT },
	/* out of call_statuses, by triggers: see migration 2 */
	{ "provider_status", TEXT },
	{ "provider_duration_ms", INTEGER },
	{ "hangup_cause", TEXT },
	{ "provider_error", TEXT },
};
#define CALLS_GIVEN 4

static const struct column call_statuses[] = {
	{ "status_id", UUID },
	{ "provider", TEXT },
	{ "provider_call_id", TEXT },
	{ "at", TIME },
	{ "stage", INTEGER },
	{ "status", TEXT },
	{ "duration_ms", INTEGER },
	{ "hangup_cause", TEXT },
	{ "error", TEXT },
};

static const struct column call_events[] = {
	{ "event_id", UUID }, { "call_id", UUID }, { "at", TIME },
	{ "kind", TEXT },     { "data", JSON },
};

static const struct column sessions[] = {
	{ "session_id", UUID },
	{ "channel", TEXT },
	{ "account_id", TEXT },
	{ "peer", TEXT },
	{ "peer_phone", TEXT },
	{ "peer_user_id", TEXT },
	{ "state", TEXT },
	{ "opened_at", TIME },
	{ "last_message_at", TIME },
	{ "window_expires_at", TIME },
	{ "closed_at", TIME },
	{ "close_reason", TEXT },
	{ "message_count", INTEGER },
	{ "previous_session_id", UUID },
	{ "rev", INTEGER },
	/* out of messages, by triggers: see migration 5 */
	{ "idle_at", TIME },
	{ "inbound_count", INTEGER },
};
#define SESSIONS_GIVEN 2

static const struct column messages[] = {
	{ "message_id", UUID },
	{ "provider", TEXT },
	{ "channel", TEXT },
	{ "account_id", TEXT },
	{ "provider_message_id", TEXT },
	{ "peer", TEXT },
	{ "peer_phone", TEXT },
	{ "peer_user_id", TEXT },
	{ "direction", TEXT },
	{ "at", TIME },
	{ "kind", TEXT },
	{ "body", TEXT },
	{ "data", JSON },
	{ "idle_ms", INTEGER },
	/* found, and out of message_statuses, by triggers: see migration 5 */
	{ "session_id", UUID },
	{ "status", TEXT },
	{ "status_at", TIME },
};
#define MESSAGES_GIVEN 3

static const struct column message_statuses[] = {
	{ "status_id", UUID },
	{ "provider", TEXT },
	{ "channel", TEXT },
	{ "account_id", TEXT },
	{ "provider_message_id", TEXT },
	{ "peer", TEXT },
	{ "status", TEXT },
	{ "rank", INTEGER },
	{ "at", TIME },
	{ "data", JSON },
};

static const struct column message_notices[] = {
	{ "notice_id", UUID }, { "provider", TEXT }, { "account_id", TEXT },
	{ "at", TIME },	       { "kind", TEXT },     { "data", JSON },
};

static const struct column users[] = {
	{ "user_id", UUID }, { "email", TEXT },	     { "password_hash", TEXT },
	{ "role", TEXT },    { "created_at", TIME }, { "changed_at", TIME },
};

static const struct column session_summaries[] = {
	{ "close_id", UUID },
	{ "session_id", UUID },
	{ "channel", TEXT },
	{ "account_id", TEXT },
	{ "peer", TEXT },
	{ "opened_at", TIME },
	{ "last_message_at", TIME },
	{ "closed_at", TIME },
	{ "close_reason", TEXT },
	{ "duration_ms", INTEGER },
	{ "message_count", INTEGER },
	{ "inbound_count", INTEGER },
	{ "outbound_count", INTEGER },
};

static const struct column nodes[] = {
	{ "node_id", TEXT },
	{ "started_at", TIME },
	{ "seen_at", TIME },
};

static const struct column erasures[] = {
	{ "erasure_id", UUID },
	{ "what", TEXT },
	{ "subject", TEXT },
	{ "target", TEXT },
	{ "requested_by", TEXT },
	{ "requested_at", TIME },
	{ "state", TEXT },
	{ "finished_at", TIME },
	{ "calls", INTEGER },
	{ "call_events", INTEGER },
	{ "call_statuses", INTEGER },
	{ "recordings", INTEGER },
	{ "messages", INTEGER },
	{ "message_statuses", INTEGER },
	{ "message_notices", INTEGER },
	{ "sessions", INTEGER },
};

static const struct column erased_files[] = {
	{ "call_id", UUID },	{ "erasure_id", UUID },	    { "node_id", TEXT },
	{ "started_at", TIME }, { "recording_path", TEXT },
};

#define COLUMNS(list) (list), sizeof(list) / sizeof((list)[0])

static const struct table tables[TABLES_READ] = {
	[TABLE_CALL_STATUSES] = { "call_statuses", COLUMNS(call_statuses),
				  .erased_by = { "provider",
						 "provider_call_id" } },
	[TABLE_CALLS] = { "calls", COLUMNS(calls), .given = CALLS_GIVEN,
			  .revised = true, .erased_by = { "call_id" } },
	[TABLE_CALL_EVENTS] = { "call_events", COLUMNS(call_events),
				.erased_by = { "call_id" } },
	[TABLE_SESSIONS] = { "sessions", COLUMNS(sessions),
			     .given = SESSIONS_GIVEN, .revised = true },
	/* by time: each finds the session that those before it have made */
	[TABLE_MESSAGES] = { "messages", COLUMNS(messages),
			     .given = MESSAGES_GIVEN, .order = "at",
			     .erased_by = { "message_id" } },
	[TABLE_MESSAGE_STATUSES] = { "message_statuses",
				     COLUMNS(message_statuses),
				     .erased_by = { "provider",
						    "provider_message_id" } },
	[TABLE_MESSAGE_NOTICES] = { "message_notices", COLUMNS(message_notices),
				    .revised = false },
	[TABLE_USERS] = { "users", COLUMNS(users), .revised = false },
	[TABLE_SESSION_SUMMARIES] = { "session_summaries",
				      COLUMNS(session_summaries),
				      .revised = false },
	[TABLE_NODES] = { "nodes", COLUMNS(nodes), .revised = false },
	[TABLE_ERASURES] = { "erasures", COLUMNS(erasures), .revised = false },
	[TABLE_ERASED_FILES] = { "erased_files", COLUMNS(erased_files),
				 .revised = false },
};

static const enum store_table_id table_of_kind[RECORD_KIND_COUNT] = {
	[RECORD_CALL_STARTED] = TABLE_CALLS,
	[RECORD_CALL_CHECKPOINT] = TABLE_CALLS,
	[RECORD_CALL_ENDED] = TABLE_CALLS,
	[RECORD_CALL_EVENT] = TABLE_CALL_EVENTS,
	[RECORD_SESSION_OPENED] = TABLE_SESSIONS,
	[RECORD_SESSION_UPDATED] = TABLE_SESSIONS,
	[RECORD_SESSION_CLOSED] = TABLE_SESSIONS,
	[RECORD_MESSAGE_RECEIVED] = TABLE_MESSAGES,
	[RECORD_CALL_STATUS] = TABLE_CALL_STATUSES,
	[RECORD_MESSAGE_STATUS] = TABLE_MESSAGE_STATUSES,
	[RECORD_MESSAGE_NOTICE] = TABLE_MESSAGE_NOTICES,
};

/* How a column's value goes into a database and comes out of it again: the
 * column's name stands between the two strings. */
struct passage {
	const char *before, *after;
};

static const char *const postgres_types[] = {
	[UUID] = "uuid",	[TEXT] = "text",  [INTEGER] = "bigint",
	[TIME] = "timestamptz", [JSON] = "jsonb",
};

static const struct passage postgres_out[] = {
	[UUID] = { "", "" },
	[TEXT] = { "", "" },
	[INTEGER] = { "", "" },
	[JSON] = { "", "" },
	[TIME] = { "to_char(", " AT TIME ZONE 'UTC', "
			       "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')" },
};

static const struct passage sqlite_in[] = {
	[UUID] = { "json_extract(value, '$.", "')" },
	[TEXT] = { "json_extract(value, '$.", "')" },
	[INTEGER] = { "json_extract(value, '$.", "')" },
	[TIME] = { "json_extract(value, '$.", "')" },
	/* stays JSON, even where it is but a string */
	[JSON] = { "nullif(value -> '$.", "', 'null')" },
};

static const struct passage sqlite_out[] = {
	[UUID] = { "", "" }, [TEXT] = { "", "" },	[INTEGER] = { "", "" },
	[TIME] = { "", "" }, [JSON] = { "json(", ")" },
};

/* How many columns we write. */
static size_t written(const struct table *table)
{
	return table->count - table->given;
}

static void put_names(FILE *sql, const struct table *table)
{
	for (size_t i = 0; i < written(table); i++)
		fprintf(sql, "%s%s", i > 0 ? ", " : "", table->columns[i].name);
}

/* But not what was erased: `before` and `after` make a row's text of a name. */
static void put_filter(FILE *sql, const struct table *table, const char *before,
		       const char *after)
{
	if (!table->erased_by[0]) {
		fputs(" WHERE true", sql);
		return;
	}
	fputs(" WHERE NOT EXISTS (SELECT 1 FROM erased AS e WHERE e.key = ",
	      sql);
	for (size_t i = 0; i < 2 && table->erased_by[i]; i++)
		fprintf(sql, "%s%s%s%s", i > 0 ? " || ' ' || " : "", before,
			table->erased_by[i], after);
	fputs(")", sql);
}

static void put_postgres_source(FILE *sql, const struct table *table)
{
	const char *key = table->columns[0].name;

	if (table->order)
		fputs("SELECT * FROM (", sql);
	fprintf(sql, "SELECT DISTINCT ON (%s) ", key);
	put_names(sql, table);
	fputs(" FROM json_to_recordset($1::json) AS r(", sql);
	for (size_t i = 0; i < written(table); i++)
		fprintf(sql, "%s%s %s", i > 0 ? ", " : "",
			table->columns[i].name,
			postgres_types[table->columns[i].type]);
	fputs(")", sql);
	put_filter(sql, table, "r.", "::text");
	fprintf(sql, " ORDER BY %s%s", key, table->revised ? ", rev DESC" : "");
	if (table->order)
		fprintf(sql, ") AS r ORDER BY %s, %s", table->order, key);
}

static void put_sqlite_source(FILE *sql, const struct table *table)
{
	fputs("SELECT ", sql);
	for (size_t i = 0; i < written(table); i++) {
		const struct column *column = &table->columns[i];
		const struct passage *in = &sqlite_in[column->type];

		fprintf(sql, "%s%s%s%s", i > 0 ? ", " : "", in->before,
			column->name, in->after);
	}
	fputs(" FROM json_each(?1)", sql);
	put_filter(sql, table, "json_extract(value, '$.", "')");
	if (table->order)
		fprintf(sql,
			" ORDER BY json_extract(value, '$.%s'),"
			" json_extract(value, '$.%s')",
			table->order, table->columns[0].name);
}

static void put_conflict(FILE *sql, const struct table *table)
{
	fprintf(sql, " ON CONFLICT (%s) DO ", table->columns[0].name);
	if (!table->revised) {
		fputs("NOTHING", sql);
		return;
	}
	fputs("UPDATE SET ", sql);
	for (size_t i = 1; i < written(table); i++)
		fprintf(sql, "%s%s = excluded.%s", i > 1 ? ", " : "",
			table->columns[i].name, table->columns[i].name);
	fprintf(sql, " WHERE %s.rev < excluded.rev", table->name);
}

char *store_tables_write_sql(enum store_table_id id, enum store_dialect dialect)
{
	const struct table *table = &tables[id];
	char *text = NULL;
	size_t size;
	FILE *sql = open_memstream(&text, &size);

	if (!sql)
		return NULL;
	fprintf(sql, "INSERT INTO %s (", table->name);
	put_names(sql, table);
	fputs(") ", sql);
	if (dialect == DIALECT_POSTGRES)
		put_postgres_source(sql, table);
	else
		put_sqlite_source(sql, table);
	put_conflict(sql, table);
	if (fclose(sql) == 0)
		return text;
	free(text);
	return NULL;
}

char *store_tables_held_sql(enum store_table_id id, enum store_dialect dialect)
{
	const struct table *table = &tables[id];
	const char *key = table->columns[0].name;
	const char *rev = table->revised ? "rev" : NULL;
	char *text = NULL;
	int n;

	if (dialect == DIALECT_POSTGRES)
		n = asprintf(&text,
			     "SELECT count(*) FROM %s AS t JOIN "
			     "json_to_recordset($1::json) AS r(%s uuid%s) "
			     "ON t.%s = r.%s%s",
			     table->name, key, rev ? ", rev bigint" : "", key,
			     key, rev ? " AND t.rev >= r.rev" : "");
	else
		n = asprintf(&text,
			     "SELECT count(*) FROM json_each(?1) AS r "
			     "JOIN %s AS t ON t.%s = "
			     "json_extract(r.value, '$.%s')%s",
			     table->name, key, key,
			     rev ? " AND t.rev >= json_extract(r.value, "
				   "'$.rev')"
				 : "");
	return n < 0 ? NULL : text;
}

char *store_tables_read_sql(enum store_table_id id, enum store_dialect dialect)
{
	const struct passage *passages =
		dialect == DIALECT_POSTGRES ? postgres_out : sqlite_out;
	const struct table *table = &tables[id];
	char *text = NULL;
	size_t size;
	FILE *sql = open_memstream(&text, &size);

	if (!sql)
		return NULL;
	fputs(dialect == DIALECT_POSTGRES ? "json_build_object("
					  : "json_object(",
	      sql);
	for (size_t i = 0; i < table->count; i++) {
		const struct column *column = &table->columns[i];
		const struct passage *out = &passages[column->type];

		fprintf(sql, "%s'%s', %s%s%s", i > 0 ? ", " : "", column->name,
			out->before, column->name, out->after);
	}
	fputs(")", sql);
	if (fclose(sql) == 0)
		return text;
	free(text);
	return NULL;
}

/* How long the table's array becomes: brackets, payloads, commas, a NUL. */
static size_t rows_size(enum store_table_id table,
			struct record *const *records, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		if (table_of_kind[records[i]->kind] == table)
			size += records[i]->length + 1;
	return size > 0 ? size + 2 : 0;
}

static void copy_rows(char *out, enum store_table_id table,
		      struct record *const *records, size_t count)
{
	char separator = '[';

	for (size_t i = 0; i < count; i++) {
		if (table_of_kind[records[i]->kind] != table)
			continue;
		*out++ = separator;
		memcpy(out, records[i]->payload, records[i]->length);
		out += records[i]->length;
		separator = ',';
	}
	*out++ = ']';
	*out = '\0';
}

/* Is it one of the rows that we know how to write? */
static int check_record(const struct record *record, struct db_error *err)
{
	const char *fault;

	if (record->kind < RECORD_CALL_STARTED ||
	    record->kind >= RECORD_KIND_COUNT) {
		db_error_set(err, DB_POISON, "UnknownKind",
			     "this program does not know its kind");
		return -1;
	}
	fault = payload_fault(record->payload, record->length);
	if (!fault)
		return 0;
	db_error_set(err, DB_POISON, "InvalidPayload", fault);
	return -1;
}

int store_batch_init(struct store_batch *batch, struct record *const *records,
		     size_t count, struct db_error *err)
{
	*batch = (struct store_batch){ .rows = { NULL } };
	for (size_t i = 0; i < count; i++)
		if (check_record(records[i], err) < 0)
			return -1;
	for (enum store_table_id t = 0; t < TABLE_COUNT; t++) {
		size_t size = rows_size(t, records, count);

		if (size == 0)
			continue;
		batch->rows[t] = malloc(size);
		if (!batch->rows[t]) {
			store_batch_finish(batch);
			db_error_set(err, DB_SMALLER, "OutOfMemory",
				     "no memory");
			return -1;
		}
		copy_rows(batch->rows[t], t, records, count);
	}
	return 0;
}

enum store_table_id store_batch_table(const struct store_batch *batch)
{
	enum store_table_id table = 0;

	while (!batch->rows[table])
		table++;
	return table;
}

void store_batch_finish(struct store_batch *batch)
{
	for (enum store_table_id t = 0; t < TABLE_COUNT; t++)
		free(batch->rows[t]);
	*batch = (struct store_batch){ .rows = { NULL } };
}
