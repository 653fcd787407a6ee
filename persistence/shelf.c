/*
 * shelf.c - records that are put aside (see shelf.h)
 *
 * New ones go into a journal of this life. A journal of which everything was
 * taken is removed.
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
#include "persistence/record.h"
#include "server/clock.h"
#include "server/log.h"

#define SEGMENT_BYTES ((uint64_t)1 << 20)

struct shelf_journal {
	char name[64];
	struct ack_log acks;
	size_t lying; /* records of it that nobody has taken */
	int64_t last_us;
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
};

/* ---- what is there --------------------------------------------------------
 */

static int append_journal(struct shelf *shelf, const char *name,
			  struct shelf_journal **ret)
{
	struct shelf_journal *journal = calloc(1, sizeof(*journal)), **more;
	char dir[512];
	int r = -ENAMETOOLONG;

	if (!journal)
		return -ENOMEM;
	if ((size_t)snprintf(dir, sizeof(dir), "%s/%s", shelf->dir, name) >=
		    sizeof(dir) ||
	    (size_t)snprintf(journal->name, sizeof(journal->name), "%s",
			     name) >= sizeof(journal->name))
		goto fail;
	r = ack_log_open(&journal->acks, dir, false);
	if (r < 0)
		goto fail;
	r = -ENOMEM;
	more = reallocarray(shelf->journals, shelf->count + 1, sizeof(*more));
	if (!more)
		goto fail_close;
	shelf->journals = more;
	more[shelf->count++] = journal;
	*ret = journal;
	return 0;
fail_close:
	ack_log_close(&journal->acks);
fail:
	free(journal);
	return r;
}

static int note(struct shelf *shelf, struct shelf_journal *journal,
		const struct uuid *id, uint64_t seq)
{
	int r;

	/* A crash between adding and taking left it twice: one is enough. */
	if (id_index_find(&shelf->index, id))
		return ack_log_taken(&journal->acks, seq);
	r = id_index_set(&shelf->index, id,
			 (struct id_place){ .where = journal, .seq = seq });
	if (r == 0)
		journal->lying++;
	return r;
}

static int read_journal(struct shelf *shelf, const char *name)
{
	struct shelf_journal *journal;
	struct journal_cursor cursor;
	struct journal_entry entry;
	int r = journal_cursor_open(&cursor, shelf->dir, name);

	if (r < 0)
		return r;
	r = append_journal(shelf, name, &journal);
	while (r == 0 && (r = journal_cursor_next(&cursor, &entry)) == 1) {
		r = 0;
		if (!journal_cursor_was_delivered(&cursor, entry.seq))
			r = note(shelf, journal, &entry.record->id, entry.seq);
		free(entry.record);
	}
	if (r == 0)
		journal->last_us = journal_reader_last_us(cursor.reader);
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
	shelf_tidy(shelf);
	*ret = shelf;
	return 0;
fail:
	shelf_close(shelf);
	return r;
}

static void close_journal(struct shelf_journal *journal)
{
	ack_log_close(&journal->acks);
	free(journal);
}

struct shelf *shelf_close(struct shelf *shelf)
{
	if (!shelf)
		return NULL;
	journal_close(shelf->writing);
	for (size_t i = 0; i < shelf->count; i++)
		close_journal(shelf->journals[i]);
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

static int begin_writing(struct shelf *shelf)
{
	const struct journal_options options = {
		.outbox_dir = shelf->dir,
		.role = shelf->name,
		.segment_bytes = SEGMENT_BYTES,
		.open = shelf->nothing,
	};
	int r;

	if (shelf->writing)
		return 0;
	r = journal_create(&shelf->writing, &options);
	if (r < 0)
		return r;
	r = append_journal(shelf, journal_name(shelf->writing), &shelf->newest);
	if (r < 0)
		shelf->writing = journal_close(shelf->writing);
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
	uint64_t seq;
	int r = begin_writing(shelf);

	if (r < 0)
		return r;
	seq = journal_durable_seq(shelf->writing);
	r = journal_commit(shelf->writing, records, count);
	if (r < 0) {
		shelf->writing = journal_close(shelf->writing);
		shelf->newest = NULL;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = note(shelf, shelf->newest, &records[i]->id, seq + i + 1);
	if (r == 0)
		shelf->newest->last_us = clock_wall_us();
	return r;
}

int shelf_add(struct shelf *shelf, struct record *const *records, size_t count)
{
	struct record **picked = calloc(count + 1, sizeof(*picked));
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
	r = ack_log_taken(&journal->acks, place->seq);
	if (r < 0)
		return r;
	journal->lying--;
	id_index_remove(&shelf->index, id);
	return 0;
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

static int walk_journal(struct shelf *shelf,
			const struct shelf_journal *journal,
			const struct id_index *wanted, shelf_visit *visit,
			void *arg)
{
	struct journal_cursor cursor;
	struct journal_entry entry;
	int r = journal_cursor_open(&cursor, shelf->dir, journal->name);

	if (r < 0)
		return r;
	while ((r = journal_cursor_next(&cursor, &entry)) == 1) {
		r = is_wanted(shelf, wanted, journal, &entry)
			    ? visit(arg, entry.record)
			    : 0;
		free(entry.record);
		if (r != 0)
			break;
	}
	journal_cursor_close(&cursor);
	return r;
}

int shelf_walk(struct shelf *shelf, const struct id_index *wanted,
	       shelf_visit *visit, void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < shelf->count; i++)
		if (shelf->journals[i]->lying > 0)
			r = walk_journal(shelf, shelf->journals[i], wanted,
					 visit, arg);
	return r;
}

/* ---- what may go ------------------------------------------------------------
 */

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
		bool empty = journal->lying == 0;

		if (empty && journal == shelf->newest) {
			shelf->writing = journal_close(shelf->writing);
			shelf->newest = NULL;
		}
		if (empty && outbox_discard(dir_fd, journal->name) == 0)
			close_journal(journal);
		else
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
