/*
 * once.h - what may be used only once, noted where all processes see it
 *
 * One-time tokens and the nonces of signed requests are noted here until they
 * expire, so that nobody can use one again, at whichever process. The table is
 * an array of words in shared memory: no locks, no pointers, whoever dies
 * leaves it whole.
 *
 *   word    40 bits of the id's hash | 24 bits of when it expires (s); 0: free
 *   bucket  32 words; other bits of the hash choose it
 *
 * A free or expired word is taken by compare-and-swap; then the bucket is read
 * once more. Of two that note the same id at the same time each may see the
 * other, and then both are refused; that neither sees the other cannot be. A
 * bucket without a free word refuses: rather one caller too few.
 *
 * Thread: any, any process. Clock: the caller passes wall time.
 */
#ifndef SERVER_AUTH_ONCE_H
#define SERVER_AUTH_ONCE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define ONCE_BUCKETS 4096
#define ONCE_WORDS   32 /* in each */

struct once_table {
	_Atomic uint64_t words[ONCE_BUCKETS][ONCE_WORDS];
};

enum once_answer { ONCE_FIRST, ONCE_AGAIN, ONCE_FULL };

/* `id` is 16 bytes that look random to strangers: a digest. It is noted until
 * expires_s, at most some months ahead. */
enum once_answer once_use(struct once_table *table, const uint8_t id[16],
			  uint64_t now_s, uint64_t expires_s);

#endif
