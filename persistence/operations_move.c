/*
 * operations_move.c - records go from one place to another (operations.h)
 *
 * They are found where they are, made durable where they go, a group at a time,
 * and then taken from where they were. The journals of the outbox are never
 * written to: a waiting record that was put on a shelf is passed over by the
 * drainer when it comes to it.
 *
 * What goes back goes into a journal of its own, without an estate; operations
 * that follow each other closely share it.
 */
#include "persistence/operations_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "persistence/dead_letters.h"
#include "persistence/disk.h"
#include "persistence/journal.h"
#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "persistence/shelf.h"
#include "server/log.h"

#define SEGMENT_BYTES ((uint64_t)1 << 20)
#define REPLAY_BYTES  ((uint64_t)64 << 20)
#define GROUP_RECORDS 256u
#define GROUP_BYTES   ((size_t)4 << 20)
#define READ_TRIES    8u /* more than a reader makes of one segment */

struct move {
	struct operations *operations;
	enum place from, to;
	bool dry_run;
	struct id_index wanted; /* what has not been found so far */
	struct record *group[GROUP_RECORDS];
	size_t count, bytes;
	size_t done;
	bool broken; /* they could not be moved; else it is the reading */
	int unread;  /* why something could not be read; 0: all was */
};

/* ---- back into the outbox ---------------------------------------------------
 */

static int begin_replay(struct operations *operations)
{
	const struct journal_options options = {
		.outbox_dir = operations->dir,
		.role = OUTBOX_ROLE_REPLAY,
		.segment_bytes = SEGMENT_BYTES,
		.open = operations->nothing,
	};

	if (operations->replay &&
	    journal_bytes(operations->replay) >= REPLAY_BYTES)
		operations_end_replay(operations);
	return operations->replay
		       ? 0
		       : journal_create(&operations->replay, &options);
}

static void discard(const struct operations *operations, const char *name)
{
	int dir_fd = disk_open_dir(AT_FDCWD, operations->dir, false);

	if (dir_fd < 0)
		return;
	(void)outbox_discard(dir_fd, name);
	(void)close(dir_fd);
}

void operations_end_replay(struct operations *operations)
{
	struct journal *replay = operations->replay;
	char name[64];
	bool empty;

	if (!replay)
		return;
	empty = journal_durable_seq(replay) == 0;
	(void)snprintf(name, sizeof(name), "%s", journal_name(replay));
	operations->replay = journal_close(replay);
	if (empty) /* its first commit failed: they are where they were */
		discard(operations, name);
}

/* A journal that failed is not gone on with: it would want the same records
 * first. */
static int put_into_outbox(struct operations *operations,
			   struct record *const *records, size_t count)
{
	int r = begin_replay(operations);

	if (r < 0)
		return r;
	r = journal_commit(operations->replay, records, count);
	if (r < 0)
		operations_end_replay(operations);
	return r;
}

/* ---- a group ----------------------------------------------------------------
 */

static void forget_group(struct move *move)
{
	while (move->count > 0)
		free(move->group[--move->count]);
	move->bytes = 0;
}

static int put(struct move *move)
{
	struct operations *o = move->operations;

	/* These stay where they are as well: copies shall not keep out new
	 * calls. */
	if ((move->to == HELD || move->from == DELIVERED) &&
	    !outbox_has_room(o->outbox, move->bytes))
		return -ENOSPC;
	if (move->to == OUTBOX)
		return put_into_outbox(o, move->group, move->count);
	return shelf_add(o->shelves[move->to], move->group, move->count);
}

static int take(struct move *move)
{
	struct shelf *shelf = move->operations->shelves[move->from];
	int r = 0;

	for (size_t i = 0; r == 0 && i < move->count; i++) {
		if (shelf)
			r = shelf_take(shelf, &move->group[i]->id);
		move->done += r == 0;
	}
	if (r == 0 && shelf)
		r = shelf_sync(shelf);
	return r;
}

/* First there, then no longer here. */
static int flush(struct move *move)
{
	int r = 0;

	if (move->count > 0) {
		r = put(move);
		if (r == 0)
			r = take(move);
		move->broken = r < 0;
	}
	forget_group(move);
	return r;
}

