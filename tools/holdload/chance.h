/*
 * chance.h - dice that fall the same way for the same seed
 *
 * Splitmix64: good enough to spread calls, and any number may be the seed.
 * Nothing here is secret.
 *
 * Thread: a chance belongs to whoever holds it.
 */
#ifndef HOLDLOAD_CHANCE_H
#define HOLDLOAD_CHANCE_H

#include <stdint.h>

struct chance {
	uint64_t state;
};

/* Of one thing among many: far from those of its neighbours. */
struct chance chance_of(uint64_t seed, uint64_t number);
uint64_t chance_bits(struct chance *chance);
/* From 0 to less than 1. */
double chance_part(struct chance *chance);
/* How long until the next of things that come at random, once a unit. */
double chance_gap(struct chance *chance);
/* Of the normal distribution, mean 0 and deviation 1. */
double chance_normal(struct chance *chance);

#endif
