/* wheel.c - who is due next, however many wait (see wheel.h) */
#include "tools/holdload/wheel.h"

#include <stddef.h>

void wheel_init(struct wheel *wheel, uint64_t origin_ns)
{
	*wheel = (struct wheel){ .origin_ns = origin_ns };
}

static void hang(struct wheel_entry **list, struct wheel_entry *entry)
{
	entry->next = *list;
	entry->link = list;
	if (entry->next)
		entry->next->link = &entry->next;
	*list = entry;
}

void wheel_remove(struct wheel_entry *entry)
{
	if (!entry->link)
		return;
	*entry->link = entry->next;
	if (entry->next)
		entry->next->link = entry->link;
	entry->next = NULL;
	entry->link = NULL;
}

void wheel_set(struct wheel *wheel, struct wheel_entry *entry, uint64_t at_ns)
{
	uint64_t tick = 0;

	if (at_ns > wheel->origin_ns) /* rounded up: never early */
		tick = (at_ns - wheel->origin_ns - 1) / WHEEL_TICK_NS + 1;
	if (tick < wheel->tick)
		tick = wheel->tick;
	if (entry->link && entry->tick == tick)
		return;
	wheel_remove(entry);
	entry->tick = tick;
	hang(&wheel->slots[tick % WHEEL_SLOTS], entry);
}

/* Those of the next tick become due; those of a later turn stay. */
static void turn(struct wheel *wheel)
{
	struct wheel_entry *entry, *next;

	for (entry = wheel->slots[wheel->tick % WHEEL_SLOTS]; entry;
	     entry = next) {
		next = entry->next;
		if (entry->tick > wheel->tick)
			continue;
		wheel_remove(entry);
		hang(&wheel->due, entry);
	}
	wheel->tick++;
}

struct wheel_entry *wheel_take(struct wheel *wheel, uint64_t now_ns)
{
	struct wheel_entry *entry;

	while (!wheel->due &&
	       wheel->origin_ns + wheel->tick * WHEEL_TICK_NS <= now_ns)
		turn(wheel);
	entry = wheel->due;
	if (entry)
		wheel_remove(entry);
	return entry;
}
