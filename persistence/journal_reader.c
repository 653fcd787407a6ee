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
 * at a hole the reader takes what is missing from the segments behind, as far
 * as they have it: the repetition itself may have been cut short. For the same
 * reason nothing is believed to be repeated before it was read.
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

#define GO_ON	   2 /* beside 1, 0 and -errno: nothing to give, look again */
#define READ_TRIES 6 /* of a segment that cannot be read, before it is left */

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
	uint64_t snapshot_seq;	 /* of the last record before that */
	uint32_t stand_in;	 /* and with a record of its own behind them */
	bool hole;		 /* something was damaged since last_seq */
	bool mended;		 /* and records of it were found elsewhere */
	unsigned tries;		 /* in vain, to read this segment */
	bool finished;		 /* when it was read last */
	size_t passed_over;
	struct journal_damage damage;
	journal_damage_hook *on_damage; /* or NULL */
	void *on_damage_arg;
};

/* ---- opening ---------------------------------------------------------------
 */

bool journal_is_live(const char *dir)
{
	char path[PATH_MAX];
	bool live;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/LOCK", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* Out of descriptors, say: to bury the living is the worse mistake. */
	if (fd < 0)
		return errno != ENOENT && errno != ENOTDIR;
	live = flock(fd, LOCK_SH | LOCK_NB) < 0;
	(void)close(fd);
	return live;
}

