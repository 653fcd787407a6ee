/*
 * shelf.c - records that are put aside (see shelf.h)
 *
 *   add    into the journal of this life, then into the index
 *   take   noted in the ack log of its journal, then out of the index
 *   tidy   a journal that nobody in the index stands for is removed
 *
 * One ack log is open at a time: there may be a journal for each life.
 */
#include "persistence/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"
#include "persistence/outbox.h"
#include "persistence/quarantine.h"
#include "persistence/record.h"
#include "server/clock.h"
#include "server/log.h"

#define SEGMENT_BYTES	((uint64_t)1 << 20)
#define JOURNAL_BYTES	((uint64_t)16 << 20)
#define JOURNAL_RECORDS 32768u
#define READ_TRIES	8u /* more than a reader makes of one segment */

struct shelf_journal {
	char name[64];
	size_t lying; /* records of it that nobody has taken */
	int64_t last_us;
	bool unread; /* some of it could not be read: it stays */
	struct {     /* while some are looked for */
		size_t count;
		uint64_t first; /* the seq of the first of them */
	} wanted;
};

struct shelf {
	char dir[384];
	char name[16];
	struct shelf_journal **journals;
	size_t count;
	struct id_index index;	      /* id -> its journal, seq */
	struct estate *nothing;	      /* what lies here opens nothing */
	struct journal *writing;      /* NULL: nothing was added in this life */
	struct shelf_journal *newest; /* the one that is being written */
	struct ack_log acks; /* of the journal below, if there is one */
	struct shelf_journal *acks_of;
};

/* ---- the ack log of one of the journals -------------------------------------
 */

int shelf_sync(struct shelf *shelf)
{
	return shelf->acks_of ? ack_log_sync(&shelf->acks) : 0;
}

static void close_acks(struct shelf *shelf)
{
	if (shelf->acks_of)
		ack_log_close(&shelf->acks);
	shelf->acks_of = NULL;
}

static int open_acks(struct shelf *shelf, struct shelf_journal *journal)
{
	char dir[512];
	int r;

	if (shelf->acks_of == journal)
		return 0;
	r = shelf_sync(shelf);
	if (r < 0)
		return r;
	close_acks(shelf);
	(void)snprintf(dir, sizeof(dir), "%s/%s", shelf->dir, journal->name);
	r = ack_log_open(&shelf->acks, dir, ACK_LOG_DRAINER, false);
	if (r == 0)
		shelf->acks_of = journal;
	return r;
}

static int note_taken(struct shelf *shelf, struct shelf_journal *journal,
		      uint64_t seq)
{
	int r = open_acks(shelf, journal);

	return r < 0 ? r : ack_log_taken(&shelf->acks, seq);
}

/* ---- what is there --------------------------------------------------------
 */

static int append_journal(struct shelf *shelf, const char *name,
			  struct shelf_journal **ret)
{
	struct shelf_journal *journal = calloc(1, sizeof(*journal)), **more;
	int r = -ENAMETOOLONG;

	if (!journal)
		return -ENOMEM;
	if ((size_t)snprintf(journal->name, sizeof(journal->name), "%s",
			     name) >= sizeof(journal->name))
		goto fail;
	r = -ENOMEM;
	more = reallocarray(shelf->journals, shelf->count + 1,
			    sizeof(struct shelf_journal *));
	if (!more)
		goto fail;
	shelf->journals = more;
	more[shelf->count++] = journal;
	*ret = journal;
	return 0;
fail:
	free(journal);
	return r;
}

static int note(struct shelf *shelf, struct shelf_journal *journal,
		const struct uuid *id, uint64_t seq)
{
	int r;

	/* A crash between adding and taking left it twice: one is enough. If
	 * that cannot be noted now, it can be when we come here again. */
	if (id_index_find(&shelf->index, id)) {
		(void)note_taken(shelf, journal, seq);
		return 0;
	}
	r = id_index_set(&shelf->index, id,
			 (struct id_place){ .where = journal, .seq = seq });
	if (r == 0)
		journal->lying++;
	return r;
}

