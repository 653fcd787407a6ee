/*
 * dead_letters.h - where records go that the database refuses for good
 *
 * <outbox>/dead is an outbox of its own: the same journals, the same format. A
 * dead letter has the id, kind, entity and rev of the record it is about; its
 * payload says why and carries the record whole:
 *
 *   {"reason": "CheckViolation", "sqlstate": "23514", "error": "...",
 *    "record": {"id": ..., "kind": ..., ..., "payload": {...}}}
 *
 * A payload that is no JSON comes as {"record_text": "..."}; one too long to be
 * wrapped comes as it is. A journal is made when the first one dies.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_DEAD_LETTERS_H
#define PERSISTENCE_DEAD_LETTERS_H

#include "persistence/db_error.h"

struct dead_letters;
struct record;

/* Counts what is there already, for the gauge. 0 or -errno. */
int dead_letters_open(struct dead_letters **ret, const char *outbox_dir);
/* Accepts NULL, returns NULL. */
struct dead_letters *dead_letters_close(struct dead_letters *dead);

/* Durable when it returns 0; on -errno the record must stay where it is. */
int dead_letters_add(struct dead_letters *dead, const struct record *record,
		     const struct db_error *err);

#endif
