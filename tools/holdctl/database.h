/*
 * database.h - the store, opened for a look
 */
#ifndef TOOLS_HOLDCTL_DATABASE_H
#define TOOLS_HOLDCTL_DATABASE_H

#include <stdbool.h>

struct db_error;
struct settings;
struct store;

/* NULL after a complaint. Does not connect. */
struct store *database_open(const struct settings *settings, bool read_only);

/* Says what the database said, and what to do about it; returns the exit
 * status: not reached, or failed. */
int database_complain(const struct settings *settings,
		      const struct db_error *err);

#endif