/* Damaged bytes are kept when their journal goes. */
static void put_aside(void *arg, uint32_t segment, uint64_t from, uint64_t to)
{
	struct journal_cursor *cursor = arg;
	size_t length = strlen(cursor->dir) - strlen(cursor->name) - 1;
	char shelf_dir[sizeof(cursor->dir)];
	int r;

	memcpy(shelf_dir, cursor->dir, length);
	shelf_dir[length] = '\0';
	r = quarantine_save(shelf_dir, cursor->name, segment, from, to);
	if (r != 0)
		log_error("OUTBOX_QUARANTINE",
			  "journal=%s segment=%u offset=%llu bytes=%llu "
			  "kept=%s",
			  cursor->name, segment, (unsigned long long)from,
			  (unsigned long long)(to - from),
			  r < 0 ? strerror(-r) : "yes");
}

static int read_entries(struct shelf *shelf, struct shelf_journal *journal,
			struct journal_cursor *cursor)
{
	struct journal_entry entry;
	int r = 0;

	journal_reader_on_damage(cursor->reader, put_aside, cursor);
	while (r == 0 && (r = journal_cursor_next(cursor, &entry)) == 1) {
		r = 0;
		if (!journal_cursor_was_delivered(cursor, entry.seq))
			r = note(shelf, journal, &entry.record->id, entry.seq);
		free(entry.record);
	}
	journal->last_us = journal_reader_last_us(cursor->reader);
	journal->unread =
		r < 0 || journal_reader_passed_over(cursor->reader) > 0;
	return r;
}

static int read_journal(struct shelf *shelf, const char *name)
{
	struct shelf_journal *journal;
	struct journal_cursor cursor;
	int r = journal_cursor_open(&cursor, shelf->dir, name);

	if (r < 0)
		return r;
	r = append_journal(shelf, name, &journal);
	if (r == 0)
		r = read_entries(shelf, journal, &cursor);
	journal_cursor_close(&cursor);
	return r;
}

/* One that cannot be read stays where it is, for people. */
static int read_all(struct shelf *shelf)
{
	char **names;
	size_t count;
	int r = journal_names(shelf->dir, &names, &count);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = read_journal(shelf, names[i]);
		if (r == 0 || r == -ENOMEM)
			continue;
		log_error("SHELF_JOURNAL", "shelf=%s journal=%s err=\"%s\"",
			  shelf->name, names[i], strerror(-r));
		r = 0;
	}
	journal_names_free(names, count);
	return r;
}

int shelf_open(struct shelf **ret, const char *outbox_dir, const char *name)
{
	struct shelf *shelf = calloc(1, sizeof(*shelf));
	int r = -ENAMETOOLONG;

	if (!shelf)
		return -ENOMEM;
	if ((size_t)snprintf(shelf->dir, sizeof(shelf->dir), "%s/%s",
			     outbox_dir, name) >= sizeof(shelf->dir) ||
	    (size_t)snprintf(shelf->name, sizeof(shelf->name), "%s", name) >=
		    sizeof(shelf->name))
		goto fail;
	r = estate_create(&shelf->nothing);
	if (r == 0)
		r = read_all(shelf);
	if (r < 0)
		goto fail;
	outbox_clear_away(shelf->dir);
	shelf_tidy(shelf);
	*ret = shelf;
	return 0;
fail:
	shelf_close(shelf);
	return r;
}

struct shelf *shelf_close(struct shelf *shelf)
{
	if (!shelf)
		return NULL;
	journal_close(shelf->writing);
	close_acks(shelf);
	for (size_t i = 0; i < shelf->count; i++)
		free(shelf->journals[i]);
	free(shelf->journals);
	id_index_finish(&shelf->index);
	estate_destroy(shelf->nothing);
	free(shelf);
	return NULL;
}

size_t shelf_count(const struct shelf *shelf)
{
	return shelf->index.count;
}

bool shelf_has(const struct shelf *shelf, const struct uuid *id)
{
	return id_index_find(&shelf->index, id) != NULL;
}

