/*
 * shelf.h - records that are put aside, and may be taken back one by one
 *
 * <outbox>/held, <outbox>/dropped and <outbox>/dead are shelves. A shelf is a
 * directory of journals like the outbox itself, of the same format and read by
 * the same readers; what is taken off it is noted in the journal's ack log.
 * Where each record is, is known in memory, so that to ask for one costs no
 * disk. A journal of which everything was taken goes; none of them grows long,
 * so that the few that stay for years keep little else with them. What cannot
 * be read stays where it is, for people. The caller has the drainer's lock.
 *
 * On a shelf each id lies once. Added again, it stays as it was.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_SHELF_H
#define PERSISTENCE_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persistence/id_index.h"

struct record;
struct shelf;

#define SHELF_RECORDS_MAX 1000000u /* 64 MB of memory */

/* Finds out what lies there; makes nothing that is not there. 0 or -errno. */
int shelf_open(struct shelf **ret, const char *outbox_dir, const char *name);
/* Accepts NULL, returns NULL. */
struct shelf *shelf_close(struct shelf *shelf);

size_t shelf_count(const struct shelf *shelf);
bool shelf_has(const struct shelf *shelf, const struct uuid *id);
/* When something was last put there (wall time); 0: never, or it is gone. */
int64_t shelf_last_us(const struct shelf *shelf);

/* Durable when it returns 0; those that are there already are passed over. On
 * -errno none of them is there that was not before. -ENOSPC also for a shelf of
 * SHELF_RECORDS_MAX. */
int shelf_add(struct shelf *shelf, struct record *const *records, size_t count);

/* Takes it off. Without it nothing happens. 0 or -errno, and then it lies there
 * still. */
int shelf_take(struct shelf *shelf, const struct uuid *id);
/* What was taken so far does not come back after a power cut when this returns
 * 0. */
int shelf_sync(struct shelf *shelf);

/* Shows those of the wanted (NULL: all) that are there; each is read from the
 * disk and borrowed for the time of the call. `visit` may take it off, and
 * change what is wanted. Ends early when it returns non-zero, with that. -errno
 * also when some of it could not be read: the rest was shown. */
typedef int shelf_visit(void *arg, const struct record *record);
int shelf_walk(struct shelf *shelf, const struct id_index *wanted,
	       shelf_visit *visit, void *arg);

/* Removes the files of what was taken. */
void shelf_tidy(struct shelf *shelf);
/* Takes all of it off that could be read. */
void shelf_clear(struct shelf *shelf);

#endif