/* The disk has not got it; anything else is a shortage of ours, and passes. */
static bool is_unreadable(int error)
{
	return error == -EIO || error == -EUCLEAN || error == -EBADMSG;
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
 * after; in a renamed directory, of whichever comes first. 1: that is known for
 * certain; 0: look on; -errno. */
static int learn_from(struct journal_reader *reader, const char *dir,
		      uint32_t number, unsigned copy)
{
	struct segment_header header;
	int r = segment_read_copy(reader->pend_fd, number, copy, &header);
	bool named;

	if (r == -ENOENT || is_unreadable(r))
		return 0;
	if (r <= 0)
		return r;
	named = has_name_of(dir, &header.journal);
	if (named || !reader->knows_journal) {
		reader->journal = header.journal;
		reader->knows_journal = true;
	}
	if (header.version > SEGMENT_VERSION)
		return -EPROTONOSUPPORT;
	return named;
}

static int learn_journal(struct journal_reader *reader, const char *dir)
{
	uint32_t *numbers;
	size_t count;
	int r = segment_list(reader->pend_fd, &numbers, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < 2 * count; i++)
		r = learn_from(reader, dir, numbers[i / 2], i % 2);
	free(numbers);
	return r < 0 ? r : 0;
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

static int read_header(const struct journal_reader *reader, uint32_t number,
		       struct segment_header *header)
{
	return segment_read_header(
		reader->pend_fd, number,
		reader->knows_journal ? &reader->journal : NULL, header);
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
		if (read_header(reader, numbers[i], &header) == 1 &&
		    is_ours(reader, &header) && header.first_seq <= seq &&
		    segment_reader_finds_order(&reader->segment,
					       reader->pend_fd, &header))
			reader->number = numbers[i] - 1;
	free(numbers);
	return 0;
}

/* ---- segments --------------------------------------------------------------
 */

static void pass_over(struct journal_reader *reader, uint32_t number)
{
	segment_reader_leave(&reader->segment);
	reader->number = number;
	reader->passed_over++;
	reader->tries = 0;
}

/* The segment cannot be read. After some tries it must not hold up those behind
 * it; but if a writer is still at it, or we are merely short of something, we
 * try again. */
static int cannot_read(struct journal_reader *reader, uint32_t number,
		       int error, bool finished)
{
	uint32_t after;
	int r;

	if (error == -ENOENT) { /* delivered and swept just now */
		reader->number = number;
		return GO_ON;
	}
	if (!is_unreadable(error) || ++reader->tries < READ_TRIES)
		return error;
	r = segment_after(reader->pend_fd, number, &after);
	if (r == 0 && (finished || after != 0)) {
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
	reader->tries = 0;
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

/* The segment has no whole header. */
static int enter_unheaded(struct journal_reader *reader, uint32_t number,
			  bool finished)
{
	uint32_t after;
	int r = segment_after(reader->pend_fd, number, &after);

	if (r < 0)
		return r;
	/* The writer may be making it at this moment. */
	if (!finished && after == 0)
		return 0;
	if (reader->knows_journal)
		return enter(reader, number, NULL, finished);
	pass_over(reader, number);
	reader->hole = true;
	return GO_ON;
}

static int advance(struct journal_reader *reader, bool finished)
{
	struct segment_header header;
	uint32_t number;
	int r = segment_after(reader->pend_fd, reader->number, &number);

	if (r < 0)
		return r;
	if (number == 0)
		return finished ? at_end(reader) : 0;
	r = read_header(reader, number, &header);
	if (r < 0)
		return cannot_read(reader, number, r, finished);
	if (r == 0)
		return enter_unheaded(reader, number, finished);
	if (header.version > SEGMENT_VERSION)
		return -EPROTONOSUPPORT;
	if (is_ours(reader, &header))
		return enter(reader, number, &header, finished);
	pass_over(reader, number);
	return GO_ON;
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
	/* The sync that made this one durable has the snapshot, too, and what
	 * was repeated in between. */
	if (reader->snapshot_whole == reader->number &&
	    header->seq > reader->snapshot_seq)
		reader->stand_in = reader->number;
}

/* A valid entry stands at the offset. */
static int take(struct journal_reader *reader,
		const struct entry_header *header, uint64_t limit,
		struct journal_entry *entry)
{
	int r = GO_ON;

	reader->tries = 0;
	switch (header->type) {
	case ENTRY_SNAPSHOT:
		r = give(reader, header, entry);
		reader->snapshot_count += r > 0;
		break;
	case ENTRY_SNAPSHOT_END:
		if (header->rev == reader->snapshot_count) {
			reader->snapshot_whole = reader->number;
			reader->snapshot_seq = header->seq;
		}
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

static void note_damaged_bytes(struct journal_reader *reader, uint64_t from,
			       uint64_t to)
{
	reader->damage.bytes += to - from;
	if (reader->on_damage)
		reader->on_damage(reader->on_damage_arg, reader->number, from,
				  to);
}

/* The first record in this segment that comes after last_seq and before
 * `before`: 1 and *found; 0: none; -errno. `*passed`: those that follow need
 * not be looked at, they begin behind it. */
static int find_missing(struct segment_reader *segment, uint64_t last_seq,
			uint64_t before, const struct entry_header **found,
			bool *passed)
{
	for (;;) {
		const struct entry_header *entry;
		uint64_t next;
		int r = 0;

		switch (segment_reader_look(segment, &entry, &r)) {
		case LOOK_ERROR: return r;
		case LOOK_INVALID:
			r = segment_reader_search(segment, &next);
			if (r <= 0)
				return r;
			segment->offset = next;
			continue;
		case LOOK_ENTRY: break;
		}
		if (entry->type == ENTRY_RECORD && entry->seq >= before) {
			*passed = true;
			return 0;
		}
		if (entry->type == ENTRY_RECORD && entry->seq > last_seq) {
			*found = entry;
			return 1;
		}
		segment_reader_pass(segment, entry);
	}
}

/* What is missing before `before` may be repeated in a later segment: gives the
 * first of it. 1; 0: there is none; -errno. */
static int mend(struct journal_reader *reader, uint64_t before,
		struct journal_entry *entry)
{
	const struct entry_header *found = NULL;
	uint32_t number = reader->number;
	struct segment_reader later;
	bool passed = false;
	int r = segment_reader_init(&later);

	while (r == 0 && !passed) {
		r = segment_after(reader->pend_fd, number, &number);
		if (r < 0 || number == 0)
			break;
		r = segment_reader_enter(&later, reader->pend_fd, number,
					 &reader->journal);
		if (r == 0)
			r = find_missing(&later, reader->last_seq, before,
					 &found, &passed);
		if (r == -ENOENT || is_unreadable(r))
			r = 0; /* perhaps the next one has it */
	}
	if (r > 0)
		r = give(reader, found, entry);
	if (r > 0) {
		note_record(reader, found);
		reader->mended = true;
	}
	segment_reader_finish(&later);
	return r;
}

/* There is something valid behind the hole, at `next`. */
static int pass_hole(struct journal_reader *reader, uint64_t next,
		     uint64_t limit, struct journal_entry *entry)
{
	struct segment_reader *segment = &reader->segment;
	uint64_t from = segment->offset, before = 0;
	const struct entry_header *behind;
	int error, r = 0;

	reader->hole = true;
	segment->offset = next;
	if (segment_reader_look(segment, &behind, &error) == LOOK_ENTRY &&
	    behind->type == ENTRY_RECORD && reader->knows_seq)
		before = behind->seq;
	segment->offset = from;
	if (before > reader->last_seq + 1)
		r = mend(reader, before > limit ? limit + 1 : before, entry);
	/* What is behind it is not durable yet: nor is what is missing. */
	if (r != 0 || before > limit)
		return r;
	segment->offset = next;
	if (!reader->mended)
		note_damaged_bytes(reader, from, next);
	reader->mended = false;
	return GO_ON;
}

/* Does that segment begin with what we have not read yet, or before it? Then
 * its writer took the place of a write that failed here. */
static bool goes_on_in(const struct journal_reader *reader, uint32_t number)
{
	struct segment_header header;

	return number != 0 && reader->knows_seq &&
	       read_header(reader, number, &header) == 1 &&
	       is_ours(reader, &header) &&
	       header.first_seq <= reader->last_seq + 1;
}

/* Nothing valid follows in this segment, and nothing but zeros from `end` on.
 * `after` is the next one, or 0. */
static int pass_end(struct journal_reader *reader, uint64_t end, uint32_t after,
		    bool finished)
{
	struct segment_reader *segment = &reader->segment;

	if (!finished && after == 0)
		return 0; /* what is owed to us has not come yet */
	if (end > segment->offset) {
		if (!goes_on_in(reader, after)) {
			reader->hole = true;
			note_damaged_bytes(reader, segment->offset, end);
		}
		segment->offset = (end + 7) & ~(uint64_t)7;
	}
	if (after == 0)
		return at_end(reader);
	segment_reader_leave(segment);
	return GO_ON;
}

static int pass_invalid(struct journal_reader *reader, uint64_t limit,
			bool finished, struct journal_entry *entry)
{
	bool owed = limit != UINT64_MAX && reader->knows_seq &&
		    reader->last_seq < limit;
	const struct entry_header *header;
	uint32_t after;
	uint64_t found;
	int error, r = segment_after(reader->pend_fd, reader->number, &after);

	if (r < 0)
		return r;
	/* Only now, knowing that it is sealed, does a second look count. */
	segment_reader_refresh(&reader->segment);
	if (!finished && after == 0 && !owed)
		return 0;
	if (segment_reader_look(&reader->segment, &header, &error) !=
	    LOOK_INVALID)
		return GO_ON;
	r = segment_reader_search(&reader->segment, &found);
	segment_reader_refresh(&reader->segment);
	if (r < 0)
		return cannot_read(reader, reader->number, r, finished);
	return r > 0 ? pass_hole(reader, found, limit, entry)
		     : pass_end(reader, found, after, finished);
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
	case LOOK_INVALID: return pass_invalid(reader, limit, finished, entry);
	default: return cannot_read(reader, reader->number, error, finished);
	}
}

int journal_reader_next(struct journal_reader *reader, uint64_t limit,
			bool finished, struct journal_entry *entry)
{
	int r = GO_ON;

	/* What a live journal had not synced may be gone with its writer. */
	if (finished && !reader->finished)
		segment_reader_refresh(&reader->segment);
	reader->finished = finished;
	/* A live journal that has told all: no need to look at the disk. */
	if (!finished && reader->knows_seq && reader->last_seq >= limit)
		return 0;
	while (r == GO_ON)
		r = step(reader, limit, finished, entry);
	return r;
}

/* ---- what it has found -----------------------------------------------------
 */

void journal_reader_on_damage(struct journal_reader *reader,
			      journal_damage_hook *hook, void *arg)
{
	reader->on_damage = hook;
	reader->on_damage_arg = arg;
}

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
	return reader->stand_in;
}

size_t journal_reader_passed_over(const struct journal_reader *reader)
{
	return reader->passed_over;
}
