/*
 * db_error.h - what kind of failure was that?
 *
 * Every way in which a database can fail belongs to one family, and the family
 * alone decides what happens to the record. What nobody has heard of is
 * transient: a record is never given up for an error that we do not know.
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

struct db_error {
	enum db_family family;
	bool connection_lost; /* the session must not be used again */
	char sqlstate[6];     /* "" when there is none */
	char reason[48];      /* one CamelCase word for logs and labels */
	char text[256];	      /* primary message only; no row values, no
				 credentials; for the log, never for a peer */
};

const char *db_family_name(enum db_family family);
/* From an SQLSTATE and the server's primary message (either may be ""). */
void db_error_from_sqlstate(struct db_error *err, const char *sqlstate,
			    const char *text);
/* From an SQLite extended result code. */
void db_error_from_sqlite(struct db_error *err, int code, const char *text);
/* A verdict of our own (a deadline, no memory); the connection is fine. */
void db_error_set(struct db_error *err, enum db_family family,
		  const char *reason, const char *text);

#endif