int64_t shelf_last_us(const struct shelf *shelf)
{
	int64_t last_us = 0;

	for (size_t i = 0; i < shelf->count; i++)
		if (shelf->journals[i]->last_us > last_us)
			last_us = shelf->journals[i]->last_us;
	return last_us;
}

/* ---- putting there ----------------------------------------------------------
 */

static void end_writing(struct shelf *shelf)
{
	shelf->writing = journal_close(shelf->writing);
	shelf->newest = NULL;
}

static int begin_writing(struct shelf *shelf)
{
	const struct journal_options options = {
		.outbox_dir = shelf->dir,
		.role = shelf->name,
		.segment_bytes = SEGMENT_BYTES,
		.open = shelf->nothing,
	};
	int r;

	if (shelf->newest &&
	    (journal_bytes(shelf->writing) >= JOURNAL_BYTES ||
	     journal_durable_seq(shelf->writing) >= JOURNAL_RECORDS))
		end_writing(shelf);
	if (shelf->newest)
		return 0;
	r = journal_create(&shelf->writing, &options);
	if (r < 0)
		return r;
	r = append_journal(shelf, journal_name(shelf->writing), &shelf->newest);
	if (r < 0)
		end_writing(shelf);
	return r;
}

/* Those that are not there yet. */
static size_t pick_new(const struct shelf *shelf, struct record *const *records,
		       size_t count, struct record **picked)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!shelf_has(shelf, &records[i]->id))
			picked[n++] = records[i];
	return n;
}

/* A journal that failed is not gone on with: it would want the same records
 * first. What it has of them comes to light when it is read again. */
static int commit(struct shelf *shelf, struct record *const *records,
		  size_t count)
{
	struct shelf_journal *newest;
	uint64_t seq;
	int r = begin_writing(shelf);

	if (r < 0)
		return r;
	seq = journal_durable_seq(shelf->writing);
	r = journal_commit(shelf->writing, records, count);
	if (r < 0) {
		end_writing(shelf);
		return r;
	}
	newest = shelf->newest;
	newest->last_us = clock_wall_us();
	for (size_t i = 0; r == 0 && i < count; i++)
		r = note(shelf, newest, &records[i]->id, seq + i + 1);
	if (r < 0) /* they are there, and not in the index */
		newest->unread = true;
	return r;
}

int shelf_add(struct shelf *shelf, struct record *const *records, size_t count)
{
	struct record **picked = calloc(count + 1, sizeof(struct record *));
	size_t n;
	int r = 0;

	if (!picked)
		return -ENOMEM;
	n = pick_new(shelf, records, count, picked);
	if (shelf->index.count + n > SHELF_RECORDS_MAX)
		r = -ENOSPC;
	else if (n > 0)
		r = commit(shelf, picked, n);
	free(picked);
	return r;
}

/* ---- taking back ------------------------------------------------------------
 */

int shelf_take(struct shelf *shelf, const struct uuid *id)
{
	const struct id_place *place = id_index_find(&shelf->index, id);
	struct shelf_journal *journal;
	int r;

	if (!place)
		return 0;
	journal = place->where;
	r = note_taken(shelf, journal, place->seq);
	if (r < 0)
		return r;
	journal->lying--;
	id_index_remove(&shelf->index, id);
	return 0;
}

struct shelf_walk {
	const struct id_index *wanted;
	shelf_visit *visit;
	void *arg;
	int unread; /* why something could not be read; 0: all was */
};

/* Each journal learns how many of its records are wanted, and from where on. */
static void mark_wanted(struct shelf *shelf, const struct id_index *wanted)
{
	for (size_t i = 0; i < shelf->count; i++)
		shelf->journals[i]->wanted.count = 0;
	for (size_t i = 0; i < wanted->room; i++) {
		const struct id_slot *slot = &wanted->slots[i];
		const struct id_place *place =
			slot->place.where
				? id_index_find(&shelf->index, &slot->id)
				: NULL;
		struct shelf_journal *journal = place ? place->where : NULL;

		if (!journal)
			continue;
		if (journal->wanted.count == 0 ||
		    place->seq < journal->wanted.first)
			journal->wanted.first = place->seq;
		journal->wanted.count++;
	}
}

