/*
 * dead_letters.h - how a record is wrapped that the database refuses for good
 *
 * A dead letter has the id, kind, entity and rev of the record it is about; its
 * payload says why and carries the record whole:
 *
 *   {"reason": "CheckViolation", "sqlstate": "23514", "error": "...",
 *    "record": {"id": ..., "kind": ..., ..., "payload": {...}}}
 *
 * A payload that is no JSON comes as {"record_text": "..."}; one too long to be
 * wrapped comes as it is. They lie on the shelf <outbox>/dead.
 *
 * Thread: any.
 */
#ifndef PERSISTENCE_DEAD_LETTERS_H
#define PERSISTENCE_DEAD_LETTERS_H

#include "persistence/db_error.h"

struct record;

/* The letter, malloc'd; NULL without memory. */
struct record *dead_letter_wrap(const struct record *record,
				const struct db_error *err);
/* The record that it is about, malloc'd, as it was. NULL with errno ENOMEM, or
 * EBADMSG for a letter that has none. */
struct record *dead_letter_unwrap(const struct record *letter);

#endif
