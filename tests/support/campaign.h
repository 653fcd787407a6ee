/*
 * campaign.h - how long a test of chance plays, and from which seed on
 *
 * Quick by default; the environment asks for more:
 *
 *   HOLDLINE_CAMPAIGN_SEEDS=10000   so many games
 *   HOLDLINE_SEED=4711              the first one's number
 */
#ifndef TESTS_SUPPORT_CAMPAIGN_H
#define TESTS_SUPPORT_CAMPAIGN_H

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t campaign_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static inline uint64_t campaign_seeds(uint64_t quick)
{
	return campaign_number("HOLDLINE_CAMPAIGN_SEEDS", quick);
}

static inline uint64_t campaign_first_seed(void)
{
	return campaign_number("HOLDLINE_SEED", 1);
}

#endif
