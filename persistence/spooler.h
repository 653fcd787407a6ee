/*
 * spooler.h - the thread that makes records durable
 *
 * Takes whatever has queued while the last sync ran, commits it to its journal
 * as one group, publishes how far the journal is durable, and begins again:
 * group commit without a timer. When the disk is full, it goes on in the room
 * that was kept for that (reserve.h). When the disk refuses, it keeps the
 * records, says so on its place of the board (no new calls), and tries again
 * with a backoff; the queue behind it is bounded, and what does not fit waits
 * with the calls. When somebody removes the journal under it, it begins
 * another one.
 *
 * It also watches the bounds: disk_watch.h.
 *
 * Thread: start and stop from the role's main thread.
 */
#ifndef PERSISTENCE_SPOOLER_H
#define PERSISTENCE_SPOOLER_H

#include <stddef.h>
#include <stdint.h>

struct spooler;
struct queue;
struct record;

struct spooler_options {
	struct queue *queue; /* borrowed; its one reader is the spooler */
	const char *outbox_dir;
	const char *role; /* "media" */
	unsigned process; /* its place on the board; below BOARD_SPOOLERS */
	unsigned writers; /* of this outbox, all told; 0 is 1 */
	uint64_t segment_bytes, max_bytes, min_free_disk;
	uint64_t reserve;     /* bytes; 0: none */
	uint32_t low_percent; /* of max_bytes; 0 is 100: never low by that */
	/* Of this process's loops; what a dead predecessor left in them is made
	 * durable first. */
	size_t first_boat, boats;
	/* Told on the spooler's thread of each record that has become durable;
	 * or NULL. It must not wait. */
	void (*durable)(const struct record *record, void *arg);
	void *arg;
};

/* Makes the journal and starts the thread. 0 or -errno. A disk that refuses the
 * journal is no error: the board says so, and the thread tries again. */
int spooler_start(struct spooler **ret, const struct spooler_options *options);

/* Commits all that is queued, at most for timeout_ms while the disk refuses,
 * then ends the thread. Returns how many records are still not durable (0 is
 * the only good answer); they are logged one by one as [RECORD_LOST]. */
uint64_t spooler_stop(struct spooler *spooler, uint32_t timeout_ms);

#endif
