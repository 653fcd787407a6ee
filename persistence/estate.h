/*
 * estate.h - what a journal has opened and not closed
 *
 * Both ends of a journal keep one: the spooler, to begin each new segment with
 * a snapshot of what is open, and the drainer, to settle what a dead process
 * left open. Notes of a stale rev change nothing.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_ESTATE_H
#define PERSISTENCE_ESTATE_H

#include <stddef.h>
#include <stdint.h>

struct estate;
struct record;

int estate_create(struct estate **ret);
struct estate *estate_destroy(struct estate *estate);

/* Remembers a copy of the newest record of each open entity; forgets the
 * entity when the record closes it. Events are ignored. 0 or -ENOMEM. */
int estate_note(struct estate *estate, const struct record *record);

size_t estate_count(const struct estate *estate);
/* Walks what is open; *cursor starts at 0; NULL at the end. Borrowed. */
const struct record *estate_next(const struct estate *estate, size_t *cursor);

/* The final record of an open call whose process died: end_reason
 * "interrupted", ended_at = last_us, id derived from the entity, rev one above
 * the newest known; everything else as last known. The same input gives the
 * same record, so that settling twice changes nothing. NULL: no memory. */
struct record *estate_settle(const struct record *open, int64_t last_us);

#endif
