/*
 * live.h - which streams of the providers' calls are live, on the whole node
 *
 * A provider streams a track of a call to us once. A second stream with the
 * same name and one of the same tracks is refused, whichever process it comes
 * to. The table is an array of words in shared memory, as in once.h: no locks,
 * no pointers, whoever dies leaves it whole, and his successor takes back what
 * he held.
 *
 *   word    56 bits of the name | 6 bits: which process | 2: tracks
 *           0: free
 *   bucket  32 words; other bits of the name choose it
 *
 * Of two that come at the same moment each may see the other, and then both are
 * refused; that neither sees the other cannot be. A stream whose bucket is full
 * lives without a word: that takes several times as many calls as a node
 * carries.
 *
 * Thread: any, any process; a claim belongs to one thread.
 */
#ifndef SERVER_AUTH_LIVE_H
#define SERVER_AUTH_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_BUCKETS	4096
#define LIVE_WORDS	32 /* in each */
#define LIVE_ALL_TRACKS 3u
#define LIVE_NAME_SIZE	16

struct live_table {
	_Atomic uint64_t words[LIVE_BUCKETS][LIVE_WORDS];
};

/* What a stream holds while it lives. */
struct live_claim {
	_Atomic uint64_t *word; /* NULL: nothing */
};

/* Notes the stream. `name` is a digest of what it is called, so that nobody can
 * look for another with the same bits; `tracks` has a bit for each, at least
 * one. False: it is live already. */
bool live_take(struct live_table *table, struct live_claim *claim,
	       unsigned process, const uint8_t name[LIVE_NAME_SIZE],
	       unsigned tracks);
/* Does nothing when nothing is held. */
void live_release(struct live_claim *claim);
/* What a dead process held, before the next one in its place takes calls. */
void live_take_back(struct live_table *table, unsigned process);

#endif
