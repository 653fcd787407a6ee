/*
 * retention.c - removes calls and recordings after their time (retention.h)
 *
 *   find   a task of the drainer: up to STEP rows
 *   unlink the files, here
 *   forget a task of the drainer: those rows
 *
 * and again, until a step finds fewer than it could hold.
 */
#include "server/control/upkeep/retention.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "persistence/db_health.h"
#include "persistence/store_retention.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/upkeep/chore.h"
#include "server/control/upkeep/recording_remove.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define STEP	 100u /* rows at once: some ten milliseconds of the drainer's */
#define PAUSE_MS 100  /* between two steps: the drainer has other work */
#define DAY_US	 (INT64_C(86400) * 1000000)
#define GRACE_US DAY_US /* for another node to remove its recordings */

struct retention {
	struct chores chores;
	struct thread *thread;
	int wake_fd;
	char node[128], recordings[256];
	atomic_uint recording_days, call_days, event_days, message_days;
	atomic_uint interval_ms;
};

/* What is removed: recordings alone, or calls with all they have. */
enum what { RECORDINGS, CALLS };

struct search {
	enum what what;
	struct store_old old;
	json_t *calls; /* found, or to be forgotten; owned */
};

/* ---- chores ---------------------------------------------------------------
 */

static int find(struct store *store, void *arg, struct db_error *err)
{
	struct search *search = arg;

	return search->what == CALLS
		       ? store_old_calls(store, &search->old, &search->calls,
					 err)
		       : store_old_recordings(store, &search->old,
					      &search->calls, err);
}

static int forget(struct store *store, void *arg, struct db_error *err)
{
	struct search *search = arg;
	struct store_forgotten rows = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(search->calls); i++) {
		const json_t *call = json_array_get(search->calls, i);

		r = search->what == CALLS
			    ? store_forget_call(store, call, &rows, err)
			    : store_forget_recording(store, call, err);
	}
	return r;
}

/* ---- files ----------------------------------------------------------------
 */

/* Whether the file is gone, or was never ours. */
static bool remove_file(const struct retention *retention, const char *path)
{
	int r = recording_remove(retention->recordings, path, "RETENTION");

	return r == 0 || r == -ENOENT || r == -EXDEV;
}

static bool is_ours(const struct retention *retention, const json_t *call)
{
	const char *node = json_string_value(json_object_get(call, "node_id"));

	return node && strcmp(node, retention->node) == 0;
}

/* Removes the files of what was found; a call whose file stays, stays. */
static void remove_files(const struct retention *retention, json_t *calls)
{
	for (size_t i = json_array_size(calls); i-- > 0;) {
		const json_t *call = json_array_get(calls, i);
		const char *path = json_string_value(
			json_object_get(call, "recording_path"));

		if (path && is_ours(retention, call) &&
		    !remove_file(retention, path))
			(void)json_array_remove(calls, i);
	}
}

/* ---- steps ----------------------------------------------------------------
 */

static void tell(const char *what, size_t count)
{
	char labels[48];

	(void)snprintf(labels, sizeof(labels), "what=\"%s\"", what);
	board_add(board_series(METRIC_REMOVED_TOTAL, labels), (int64_t)count);
	log_info("RETENTION", "removed=%zu what=%s", count, what);
}

/* Whether there may be more. */
static bool step(struct retention *retention, enum what what, unsigned days)
{
	int64_t before_us = clock_wall_us() - days * DAY_US;
	char before[CLOCK_ISO_SIZE], others[CLOCK_ISO_SIZE];
	struct search search = { .what = what,
				 .old = { .node = retention->node,
					  .before = before,
					  .others_before = others,
					  .limit = STEP } };
	size_t found, removed;
	bool done;

	clock_format_iso(before_us, before);
	clock_format_iso(before_us - GRACE_US, others);
	if (!chore_run(&retention->chores, find, &search))
		return false;
	found = json_array_size(search.calls);
	remove_files(retention, search.calls);
	removed = json_array_size(search.calls);
	done = removed > 0 && chore_run(&retention->chores, forget, &search);
	json_decref(search.calls);
	if (done)
		tell(what == CALLS ? "calls" : "recordings", removed);
	/* What stayed would only be found again. */
	return done && found == STEP && removed == found;
}

static void rest(struct retention *retention, int ms)
{
	struct pollfd woken = { .fd = retention->wake_fd, .events = POLLIN };
	uint64_t count;

	if (poll(&woken, 1, ms) > 0)
		(void)!read(retention->wake_fd, &count, sizeof(count));
}

static void remove_all(struct retention *retention, struct thread *self,
		       enum what what, unsigned days)
{
	while (days > 0 && !thread_stopping(self) &&
	       db_health_shown() == BOARD_DB_UP && step(retention, what, days))
		rest(retention, PAUSE_MS);
}

