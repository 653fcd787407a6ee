/*
 * store_tables.h - the tables that records go to, and the SQL made from them
 *
 * The columns of each table stand once, with their types. From that one list
 * come the statements of both dialects:
 *
 *   write  takes a JSON array of rows as its one parameter; the database
 *          takes it apart. What was erased on request is passed over. A row of
 * a higher rev replaces one of a lower, any other changes nothing. Tables
 * without rev keep the first row. held   takes the same, and counts those of
 * which the database has that rev or a higher one. read   an expression that
 * makes one JSON object of a row, so that both databases answer in the same
 * words: times as ISO 8601 with a Z, JSON columns as objects.
 *
 * Thread: any.
 */
#ifndef PERSISTENCE_STORE_TABLES_H
#define PERSISTENCE_STORE_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "persistence/db_error.h"

struct record;

enum store_dialect { DIALECT_POSTGRES, DIALECT_SQLITE, DIALECT_COUNT };

/* A batch is written in this order. Statuses of calls come first, and messages
 * behind the calls: see the locks in migrations 2 and 5. */
enum store_table_id {
	TABLE_CALL_STATUSES,
	TABLE_CALLS,
	TABLE_CALL_EVENTS,
	TABLE_SESSIONS,
	TABLE_MESSAGES,
	TABLE_MESSAGE_STATUSES,
	TABLE_MESSAGE_NOTICES,
	TABLE_COUNT, /* of those that records go to */
	TABLE_USERS = TABLE_COUNT,
	TABLE_SESSION_SUMMARIES,
	TABLE_NODES,
	TABLE_ERASURES,
	TABLE_ERASED_FILES,
	TABLES_READ
};

/* Malloc'd SQL; NULL when there is no memory. */
char *store_tables_write_sql(enum store_table_id table,
			     enum store_dialect dialect);
char *store_tables_held_sql(enum store_table_id table,
			    enum store_dialect dialect);
char *store_tables_read_sql(enum store_table_id table,
			    enum store_dialect dialect);

/* What a batch writes: the payloads of each table as one JSON array. */
struct store_batch {
	char *rows[TABLE_COUNT]; /* malloc'd; NULL: none for that table */
};

/* 0, or -1 and *err: poison for a record that no table can take, DB_SMALLER
 * when there is no memory. */
int store_batch_init(struct store_batch *batch, struct record *const *records,
		     size_t count, struct db_error *err);
/* The first table that it writes to. */
enum store_table_id store_batch_table(const struct store_batch *batch);
void store_batch_finish(struct store_batch *batch);

#endif
