/*
 * operations.c - what operators may do with the outbox (see operations.h)
 *
 * Most verbs move records from one place to another, and a table says which:
 * the records are found where they are, made durable where they go, a group at
 * a time, and then taken from where they were. The journals of the outbox are
 * never written to: a waiting record that was put on a shelf is passed over by
 * the drainer when it comes to it.
 */
#include "persistence/operations.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/dead_letters.h"
#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"
#include "persistence/operations_log.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "persistence/shelf.h"
#include "server/board.h"
#include "server/log.h"

#define SEGMENT_BYTES ((uint64_t)1 << 20)
#define GROUP_RECORDS 256u
#define GROUP_BYTES   ((size_t)4 << 20)
#define PAUSED_FILE   "PAUSED"

enum place {
	NOWHERE,
	WAITING,   /* in the outbox, not delivered */
	DELIVERED, /* in the outbox, and still there */
	HELD,
	DROPPED,
	DEAD,
	OUTBOX, /* behind the rest, to be delivered */
	PLACE_COUNT
};

struct operations {
	char dir[384];
	struct outbox *outbox; /* borrowed */
	int64_t keep_us;
	struct shelf *shelves[PLACE_COUNT]; /* of those that are one */
	struct estate *nothing;
	bool paused;
};

static const char *const shelf_names[PLACE_COUNT] = {
	[HELD] = "held",
	[DROPPED] = "dropped",
	[DEAD] = "dead",
};

static const struct {
	const char *name;
	enum place from[2]; /* looked at in this order */
	enum place to;
} verbs[OPERATION_VERB_COUNT] = {
	[OPERATION_HOLD] = { "hold", { WAITING }, HELD },
	[OPERATION_RELEASE] = { "release", { HELD }, OUTBOX },
	[OPERATION_DROP] = { "drop", { HELD, WAITING }, DROPPED },
	[OPERATION_REPLAY] = { "replay", { DELIVERED }, OUTBOX },
	[OPERATION_RETRY] = { "retry", { DEAD }, OUTBOX },
	[OPERATION_BURY] = { "bury", { DEAD }, DROPPED },
	[OPERATION_IMPORT] = { .name = "import" },
	[OPERATION_PAUSE] = { .name = "pause" },
	[OPERATION_RESUME] = { .name = "resume" },
	[OPERATION_KICK] = { .name = "kick" },
};

const char *operation_verb_name(enum operation_verb verb)
{
	return verb < OPERATION_VERB_COUNT ? verbs[verb].name : "unknown";
}

enum operation_verb operation_verb_parse(const char *name)
{
	enum operation_verb verb = 0;

	while (verb < OPERATION_VERB_COUNT && strcmp(name, verbs[verb].name))
		verb++;
	return verb;
}

/* ---- a move -----------------------------------------------------------------
 */

struct move {
	struct operations *operations;
	enum place from, to;
	bool dry_run;
	struct id_index wanted; /* what has not been found so far */
	struct record *group[GROUP_RECORDS];
	size_t count, bytes;
	size_t done;
};

/* A journal of its own, finished at once: whoever reads it finds all of it. */
static int put_into_outbox(struct operations *operations,
			   struct record *const *records, size_t count)
{
	const struct journal_options options = {
		.outbox_dir = operations->dir,
		.role = OUTBOX_ROLE_REPLAY,
		.segment_bytes = SEGMENT_BYTES,
		.open = operations->nothing,
	};
	struct journal *journal;
	int r = journal_create(&journal, &options);

	if (r < 0)
		return r;
	r = journal_commit(journal, records, count);
	journal_close(journal);
	return r;
}

static void forget_group(struct move *move)
{
	while (move->count > 0)
		free(move->group[--move->count]);
	move->bytes = 0;
}

/* First there, then no longer here. */
static int flush(struct move *move)
{
	struct operations *o = move->operations;
	int r = 0;

	if (move->count > 0 && move->to == OUTBOX)
		r = put_into_outbox(o, move->group, move->count);
	else if (move->count > 0)
		r = shelf_add(o->shelves[move->to], move->group, move->count);
	for (size_t i = 0; r == 0 && i < move->count; i++) {
		if (o->shelves[move->from])
			r = shelf_take(o->shelves[move->from],
				       &move->group[i]->id);
		move->done += r == 0;
	}
	forget_group(move);
	return r;
}

static struct record *copy_of(const struct record *record)
{
	return record_create(record->kind, &record->id, &record->entity,
			     record->rev, record->created_us, record->payload,
			     record->length);
}

/* One that was wanted; each once, however often it is found. */
static int found(void *arg, const struct record *record)
{
	struct move *move = arg;
	struct record *copy;

	id_index_remove(&move->wanted, &record->id);
	if (move->dry_run) {
		move->done++;
		return 0;
	}
	copy = move->from == DEAD ? dead_letter_unwrap(record)
				  : copy_of(record);
	if (!copy)
		return -ENOMEM;
	move->group[move->count++] = copy;
	move->bytes += copy->length;
	return move->count == GROUP_RECORDS || move->bytes >= GROUP_BYTES
		       ? flush(move)
		       : 0;
}

