/*
 * journal_reader.c - reads a journal, live or finished (see journal_reader.h)
 *
 * The reader walks the segments in order of their numbers, and each of them
 * entry by entry. What it does where no valid entry stands:
 *
 *   newest segment, writer alive,      the end, for now: ask again later
 *     nothing more is known durable
 *   sealed by a younger segment, or    read it once more (the writer may have
 *     the writer is gone, or the       been quicker than our look), then look
 *     limit says that more is durable  for the next valid entry, 8 bytes at a
 *                                      time; none: go to the next segment
 *
 * After a failed sync a segment repeats the end of the one before, which may
 * have holes that its page cache does not show any more (journal.c, rule 4). So
 * at a hole the reader first asks whether the next segment has it all.
 */
#include "persistence/journal_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/record.h"
#include "persistence/segment_reader.h"

#define GO_ON 2 /* beside 1, 0 and -errno: nothing to give, look again */

struct journal_reader {
	int pend_fd;
	struct uuid journal; /* its id; segments of others are not ours */
	bool knows_journal;
	struct segment_reader segment;
	uint32_t number;   /* of the segment entered last */
	uint64_t last_seq; /* of the newest record given out */
	bool knows_seq;	   /* last_seq means something */
	int64_t last_us;
	uint32_t snapshot_count; /* snapshot entries seen in this segment */
	uint32_t snapshot_whole; /* the newest segment with all of them */
	bool hole;		 /* something was damaged since last_seq */
	size_t passed_over;
	struct journal_damage damage;
};

/* ---- opening ---------------------------------------------------------------
 */

bool journal_is_live(const char *dir)
{
	char path[PATH_MAX];
	bool live = false;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/LOCK", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		live = errno == EWOULDBLOCK;
	(void)close(fd);
	return live;
}

/* A journal's name ends with the last bytes of its id. */
static bool has_name_of(const char *dir, const struct uuid *journal)
{
	const uint8_t *id = journal->bytes;
	size_t length = strlen(dir);
	char tail[9];

	(void)snprintf(tail, sizeof(tail), "%02x%02x%02x%02x", id[12], id[13],
		       id[14], id[15]);
	return length > 8 && strcmp(dir + length - 8, tail) == 0;
}

/* Whose segments are these? Those of the journal that the directory is named
 * after; in a renamed directory, of whichever comes first. */
static int learn_journal(struct journal_reader *reader, const char *dir)
{
	struct segment_header header;
	uint32_t *numbers;
	size_t count;
	int r = segment_list(reader->pend_fd, &numbers, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (segment_read_header(reader->pend_fd, numbers[i], &header) <=
		    0)
			continue;
		if (header.version > SEGMENT_VERSION)
			r = -EPROTONOSUPPORT;
		if (reader->knows_journal && !has_name_of(dir, &header.journal))
			continue;
		reader->journal = header.journal;
		reader->knows_journal = true;
		if (has_name_of(dir, &header.journal))
			break;
	}
	free(numbers);
	return r;
}

int journal_reader_open(struct journal_reader **ret, const char *dir)
{
	struct journal_reader *reader = calloc(1, sizeof(*reader));
	char path[PATH_MAX];
	int r;

	if (!reader)
		return -ENOMEM;
	reader->pend_fd = reader->segment.fd = -1;
	r = segment_reader_init(&reader->segment);
	if (r < 0)
		goto fail;
	(void)snprintf(path, sizeof(path), "%s/pend", dir);
	r = disk_open_dir(AT_FDCWD, path, false);
	if (r < 0)
		goto fail;
	reader->pend_fd = r;
	r = learn_journal(reader, dir);
	if (r < 0)
		goto fail;
	*ret = reader;
	return 0;
fail:
	journal_reader_close(reader);
	return r;
}

struct journal_reader *journal_reader_close(struct journal_reader *reader)
{
	if (!reader)
		return NULL;
	segment_reader_finish(&reader->segment);
	if (reader->pend_fd >= 0)
		(void)close(reader->pend_fd);
	free(reader);
	return NULL;
}

static bool is_ours(const struct journal_reader *reader,
		    const struct segment_header *header)
{
	return !reader->knows_journal ||
	       uuid_equal(&reader->journal, &header->journal);
}

/* Can reading begin here, with nothing lost of what was open before? */
static bool has_whole_snapshot(struct journal_reader *reader, uint32_t number)
{
	bool whole;

	if (segment_reader_enter(&reader->segment, reader->pend_fd, number,
				 &reader->journal) < 0)
		return false;
	whole = segment_reader_pass_snapshot(&reader->segment);
	segment_reader_leave(&reader->segment);
	return whole;
}

