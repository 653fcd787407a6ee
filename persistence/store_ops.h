/*
 * store_ops.h - what a database must be able to do to be a store
 *
 * store.c keeps the rules that hold for every database (when to connect, when
 * to migrate, what a valid id is) and asks one of these for the rest. A new
 * database is a new file and a line in store.c.
 */
#ifndef PERSISTENCE_STORE_OPS_H
#define PERSISTENCE_STORE_OPS_H

#include "persistence/store.h"
#include "persistence/store_queries.h"
#include "server/uuid.h"

struct store_ops {
	const char *const *schemes; /* "sqlite:", ends with NULL */
	bool one_writer;	    /* of all its connections */

	/* Allocates; the base is filled in by store.c. 0 or -errno. */
	int (*create)(struct store **ret, const struct store_options *options);
	void (*destroy)(struct store *store);

	/* Opens a session unless there is a good one; a new one clears
	 * store->migrated. This and the following: 0, or -1 and *err. */
	int (*connect)(struct store *store, struct db_error *err);
	void (*disconnect)(struct store *store);
	/* The highest migration that was run; 0 for an empty database. */
	int (*version)(struct store *store, int *version, struct db_error *err);
	/* Runs what is missing, under a lock, in one transaction. */
	int (*migrate)(struct store *store, struct db_error *err);

	int (*write)(struct store *store, struct record *const *records,
		     size_t count, struct db_error *err);
	/* Is this one record there already, at its rev or a higher one? */
	int (*held)(struct store *store, struct record *const *record,
		    bool *held, struct db_error *err);
	int (*ping)(struct store *store, struct db_error *err);
	/* `values` has as many as the query has parameters. */
	int (*query)(struct store *store, enum store_query query,
		     const char *const *values, json_t **rows,
		     struct db_error *err);

	void (*interrupt)(struct store *store); /* any thread */
	int (*socket)(const struct store *store);
};

struct store { /* each database's own struct begins with it */
	const struct store_ops *ops;
	bool read_only;
	bool migrated; /* this session's schema was looked at */
};

extern const struct store_ops store_postgres_ops, store_sqlite_ops;

/* Connects if need be, and asks. *rows is the caller's; 0, or -1 and *err. */
int store_ask(struct store *store, enum store_query query,
	      const char *const *values, json_t **rows, struct db_error *err);

/* The same of a question that answers with one {"count":N}. */
int store_ask_count(struct store *store, enum store_query query, int64_t *count,
		    struct db_error *err);

/* Into the one form in which ids are kept; false: it is none. */
bool store_normalise_id(const char *text, char out[UUID_TEXT_SIZE]);

/* Appends a row that came as JSON text; for the databases' use. */
int store_add_row(json_t *rows, const char *text, struct db_error *err);

#endif
