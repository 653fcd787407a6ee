/*
 * journal_format.c - names and checksums of a journal (see journal_format.h)
 */
#include "persistence/journal_format.h"

#include <isa-l/crc.h>
#include <stdio.h>
#include <string.h>

#include "persistence/record.h"

_Static_assert(sizeof(struct segment_header) == 64, "on disk");
_Static_assert(sizeof(struct entry_header) == 72, "on disk");
_Static_assert(sizeof(struct ack_entry) == 32, "on disk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "journals are little-endian and written as they are in memory");

#define CRC_START      0xffffffffu
#define ENTRY_CRC_FROM offsetof(struct entry_header, length)

static uint32_t crc32c(uint32_t seed, const void *bytes, size_t length)
{
	/* libisal asks for a pointer to non-const and does not write to it. */
	union {
		const void *in;
		unsigned char *out;
	} p = { .in = bytes };

	return crc32_iscsi(p.out, (int)length, seed);
}

void segment_name(uint32_t number, char out[SEGMENT_NAME_SIZE])
{
	(void)snprintf(out, SEGMENT_NAME_SIZE, "%08u.seg", number % 100000000u);
}

uint32_t segment_number(const char *file_name)
{
	uint32_t number = 0;
	int i;

	for (i = 0; i < 8; i++) {
		if (file_name[i] < '0' || file_name[i] > '9')
			return 0;
		number = number * 10 + (uint32_t)(file_name[i] - '0');
	}
	return strcmp(file_name + i, ".seg") == 0 ? number : 0;
}

uint32_t segment_seed(const struct uuid *journal, uint32_t number)
{
	uint32_t seed = crc32c(CRC_START, journal, sizeof(*journal));

	return crc32c(seed, &number, sizeof(number));
}

uint32_t segment_header_crc(const struct segment_header *header)
{
	return crc32c(CRC_START, header, offsetof(struct segment_header, crc));
}

size_t entry_size(uint32_t length)
{
	return (sizeof(struct entry_header) + (size_t)length + 7) & ~(size_t)7;
}

uint32_t entry_crc(const struct entry_header *entry, uint32_t seed)
{
	return crc32c(seed, (const unsigned char *)entry + ENTRY_CRC_FROM,
		      sizeof(*entry) - ENTRY_CRC_FROM + entry->length);
}

static bool has_known_type(const struct entry_header *entry)
{
	bool has_kind = record_kind_is_known(entry->kind);

	switch (entry->type) {
	case ENTRY_RECORD:
	case ENTRY_SNAPSHOT: return has_kind;
	case ENTRY_SNAPSHOT_END: return entry->length == 0;
	default: return false;
	}
}

bool entry_is_valid(const struct entry_header *entry, uint32_t seed)
{
	return entry->magic == ENTRY_MAGIC && has_known_type(entry) &&
	       entry->crc == entry_crc(entry, seed);
}

uint32_t ack_crc(const struct ack_entry *ack)
{
	size_t from = offsetof(struct ack_entry, seq);

	return crc32c(CRC_START, (const unsigned char *)ack + from,
		      sizeof(*ack) - from);
}