static int walk_journal(struct move *move, const char *name)
{
	struct journal_cursor cursor;
	struct journal_entry entry;
	int r = journal_cursor_open(&cursor, move->operations->dir, name);

	if (r < 0)
		return r;
	if (move->from == WAITING)
		journal_cursor_skip_delivered(&cursor);
	while (move->wanted.count > 0 &&
	       (r = journal_cursor_next(&cursor, &entry)) == 1) {
		bool delivered =
			journal_cursor_was_delivered(&cursor, entry.seq);

		r = 0;
		if (delivered == (move->from == DELIVERED) &&
		    id_index_find(&move->wanted, &entry.record->id))
			r = found(move, entry.record);
		free(entry.record);
		if (r < 0)
			break;
	}
	journal_cursor_close(&cursor);
	return r < 0 ? r : 0;
}

/* A journal that cannot be read hides what is in it, and nothing else. */
static int walk_outbox(struct move *move)
{
	char **names;
	size_t count;
	int r = journal_names(move->operations->dir, &names, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = walk_journal(move, names[i]);
		if (r == -EPROTONOSUPPORT || r == -ENOENT)
			r = 0;
	}
	journal_names_free(names, count);
	return r;
}

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

/* Those that are where they should go need no move. */
static int want(struct move *move, const struct operation *operation,
		struct operation_result *result)
{
	const struct shelf *goal = move->operations->shelves[move->to];

