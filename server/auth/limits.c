/* limits.c - how often one address may try, and fail (see limits.h) */
#include "server/auth/limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SETS	    1024 /* of eight: 8192 addresses */
#define PLACES	    8
#define LOCKS	    16
#define TELL_MS	    10000u /* between two lines about the same address */

#define CONNECTIONS 2u	   /* for each handshake that is allowed */
#define SECOND	    1000.0 /* in milliseconds */
#define MINUTE	    60000.0

struct tokens {
	double connections, handshakes, refusals;
};

struct entry {
	struct address address; /* an IPv6 one without its last 64 bits */
	bool used;
	struct tokens left;
	uint64_t heard_ms, told_ms;
	uint32_t untold;
	uint32_t open; /* connections, now */
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
	/* Below zero where there was no rate, until a reload. */
	tokens = (tokens > 0 ? tokens : 0) + rate_per_ms * (double)passed_ms;
	return tokens < most ? tokens : most;
}

/* What a bucket holds when it is full. */
static struct tokens full(const struct limit_rates *rates)
{
	return (struct tokens){
		.connections = CONNECTIONS * rates->handshakes_per_second,
		.handshakes = rates->handshakes_per_second,
		.refusals = rates->refusals_per_minute,
	};
}

static void refill(struct entry *entry, const struct limit_rates *rates,
		   uint64_t now_ms)
{
	uint64_t passed =
		now_ms > entry->heard_ms ? now_ms - entry->heard_ms : 0;
	struct tokens *left = &entry->left, most = full(rates);

	left->connections = fill(left->connections, most.connections / SECOND,
				 most.connections, passed);
	left->handshakes = fill(left->handshakes, most.handshakes / SECOND,
				most.handshakes, passed);
	left->refusals = fill(left->refusals, most.refusals / MINUTE,
			      most.refusals, passed);
	entry->heard_ms = now_ms;
}

/* The entry of that address, with its tokens up to date. */
static struct entry *find(struct entry set[PLACES],
			  const struct address *address,
			  const struct limit_rates *rates, uint64_t now_ms)
{
	struct entry *entry = &set[0];

	for (int i = 0; i < PLACES; i++) {
		if (set[i].used &&
		    memcmp(&set[i].address, address, sizeof(*address)) == 0) {
			refill(&set[i], rates, now_ms);
			return &set[i];
		}
		if (!set[i].used ||
		    (entry->used && set[i].heard_ms < entry->heard_ms))
			entry = &set[i];
	}
	*entry = (struct entry){ .address = *address,
				 .used = true,
				 .left = full(rates),
				 .heard_ms = now_ms };
	return entry;
}

/* The entry, with its set locked, for let_go(); NULL: not limited. */
static struct entry *hold(struct limits *limits, const struct address *address,
			  const struct limit_rates *rates, uint64_t now_ms)
{
	struct address of = of_subscriber(address);
	size_t set = set_of(limits, &of);

	if (address_is_loopback(address))
		return NULL;
	pthread_mutex_lock(&limits->locks[set % LOCKS]);
	return find(limits->sets[set], &of, rates, now_ms);
}

static void let_go(struct limits *limits, const struct entry *entry)
{
	size_t set = (size_t)(entry - limits->sets[0]) / PLACES;

	pthread_mutex_unlock(&limits->locks[set % LOCKS]);
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
	struct entry *entry = hold(limits, address, rates, now_ms);
	enum limit_answer answer = LIMIT_PASSED;

	*to_tell = 0;
	if (!entry)
		return LIMIT_PASSED;
	if (rates->handshakes_per_second > 0 && entry->left.handshakes < 1)
		answer = LIMIT_HANDSHAKES;
	else if (rates->refusals_per_minute > 0 && entry->left.refusals < 1)
		answer = LIMIT_REFUSALS;
	else
		entry->left.handshakes -= 1;
	if (answer != LIMIT_PASSED)
		*to_tell = how_many_to_tell(entry, now_ms);
	let_go(limits, entry);
	return answer;
}

void limits_note_refusal(struct limits *limits, const struct address *address,
			 const struct limit_rates *rates, uint64_t now_ms)
{
	struct entry *entry = hold(limits, address, rates, now_ms);

	if (!entry)
		return;
	entry->left.refusals -= 1;
	let_go(limits, entry);
}

void limits_forgive(struct limits *limits, const struct address *address,
		    const struct limit_rates *rates, uint64_t now_ms)
{
	struct entry *entry = hold(limits, address, rates, now_ms);

	if (!entry)
		return;
	entry->left.refusals += 1; /* never more than full: see refill() */
	let_go(limits, entry);
}

bool limits_connect(struct limits *limits, const struct address *address,
		    const struct limit_rates *rates, uint64_t now_ms,
		    uint32_t *to_tell)
{
	struct entry *entry = hold(limits, address, rates, now_ms);
	bool passed = true;

	*to_tell = 0;
	if (!entry)
		return true;
	if (rates->handshakes_per_second > 0)
		passed = entry->left.connections >= 1;
	if (rates->connections > 0)
		passed = passed && entry->open < rates->connections;
	if (passed) {
		entry->left.connections -= 1;
		entry->open++;
	} else {
		*to_tell = how_many_to_tell(entry, now_ms);
	}
	let_go(limits, entry);
	return passed;
}

void limits_disconnect(struct limits *limits, const struct address *address,
		       const struct limit_rates *rates, uint64_t now_ms)
{
	struct entry *entry = hold(limits, address, rates, now_ms);

	if (!entry)
		return;
	if (entry->open > 0) /* the entry may have been another's since */
		entry->open--;
	let_go(limits, entry);
}

struct limit_rates limits_share(const struct limit_rates *rates,
				uint32_t processes)
{
	return (struct limit_rates){
		(rates->handshakes_per_second + processes - 1) / processes,
		(rates->refusals_per_minute + processes - 1) / processes,
		rates->connections,
	};
}
