/*
 * migrations.h - how the schema came to be what it is, step by step
 *
 * A migration is a pair of SQL scripts in migrations/, one for each database,
 * that the build puts into the binary. One that was released is never changed
 * again; a change is a new one, with the next number.
 *
 * Thread: any; all of it is constant.
 */
#ifndef PERSISTENCE_MIGRATIONS_H
#define PERSISTENCE_MIGRATIONS_H

#include <stddef.h>

struct migration {
	int version; /* 1, 2, 3, ... in order */
	const char *postgres;
	const char *sqlite;
};

extern const struct migration migrations[];
extern const size_t migration_count;

/* The version of a database in which all of them were run. */
int migrations_latest(void);

#endif
