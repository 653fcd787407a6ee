/*
 * journal_group.c - entries in the form they have on disk (journal_group.h)
 */
#include "persistence/journal_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/record.h"

#define ROOM_FIRST ((size_t)64 * 1024)

static int reserve(struct group *group, size_t more)
{
	size_t room = group->room ? group->room : ROOM_FIRST;
	unsigned char *bytes;

	if (group->length + more <= group->room)
		return 0;
	while (room < group->length + more)
		room *= 2;
	bytes = realloc(group->bytes, room);
	if (!bytes)
		return -ENOMEM;
	group->bytes = bytes;
	group->room = room;
	return 0;
}

static int add(struct group *group, const struct entry_header *header,
	       const char *payload)
{
	size_t size = entry_size(header->length);
	unsigned char *at;
	int r = reserve(group, size);

	if (r < 0)
		return r;
	at = group->bytes + group->length;
	memset(at + size - 8, 0, 8); /* what pads the payload is zero */
	memcpy(at, header, sizeof(*header));
	if (header->length > 0)
		memcpy(at + sizeof(*header), payload, header->length);
	group->length += size;
	return 0;
}

int group_add(struct group *group, enum entry_type type, uint64_t seq,
	      const struct record *record)
{
	struct entry_header header = { .magic = ENTRY_MAGIC,
				       .length = record->length,
				       .type = (uint8_t)type,
				       .kind = (uint8_t)record->kind,
				       .seq = seq,
				       .created_us = record->created_us,
				       .id = record->id,
				       .entity = record->entity,
				       .rev = record->rev };

	return add(group, &header, record->payload);
}

int group_add_end(struct group *group, uint64_t seq, uint32_t count)
{
	struct entry_header header = { .magic = ENTRY_MAGIC,
				       .type = ENTRY_SNAPSHOT_END,
				       .seq = seq,
				       .rev = count };

	return add(group, &header, NULL);
}

/* Entries lie at multiples of 8 from a malloc'd start. */
static struct entry_header *entry_at(const struct group *group, size_t at)
{
	return (void *)(group->bytes + at);
}

void group_seal(struct group *group, uint32_t seed)
{
	size_t at = 0;

	while (at < group->length) {
		struct entry_header *entry = entry_at(group, at);

		entry->crc = entry_crc(entry, seed);
		at += entry_size(entry->length);
	}
}

size_t group_renumber(struct group *group, uint64_t seq)
{
	size_t at = 0, count = 0;

	while (at < group->length) {
		struct entry_header *entry = entry_at(group, at);

		entry->seq = seq + count++;
		at += entry_size(entry->length);
	}
	return count;
}

int group_copy(struct group *to, const struct group *from)
{
	size_t had = to->length;
	int r;

	to->length = 0;
	r = reserve(to, from->length);
	if (r < 0) {
		to->length = had;
		return r;
	}
	memcpy(to->bytes, from->bytes, from->length);
	to->length = from->length;
	return 0;
}

uint64_t group_first_seq(const struct group *group)
{
	return entry_at(group, 0)->seq;
}

void group_free(struct group *group)
{
	free(group->bytes);
	*group = (struct group){ 0 };
}
