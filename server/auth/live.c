/* live.c - which streams are live (see live.h) */
#include "server/auth/live.h"

#include <string.h>

#define PROCESS_SHIFT 2
#define NAME_SHIFT    8
#define PROCESS_MASK  0x3fu

static unsigned tracks_of(uint64_t word)
{
	return (unsigned)word & LIVE_ALL_TRACKS;
}

/* How many words of the bucket the stream cannot live beside, and the first
 * free one. */
static unsigned look(_Atomic uint64_t *bucket, uint64_t mine, int *free_at)
{
	unsigned rivals = 0;

	*free_at = -1;
	for (int i = 0; i < LIVE_WORDS; i++) {
		uint64_t word = atomic_load(&bucket[i]);

		if (word == 0 && *free_at < 0)
			*free_at = i;
		rivals += word >> NAME_SHIFT == mine >> NAME_SHIFT &&
			  (tracks_of(word) & tracks_of(mine)) != 0;
	}
	return rivals;
}

bool live_take(struct live_table *table, struct live_claim *claim,
	       unsigned process, const uint8_t name[LIVE_NAME_SIZE],
	       unsigned tracks)
{
	_Atomic uint64_t *bucket;
	uint64_t mine, place, none;
	int at;

	memcpy(&mine, name, sizeof(mine));
	memcpy(&place, name + sizeof(mine), sizeof(place));
	claim->word = NULL;
	bucket = table->words[place % LIVE_BUCKETS];
	mine = mine << NAME_SHIFT | (process & PROCESS_MASK) << PROCESS_SHIFT |
	       (tracks & LIVE_ALL_TRACKS);
	do {
		if (look(bucket, mine, &at) > 0)
			return false;
		if (at < 0)
			return true;
		none = 0;
	} while (!atomic_compare_exchange_strong(&bucket[at], &none, mine));
	claim->word = &bucket[at];
	if (look(bucket, mine, &at) == 1) /* itself */
		return true;
	live_release(claim);
	return false;
}

void live_release(struct live_claim *claim)
{
	if (claim->word)
		atomic_store(claim->word, 0);
	claim->word = NULL;
}

void live_take_back(struct live_table *table, unsigned process)
{
	for (size_t b = 0; b < LIVE_BUCKETS; b++)
		for (size_t i = 0; i < LIVE_WORDS; i++) {
			uint64_t word = atomic_load(&table->words[b][i]);

			if (word != 0 &&
			    (word >> PROCESS_SHIFT & PROCESS_MASK) == process)
				atomic_store(&table->words[b][i], 0);
		}
}
