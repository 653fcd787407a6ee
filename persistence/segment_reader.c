/*
 * segment_reader.c - one segment, read through a window (see segment_reader.h)
 *
 * The window is refilled from the offset that is asked for, which is always a
 * multiple of 8, as are the places of entries: so what lies in the window can
 * be read in place.
 */
#include "persistence/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/record.h"

#define WINDOW_BYTES (2 * RECORD_PAYLOAD_MAX)
#define READ_BYTES   ((size_t)128 * 1024) /* at a time, unless more is needed */

_Static_assert(WINDOW_BYTES >= RECORD_PAYLOAD_MAX + sizeof(struct entry_header),
	       "an entry fits the window");

/* ---- which there are --------------------------------------------------------
 */

static int ascending(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int append(uint32_t **numbers, size_t count, uint32_t number)
{
	uint32_t *more;

	/* Room doubles at 16, 32, 64, ... */
	if (count >= 16 ? (count & (count - 1)) == 0 : count == 0) {
		more = realloc(*numbers,
			       (count < 16 ? 16 : count * 2) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		*numbers = more;
	}
	(*numbers)[count] = number;
	return 0;
}

/* Of the directory's next segment: 1, 0 at the end, or -errno. A directory that
 * is read by halves is worse than none: what is missing would count as done. */
static int next_segment(DIR *dir, uint32_t *number)
{
	struct dirent *file;

	do {
		errno = 0;
		file = readdir(dir);
		if (!file)
			return -errno;
		*number = segment_number(file->d_name);
	} while (*number == 0);
	return 1;
}

int segment_list(int pend_fd, uint32_t **ret, size_t *ret_count)
{
	DIR *dir = disk_list(pend_fd, ".");
	uint32_t *numbers = NULL, number = 0;
	size_t count = 0;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (r = next_segment(dir, &number)) > 0) {
		r = append(&numbers, count, number);
		count += r == 0;
	}
	(void)closedir(dir);
	if (r < 0) {
		free(numbers);
		return r;
	}
	if (count > 1)
		qsort(numbers, count, sizeof(*numbers), ascending);
	*ret = numbers;
	*ret_count = count;
	return 0;
}

int segment_after(int pend_fd, uint32_t number, uint32_t *after)
{
	DIR *dir = disk_list(pend_fd, ".");
	uint32_t n = 0;
	int r;

	*after = 0;
	if (!dir)
		return -errno;
	while ((r = next_segment(dir, &n)) > 0)
		if (n > number && (*after == 0 || n < *after))
			*after = n;
	(void)closedir(dir);
	return r;
}

/* ---- headers ---------------------------------------------------------------
 */

static bool is_header(const struct segment_header *header)
{
	return memcmp(header->magic, SEGMENT_MAGIC, sizeof(header->magic)) ==
		       0 &&
	       header->crc == segment_header_crc(header);
}

static int open_segment(int pend_fd, uint32_t number)
{
	char name[SEGMENT_NAME_SIZE];
	int fd;

	segment_name(number, name);
	fd = openat(pend_fd, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int segment_read_copy(int pend_fd, uint32_t number, unsigned copy,
		      struct segment_header *header)
{
	int fd = open_segment(pend_fd, number);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = disk_read(fd, header, sizeof(*header),
		      copy * (uint64_t)SEGMENT_COPY_AT);
	(void)close(fd);
	if (n < 0)
		return (int)n;
	return n == (ssize_t)sizeof(*header) && is_header(header) &&
	       header->number == number;
}

int segment_read_header(int pend_fd, uint32_t number,
			const struct uuid *journal,
			struct segment_header *header)
{
	struct segment_header second;
	int r = segment_read_copy(pend_fd, number, 0, header), r2;

	if (r == 1 && (!journal || uuid_equal(&header->journal, journal)))
		return r;
	/* A stale sector of another journal has a header that is whole. */
	r2 = segment_read_copy(pend_fd, number, 1, &second);
	if (r2 == 1 && (r != 1 || uuid_equal(&second.journal, journal))) {
		*header = second;
		return r2;
	}
	/* What cannot be read now may be whole. */
	if (r < 0)
		return r2 == 0 ? 0 : r;
	return r2 < 0 ? r2 : r;
}

/* ---- the window ------------------------------------------------------------
 */

int segment_reader_init(struct segment_reader *reader)
{
	*reader = (struct segment_reader){ .fd = -1 };
	reader->window = malloc(WINDOW_BYTES);
	return reader->window ? 0 : -ENOMEM;
}

void segment_reader_finish(struct segment_reader *reader)
{
	segment_reader_leave(reader);
	free(reader->window);
	reader->window = NULL;
}

int segment_reader_enter(struct segment_reader *reader, int pend_fd,
			 uint32_t number, const struct uuid *journal)
{
	int fd = open_segment(pend_fd, number);

	if (fd < 0)
		return fd;
	segment_reader_leave(reader);
	reader->fd = fd;
	reader->number = number;
	reader->seed = segment_seed(journal, number);
	reader->offset = SEGMENT_DATA_AT;
	return 0;
}

void segment_reader_leave(struct segment_reader *reader)
{
	if (reader->fd >= 0)
		(void)close(reader->fd);
	reader->fd = -1;
	reader->window_length = 0;
}

void segment_reader_refresh(struct segment_reader *reader)
{
	reader->window_length = 0;
}

/* Up to `length` bytes at the offset, fewer at the end of the file: how many,
 * or -errno. */
static ssize_t peek(struct segment_reader *reader, uint64_t offset,
		    size_t length, const unsigned char **bytes)
{
	uint64_t end = reader->window_at + reader->window_length;
	size_t there;

	if (offset < reader->window_at || offset + length > end) {
		size_t want = length > READ_BYTES ? WINDOW_BYTES : READ_BYTES;
		ssize_t n = disk_read(reader->fd, reader->window, want, offset);

		reader->window_at = offset;
		reader->window_length = n < 0 ? 0 : (size_t)n;
		if (n < 0)
			return n;
	}
	*bytes = reader->window + (offset - reader->window_at);
	there = reader->window_length - (size_t)(offset - reader->window_at);
	return (ssize_t)(length < there ? length : there);
}

/* ---- entries ---------------------------------------------------------------
 */

static enum segment_look look_at(struct segment_reader *reader, uint64_t offset,
				 const struct entry_header **ret, int *error)
{
	const struct entry_header *entry;
	const unsigned char *bytes;
	ssize_t n = peek(reader, offset, sizeof(*entry), &bytes);
	size_t whole;

	if (n < 0)
		goto fail;
	entry = (const void *)bytes;
	if (n < (ssize_t)sizeof(*entry) || entry->magic != ENTRY_MAGIC ||
	    entry->length > RECORD_PAYLOAD_MAX)
		return LOOK_INVALID;
	whole = sizeof(*entry) + entry->length;
	n = peek(reader, offset, whole, &bytes);
	if (n < 0)
		goto fail;
	entry = (const void *)bytes;
	/* The length was read anew: a writer may be at work just there. */
	if (n < (ssize_t)whole || sizeof(*entry) + entry->length > whole ||
	    !entry_is_valid(entry, reader->seed))
		return LOOK_INVALID;
	*ret = entry;
	return LOOK_ENTRY;
fail:
	*error = (int)n;
	return LOOK_ERROR;
}

enum segment_look segment_reader_look(struct segment_reader *reader,
				      const struct entry_header **entry,
				      int *error)
{
	return look_at(reader, reader->offset, entry, error);
}

void segment_reader_pass(struct segment_reader *reader,
			 const struct entry_header *entry)
{
	reader->offset += entry_size(entry->length);
}

int segment_reader_search(struct segment_reader *reader, uint64_t *found)
{
	const struct entry_header *entry;
	enum segment_look look = LOOK_INVALID;
	const unsigned char *bytes;
	int error = 0;

	*found = reader->offset;
	for (uint64_t at = reader->offset;; at += 8) {
		uint64_t word = 0;
		ssize_t n = peek(reader, at, sizeof(word), &bytes);

		if (n <= 0)
			return (int)n;
		memcpy(&word, bytes, (size_t)n);
		if (word != 0)
			*found = at + (uint64_t)n;
		if ((uint32_t)word == ENTRY_MAGIC && at > reader->offset)
			look = look_at(reader, at, &entry, &error);
		if (look == LOOK_ERROR)
			return error;
		if (look == LOOK_ENTRY) {
			*found = at;
			return 1;
		}
	}
}

/* Goes on past a whole snapshot, if there is one at the offset; *seq is that of
 * the last record before it. */
static bool pass_snapshot(struct segment_reader *reader, uint64_t *seq)
{
	const struct entry_header *entry;
	uint32_t count = 0;
	int error;

	while (segment_reader_look(reader, &entry, &error) == LOOK_ENTRY) {
		if (entry->type == ENTRY_RECORD)
			return false;
		segment_reader_pass(reader, entry);
		*seq = entry->seq;
		if (entry->type == ENTRY_SNAPSHOT_END)
			return entry->rev == count;
		count++;
	}
	return false;
}

bool segment_reader_finds_order(struct segment_reader *reader, int pend_fd,
				const struct segment_header *header)
{
	const struct entry_header *entry;
	bool in_order = false;
	uint64_t before;
	int error;

	if (segment_reader_enter(reader, pend_fd, header->number,
				 &header->journal) < 0)
		return false;
	if (pass_snapshot(reader, &before) && before + 1 == header->first_seq &&
	    segment_reader_look(reader, &entry, &error) == LOOK_ENTRY)
		in_order = entry->type == ENTRY_RECORD &&
			   entry->seq == header->first_seq;
	segment_reader_leave(reader);
	/* The first group of all has nothing to be repeated before it. */
	return in_order && (header->first_seq > 1 || header->number == 1);
}