int journal_reader_seek(struct journal_reader *reader, uint64_t seq)
{
	struct segment_header header;
	uint32_t *numbers;
	size_t count;
	int r = segment_list(reader->pend_fd, &numbers, &count);

	if (r < 0)
		return r;
	reader->number = 0;
	for (size_t i = count; reader->number == 0 && i-- > 0;)
		if (segment_read_header(reader->pend_fd, numbers[i], &header) ==
			    1 &&
		    is_ours(reader, &header) && header.first_seq <= seq &&
		    has_whole_snapshot(reader, numbers[i]))
			reader->number = numbers[i] - 1;
	free(numbers);
	return 0;
}

/* ---- segments --------------------------------------------------------------
 */

static uint32_t next_number(const struct journal_reader *reader)
{
	return segment_after(reader->pend_fd, reader->number);
}

static void pass_over(struct journal_reader *reader, uint32_t number)
{
	segment_reader_leave(&reader->segment);
	reader->number = number;
	reader->passed_over++;
}

static bool is_unreadable(int error)
{
	return error == -EIO || error == -EUCLEAN || error == -EBADMSG;
}

/* The segment cannot be read. It must not hold up those behind it; but if a
 * writer is still at it, or we are merely short of something, we try again. */
static int cannot_read(struct journal_reader *reader, uint32_t number,
		       int error, bool finished)
{
	bool newest = segment_after(reader->pend_fd, number) == 0;

	if (error == -ENOENT) { /* delivered and swept just now */
		reader->number = number;
		return GO_ON;
	}
	if (is_unreadable(error) && (finished || !newest)) {
		pass_over(reader, number);
		reader->hole = true;
	}
	return error;
}

/* Goes into that segment. `header` is NULL when it was not whole: where its
 * records are and how they are sealed is known all the same. */
static int enter(struct journal_reader *reader, uint32_t number,
		 const struct segment_header *header, bool finished)
{
	int r;

	if (header)
		reader->journal = header->journal;
	r = segment_reader_enter(&reader->segment, reader->pend_fd, number,
				 &reader->journal);
	if (r < 0)
		return cannot_read(reader, number, r, finished);
	reader->number = number;
	reader->snapshot_count = 0;
	if (!header)
		return GO_ON;
	reader->knows_journal = true;
	if (header->created_us > reader->last_us)
		reader->last_us = header->created_us;
	if (!reader->knows_seq) {
		reader->last_seq = header->first_seq - 1;
		reader->knows_seq = true;
	}
	return GO_ON;
}

/* The end of a finished journal. What was damaged last, with nothing behind it
 * to count by, was one record at least. */
static int at_end(struct journal_reader *reader)
{
	reader->damage.records += reader->hole;
	reader->hole = false;
	return 0;
}

static int advance(struct journal_reader *reader, bool finished)
{
	uint32_t number = next_number(reader);
	struct segment_header header;
	int r;

	if (number == 0)
		return finished ? at_end(reader) : 0;
	r = segment_read_header(reader->pend_fd, number, &header);
	if (r < 0)
		return cannot_read(reader, number, r, finished);
	if (r == 1 && header.version > SEGMENT_VERSION)
		return -EPROTONOSUPPORT;
	if (r == 1 && is_ours(reader, &header))
		return enter(reader, number, &header, finished);
	/* The writer may be making it at this moment. */
	if (r == 0 && !finished && segment_after(reader->pend_fd, number) == 0)
		return 0;
	if (r == 0 && reader->knows_journal)
		return enter(reader, number, NULL, finished);
	pass_over(reader, number);
	reader->hole |= r == 0;
	return GO_ON;
}

/* Does the next segment repeat that record? */
static bool is_repeated(const struct journal_reader *reader, uint64_t seq)
{
	const struct entry_header *entry;
	struct segment_reader next;
	uint32_t number = next_number(reader);
	bool repeated = false;
	int error;

	if (number == 0 || segment_reader_init(&next) < 0)
		return false;
	if (segment_reader_enter(&next, reader->pend_fd, number,
				 &reader->journal) == 0 &&
	    segment_reader_pass_snapshot(&next) &&
	    segment_reader_look(&next, &entry, &error) == LOOK_ENTRY)
		repeated = entry->type == ENTRY_RECORD && entry->seq <= seq;
	segment_reader_finish(&next);
	return repeated;
}

/* ---- entries ---------------------------------------------------------------
 */

static int give(const struct journal_reader *reader,
		const struct entry_header *header, struct journal_entry *entry)
{
	const char *payload = (const char *)header + sizeof(*header);
	struct record *record = record_create(
		(enum record_kind)header->kind, &header->id, &header->entity,
		header->rev, header->created_us, payload, header->length);

	if (!record)
		return -ENOMEM;
	*entry = (struct journal_entry){
		.record = record,
		.seq = header->seq,
		.snapshot = header->type == ENTRY_SNAPSHOT,
		.segment = reader->number,
	};
	return 1;
}

