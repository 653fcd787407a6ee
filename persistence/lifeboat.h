/*
 * lifeboat.h - records that outlive the process that made them
 *
 * Between the loop that makes a record and the disk lie a queue and a sync:
 * milliseconds, or seconds when the disk is slow. A process that is killed in
 * that time takes along what it has in memory; a caller who has already heard
 * an echo would find no row for the call. So each loop copies its records into
 * memory that the supervisor shares, before it goes on, and the spooler takes
 * them out once they are durable. Whoever takes the dead process's place finds
 * there what did not reach the disk, and writes it to a journal of its own,
 * which is finished at once; ids make it harmless that some of it was durable.
 *
 *   loop --board--> [ r4 r5 r6 ] --leave--> (durable)
 *      `--push----> queue -> spooler -> journal
 *
 * A boat has one writer, its loop, and one who empties it, the spooler of the
 * same process; so nothing is locked and nobody waits. It is bounded: when the
 * disk stands still for long it is full, and a record goes without. Against a
 * power cut it is no help; that is what the sync is for.
 *
 * Thread: as told at each function.
 */
#ifndef PERSISTENCE_LIFEBOAT_H
#define PERSISTENCE_LIFEBOAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is rescued comes as a journal of that role. */
#define LIFEBOAT_ROLE "rescue"

struct lifeboat;
struct record;

#define LIFEBOAT_BYTES ((size_t)1 << 20) /* of each; memory as it is used */

/* The supervisor, before it forks: one for each loop of each process. A second
 * call forgets the first ones. 0 or -errno. */
int lifeboats_create(size_t count);
/* NULL when there are not so many: then nothing is protected. */
struct lifeboat *lifeboat_at(size_t i);

/* Copies the record and marks it as aboard; does nothing when the boat is full,
 * NULL, or still has the records of a dead process. The loop's thread. */
void lifeboat_board(struct lifeboat *boat, struct record *record);
/* The record is durable, or has been given up by name. Records leave in the
 * order in which they came. The spooler's thread. */
void lifeboat_leave(struct lifeboat *boat, const struct record *record);

/* Before the first record of a new process boards: makes durable what is left
 * in the `count` boats from `first` on, in a journal of its own under
 * outbox_dir, and empties them. 0, or -errno: then everything is still there,
 * and it may be called again. *rescued: how many records. */
int lifeboats_rescue(size_t first, size_t count, const char *outbox_dir,
		     size_t *rescued);

#endif
