/*
 * erasure.c - carries out what somebody wants erased (see erasure.h)
 *
 * For each erasure, the oldest first: take it off the shelves, remove rows step
 * by step until nothing is left but live calls, then see whether it may
 * advance. Behind all of them come the files of this node.
 */
#include "server/control/upkeep/erasure.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "persistence/db_health.h"
#include "persistence/store_erasure.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/upkeep/chore.h"
#include "server/control/upkeep/recording_remove.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"
#include "server/uuid.h"

#define TAG	 "ERASURE"
#define STEP	 50u	  /* rows at once, each with a few statements */
#define PAUSE_MS 50	  /* between two steps: the drainer has other work */
#define LOOK_MS	 10000	  /* while there is something to do */
#define REST_MS	 3600000u /* else: for what another node asks of us */
#define WATCH_MS 60000	  /* for what arrived late */
#define DAY_US	 (INT64_C(86400) * 1000000)

struct erasure {
	struct chores chores;
	struct thread *thread;	   /* the owner's, to join */
	const struct thread *self; /* the same, as the thread itself has it */
	int wake_fd;
	char node[128], recordings[256];
	atomic_uint watch_days;
	/* The newest erasure that was looked for on the shelves, "" for none:
	 * a restart looks again, which changes nothing. */
	char shelves_seen[UUID_TEXT_SIZE];
	uint64_t watch_ms; /* when to look at those that are watched */
	bool watch_now;
	bool unfinished; /* something is to be looked at again soon */
};

/* ---- chores ---------------------------------------------------------------
 */

struct list {
	const char *after, *node; /* of erasures; of files */
	json_t *rows;		  /* owned */
};

static int list_open(struct store *store, void *arg, struct db_error *err)
{
	struct list *list = arg;

	return store_open_erasures(store, list->after, &list->rows, err);
}

static int list_files(struct store *store, void *arg, struct db_error *err)
{
	struct list *list = arg;

	return store_erased_files(store, list->node, STEP, &list->rows, err);
}

struct step {
	const json_t *row; /* an erasure, or a file */
	enum store_erased erased;
	int64_t watch_us;
	json_t *changed; /* owned */
	bool existed;	 /* the file */
};

static int take_step(struct store *store, void *arg, struct db_error *err)
{
	struct step *step = arg;

	return store_erase(store, step->row, STEP, &step->erased, err);
}

static int advance(struct store *store, void *arg, struct db_error *err)
{
	struct step *step = arg;

	return store_erasure_advance(store, step->row, step->watch_us,
				     &step->changed, err);
}

