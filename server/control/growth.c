/* growth.c - how fast does the outbox grow? (growth.h) */
#include "server/control/growth.h"

static size_t newest(const struct growth *growth)
{
	return (growth->next + GROWTH_NOTES - 1) % GROWTH_NOTES;
}

void growth_note(struct growth *growth, int64_t bytes, uint64_t now_ms)
{
	if (growth->count > 0 &&
	    now_ms - growth->notes[newest(growth)].at_ms < GROWTH_STEP_MS)
		return;
	growth->notes[growth->next].at_ms = now_ms;
	growth->notes[growth->next].bytes = bytes;
	growth->next = (growth->next + 1) % GROWTH_NOTES;
	if (growth->count < GROWTH_NOTES)
		growth->count++;
}

double growth_rate(const struct growth *growth)
{
	size_t last, first;
	double seconds;

	if (growth->count < GROWTH_LEAST)
		return 0;
	last = newest(growth);
	first = (growth->next + GROWTH_NOTES - growth->count) % GROWTH_NOTES;
	seconds = (double)(growth->notes[last].at_ms -
			   growth->notes[first].at_ms) /
		  1000.0;
	return (double)(growth->notes[last].bytes -
			growth->notes[first].bytes) /
	       seconds;
}
