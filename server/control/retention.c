/*
 * retention.c - removes calls and recordings after their time (retention.h)
 *
 *   find   a task of the drainer: up to STEP rows
 *   unlink the files, here
 *   forget a task of the drainer: those rows
 *
 * and again, until a step finds fewer than it could hold.
 */
#include "server/control/retention.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "persistence/db_health.h"
#include "persistence/drainer.h"
#include "persistence/store_retention.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/path.h"
#include "server/settings.h"
#include "server/thread.h"

#define STEP	 100u /* rows at once: some ten milliseconds of the drainer's */
#define PAUSE_MS 100  /* between two steps: the drainer has other work */
#define DAY_US	 (INT64_C(86400) * 1000000)
#define GRACE_US DAY_US /* for another node to remove its recordings */

struct retention {
	struct drainer *drainer;
	pthread_mutex_t lock; /* while the drainer is asked */
	bool closed;	      /* {lock} it must not be any more */
	struct thread *thread;
	int wake_fd;
	char node[128], recordings[256];
	atomic_uint recording_days, call_days, interval_ms;
};

/* What is removed: recordings alone, or calls with all they have. */
enum what { RECORDINGS, CALLS };

/* A task of the drainer that this thread waits for. */
struct errand {
	struct drainer_job job; /* first: a job is its errand */
	sem_t done;
	enum what what;
	struct store_old old;
	json_t *calls; /* found, or to be forgotten; owned */
	bool failed;
	struct db_error err;
};

/* ---- errands --------------------------------------------------------------
 */

static void find(struct drainer_job *job, struct store *store)
{
	struct errand *errand = (struct errand *)job;
	int r = errand->what == CALLS
			? store_old_calls(store, &errand->old, &errand->calls,
					  &errand->err)
			: store_old_recordings(store, &errand->old,
					       &errand->calls, &errand->err);

	errand->failed = r < 0;
}

static void forget(struct drainer_job *job, struct store *store)
{
	struct errand *errand = (struct errand *)job;
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(errand->calls); i++) {
		const json_t *call = json_array_get(errand->calls, i);

		r = errand->what == CALLS
			    ? store_forget_call(store, call, &errand->err)
			    : store_forget_recording(store, call, &errand->err);
	}
	errand->failed = r < 0;
}

static void on_done(struct drainer_job *job)
{
	struct errand *errand = (struct errand *)job;

	(void)sem_post(&errand->done);
}

static int submit(struct retention *retention, struct drainer_job *job)
{
	int r = -ECANCELED;

	pthread_mutex_lock(&retention->lock);
	if (!retention->closed)
		r = drainer_submit(retention->drainer, job);
	pthread_mutex_unlock(&retention->lock);
	return r;
}

/* False: it could not be done. The drainer does or gives up every job that it
 * has taken. */
static bool run(struct retention *retention, struct errand *errand,
		drainer_task *task)
{
	errand->job = (struct drainer_job){ .task = task, .done = on_done };
	errand->failed = false;
	if (sem_init(&errand->done, 0, 0) < 0)
		return false;
	if (submit(retention, &errand->job) < 0)
		errand->failed = true;
	else
		while (sem_wait(&errand->done) < 0)
			; /* a signal */
	(void)sem_destroy(&errand->done);
	if (errand->failed && *errand->err.reason)
		log_warn("RETENTION", "reason=%s err=\"%s\"",
			 errand->err.reason, errand->err.text);
	return !errand->failed && errand->job.error == 0;
}

/* ---- files ----------------------------------------------------------------
 */

/* Whether the file is gone, or was never ours. */
static bool remove_file(const struct retention *retention, const char *path)
{
	char real[PATH_MAX];
	int r = path_below(retention->recordings, path, real);

	if (r == -ENOENT || r == -ENOTDIR)
		return true;
	if (r == -EXDEV) {
		log_warn("RETENTION", "file=\"%s\" err=\"not in %s: left\"",
			 real, retention->recordings);
		return true;
	}
	if (r < 0)
		return false;
	if (unlink(real) == 0 || errno == ENOENT)
		return true;
	log_error("RETENTION", "file=\"%s\" err=\"%s\"", real, strerror(errno));
	return false;
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

static void tell(enum what what, size_t count)
{
	const char *name = what == CALLS ? "calls" : "recordings";
	char labels[32];

	(void)snprintf(labels, sizeof(labels), "what=\"%s\"", name);
	board_add(board_series(METRIC_REMOVED_TOTAL, labels), (int64_t)count);
	log_info("RETENTION", "removed=%zu what=%s", count, name);
}

/* Whether there may be more. */
static bool step(struct retention *retention, enum what what, unsigned days)
{
	int64_t before_us = clock_wall_us() - days * DAY_US;
	char before[CLOCK_ISO_SIZE], others[CLOCK_ISO_SIZE];
	struct errand errand = { .what = what,
				 .old = { .node = retention->node,
					  .before = before,
					  .others_before = others,
					  .limit = STEP } };
	size_t found, removed;
	bool done;

	clock_format_iso(before_us, before);
	clock_format_iso(before_us - GRACE_US, others);
	if (!run(retention, &errand, find))
		return false;
	found = json_array_size(errand.calls);
	remove_files(retention, errand.calls);
	removed = json_array_size(errand.calls);
	done = removed > 0 && run(retention, &errand, forget);
	json_decref(errand.calls);
	if (done)
		tell(what, removed);
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

static int body(struct thread *self, void *arg)
{
	struct retention *retention = arg;

	while (!thread_stopping(self)) {
		rest(retention, (int)atomic_load(&retention->interval_ms));
		remove_all(retention, self, RECORDINGS,
			   atomic_load(&retention->recording_days));
		remove_all(retention, self, CALLS,
			   atomic_load(&retention->call_days));
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
	retention->drainer = drainer;
	pthread_mutex_init(&retention->lock, NULL);
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
	pthread_mutex_lock(&retention->lock);
	retention->closed = true;
	pthread_mutex_unlock(&retention->lock);
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
	pthread_mutex_destroy(&retention->lock);
	free(retention);
	return NULL;
}
