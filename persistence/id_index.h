/*
 * id_index.h - where a record is, by its id
 *
 * Constant time, some 40 to 90 bytes an id. The ids are random enough by
 * themselves to be spread by their last bytes.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_ID_INDEX_H
#define PERSISTENCE_ID_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/uuid.h"

struct id_place {
	void *where; /* never NULL; borrowed */
	uint64_t seq;
};

struct id_slot {
	struct uuid id;
	struct id_place place; /* where == NULL: free */
};

struct id_index {
	struct id_slot *slots;
	size_t room, count; /* room: a power of two, or 0 */
};

/* An index of all zeros is an empty one. */
void id_index_finish(struct id_index *index);

/* Replaces what was known of that id. 0 or -ENOMEM. */
int id_index_set(struct id_index *index, const struct uuid *id,
		 struct id_place place);
void id_index_remove(struct id_index *index, const struct uuid *id);
/* NULL: not there. Valid until the index changes. */
const struct id_place *id_index_find(const struct id_index *index,
				     const struct uuid *id);

#endif