static int note_gone(struct store *store, void *arg, struct db_error *err)
{
	const struct step *step = arg;

	return store_erased_file_gone(store, step->row, step->existed, err);
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* Whether somebody ended it. */
static bool rest(struct erasure *erasure, int ms)
{
	struct pollfd woken = { .fd = erasure->wake_fd, .events = POLLIN };
	uint64_t count;

	return poll(&woken, 1, ms) > 0 &&
	       read(erasure->wake_fd, &count, sizeof(count)) > 0;
}

/* What cannot be done now is looked at again soon. */
static bool is_done(struct erasure *erasure, chore_task *task, void *arg)
{
	bool done = !thread_stopping(erasure->self) &&
		    db_health_shown() == BOARD_DB_UP &&
		    chore_run(&erasure->chores, task, arg);

	erasure->unfinished |= !done;
	return done;
}

/* ---- one erasure ----------------------------------------------------------
 */

static void clear_shelves(struct erasure *erasure, const json_t *row)
{
	const char *id = text_of(row, "erasure_id");
	const struct operation operation = {
		.verb = OPERATION_ERASE,
		.target = text_of(row, "target"),
		.who = TAG,
	};

	if (strcmp(id, erasure->shelves_seen) <= 0)
		return;
	if (chore_operate(&erasure->chores, &operation))
		(void)snprintf(erasure->shelves_seen,
			       sizeof(erasure->shelves_seen), "%s", id);
}

static void tell(const json_t *row)
{
	static const char *const what[] = { "calls", "recordings", "messages",
					    "sessions" };
	json_int_t n[4];

	for (size_t i = 0; i < 4; i++)
		n[i] = json_integer_value(json_object_get(row, what[i]));
	log_info(TAG,
		 "id=%s what=%s state=%s calls=%lld recordings=%lld "
		 "messages=%lld sessions=%lld",
		 text_of(row, "erasure_id"), text_of(row, "what"),
		 text_of(row, "state"), (long long)n[0], (long long)n[1],
		 (long long)n[2], (long long)n[3]);
}

/* From state to state, as far as it may. */
static void finish(struct erasure *erasure, const json_t *row)
{
	struct step step = {
		.row = row,
		.watch_us = atomic_load(&erasure->watch_days) * DAY_US,
	};
	json_t *reached = NULL;

	while (is_done(erasure, advance, &step) && step.changed) {
		json_decref(reached);
		step.row = reached = step.changed;
		tell(reached);
	}
	json_decref(reached);
}

static void carry_out(struct erasure *erasure, const json_t *row)
{
	struct step step = { .row = row, .erased = ERASED_SOME };

	clear_shelves(erasure, row);
	while (step.erased == ERASED_SOME) {
		if (!is_done(erasure, take_step, &step))
			return;
		if (step.erased == ERASED_SOME)
			(void)rest(erasure, PAUSE_MS);
	}
	if (step.erased == ERASED_NOTHING)
		finish(erasure, row);
}

/* ---- the files of this node -----------------------------------------------
 */

/* Where the recorder puts it, for a call whose row does not say. */
static void usual_path(const struct erasure *erasure, const json_t *file,
		       char *out, size_t size)
{
	const char *day = text_of(file, "started_at"); /* 2026-11-23T... */

	(void)snprintf(out, size, "%s/%.4s/%.2s/%.2s/%s.wav",
		       erasure->recordings, day, day + 5, day + 8,
		       text_of(file, "call_id"));
}

/* A recording that is being finished is renamed: .part comes first. False: it
 * may still be there. */
static bool remove_all_of(const struct erasure *erasure, const json_t *file,
			  bool *existed)
{
	static const char *const endings[] = { ".part", "", ".broken" };
	char usual[PATH_MAX], path[PATH_MAX + 8];
	const char *said = text_of(file, "recording_path");
	bool gone = true;

	*existed = false;
	usual_path(erasure, file, usual, sizeof(usual));
	for (size_t i = 0; i < 3; i++) {
		int r;

		(void)snprintf(path, sizeof(path), "%s%s", *said ? said : usual,
			       endings[i]);
		r = recording_remove(erasure->recordings, path, TAG);
		*existed |= r == 0;
		gone &= r == 0 || r == -ENOENT;
	}
	return gone;
}

/* How many calls have none any more. */
static size_t remove_files(struct erasure *erasure)
{
	struct list list = { .node = erasure->node };
	size_t gone = 0, i;
	json_t *file;

	if (!is_done(erasure, list_files, &list))
		return 0;
	json_array_foreach (list.rows, i, file) {
		struct step step = { .row = file };

		if (!remove_all_of(erasure, file, &step.existed))
			erasure->unfinished = true;
		else if (is_done(erasure, note_gone, &step))
			gone++;
	}
	json_decref(list.rows);
	return gone;
}

/* ---- all of them ----------------------------------------------------------
 */

/* Those that are only watched have time. Whatever is not over now is looked at
 * again soon. */
static bool is_due(struct erasure *erasure, const json_t *row)
{
	bool erasing = strcmp(text_of(row, "state"), "erasing") == 0;

	erasure->unfinished |= erasing || !erasure->watch_now;
	return erasing || erasure->watch_now;
}

/* Whether anything was open. The cursor moves to the last one. */
static bool carry_out_page(struct erasure *erasure, char after[UUID_TEXT_SIZE])
{
	struct list list = { .after = *after ? after : NULL };
	json_t *row;
	size_t i, found;

	if (!is_done(erasure, list_open, &list))
		return false;
	found = json_array_size(list.rows);
	json_array_foreach (list.rows, i, row) {
		if (is_due(erasure, row))
			carry_out(erasure, row);
		(void)snprintf(after, UUID_TEXT_SIZE, "%s",
			       text_of(row, "erasure_id"));
	}
	json_decref(list.rows);
	return found > 0;
}

static void carry_out_all(struct erasure *erasure)
{
	uint64_t now_ms = clock_mono_ms();
	char after[UUID_TEXT_SIZE] = "";

	erasure->watch_now = now_ms >= erasure->watch_ms;
	if (erasure->watch_now)
		erasure->watch_ms = now_ms + WATCH_MS;
	while (carry_out_page(erasure, after))
		; /* the next hundred */
}

static int64_t drained(void)
{
	return board_get(board_series(METRIC_DRAINED_TOTAL, ""));
}

/* What arrives late arrives by a drainer, ours or another node's. While nothing
 * does, a database that sleeps when nobody asks may sleep. */
static void await_work(struct erasure *erasure, int64_t drained_before)
{
	uint64_t until_ms = clock_mono_ms() + REST_MS;
	bool woken;

	do
		woken = rest(erasure, LOOK_MS);
	while (!woken && !erasure->unfinished &&
	       !thread_stopping(erasure->self) && drained() == drained_before &&
	       clock_mono_ms() < until_ms);
}

static int body(struct thread *self, void *arg)
{
	struct erasure *erasure = arg;

	erasure->self = self;
	while (!thread_stopping(self)) {
		int64_t before = drained();

		erasure->unfinished = false;
		carry_out_all(erasure);
		/* What waited for files alone may advance at once. */
		if (remove_files(erasure) == 0)
			await_work(erasure, before);
	}
	return 0;
}

/* ---- beginning and end ----------------------------------------------------
 */

static void wake(void *arg)
{
	erasure_wake(arg);
}

void erasure_wake(struct erasure *erasure)
{
	uint64_t one = 1;

	if (erasure)
		(void)!write(erasure->wake_fd, &one, sizeof(one));
}

void erasure_follow(struct erasure *erasure, const struct settings *settings)
{
	atomic_store(&erasure->watch_days, settings->retention.erasures);
	erasure_wake(erasure);
}

int erasure_start(struct erasure **ret, struct drainer *drainer,
		  const struct settings *settings)
{
	struct erasure *erasure = calloc(1, sizeof(*erasure));
	const struct thread_options thread = {
		.name = "erasure",
		.body = body,
		.arg = erasure,
		.wake = wake,
	};
	int r = 0;

	*ret = NULL;
	if (!erasure)
		return -ENOMEM;
	chores_init(&erasure->chores, drainer, TAG);
	(void)snprintf(erasure->node, sizeof(erasure->node), "%s",
		       settings->node_id);
	(void)snprintf(erasure->recordings, sizeof(erasure->recordings), "%s",
		       settings->recording.dir);
	erasure->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (erasure->wake_fd < 0) {
		r = -errno;
	} else {
		erasure_follow(erasure, settings);
		r = thread_start(&erasure->thread, &thread);
	}
	if (r < 0)
		erasure_stop(erasure);
	else
		*ret = erasure;
	return r;
}

void erasure_close(struct erasure *erasure)
{
	if (!erasure)
		return;
	chores_close(&erasure->chores);
	thread_stop(erasure->thread);
}

struct erasure *erasure_stop(struct erasure *erasure)
{
	if (!erasure)
		return NULL;
	erasure_close(erasure);
	thread_join(erasure->thread);
	if (erasure->wake_fd >= 0)
		(void)close(erasure->wake_fd);
	chores_finish(&erasure->chores);
	free(erasure);
	return NULL;
}
