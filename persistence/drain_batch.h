/*
 * drain_batch.h - what the drainer has in its hands
 *
 * A batch is filled from all journals, delivered from its front in chunks, and
 * filled again when it is empty. What came out of the outbox stays here until
 * it is delivered or dead, however long the database is away.
 *
 *   records:  [ delivered ... | chunk ... | ...            ]
 *             0               done        done + chunk     count
 *
 * When a chunk is refused because of one of its records, the next chunk is half
 * of it, and so on: the search for the one at fault takes twice log2(chunk)
 * tries at most, and all before it land on the way.
 *
 * A finished journal that was read to its end adds the final records of what it
 * left open (its estate) to the batch.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_DRAIN_BATCH_H
#define PERSISTENCE_DRAIN_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox;
struct outbox_journal;
struct record;

/* What a batch holds of payloads, at most (and one record more). */
#define DRAIN_BATCH_BYTES ((size_t)8 * 1024 * 1024)

struct drain_origin {
	struct outbox_journal *journal;
	uint64_t seq; /* 0: made by us, from an estate */
};

struct drain_batch {
	struct record **records;      /* owned */
	struct drain_origin *origins; /* of each record */
	size_t capacity, count, done;
	size_t bytes;
	size_t chunk_max;   /* grows and shrinks with what the store takes */
	size_t suspect_end; /* between done and here is one to be refused */
	bool some_passed;   /* of this batch */
	size_t turn;	    /* the journal that comes first next time */

	struct outbox_journal *settling; /* whose estate is in here */
	size_t estate_cursor, settled;
	bool estate_complete;
};

int drain_batch_init(struct drain_batch *batch, size_t capacity);
void drain_batch_finish(struct drain_batch *batch);

/* Fills an empty batch; live and finished journals get half of it each, if both
 * have that much. Returns the first error of reading a journal, which does not
 * keep it from the others, or 0. */
int drain_batch_fill(struct drain_batch *batch, struct outbox *outbox);
/* Is there something to deliver? */
bool drain_batch_pending(const struct drain_batch *batch);

/* How many records, from done on, to send next; at least 1. */
size_t drain_batch_chunk(const struct drain_batch *batch);

/* The chunk of n was committed in took_ms (or one record is dead): acks it.
 * Chunks grow while the database takes them fast, and shrink when it takes its
 * time. Once the batch is empty, marks the journal whose estate was in it. 0 or
 * the outbox's -errno, which costs duplicates after a restart and nothing else.
 */
int drain_batch_passed(struct drain_batch *batch, size_t n, uint64_t took_ms);
int drain_batch_set_aside(struct drain_batch *batch);
/* The chunk of n > 1 was refused for one of its records. */
void drain_batch_refused(struct drain_batch *batch, size_t n);
/* The chunk of n > 1 was too much at once. */
void drain_batch_too_big(struct drain_batch *batch, size_t n);
/* The database went away: it begins with small chunks when it is back. */
void drain_batch_slow_start(struct drain_batch *batch);

#endif
