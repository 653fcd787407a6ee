/* id_index.c - an open hash table, at most three quarters full (see id_index.h)
 */
#include "persistence/id_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64u

void id_index_finish(struct id_index *index)
{
	free(index->slots);
	*index = (struct id_index){ .slots = NULL };
}

/* Where a search for it begins. */
static size_t home_of(const struct id_index *index, const struct uuid *id)
{
	uint64_t tail;

	memcpy(&tail, id->bytes + 8, sizeof(tail));
	return (size_t)(tail ^ tail >> 29) & (index->room - 1);
}

/* Its slot, or the free one where it would go. */
static struct id_slot *slot_of(const struct id_index *index,
			       const struct uuid *id)
{
	size_t i = home_of(index, id);

	while (index->slots[i].place.where &&
	       !uuid_equal(&index->slots[i].id, id))
		i = (i + 1) & (index->room - 1);
	return &index->slots[i];
}

static int grow(struct id_index *index)
{
	struct id_index bigger = { .room = index->room ? index->room * 2
						       : ROOM_FIRST };

	bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->room; i++)
		if (index->slots[i].place.where)
			*slot_of(&bigger, &index->slots[i].id) =
				index->slots[i];
	bigger.count = index->count;
	free(index->slots);
	*index = bigger;
	return 0;
}

int id_index_set(struct id_index *index, const struct uuid *id,
		 struct id_place place)
{
	struct id_slot *slot;

	if (index->count * 4 >= index->room * 3 && grow(index) < 0)
		return -ENOMEM;
	slot = slot_of(index, id);
	index->count += !slot->place.where;
	slot->id = *id;
	slot->place = place;
	return 0;
}

const struct id_place *id_index_find(const struct id_index *index,
				     const struct uuid *id)
{
	const struct id_slot *slot;

	if (index->count == 0)
		return NULL;
	slot = slot_of(index, id);
	return slot->place.where ? &slot->place : NULL;
}

/* Those that had to step aside for it move up, so that searches find them. */
void id_index_remove(struct id_index *index, const struct uuid *id)
{
	size_t hole, i, mask = index->room - 1;

	if (!id_index_find(index, id))
		return;
	hole = i = (size_t)(slot_of(index, id) - index->slots);
	for (;;) {
		size_t home;

		i = (i + 1) & mask;
		if (!index->slots[i].place.where)
			break;
		home = home_of(index, &index->slots[i].id);
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			index->slots[hole] = index->slots[i];
			hole = i;
		}
	}
	index->slots[hole].place.where = NULL;
	index->count--;
}
