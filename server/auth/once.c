/* once.c - what may be used only once (see once.h) */
#include "server/auth/once.h"

#include <stdbool.h>
#include <string.h>

#define EXPIRY_BITS 24
#define EXPIRY_MASK ((1u << EXPIRY_BITS) - 1)

/* The times are near each other, so their difference tells which is first, even
 * where the 24 bits have gone round. The second itself still counts. */
static bool is_free(uint64_t word, uint64_t now_s)
{
	uint32_t left = ((uint32_t)word - (uint32_t)now_s) & EXPIRY_MASK;

	return word == 0 || left > EXPIRY_MASK / 2;
}

static bool is_same(uint64_t word, uint64_t mine)
{
	return word >> EXPIRY_BITS == mine >> EXPIRY_BITS;
}

/* How many live words have this hash, and the first free one. */
static unsigned look(_Atomic uint64_t *bucket, uint64_t mine, uint64_t now_s,
		     int *free_at)
{
	unsigned same = 0;

	*free_at = -1;
	for (int i = 0; i < ONCE_WORDS; i++) {
		uint64_t word = atomic_load(&bucket[i]);

		if (!is_free(word, now_s))
			same += is_same(word, mine);
		else if (*free_at < 0)
			*free_at = i;
	}
	return same;
}

enum once_answer once_use(struct once_table *table, const uint8_t id[16],
			  uint64_t now_s, uint64_t expires_s)
{
	_Atomic uint64_t *bucket;
	uint64_t hash, place, mine;
	int at;

	memcpy(&hash, id, sizeof(hash));
	memcpy(&place, id + sizeof(hash), sizeof(place));
	bucket = table->words[place % ONCE_BUCKETS];
	/* Never 0, which means free. */
	mine = (hash | 1) << EXPIRY_BITS | (expires_s & EXPIRY_MASK);
	for (;;) {
		uint64_t found;

		if (look(bucket, mine, now_s, &at) > 0)
			return ONCE_AGAIN;
		if (at < 0)
			return ONCE_FULL;
		found = atomic_load(&bucket[at]);
		if (is_free(found, now_s) &&
		    atomic_compare_exchange_strong(&bucket[at], &found, mine))
			break;
	}
	return look(bucket, mine, now_s, &at) > 1 ? ONCE_AGAIN : ONCE_FIRST;
}
