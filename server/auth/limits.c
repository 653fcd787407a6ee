/* limits.c - how often one address may try, and fail (see limits.h) */
#include "server/auth/limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SETS	1024 /* of eight: 8192 addresses */
#define PLACES	8
#define LOCKS	16
#define TELL_MS 10000u /* between two lines about the same address */

struct entry {
	struct address address; /* an IPv6 one without its last 64 bits */
	bool used;
	double handshakes, refusals; /* tokens left */
	uint64_t heard_ms, told_ms;
	uint32_t untold;
};

struct limits {
	uint64_t seed;
	pthread_mutex_t locks[LOCKS]; /* of the sets, each of every LOCKSth */
	struct entry sets[SETS][PLACES];
};

int limits_create(struct limits **ret, uint64_t seed)
{
	struct limits *limits = calloc(1, sizeof(*limits));

	if (!limits)
		return -ENOMEM;
	limits->seed = seed;
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&limits->locks[i], NULL);
	*ret = limits;
	return 0;
}

struct limits *limits_destroy(struct limits *limits)
{
	for (int i = 0; limits && i < LOCKS; i++)
		pthread_mutex_destroy(&limits->locks[i]);
	free(limits);
	return NULL;
}

static struct address of_subscriber(const struct address *address)
{
	struct address of = *address;

	if (!address_is_v4(address))
		memset(of.bytes + 8, 0, 8);
	return of;
}

static size_t set_of(const struct limits *limits, const struct address *address)
{
	return XXH3_64bits_withSeed(address->bytes, sizeof(address->bytes),
				    limits->seed) %
	       SETS;
}

static double fill(double tokens, double rate_per_ms, double most,
		   uint64_t passed_ms)
{
	tokens += rate_per_ms * (double)passed_ms;
	return tokens < most ? tokens : most;
}

/* The entry of that address, with its tokens up to date. */
static struct entry *find(struct entry set[PLACES],
			  const struct address *address,
			  const struct limit_rates *rates, uint64_t now_ms)
{
	double handshakes = rates->handshakes_per_second;
	double refusals = rates->refusals_per_minute;
	struct entry *entry = &set[0];
	uint64_t passed;

	for (int i = 0; i < PLACES; i++) {
		if (set[i].used &&
		    memcmp(&set[i].address, address, sizeof(*address)) == 0) {
			entry = &set[i];
			passed = now_ms > entry->heard_ms
					 ? now_ms - entry->heard_ms
					 : 0;
			entry->handshakes =
				fill(entry->handshakes, handshakes / 1000,
				     handshakes, passed);
			entry->refusals =
				fill(entry->refusals, refusals / 60000,
				     refusals, passed);
			entry->heard_ms = now_ms;
			return entry;
		}
		if (!set[i].used ||
		    (entry->used && set[i].heard_ms < entry->heard_ms))
			entry = &set[i];
	}
	*entry = (struct entry){ .address = *address,
				 .used = true,
				 .handshakes = handshakes,
				 .refusals = refusals,
				 .heard_ms = now_ms };
	return entry;
}

static uint32_t how_many_to_tell(struct entry *entry, uint64_t now_ms)
{
	uint32_t untold = ++entry->untold;

	if (entry->told_ms && now_ms - entry->told_ms < TELL_MS)
		return 0;
	entry->told_ms = now_ms;
	entry->untold = 0;
	return untold;
}

enum limit_answer limits_ask(struct limits *limits,
			     const struct address *address,
			     const struct limit_rates *rates, uint64_t now_ms,
			     uint32_t *to_tell)
{
	struct address of = of_subscriber(address);
	size_t set = set_of(limits, &of);
	enum limit_answer answer = LIMIT_PASSED;
	struct entry *entry;

	*to_tell = 0;
	pthread_mutex_lock(&limits->locks[set % LOCKS]);
	entry = find(limits->sets[set], &of, rates, now_ms);
	if (rates->handshakes_per_second > 0 && entry->handshakes < 1)
		answer = LIMIT_HANDSHAKES;
	else if (rates->refusals_per_minute > 0 && entry->refusals < 1)
		answer = LIMIT_REFUSALS;
	else
		entry->handshakes -= 1;
	if (answer != LIMIT_PASSED)
		*to_tell = how_many_to_tell(entry, now_ms);
	pthread_mutex_unlock(&limits->locks[set % LOCKS]);
	return answer;
}

void limits_note_refusal(struct limits *limits, const struct address *address,
			 const struct limit_rates *rates, uint64_t now_ms)
{
	struct address of = of_subscriber(address);
	size_t set = set_of(limits, &of);

	pthread_mutex_lock(&limits->locks[set % LOCKS]);
	find(limits->sets[set], &of, rates, now_ms)->refusals -= 1;
	pthread_mutex_unlock(&limits->locks[set % LOCKS]);
}
