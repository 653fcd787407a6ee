/* gate.c - what the loops of a process know about callers (see gate.h) */
#include "media/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sodium.h>
#include <xxhash.h>

#define BUCKETS 4096
#define LOCKS	64

struct gate {
	struct limits *limits;
	uint64_t seed; /* so that nobody can make names that collide */
	pthread_mutex_t locks[LOCKS]; /* of the buckets, each of every 64th */
	struct stream_claim *live[BUCKETS]; /* {locks} */
};

int gate_create(struct gate **ret)
{
	struct gate *gate = calloc(1, sizeof(*gate));
	uint64_t seeds[2];
	int r;

	if (!gate)
		return -ENOMEM;
	if (sodium_init() < 0) {
		free(gate);
		return -ENOSYS;
	}
	randombytes_buf(seeds, sizeof(seeds));
	gate->seed = seeds[0];
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&gate->locks[i], NULL);
	r = limits_create(&gate->limits, seeds[1]);
	if (r < 0) {
		gate_destroy(gate);
		return r;
	}
	*ret = gate;
	return 0;
}

struct gate *gate_destroy(struct gate *gate)
{
	if (!gate)
		return NULL;
	limits_destroy(gate->limits);
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&gate->locks[i]);
	free(gate);
	return NULL;
}

/* ---- addresses -------------------------------------------------------------
 */

enum limit_answer gate_ask(struct gate *gate, const struct address *address,
			   const struct limit_rates *rates, uint64_t now_ms,
			   uint32_t *to_tell)
{
	*to_tell = 0;
	if (address_is_loopback(address))
		return LIMIT_PASSED;
	return limits_ask(gate->limits, address, rates, now_ms, to_tell);
}

void gate_note_refusal(struct gate *gate, const struct address *address,
		       const struct limit_rates *rates, uint64_t now_ms)
{
	if (!address_is_loopback(address))
		limits_note_refusal(gate->limits, address, rates, now_ms);
}

/* ---- live streams ----------------------------------------------------------
 */

static bool is_same(const struct stream_claim *a, const struct stream_claim *b)
{
	return a->key[0] == b->key[0] && a->key[1] == b->key[1];
}

bool gate_claim(struct gate *gate, struct stream_claim *claim, const void *name,
		size_t size)
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(name, size, gate->seed);
	size_t bucket = hash.low64 % BUCKETS;
	const struct stream_claim *other;

	claim->key[0] = hash.low64;
	claim->key[1] = hash.high64;
	pthread_mutex_lock(&gate->locks[bucket % LOCKS]);
	other = gate->live[bucket];
	while (other && !is_same(other, claim))
		other = other->next;
	if (!other) {
		claim->next = gate->live[bucket];
		gate->live[bucket] = claim;
		claim->held = true;
	}
	pthread_mutex_unlock(&gate->locks[bucket % LOCKS]);
	return !other;
}

void gate_release(struct gate *gate, struct stream_claim *claim)
{
	size_t bucket = claim->key[0] % BUCKETS;
	struct stream_claim **at = &gate->live[bucket];

	if (!claim->held)
		return;
	pthread_mutex_lock(&gate->locks[bucket % LOCKS]);
	while (*at != claim)
		at = &(*at)->next;
	*at = claim->next;
	claim->held = false;
	pthread_mutex_unlock(&gate->locks[bucket % LOCKS]);
}
