/* chance.c - dice that fall the same way for the same seed (see chance.h) */
#include "tools/holdload/chance.h"

#include <math.h>

#define GOLDEN 0x9e3779b97f4a7c15u /* 2^64 by the golden ratio */

uint64_t chance_bits(struct chance *chance)
{
	uint64_t z = chance->state += GOLDEN;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

struct chance chance_of(uint64_t seed, uint64_t number)
{
	struct chance chance = { seed };

	chance.state = chance_bits(&chance) ^ number;
	chance.state = chance_bits(&chance);
	return chance;
}

double chance_part(struct chance *chance)
{
	return (double)(chance_bits(chance) >> 11) * 0x1p-53;
}

double chance_gap(struct chance *chance)
{
	return -log1p(-chance_part(chance));
}

/* Box and Muller's way; the second number that it gives is left. */
double chance_normal(struct chance *chance)
{
	double radius = sqrt(2 * chance_gap(chance));

	return radius * cos(2 * M_PI * chance_part(chance));
}
