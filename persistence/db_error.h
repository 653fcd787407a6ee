/*
 * db_error.h - what kind of failure was that?
 *
 * Every way in which a database can fail belongs to one family, and the family
 * decides what happens to the record. What nobody has heard of is transient: a
 * record is never given up for an error that we do not know.
 *
 * Some failures do not show at first what they are. For these, `then` says what
 * they are once the family's own remedy did not help:
 *
 *   DB_RESET      met again with a new session
 *   DB_SMALLER    met by a record that stands alone, several times
 *   DB_TRANSIENT  DB_SETUP: met for DB_ERROR_PATIENCE_MS on end
 *                 DB_POISON: met several times by a record that stands alone,
 *                 while others pass
 *   DB_POISON     DB_SETUP: no other record passes either, however few there
 *                 are
 *
 * Thread: any; a struct db_error belongs to its caller.
 */
#ifndef PERSISTENCE_DB_ERROR_H
#define PERSISTENCE_DB_ERROR_H

#include <stdbool.h>

enum db_family {
	DB_OK,
	DB_TRANSIENT, /* try again later; the default for whatever is unknown */
	DB_POISON,    /* this record alone is at fault: dead letter */
	DB_SETUP,     /* the set-up is at fault: keep all, probe slowly */
	DB_PRESENT,   /* it is there already: as good as done */
	DB_RESET,     /* throw the session away and try again at once */
	DB_SMALLER,   /* try again with a smaller batch */
};

/* When a retry makes sense, beside the usual waits. */
enum db_pace {
	DB_PACE_USUAL,
	DB_PACE_AT_ONCE, /* the first time after some 10 ms: it was a collision,
			    no outage */
	DB_PACE_SLOW,	 /* not before DB_ERROR_SLOW_MS: asking makes it worse,
			    or it takes a person or a night to mend */
	DB_PACE_PARENT,	 /* poison only after many tries: the row that it refers
			    to may still be on its way */
};

#define DB_ERROR_PATIENCE_MS 600000u
#define DB_ERROR_SLOW_MS     5000u

struct db_error {
	enum db_family family;
	enum db_family then; /* see above; DB_OK: it stays what it is */
	enum db_pace pace;
	bool connection_lost; /* the session must not be used again */
	char sqlstate[6];     /* "" when there is none */
	char reason[48];      /* one CamelCase word for logs and labels; those
				 of serverless hosts begin with "Neon" */
	char text[256]; /* primary message and names of tables, columns and
			   constraints; no row values, no credentials;
			   for the log, never for a peer */
};

const char *db_family_name(enum db_family family);

/* What a statement failed with: SQLSTATE and the server's primary message
 * (either may be ""). */
void db_error_from_sqlstate(struct db_error *err, const char *sqlstate,
			    const char *text);
/* What a connect failed with. Nothing of a record was involved, so it is never
 * the record's fault; and the one who speaks may be a proxy. */
void db_error_from_connect(struct db_error *err, const char *sqlstate,
			   const char *text);
/* From an SQLite extended result code. */
void db_error_from_sqlite(struct db_error *err, int code, const char *text);
/* A verdict of our own (a deadline, no memory); the connection is fine. */
void db_error_set(struct db_error *err, enum db_family family,
		  const char *reason, const char *text);

/* The same error, met before a record came into it (a connect, a migration): it
 * cannot be the record's fault. */
void db_error_acquit_record(struct db_error *err);

/* Puts "***" in place of every `secret` ("" or NULL: nothing to hide). */
void db_error_hide(struct db_error *err, const char *secret);

#endif
