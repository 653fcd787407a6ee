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

struct store_ops {
	const char *const *schemes; /* "sqlite:", ends with NULL */

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
	int (*list_calls)(struct store *store,
			  const struct store_call_filter *filter, json_t **rows,
			  struct db_error *err);
	/* Two arrays: the call, if there is one, and its events. */
	int (*get_call)(struct store *store, const char *call_id,
			json_t **calls, json_t **events, struct db_error *err);

	void (*interrupt)(struct store *store); /* any thread */
	int (*socket)(const struct store *store);
};

struct store { /* each database's own struct begins with it */
	const struct store_ops *ops;
	bool read_only;
	bool migrated; /* this session's schema was looked at */
};

/* What a filter of calls asks for, in the order of the parameters of the
 * databases' statements; the limit follows. */
#define STORE_CALL_FILTERS 7
void store_call_filter_texts(const struct store_call_filter *filter,
			     const char *texts[STORE_CALL_FILTERS]);

extern const struct store_ops store_postgres_ops, store_sqlite_ops;

/* Appends a row that came as JSON text; for the databases' use. */
int store_add_row(json_t *rows, const char *text, struct db_error *err);

#endif