	for (size_t i = 0; i < operation->count; i++) {
		const struct uuid *id = &operation->ids[i];

		if (goal && shelf_has(goal, id))
			result->already++;
		else if (id_index_set(&move->wanted, id,
				      (struct id_place){ .where = move }) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int move_records(struct operations *operations,
			const struct operation *operation,
			struct operation_result *result)
{
	struct move *move = calloc(1, sizeof(*move));
	int r;

	if (!move)
		return -ENOMEM;
	move->operations = operations;
	move->to = verbs[operation->verb].to;
	move->dry_run = operation->dry_run;
	r = want(move, operation, result);
	for (int i = 0; i < 2; i++) {
		enum place from = verbs[operation->verb].from[i];

		if (r == 0 && from != NOWHERE && move->wanted.count > 0)
			r = move_from(move, from);
	}
	result->done = move->done;
	result->missing = move->wanted.count;
	id_index_finish(&move->wanted);
	free(move);
	return r;
}

/* ---- import -----------------------------------------------------------------
 */

/* As journal.c names them: so that nothing but a journal comes in. */
static bool is_journal_name(const char *name)
{
	return name && name[0] >= '0' && name[0] <= '9' && !strchr(name, '/') &&
	       strlen(name) < 60;
}

static int import(struct operations *operations,
		  const struct operation *operation,
		  struct operation_result *result)
{
	char from[96];
	struct stat status;
	int dir_fd, r = 0;

	if (!is_journal_name(operation->name))
		return -EINVAL;
	dir_fd = disk_open_dir(AT_FDCWD, operations->dir, false);
	if (dir_fd < 0)
		return dir_fd;
	(void)snprintf(from, sizeof(from), ".import-%s", operation->name);
	if (fstatat(dir_fd, operation->name, &status, 0) == 0)
		result->already = 1;
	else if (fstatat(dir_fd, from, &status, 0) < 0)
		r = -errno;
	else
		result->done = 1;
	if (result->done && !operation->dry_run) {
		if (renameat(dir_fd, from, dir_fd, operation->name) < 0)
			r = -errno;
		else
			r = disk_sync(dir_fd);
	}
	(void)close(dir_fd);
	return r;
}

/* ---- pause and resume -------------------------------------------------------
 */

static int write_paused(int dir_fd, const char *who)
{
	int fd = openat(dir_fd, PAUSED_FILE,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = disk_write(fd, who, strlen(who), 0);
	if (r == 0)
		r = disk_sync(fd);
	(void)close(fd);
	return r;
}

static int set_paused(struct operations *operations,
		      const struct operation *operation,
		      struct operation_result *result)
{
	bool paused = operation->verb == OPERATION_PAUSE;
	int dir_fd, r = 0;

	if (operations->paused == paused) {
		result->already = 1;
		return 0;
	}
	result->done = 1;
	if (operation->dry_run)
		return 0;
	dir_fd = disk_open_dir(AT_FDCWD, operations->dir, false);
	if (dir_fd < 0)
		return dir_fd;
	if (paused)
		r = write_paused(dir_fd, operation->who);
	else if (unlinkat(dir_fd, PAUSED_FILE, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0)
		r = disk_sync(dir_fd);
	(void)close(dir_fd);
	if (r == 0)
		operations->paused = paused;
	return r;
}

/* ---- all of them ------------------------------------------------------------
 */

static int apply(struct operations *operations,
		 const struct operation *operation,
		 struct operation_result *result)
{
	switch (operation->verb) {
	case OPERATION_HOLD:
	case OPERATION_RELEASE:
	case OPERATION_DROP:
	case OPERATION_REPLAY:
	case OPERATION_RETRY:
	case OPERATION_BURY: return move_records(operations, operation, result);
	case OPERATION_IMPORT: return import(operations, operation, result);
	case OPERATION_PAUSE:
	case OPERATION_RESUME: return set_paused(operations, operation, result);
	case OPERATION_KICK: result->done = 1; return 0;
	case OPERATION_VERB_COUNT: break;
	}
	return -EINVAL;
}

int operations_apply(struct operations *operations,
		     const struct operation *operation,
		     struct operation_result *result)
{
	int r = -EINVAL, logged;

	*result = (struct operation_result){ 0 };
	if (operation->count <= OPERATION_IDS_MAX)
		r = apply(operations, operation, result);
	if (r == -EINVAL || operation->dry_run)
		return r;
	logged = operations_log(operations->dir, operation, result, r);
	return r < 0 ? r : logged;
}

bool operations_paused(const struct operations *operations)
{
	return operations->paused;
}

bool operations_set_aside(const struct operations *operations,
			  const struct uuid *id)
{
	return shelf_has(operations->shelves[HELD], id) ||
	       shelf_has(operations->shelves[DROPPED], id);
}

int operations_bury(struct operations *operations, const struct record *record,
		    const struct db_error *err)
{
	struct record *letter = dead_letter_wrap(record, err);
	char id[UUID_TEXT_SIZE];
	int r;

	if (!letter)
		return -ENOMEM;
	r = shelf_add(operations->shelves[DEAD], &letter, 1);
	free(letter);
	if (r < 0)
		return r;
	uuid_format(&record->id, id);
	log_error("DEAD_LETTER",
		  "id=%s kind=%s sqlstate=%s reason=%s err=\"%s\"", id,
		  record_kind_name(record->kind),
		  *err->sqlstate ? err->sqlstate : "none", err->reason,
		  err->text);
	board_set(board_series(METRIC_DEAD_LETTERS, ""),
		  (int64_t)shelf_count(operations->shelves[DEAD]));
	return 0;
}

/* Nothing that waits is older than the last drop: so nothing dropped is still
 * to come past the drainer. */
static bool drops_are_over(const struct operations *operations,
			   int64_t now_wall_us)
{
	int64_t last_us = shelf_last_us(operations->shelves[DROPPED]);
	int64_t oldest_us;

	if (last_us == 0 || now_wall_us - last_us < operations->keep_us)
		return false;
	oldest_us = outbox_stats(operations->outbox).oldest_us;
	return oldest_us == 0 || oldest_us > last_us;
}

void operations_tidy(struct operations *operations, int64_t now_wall_us)
{
	struct shelf *const *shelves = operations->shelves;

	shelf_tidy(shelves[HELD]);
	shelf_tidy(shelves[DEAD]);
	if (drops_are_over(operations, now_wall_us))
		shelf_clear(shelves[DROPPED]);
	board_set(board_series(METRIC_OUTBOX_HELD, ""),
		  (int64_t)shelf_count(shelves[HELD]));
	board_set(board_series(METRIC_DEAD_LETTERS, ""),
		  (int64_t)shelf_count(shelves[DEAD]));
}

/* ---- opening ----------------------------------------------------------------
 */

int operations_open(struct operations **ret, const char *outbox_dir,
		    struct outbox *outbox, uint64_t keep_ms)
{
	struct operations *o = calloc(1, sizeof(*o));
	char paused[sizeof(o->dir) + sizeof(PAUSED_FILE) + 1];
	int r = -ENAMETOOLONG;

	if (!o)
		return -ENOMEM;
	o->outbox = outbox;
	o->keep_us = (int64_t)keep_ms * 1000;
	if ((size_t)snprintf(o->dir, sizeof(o->dir), "%s", outbox_dir) >=
	    sizeof(o->dir))
		goto fail;
	(void)snprintf(paused, sizeof(paused), "%s/%s", o->dir, PAUSED_FILE);
	o->paused = access(paused, F_OK) == 0;
	r = estate_create(&o->nothing);
	for (int i = 0; r == 0 && i < PLACE_COUNT; i++)
		if (shelf_names[i])
			r = shelf_open(&o->shelves[i], o->dir, shelf_names[i]);
	if (r < 0)
		goto fail;
	if (o->paused)
		log_warn("OUTBOX_PAUSED",
			 "by an operator; next=\"holdctl outbox resume\"");
	*ret = o;
	return 0;
fail:
	operations_close(o);
	return r;
}

struct operations *operations_close(struct operations *operations)
{
	if (!operations)
		return NULL;
	for (int i = 0; i < PLACE_COUNT; i++)
		shelf_close(operations->shelves[i]);
	estate_destroy(operations->nothing);
	free(operations);
	return NULL;
}
