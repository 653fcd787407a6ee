/*
 * operations.c - what operators may do with the outbox (see operations.h)
 *
 * Most verbs move records from one place to another: a table says which, and
 * operations_move.c does it. The others are small, and stand here.
 */
#include "persistence/operations_state.h"

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
#include "persistence/operations_log.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "persistence/shelf.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define PAUSED_FILE   "PAUSED"
#define DROPS_LOOK_MS 600000u /* to look for dropped records costs a while */

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
	[OPERATION_ERASE] = { .name = "erase" },
};

const char *operation_verb_name(enum operation_verb verb)
{
	return verb < OPERATION_VERB_COUNT ? verbs[verb].name : "unknown";
}

enum operation_verb operation_verb_parse(const char *name)
{
	enum operation_verb verb = 0;

	while (verb < OPERATION_VERB_COUNT &&
	       strcmp(name, verbs[verb].name) != 0)
		verb++;
	return verb;
}

/* ---- import -----------------------------------------------------------------
 */

/* As journal.c names them: so that nothing but a journal comes in. */
static bool is_journal_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789-_.";

	return name && name[0] >= '0' && name[0] <= '9' && strlen(name) < 60 &&
	       name[strspn(name, allowed)] == '\0';
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
	else if (fstatat(dir_fd, from, &status, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	else if (!S_ISDIR(status.st_mode))
		r = -ENOTDIR;
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

/* "ann@gw1 since 2026-11-23T06:37:00.123456Z": for people; that the file is
 * there is what counts. */
static int write_paused(int dir_fd, const char *who)
{
	char since[CLOCK_ISO_SIZE], text[200];
	int fd = openat(dir_fd, PAUSED_FILE,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	clock_format_iso(clock_wall_us(), since);
	(void)snprintf(text, sizeof(text), "%.128s since %s", who, since);
	r = disk_write(fd, text, strlen(text), 0);
	if (r == 0)
		r = disk_sync(fd);
	if (r == 0)
		r = disk_sync(dir_fd);
	(void)close(fd);
	return r;
}

/* Also what is left of a pause that failed: it would begin with a restart. */
static int remove_paused(int dir_fd)
{
	if (unlinkat(dir_fd, PAUSED_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	return disk_sync(dir_fd);
}

static int set_paused(struct operations *operations,
		      const struct operation *operation,
		      struct operation_result *result)
{
	bool paused = operation->verb == OPERATION_PAUSE;
	int dir_fd, r;

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
	r = paused ? write_paused(dir_fd, operation->who)
		   : remove_paused(dir_fd);
	if (r < 0 && paused)
		(void)remove_paused(dir_fd);
	(void)close(dir_fd);
	if (r == 0)
		operations->paused = paused;
	else
		result->done = 0;
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
	case OPERATION_BURY:
		return operations_move(operations, operation,
				       verbs[operation->verb].from,
				       verbs[operation->verb].to, result);
	case OPERATION_IMPORT: return import(operations, operation, result);
	case OPERATION_PAUSE:
	case OPERATION_RESUME: return set_paused(operations, operation, result);
	case OPERATION_KICK: result->done = 1; return 0;
	case OPERATION_ERASE:
		return operations_erase(operations, operation, result);
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

/* Long ago, and nothing dropped can come past the drainer any more: neither
 * waiting nor replayed. */
static bool drops_are_over(struct operations *operations, int64_t now_wall_us)
{
	int64_t last_us = shelf_last_us(operations->shelves[DROPPED]);
	uint64_t now_ms = clock_mono_ms();
	int64_t oldest_us;

	if (last_us == 0 || now_wall_us - last_us < operations->keep_us)
		return false;
	oldest_us = outbox_stats(operations->outbox).oldest_us;
	if ((oldest_us != 0 && oldest_us <= last_us) ||
	    now_ms < operations->drops_look_ms)
		return false;
	operations->drops_look_ms = now_ms + DROPS_LOOK_MS;
	return operations_have_drops(operations) == 0;
}

/* Once nothing more comes, so that the drainer may finish it. */
static void tidy_replay(struct operations *operations)
{
	uint64_t written = operations->replay
				   ? journal_durable_seq(operations->replay)
				   : 0;

	if (written == operations->replay_tidied)
		operations_end_replay(operations);
	operations->replay_tidied = operations->replay ? written : 0;
}

void operations_tidy(struct operations *operations, int64_t now_wall_us)
{
	struct shelf *const *shelves = operations->shelves;

	tidy_replay(operations);
	shelf_tidy(shelves[HELD]);
	shelf_tidy(shelves[DEAD]);
	shelf_tidy(shelves[DROPPED]);
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
	operations_end_replay(operations);
	for (int i = 0; i < PLACE_COUNT; i++)
		shelf_close(operations->shelves[i]);
	estate_destroy(operations->nothing);
	free(operations);
	return NULL;
}
