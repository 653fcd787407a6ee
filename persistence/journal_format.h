/*
 * journal_format.h - the bytes of a journal, for its writer and its reader
 *
 * A segment is a file: a block of 4096 bytes with its header, then entries,
 * each at a multiple of 8 bytes. Numbers are little-endian. What is not written
 * yet is zero, or lies behind the end of the file.
 *
 *   segment header, 64 bytes              entry, 72 bytes and its payload
 *    0  magic      "HLDSEGMT"              0  magic     f5 "HLR"
 *    8  version    u32                     4  crc       u32
 *   12  number     u32, from 1             8  length    u32, of the payload
 *   16  journal    16 bytes, its id       12  type      u8   enum entry_type
 *   32  first_seq  u64                    13  kind      u8   enum record_kind
 *   40  created    i64, us since 1970     14  zeros     u16
 *   48  zeros                             16  seq       u64
 *   60  crc        u32 over 0..59         24  created   i64
 *                                         32  id        16 bytes
 * The header stands twice, at 0 and at    48  entity    16 bytes
 * 2048: a damaged sector costs one copy.  64  rev       u32
 * Magic, version and crc stay where they  68  zeros     u32
 * are in any later version.               72  payload, zeros up to 8
 *
 * An entry is valid when its magic is right, its type and kind are known, its
 * length is at most RECORD_PAYLOAD_MAX, and its crc (CRC32C) fits bytes 8 to
 * 72 + length, seeded with the CRC32C of journal id and segment number. So
 * neither a torn entry nor a stale block of another segment passes for one.
 *
 * A segment begins with a snapshot: one entry for each call that was open when
 * it was begun, and an end whose rev says how many they are. Their seq is that
 * of the last record before them. Then come records with ascending seq, the
 * first being first_seq; after a failed sync that may repeat what the segment
 * before has as well (journal.c, rule 4).
 *
 * An ack log is a run of 32-byte entries: magic f5 "HLA", crc over 8..31, seq
 * (all up to it are done), wall time, type, zeros.
 */
#ifndef PERSISTENCE_JOURNAL_FORMAT_H
#define PERSISTENCE_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/uuid.h"

#define SEGMENT_MAGIC	"HLDSEGMT"
#define SEGMENT_VERSION 1u
#define SEGMENT_COPY_AT 2048u /* the header's second copy */
#define SEGMENT_DATA_AT                                     \
	4096u /* the first entry; the header's page is left \
	       * alone once it is written */
#define SEGMENT_NAME_SIZE 16
/* No UTF-8 text holds an f5, so no payload looks like an entry. */
#define ENTRY_MAGIC 0x524c48f5u
#define ACK_MAGIC   0x414c48f5u

struct segment_header {
	char magic[8];
	uint32_t version;
	uint32_t number;
	struct uuid journal;
	uint64_t first_seq; /* of the records in it */
	int64_t created_us;
	uint8_t zeros[12];
	uint32_t crc;
};

enum entry_type {
	ENTRY_RECORD = 1,
	ENTRY_SNAPSHOT = 2,
	ENTRY_SNAPSHOT_END = 3,
};

struct entry_header {
	uint32_t magic;
	uint32_t crc;
	uint32_t length;
	uint8_t type, kind;
	uint16_t zeros;
	uint64_t seq;
	int64_t created_us;
	struct uuid id, entity;
	uint32_t rev;
	uint32_t more_zeros;
};

enum ack_type {
	ACK_DELIVERED = 1, /* all up to and including seq */
	ACK_SETTLED = 2,
	ACK_TAKEN = 3, /* seq alone: taken off a shelf */
};

struct ack_entry {
	uint32_t magic;
	uint32_t crc;
	uint64_t seq;
	int64_t at_us;
	uint32_t type;
	uint32_t zeros;
};

/* "00000042.seg", and back: 0 for any other name. */
void segment_name(uint32_t number, char out[SEGMENT_NAME_SIZE]);
uint32_t segment_number(const char *file_name);

/* What the crc of each entry in that segment begins with. */
uint32_t segment_seed(const struct uuid *journal, uint32_t number);
uint32_t segment_header_crc(const struct segment_header *header);

/* Bytes that an entry of that payload takes in its segment. */
size_t entry_size(uint32_t length);
/* Both: `entry` is followed by its payload; `length` is within bounds. */
uint32_t entry_crc(const struct entry_header *entry, uint32_t seed);
bool entry_is_valid(const struct entry_header *entry, uint32_t seed);

uint32_t ack_crc(const struct ack_entry *ack);

#endif