/* ---- rows that have no files ----------------------------------------------
 */

struct sweep {
	enum store_old_rows what;
	const char *before;
	size_t removed;
};

static int remove_rows(struct store *store, void *arg, struct db_error *err)
{
	struct sweep *sweep = arg;

	return store_remove_old(store, sweep->what, sweep->before, STEP,
				&sweep->removed, err);
}

/* Whether there may be more. */
static bool sweep_step(struct retention *retention, enum store_old_rows what,
		       unsigned days)
{
	static const char *const names[OLD_ROWS_COUNT] = {
		[OLD_CALL_EVENTS] = "call_events",
		[OLD_CALL_STATUSES] = "call_statuses",
		[OLD_MESSAGES] = "messages",
		[OLD_MESSAGE_STATUSES] = "message_statuses",
		[OLD_MESSAGE_NOTICES] = "message_notices",
		[OLD_SUMMARIES] = "session_summaries",
		[OLD_SESSIONS] = "sessions",
	};
	char before[CLOCK_ISO_SIZE];
	struct sweep sweep = { .what = what, .before = before };

	clock_format_iso(clock_wall_us() - days * DAY_US, before);
	if (!chore_run(&retention->chores, remove_rows, &sweep))
		return false;
	if (sweep.removed > 0)
		tell(names[what], sweep.removed);
	return sweep.removed == STEP;
}

static void sweep(struct retention *retention, struct thread *self,
		  enum store_old_rows what, const atomic_uint *setting)
{
	unsigned days = atomic_load(setting);

	while (days > 0 && !thread_stopping(self) &&
	       db_health_shown() == BOARD_DB_UP &&
	       sweep_step(retention, what, days))
		rest(retention, PAUSE_MS);
}

static void sweep_all(struct retention *retention, struct thread *self)
{
	sweep(retention, self, OLD_CALL_EVENTS, &retention->event_days);
	sweep(retention, self, OLD_CALL_STATUSES, &retention->call_days);
	for (enum store_old_rows what = OLD_MESSAGES; what < OLD_ROWS_COUNT;
	     what++)
		sweep(retention, self, what, &retention->message_days);
}

static int body(struct thread *self, void *arg)
{
	struct retention *retention = arg;

	while (!thread_stopping(self)) {
		rest(retention, (int)atomic_load(&retention->interval_ms));
		remove_all(retention, self, RECORDINGS,
			   atomic_load(&retention->recording_days));
		remove_all(retention, self, CALLS,
			   atomic_load(&retention->call_days));
		sweep_all(retention, self);
	}
	return 0;
}

/* ---- beginning and end -----------------------------------------------------
 */

static void wake(void *arg)
{
	const struct retention *retention = arg;
	uint64_t one = 1;

	(void)!write(retention->wake_fd, &one, sizeof(one));
}

void retention_follow(struct retention *retention,
		      const struct settings *settings)
{
	atomic_store(&retention->recording_days,
		     settings->retention.recordings);
	atomic_store(&retention->call_days, settings->retention.calls);
	atomic_store(&retention->event_days, settings->retention.events);
	atomic_store(&retention->message_days, settings->retention.messages);
	atomic_store(&retention->interval_ms, settings->retention.interval_ms);
	wake(retention);
}

int retention_start(struct retention **ret, struct drainer *drainer,
		    const struct settings *settings)
{
	struct retention *retention = calloc(1, sizeof(*retention));
	const struct thread_options thread = {
		.name = "retention",
		.body = body,
		.arg = retention,
		.wake = wake,
	};
	int r = 0;

	*ret = NULL;
	if (!retention)
		return -ENOMEM;
	chores_init(&retention->chores, drainer, "RETENTION");
	(void)snprintf(retention->node, sizeof(retention->node), "%s",
		       settings->node_id);
	(void)snprintf(retention->recordings, sizeof(retention->recordings),
		       "%s", settings->recording.dir);
	retention->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (retention->wake_fd < 0) {
		r = -errno;
	} else {
		retention_follow(retention, settings);
		r = thread_start(&retention->thread, &thread);
	}
	if (r < 0)
		retention_stop(retention);
	else
		*ret = retention;
	return r;
}

void retention_close(struct retention *retention)
{
	if (!retention)
		return;
	chores_close(&retention->chores);
	thread_stop(retention->thread);
}

struct retention *retention_stop(struct retention *retention)
{
	if (!retention)
		return NULL;
	retention_close(retention);
	thread_join(retention->thread);
	if (retention->wake_fd >= 0)
		(void)close(retention->wake_fd);
	chores_finish(&retention->chores);
	free(retention);
	return NULL;
}