/* What is missing before it was lost to damage we saw, or never came. */
static void note_record(struct journal_reader *reader,
			const struct entry_header *header)
{
	uint64_t missing = 0;

	if (reader->knows_seq)
		missing = header->seq - reader->last_seq - 1;
	if (reader->hole)
		reader->damage.records += missing;
	else
		reader->damage.gaps += missing;
	reader->hole = false;
	reader->last_seq = header->seq;
	reader->knows_seq = true;
	if (header->created_us > reader->last_us)
		reader->last_us = header->created_us;
}

/* A valid entry stands at the offset. */
static int take(struct journal_reader *reader,
		const struct entry_header *header, uint64_t limit,
		struct journal_entry *entry)
{
	int r = GO_ON;

	switch (header->type) {
	case ENTRY_SNAPSHOT:
		r = give(reader, header, entry);
		reader->snapshot_count += r > 0;
		break;
	case ENTRY_SNAPSHOT_END:
		if (header->rev == reader->snapshot_count)
			reader->snapshot_whole = reader->number;
		break;
	default:
		if (header->seq > limit)
			return 0;
		if (reader->knows_seq && header->seq <= reader->last_seq)
			break; /* seen in the segment before */
		r = give(reader, header, entry);
		if (r > 0)
			note_record(reader, header);
	}
	if (r > 0)
		segment_reader_pass(&reader->segment, header);
	return r;
}

/* There is something valid behind the hole, at `next`. */
static int pass_hole(struct journal_reader *reader, uint64_t next)
{
	struct segment_reader *segment = &reader->segment;
	uint64_t from = segment->offset;
	const struct entry_header *entry;
	int error;

	segment->offset = next;
	reader->hole = true;
	if (segment_reader_look(segment, &entry, &error) == LOOK_ENTRY &&
	    entry->type == ENTRY_RECORD && entry->seq > reader->last_seq + 1 &&
	    is_repeated(reader, entry->seq)) {
		segment_reader_leave(segment);
		return GO_ON;
	}
	reader->damage.bytes += next - from;
	return GO_ON;
}

/* Nothing valid follows in this segment. */
static int pass_end(struct journal_reader *reader, uint64_t garbage_end,
		    bool sealed)
{
	struct segment_reader *segment = &reader->segment;

	if (!sealed)
		return 0; /* what is owed to us has not come yet */
	if (garbage_end > segment->offset) {
		reader->hole = true;
		reader->damage.bytes += garbage_end - segment->offset;
		segment->offset = (garbage_end + 7) & ~(uint64_t)7;
	}
	if (next_number(reader) != 0) {
		segment_reader_leave(segment);
		return GO_ON;
	}
	return at_end(reader);
}

static int pass_invalid(struct journal_reader *reader, uint64_t limit,
			bool finished)
{
	bool sealed = finished || next_number(reader) != 0;
	bool owed = limit != UINT64_MAX && reader->knows_seq &&
		    reader->last_seq < limit;
	const struct entry_header *entry;
	uint64_t next, garbage_end;
	int error;

	/* Only now, knowing that it is sealed, does a second look count. */
	segment_reader_refresh(&reader->segment);
	if (!sealed && !owed)
		return 0;
	if (segment_reader_look(&reader->segment, &entry, &error) !=
	    LOOK_INVALID)
		return GO_ON;
	next = segment_reader_search(&reader->segment, &garbage_end);
	segment_reader_refresh(&reader->segment);
	return next ? pass_hole(reader, next)
		    : pass_end(reader, garbage_end, sealed);
}

static int step(struct journal_reader *reader, uint64_t limit, bool finished,
		struct journal_entry *entry)
{
	const struct entry_header *header = NULL;
	int error = 0;

	if (reader->segment.fd < 0)
		return advance(reader, finished);
	switch (segment_reader_look(&reader->segment, &header, &error)) {
	case LOOK_ENTRY: return take(reader, header, limit, entry);
	case LOOK_INVALID: return pass_invalid(reader, limit, finished);
	default: return cannot_read(reader, reader->number, error, finished);
	}
}

int journal_reader_next(struct journal_reader *reader, uint64_t limit,
			bool finished, struct journal_entry *entry)
{
	int r = GO_ON;

	/* A live journal that has told all: no need to look at the disk. */
	if (!finished && reader->knows_seq && reader->last_seq >= limit)
		return 0;
	while (r == GO_ON)
		r = step(reader, limit, finished, entry);
	return r;
}

/* ---- what it has found -----------------------------------------------------
 */

struct journal_damage journal_reader_damage(const struct journal_reader *reader)
{
	return reader->damage;
}

uint64_t journal_reader_last_seq(const struct journal_reader *reader)
{
	return reader->last_seq;
}

int64_t journal_reader_last_us(const struct journal_reader *reader)
{
	return reader->last_us;
}

uint32_t journal_reader_snapshot(const struct journal_reader *reader)
{
	return reader->snapshot_whole;
}

size_t journal_reader_passed_over(const struct journal_reader *reader)
{
	return reader->passed_over;
}
