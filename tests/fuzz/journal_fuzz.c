/*
 * journal_fuzz.c - no bytes make the reader of a journal crash or hang
 *
 * The input becomes the entries of a segment. So that the fuzzer gets past the
 * checksums, each place where it wrote an entry's magic is given the checksum
 * that belongs there, unless the entry's `zeros` say to leave it damaged. The
 * journal is read as a live one and as a finished one, and twice from a seek.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/journal_format.h"
#include "persistence/journal_reader.h"
#include "persistence/record.h"

#define ENTRIES_MAX 65536u /* of 72 bytes: more than fit the input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct uuid journal_id = { { 1, 2, 3 } };
static char dir[] = "/tmp/holdline-fuzz-XXXXXX";
static char path[sizeof(dir) + 32];

static void remove_dir(void)
{
	(void)unlink(path);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
	(void)rmdir(dir);
}

static void make_dir(void)
{
	static bool made;

	if (made)
		return;
	made = true;
	if (!mkdtemp(dir))
		abort();
	(void)snprintf(path, sizeof(path), "%s/pend", dir);
	if (mkdir(path, 0700) < 0)
		abort();
	(void)strcat(path, "/00000001.seg");
	(void)atexit(remove_dir);
}

static void mend_checksums(unsigned char *entries, size_t size)
{
	uint32_t seed = segment_seed(&journal_id, 1);

	for (size_t at = 0; at + sizeof(struct entry_header) <= size; at += 8) {
		struct entry_header *entry = (void *)(entries + at);

		if (entry->magic == ENTRY_MAGIC && entry->zeros == 0 &&
		    entry->length <= size - at - sizeof(*entry))
			entry->crc = entry_crc(entry, seed);
	}
}

static void write_segment(const uint8_t *data, size_t size)
{
	struct segment_header header = { .magic = SEGMENT_MAGIC,
					 .version = SEGMENT_VERSION,
					 .number = 1,
					 .journal = journal_id,
					 .first_seq = 1 };
	unsigned char *file = calloc(1, SEGMENT_DATA_AT + size);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (!file || fd < 0)
		abort();
	header.crc = segment_header_crc(&header);
	memcpy(file, &header, sizeof(header));
	memcpy(file + SEGMENT_DATA_AT, data, size);
	mend_checksums(file + SEGMENT_DATA_AT, size);
	if (write(fd, file, SEGMENT_DATA_AT + size) < 0)
		abort();
	(void)close(fd);
	free(file);
}

static void read_journal(bool finished, uint64_t limit, uint64_t seek)
{
	struct journal_reader *reader;
	struct journal_entry entry;
	size_t count = 0;

	if (journal_reader_open(&reader, dir) < 0)
		abort();
	if (seek && journal_reader_seek(reader, seek) < 0)
		abort();
	while (journal_reader_next(reader, limit, finished, &entry) == 1) {
		if (entry.record->length > RECORD_PAYLOAD_MAX ||
		    ++count > ENTRIES_MAX)
			abort();
		free(entry.record);
	}
	journal_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	make_dir();
	write_segment(data, size);
	read_journal(false, UINT64_MAX, 0);
	read_journal(false, 1000, 0);
	read_journal(true, UINT64_MAX, 0);
	read_journal(true, UINT64_MAX, UINT64_MAX);
	return 0;
}
