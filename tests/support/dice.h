/*
 * dice.h - chance that can be repeated: the same seed throws the same dice
 */
#ifndef TESTS_SUPPORT_DICE_H
#define TESTS_SUPPORT_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state; /* not 0 */
};

/* Seeds that follow each other give games that have nothing in common. */
static inline struct dice dice_seed(uint64_t seed)
{
	uint64_t x = seed + 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	return (struct dice){ .state = x ? x : 1 };
}

static inline uint64_t dice_next(struct dice *dice)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return dice->state * 0x2545f4914f6cdd1du >> 16;
}

/* From 0 to sides - 1. */
static inline uint64_t dice_throw(struct dice *dice, uint64_t sides)
{
	return dice_next(dice) % sides;
}

/* True once in so many throws. */
static inline bool dice_once_in(struct dice *dice, uint64_t sides)
{
	return dice_throw(dice, sides) == 0;
}

#endif
