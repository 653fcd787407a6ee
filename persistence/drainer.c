/*
 * drainer.c - the drainer's thread: how it starts and how it ends (drainer.h)
 *
 * What it does is drain.c's business. The store is made before the thread and
 * goes after it, so that drainer_stop() can interrupt whatever call is running.
 */
#include "persistence/drainer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "persistence/drain.h"
#include "persistence/recovery.h"
#include "persistence/store.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define LOCK_WAIT_MS 100  /* while a former drainer is still going */
#define DISK_WAIT_MS 1000 /* while the outbox cannot be opened */
#define LAST_TRY_MS  500u /* at the end, for a database that was away */

struct drainer {
	const struct settings *settings; /* borrowed */
	struct thread *thread;
	struct store *store;
	char outbox_dir[320];
	char application[128];
	int wake_fd, done_fd;
	_Atomic uint64_t stop_by_ms;
	atomic_bool running;
	pthread_mutex_t mutex; /* of the jobs */
	struct drainer_job *jobs, **jobs_end;
	unsigned job_count;
	bool closed; /* takes no more jobs */
};

static void signal_fd(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static void wake(void *arg)
{
	const struct drainer *d = arg;

	signal_fd(d->wake_fd);
}

/* ---- operations -----------------------------------------------------------
 */

int drainer_submit(struct drainer *d, struct drainer_job *job)
{
	int r = 0;

	job->next = NULL;
	job->result = (struct operation_result){ 0 };
	pthread_mutex_lock(&d->mutex);
	if (d->closed) {
		r = -ECANCELED;
	} else if (d->job_count == DRAINER_JOBS_MAX) {
		r = -EBUSY;
	} else {
		*d->jobs_end = job;
		d->jobs_end = &job->next;
		d->job_count++;
	}
	pthread_mutex_unlock(&d->mutex);
	if (r == 0)
		signal_fd(d->wake_fd);
	return r;
}

static struct drainer_job *next_job(struct drainer *d)
{
	struct drainer_job *job;

	pthread_mutex_lock(&d->mutex);
	job = d->jobs;
	if (job) {
		d->jobs = job->next;
		if (!d->jobs)
			d->jobs_end = &d->jobs;
		d->job_count--;
	}
	pthread_mutex_unlock(&d->mutex);
	return job;
}

static void do_jobs(struct drainer *d, struct drain *drain)
{
	struct drainer_job *job;

	while ((job = next_job(d))) {
		job->error = 0;
		log_for(job->ids);
		if (job->task)
			job->task(job, d->store);
		else
			job->error = drain_apply(drain, &job->operation,
						 &job->result);
		job->done(job);
		log_for(NULL);
	}
}

static void set_closed(struct drainer *d, bool closed)
{
	pthread_mutex_lock(&d->mutex);
	d->closed = closed;
	pthread_mutex_unlock(&d->mutex);
}

static void cancel_jobs(struct drainer *d)
{
	struct drainer_job *job;

	set_closed(d, true);
	while ((job = next_job(d))) {
		job->error = -ECANCELED;
		job->done(job);
	}
}

/* ---- the thread -----------------------------------------------------------
 */

/* Until somebody wakes us, or it is time to look again. */
static void wait_to_open(struct drainer *d, int wait_ms)
{
	struct pollfd woken = { .fd = d->wake_fd, .events = POLLIN };
	uint64_t ignored;

	if (poll(&woken, 1, wait_ms) > 0)
		(void)!read(d->wake_fd, &ignored, sizeof(ignored));
}

/* Says once what keeps us from it: after a crash of the control process its
 * former drainer may still be going, and a disk may have its bad hour. */
static void say_why(const struct drainer *d, int error, int *said)
{
	if (error == *said)
		return;
	*said = error;
	if (error == -EBUSY)
		log_warn("OUTBOX_BUSY", "dir=%s waiting for its former drainer",
			 d->outbox_dir);
	else
		log_error("OUTBOX_DISK", "what=open err=\"%s\"",
			  strerror(-error));
}

/* NULL when told to stop. */
static struct drain *open_drain(struct drainer *d, struct thread *self)
{
	const struct drain_options options = {
		.settings = d->settings,
		.outbox_dir = d->outbox_dir,
		.store = d->store,
		.self = self,
		.wake_fd = d->wake_fd,
	};
	struct drain *drain;
	int said = 0, r;

	while ((r = drain_open(&drain, &options)) < 0) {
		if (thread_stopping(self))
			return NULL;
		say_why(d, r, &said);
		thread_beat(self);
		wait_to_open(d, r == -EBUSY ? LOCK_WAIT_MS : DISK_WAIT_MS);
	}
	return drain;
}

/* Somebody has removed the outbox or put another one in its place. */
static struct drain *reopen(struct drain *drain, struct drainer *d,
			    struct thread *self)
{
	log_error("OUTBOX_GONE", "dir=%s", d->outbox_dir);
	drain_close(drain);
	return open_drain(d, self);
}

/* Told to stop, we look around once more, and deliver what there is until the
 * time is over. A database that was away gets one more chance. */
static void empty(const struct drainer *d, struct drain *drain)
{
	drain_look_again(drain);
	drain_hurry(drain);
	do {
		drain_turn(drain);
	} while (!drain_is_idle(drain) && drain_is_up(drain) &&
		 clock_mono_ms() < atomic_load(&d->stop_by_ms));
}

static int body(struct thread *self, void *arg)
{
	struct drainer *d = arg;
	struct drain *drain;

	atomic_store(&d->running, true);
	set_closed(d, false); /* again, when the thread has crashed */
	drain = open_drain(d, self);
	while (drain && !thread_stopping(self)) {
		thread_beat(self);
		do_jobs(d, drain);
		drain_turn(drain);
		if (drain_is_stale(drain))
			drain = reopen(drain, d, self);
	}
	if (drain)
		empty(d, drain);
	drain_close(drain);
	cancel_jobs(d);
	atomic_store(&d->running, false);
	signal_fd(d->done_fd);
	return 0;
}

static void say_hello(const struct settings *settings)
{
	char url[sizeof(settings->database.url)];

	store_mask_url(settings->database.url, url, sizeof(url));
	log_info("DB_POOL",
		 "pool_pre_ping=true pool_recycle=%us statement_timeout=%us "
		 "url=\"%s\"",
		 settings->database.pool_recycle_ms / 1000,
		 settings->database.statement_timeout_ms / 1000, url);
}

static struct drainer *drainer_free(struct drainer *d)
{
	store_destroy(d->store);
	if (d->wake_fd >= 0) {
		recovery_leave(d->wake_fd);
		(void)close(d->wake_fd);
	}
	if (d->done_fd >= 0)
		(void)close(d->done_fd);
	pthread_mutex_destroy(&d->mutex);
	free(d);
	return NULL;
}

static int create_store(struct drainer *d, const struct settings *settings)
{
	const struct store_options options = {
		.url = settings->database.url,
		.application = d->application,
		.connect_timeout_ms = settings->database.connect_timeout_ms,
		.statement_timeout_ms = settings->database.statement_timeout_ms,
		.recycle_ms = settings->database.pool_recycle_ms,
	};

	(void)snprintf(d->application, sizeof(d->application), "holdline/%s/%d",
		       settings->node_id, (int)getpid());
	return store_create(&d->store, &options);
}

int drainer_start(struct drainer **ret, const struct settings *settings)
{
	struct drainer *d = calloc(1, sizeof(*d));
	const struct thread_options options = {
		.name = "drainer",
		.body = body,
		.arg = d,
		.wake = wake,
	};
	int r;

	if (!d)
		return -ENOMEM;
	d->settings = settings;
	pthread_mutex_init(&d->mutex, NULL);
	d->jobs_end = &d->jobs;
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = -errno;
	if (d->wake_fd < 0 || d->done_fd < 0)
		goto fail;
	(void)snprintf(d->outbox_dir, sizeof(d->outbox_dir), "%s/outbox",
		       settings->data_dir);
	r = create_store(d, settings);
	if (r < 0)
		goto fail;
	r = recovery_listen(d->wake_fd);
	if (r < 0)
		goto fail;
	say_hello(settings);
	r = thread_start(&d->thread, &options);
	if (r < 0)
		goto fail;
	*ret = d;
	return 0;
fail:
	drainer_free(d);
	return r;
}

/* The thread ends by itself, unless it is in the middle of a call: that is
 * interrupted when its time is over, which is soon when the database is away.
 */
void drainer_stop(struct drainer *d, uint32_t timeout_ms)
{
	bool up = atomic_load(&board_flags()->db_state) == BOARD_DB_UP;
	struct pollfd done = { .fd = d->done_fd, .events = POLLIN };

	assert(timeout_ms <= INT32_MAX);
	atomic_store(&d->stop_by_ms, clock_mono_ms() + timeout_ms);
	thread_stop(d->thread);
	if (!up && timeout_ms > LAST_TRY_MS)
		timeout_ms = LAST_TRY_MS;
	if (atomic_load(&d->running))
		(void)poll(&done, 1, (int)timeout_ms);
	store_interrupt(d->store);
	thread_join(d->thread);
	drainer_free(d);
}
