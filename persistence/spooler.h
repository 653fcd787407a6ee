/*
 * spooler.h - the thread that makes records durable
 *
 * Takes whatever has queued while the last sync ran, commits it to its journal
 * as one group, publishes how far the journal is durable, and begins again:
 * group commit without a timer. When the disk refuses, it keeps the records,
 * says so on the board (outbox_broken, outbox_full: no new calls), and tries
 * again with a backoff; the queue behind it is bounded, and what does not fit
 * waits with the calls.
 *
 * It also watches the bounds: outbox.max_bytes and min_free_disk.
 *
 * Thread: start and stop from the role's main thread.
 */
#ifndef PERSISTENCE_SPOOLER_H
#define PERSISTENCE_SPOOLER_H

#include <stddef.h>
#include <stdint.h>

struct spooler;
struct queue;

struct spooler_options {
	struct queue *queue; /* borrowed; its one reader is the spooler */
	const char *outbox_dir;
	const char *role; /* "media" */
	uint64_t segment_bytes, max_bytes, min_free_disk;
	/* Of this process's loops; what a dead predecessor left in them is made
	 * durable first. */
	size_t first_boat, boats;
};

/* Makes the journal and starts the thread. 0 or -errno. A disk that refuses the
 * journal is no error: outbox_broken is set, and the thread tries again. */
int spooler_start(struct spooler **ret, const struct spooler_options *options);

/* Commits all that is queued, at most for timeout_ms while the disk refuses,
 * then ends the thread. Returns how many records are still not durable (0 is
 * the only good answer); they are logged one by one as [RECORD_LOST]. */
uint64_t spooler_stop(struct spooler *spooler, uint32_t timeout_ms);

#endif