/* Is this very record what the index means, and is it wanted? */
static bool is_wanted(const struct shelf *shelf, const struct id_index *wanted,
		      const struct shelf_journal *journal,
		      const struct journal_entry *entry)
{
	const struct id_place *place =
		id_index_find(&shelf->index, &entry->record->id);

	return place && place->where == journal && place->seq == entry->seq &&
	       id_index_find(wanted, &entry->record->id);
}

/* What cannot be read hides itself, and nothing else: the reader passes over it
 * when it was tried some times. */
static int walk_entries(struct shelf *shelf, struct shelf_journal *journal,
			struct journal_cursor *cursor, struct shelf_walk *walk)
{
	struct journal_entry entry;
	unsigned failures = 0;
	int r = 0;

	while (r == 0 && journal->wanted.count > 0 &&
	       (r = journal_cursor_next(cursor, &entry)) != 0) {
		if (r < 0) {
			walk->unread = r;
			if (++failures == READ_TRIES)
				return 0;
			r = 0;
			continue;
		}
		failures = 0;
		r = 0;
		if (is_wanted(shelf, walk->wanted, journal, &entry)) {
			journal->wanted.count--;
			r = walk->visit(walk->arg, entry.record);
		}
		free(entry.record);
	}
	return r;
}

static int walk_journal(struct shelf *shelf, struct shelf_journal *journal,
			struct shelf_walk *walk)
{
	struct journal_cursor cursor;
	int r = journal_cursor_open(&cursor, shelf->dir, journal->name);

	if (r < 0) {
		walk->unread = r;
		return 0;
	}
	journal_cursor_seek(&cursor, journal->wanted.first);
	r = walk_entries(shelf, journal, &cursor, walk);
	journal_cursor_close(&cursor);
	return r;
}

int shelf_walk(struct shelf *shelf, const struct id_index *wanted,
	       shelf_visit *visit, void *arg)
{
	struct shelf_walk walk = { .wanted = wanted ? wanted : &shelf->index,
				   .visit = visit,
				   .arg = arg };
	int r = 0;

	mark_wanted(shelf, walk.wanted);
	for (size_t i = 0; r == 0 && i < shelf->count; i++)
		if (shelf->journals[i]->wanted.count > 0)
			r = walk_journal(shelf, shelf->journals[i], &walk);
	return r != 0 ? r : walk.unread;
}

/* ---- what may go ------------------------------------------------------------
 */

/* Nothing of it is needed any more: 0 when it is gone. */
static int discard(struct shelf *shelf, int dir_fd,
		   struct shelf_journal *journal)
{
	int r;

	if (journal == shelf->newest)
		end_writing(shelf);
	if (journal == shelf->acks_of)
		close_acks(shelf);
	r = outbox_discard(dir_fd, journal->name);
	if (r == 0 || r == -ENOENT)
		free(journal);
	return r == -ENOENT ? 0 : r;
}

void shelf_tidy(struct shelf *shelf)
{
	int dir_fd;
	size_t kept = 0;

	if (shelf->count == 0)
		return;
	dir_fd = disk_open_dir(AT_FDCWD, shelf->dir, false);
	if (dir_fd < 0)
		return;
	for (size_t i = 0; i < shelf->count; i++) {
		struct shelf_journal *journal = shelf->journals[i];

		if (journal->lying > 0 || journal->unread ||
		    discard(shelf, dir_fd, journal) < 0)
			shelf->journals[kept++] = journal;
	}
	shelf->count = kept;
	(void)close(dir_fd);
}

void shelf_clear(struct shelf *shelf)
{
	id_index_finish(&shelf->index);
	for (size_t i = 0; i < shelf->count; i++)
		shelf->journals[i]->lying = 0;
	shelf_tidy(shelf);
}
