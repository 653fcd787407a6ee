/*
 * journal.h - an append-only log of records, written by one process once
 *
 * A journal is a directory of segments with one writer, who holds its lock for
 * life; when the lock is free the journal is finished for ever. Readers
 * (journal_reader.h) never disturb the writer. The format, the rules of
 * durability and what happens when a sync fails stand at the top of journal.c.
 *
 *   <outbox>/<name>/LOCK               flock'd by the writer, holds its pid
 *   <outbox>/<name>/pend/00000001.seg  ...
 *   <outbox>/<name>/ack/00000001.ack   progress, written by the drainer alone
 *
 * Thread: belongs to one thread (the spooler).
 */
#ifndef PERSISTENCE_JOURNAL_H
#define PERSISTENCE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;
struct record;
struct estate;
struct reserve;

struct journal_options {
	const char *outbox_dir; /* made if it is not there */
	const char *role;	/* part of the name: "media", "control" */
	uint64_t segment_bytes; /* a segment is sealed past this size */
	const struct estate
		*open;		 /* borrowed: what a new segment begins with */
	struct reserve *reserve; /* borrowed: for a full disk; or NULL */
	bool ahead; /* a thread zeroes the next segment (ground.h) */
};

/* Makes the directory, the lock and the first segment, all of it synced.
 * 0 or -errno. */
int journal_create(struct journal **ret, const struct journal_options *options);

/* Appends all of them and makes them durable with one sync: they survive a
 * power cut when this returns 0. On -errno none of them counts as durable; the
 * caller keeps them and calls again later with the same records first. */
int journal_commit(struct journal *journal, struct record *const *records,
		   size_t count);

/* With `ahead`: is there room enough on the disk to zero more than is needed
 * now? Said now and then; until the first time there is. */
void journal_see_room(struct journal *journal, bool plenty);

/* False when its directory is not at its place any more: removed, moved away,
 * or hidden by another file system. What is written there nobody will find. */
bool journal_is_there(const struct journal *journal);

/* Writes once more what the other journal, of the same owner, has written last
 * (as in rule 4): for when the other is lost. 0 or -errno. */
int journal_take_over(struct journal *journal, const struct journal *other);

uint64_t journal_durable_seq(const struct journal *journal);
uint64_t journal_bytes(const struct journal *journal); /* written so far */
const char *journal_name(const struct journal *journal);

/* Releases the lock. Accepts NULL, returns NULL. */
struct journal *journal_close(struct journal *journal);

#endif