/* ---- finding them -----------------------------------------------------------
 */

static struct record *copy_of(const struct record *record)
{
	return record_create(record->kind, &record->id, &record->entity,
			     record->rev, record->created_us, record->payload,
			     record->length);
}

static int no_copy(struct move *move, const struct record *letter, int error)
{
	char id[UUID_TEXT_SIZE];

	move->broken = error != -EBADMSG;
	if (move->broken)
		return error;
	uuid_format(&letter->id, id);
	log_error("DEAD_LETTER", "id=%s err=\"no record in it; it stays\"", id);
	return 0;
}

/* One that was wanted; each once, however often it is found. */
static int found(void *arg, const struct record *record)
{
	struct move *move = arg;
	struct record *copy;

	if (move->dry_run) {
		id_index_remove(&move->wanted, &record->id);
		move->done++;
		return 0;
	}
	errno = ENOMEM;
	copy = move->from == DEAD ? dead_letter_unwrap(record)
				  : copy_of(record);
	if (!copy)
		return no_copy(move, record, -errno);
	id_index_remove(&move->wanted, &record->id);
	move->group[move->count++] = copy;
	move->bytes += copy->length;
	return move->count == GROUP_RECORDS || move->bytes >= GROUP_BYTES
		       ? flush(move)
		       : 0;
}

/* What lies on a shelf was passed over, not delivered, and waits no more. */
static bool is_here(const struct move *move,
		    const struct journal_cursor *cursor,
		    const struct journal_entry *entry)
{
	const struct uuid *id = &entry->record->id;

	return id_index_find(&move->wanted, id) &&
	       journal_cursor_was_delivered(cursor, entry->seq) ==
		       (move->from == DELIVERED) &&
	       !operations_set_aside(move->operations, id);
}

static int found_in_outbox(struct move *move, const char *journal,
			   const struct journal_entry *entry)
{
	struct operations *o = move->operations;

	o->stopped.place = move->from;
	o->stopped.seq = entry->seq;
	(void)snprintf(o->stopped.journal, sizeof(o->stopped.journal), "%s",
		       journal);
	return found(move, entry->record);
}

/* What cannot be read hides itself, and nothing else: the reader passes over it
 * when it was tried some times. */
static int walk_entries(struct move *move, struct journal_cursor *cursor)
{
	struct journal_entry entry;
	unsigned failures = 0;
	int r = 0;

	while (r == 0 && move->wanted.count > 0 &&
	       (r = journal_cursor_next(cursor, &entry)) != 0) {
		if (r < 0) {
			move->unread = r;
			r = ++failures < READ_TRIES ? 0 : r;
			continue;
		}
		failures = 0;
		r = is_here(move, cursor, &entry)
			    ? found_in_outbox(move, cursor->name, &entry)
			    : 0;
		free(entry.record);
	}
	return r;
}

static int walk_journal(struct move *move, const char *name, uint64_t seq)
{
	struct journal_cursor cursor;
	int r = journal_cursor_open(&cursor, move->operations->dir, name);

	if (r < 0)
		return r;
	if (move->from == WAITING && seq <= cursor.acks.seq)
		seq = cursor.acks.seq + 1;
	if (seq > 0)
		journal_cursor_seek(&cursor, seq);
	r = walk_entries(move, &cursor);
	journal_cursor_close(&cursor);
	return r;
}

static int walk_names(struct move *move, char *const *names, size_t count,
		      uint64_t seq)
{
	for (size_t i = 0; i < count && move->wanted.count > 0; i++) {
		int r = walk_journal(move, names[i], i == 0 ? seq : 0);

		if (move->broken)
			return r;
		/* Of a newer format, or swept just now: not for us. */
		if (r < 0 && r != -EPROTONOSUPPORT && r != -ENOENT)
			move->unread = r;
	}
	return 0;
}

/* The journal in which the operation before found its last: many operations
 * that follow each other come to records in order. `count`: none. */
static size_t find_stop(const struct move *move, char *const *names,
			size_t count)
{
	const struct operations *o = move->operations;
	size_t i = 0;

	while (i < count && (o->stopped.place != move->from ||
			     strcmp(names[i], o->stopped.journal) != 0))
		i++;
	return i;
}

