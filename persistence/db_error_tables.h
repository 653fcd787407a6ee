/*
 * db_error_tables.h - the data behind db_error.c
 *
 * Thread: any; all of it is constant.
 */
#ifndef PERSISTENCE_DB_ERROR_TABLES_H
#define PERSISTENCE_DB_ERROR_TABLES_H

#include <stddef.h>

#include "persistence/db_error.h"

enum db_rule_flag {
	DB_RULE_LOST = 1, /* the session has ended, or is worth nothing more */
	/* struct db_error's `then` */
	DB_RULE_THEN_SETUP = 2,
	DB_RULE_THEN_POISON = 4,
	DB_RULE_THEN_TRANSIENT = 8,
	/* its `pace` */
	DB_RULE_AT_ONCE = 16,
	DB_RULE_SLOW = 32,
	DB_RULE_PARENT = 64,
};

struct db_rule {
	/* An SQLSTATE or its beginning; or a text anywhere in the message, in
	 * any case. */
	const char *key;
	const char *reason;
	enum db_family family;
	unsigned flags;
};

struct db_rules {
	const struct db_rule *rules;
	size_t count;
};

/* The longest key wins. */
extern const struct db_rules db_sqlstate_rules;

/* Of texts the first that is found wins, so the more specific stand first. */
extern const struct db_rules db_pooler_hints, db_neon_hints, db_connect_hints,
	db_sqlite_hints;

/* One SQLSTATE that means something else with a certain text. */
struct db_meaning {
	const char *sqlstate;
	struct db_rule rule;
};
/* The one after `last`, the first for NULL; NULL after the end. */
const struct db_meaning *db_meaning_next(const struct db_meaning *last);

struct db_sqlite_rule {
	int code; /* an extended code, or the primary one of many */
	const char *reason;
	enum db_family family;
	unsigned flags;
};
/* NULL: there is none for exactly this code. */
const struct db_sqlite_rule *db_sqlite_rule_find(int code);

#endif
