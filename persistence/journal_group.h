/*
 * journal_group.h - entries in the form they have on disk, before they go there
 *
 * A group is one buffer of encoded entries. It is written into one segment, and
 * after a failed sync perhaps into another: the checksums depend on the
 * segment, so they are put in by group_seal(), as often as need be.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_JOURNAL_GROUP_H
#define PERSISTENCE_JOURNAL_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "persistence/journal_format.h"

struct record;

/* All zeros is an empty group; group_free() leaves one. */
struct group {
	unsigned char *bytes;
	size_t length, room;
};

/* Encodes one more entry, or the end of a snapshot of `count` entries. 0 or
 * -ENOMEM, which leaves the group as it was. */
int group_add(struct group *group, enum entry_type type, uint64_t seq,
	      const struct record *record);
int group_add_end(struct group *group, uint64_t seq, uint32_t count);

void group_seal(struct group *group, uint32_t seed);
/* Gives the entries the numbers from `seq` on; returns how many they are. */
size_t group_renumber(struct group *group, uint64_t seq);
/* 0 or -ENOMEM, which leaves `to` as it was. */
int group_copy(struct group *to, const struct group *from);
uint64_t group_first_seq(const struct group *group); /* not of an empty one */
void group_free(struct group *group);

#endif