/* From there on, and then from the beginning. */
static int walk_outbox(struct move *move)
{
	char **names;
	size_t count, stop;
	int r = journal_names(move->operations->dir, &names, &count);

	if (r < 0)
		return r;
	stop = find_stop(move, names, count);
	r = walk_names(move, names + stop, count - stop,
		       move->operations->stopped.seq);
	if (r == 0)
		r = walk_names(move, names, count, 0);
	journal_names_free(names, count);
	return r;
}

/* ---- the whole --------------------------------------------------------------
 */

static int move_from(struct move *move, enum place from)
{
	struct shelf *shelf = move->operations->shelves[from];
	int r;

	move->from = from;
	if (shelf)
		r = shelf_walk(shelf, &move->wanted, found, move);
	else
		r = walk_outbox(move);
	if (r == 0)
		r = flush(move);
	forget_group(move);
	return r;
}

/* Those that are where they should go need no move; but a crash may have left
 * them where they were as well. */
static int clear_sources(struct move *move, const enum place from[2],
			 const struct uuid *id)
{
	int r = 0;

	for (int i = 0; r == 0 && !move->dry_run && i < 2; i++) {
		struct shelf *shelf = move->operations->shelves[from[i]];

		if (shelf && shelf_has(shelf, id))
			r = shelf_take(shelf, id);
	}
	return r;
}

/* What was set aside is found on its shelf or not at all. */
static bool may_be_there(const struct operations *operations,
			 const enum place from[2], const struct uuid *id)
{
	for (int i = 0; i < 2; i++) {
		const struct shelf *shelf = operations->shelves[from[i]];

		if (shelf && shelf_has(shelf, id))
			return true;
	}
	return !operations_set_aside(operations, id);
}

static int want(struct move *move, const struct operation *operation,
		const enum place from[2], struct operation_result *result)
{
	const struct shelf *goal = move->operations->shelves[move->to];
	int r = 0;

	for (size_t i = 0; r == 0 && i < operation->count; i++) {
		const struct uuid *id = &operation->ids[i];

		if (goal && shelf_has(goal, id)) {
			result->already++;
			r = clear_sources(move, from, id);
		} else if (!may_be_there(move->operations, from, id)) {
			result->missing++;
		} else {
			r = id_index_set(&move->wanted, id,
					 (struct id_place){ .where = move });
		}
	}
	return r;
}

int operations_move(struct operations *operations,
		    const struct operation *operation, const enum place from[2],
		    enum place to, struct operation_result *result)
{
	struct move *move = calloc(1, sizeof(*move));
	int r;

	if (!move)
		return -ENOMEM;
	move->operations = operations;
	move->to = to;
	move->dry_run = operation->dry_run;
	r = want(move, operation, from, result);
	for (int i = 0; i < 2; i++)
		if (r == 0 && from[i] != NOWHERE && move->wanted.count > 0)
			r = move_from(move, from[i]);
	if (r == 0 && move->wanted.count > 0)
		r = move->unread;
	result->done = move->done;
	result->missing += move->wanted.count;
	id_index_finish(&move->wanted);
	free(move);
	return r;
}

/* ---- what was dropped -------------------------------------------------------
 */

static int journal_has_drops(const struct operations *operations,
			     const char *name)
{
	struct journal_cursor cursor;
	struct journal_entry entry;
	bool has = false;
	int r = journal_cursor_open(&cursor, operations->dir, name);

	if (r < 0)
		return r;
	while (!has && (r = journal_cursor_next(&cursor, &entry)) == 1) {
		has = shelf_has(operations->shelves[DROPPED],
				&entry.record->id);
		free(entry.record);
	}
	journal_cursor_close(&cursor);
	return r < 0 ? r : has;
}

int operations_have_drops(struct operations *operations)
{
	char **names;
	size_t count;
	int r = journal_names(operations->dir, &names, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = journal_has_drops(operations, names[i]);
		if (r == -ENOENT)
			r = 0;
	}
	journal_names_free(names, count);
	return r;
}
