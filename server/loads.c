/*
 * loads.c - who takes the next caller (see loads.h)
 */
#include "server/loads.h"

void loads_set(struct loads *loads, uint32_t place, uint32_t connections)
{
	atomic_store(&loads->words[place], connections + 1);
}

void loads_enter(struct loads *loads, uint32_t place)
{
	loads_set(loads, place, 0);
}

void loads_leave(struct loads *loads, uint32_t place)
{
	atomic_store(&loads->words[place], 0);
}

static uint32_t slack(uint32_t connections)
{
	return 1 + connections / LOADS_COARSE;
}

uint32_t loads_allow(const struct loads *loads, uint32_t place, uint32_t count)
{
	uint32_t mine = atomic_load(&loads->words[place]), least = UINT32_MAX;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t word = atomic_load(&loads->words[i]);

		if (i != place && word > 0 && word < least)
			least = word;
	}
	if (least == UINT32_MAX)
		return UINT32_MAX; /* there is no other */
	least += slack(least - 1);
	return mine < least ? least - mine : 0;
}

uint32_t loads_allow_late(const struct loads *loads, uint32_t place)
{
	return slack(atomic_load(&loads->words[place]));
}
