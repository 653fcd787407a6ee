/*
 * session_loop.c - the thread that ends what nobody else ends
 * (see session_loop.h)
 *
 *   duty   due?  --> step, step, ... until there is no more
 *                      `--> in our own store, or by an errand in the drainer's
 *          failed --> db_health says when it is due again
 *          done   --> due again after its interval
 */
#include "persistence/session_loop.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "persistence/db_health.h"
#include "persistence/errand.h"
#include "persistence/recovery.h"
#include "persistence/session_work.h"
#include "persistence/store.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define BUSY_WAIT_MS 1000u /* while the drainer has no room for an errand */

enum { CLOSING, LEASE, DUTIES };

struct duty {
	struct db_health health;
	uint64_t due_ms;
};

struct session_loop {
	struct session_loop_options options;
	struct store *store; /* NULL: the drainer's */
	struct errand_office office;
	struct thread *thread;
	int wake_fd;
	atomic_uint interval_ms;
	struct duty duties[DUTIES];
	uint64_t kept_since_ms, kept_ms; /* our lease: from when to when */
	char started_at[CLOCK_ISO_SIZE];
};

/* ---- where it is done ------------------------------------------------------
 */

struct task {
	session_work *work;
	struct session_step *step;
};

static void do_task(struct store *store, void *arg)
{
	const struct task *task = arg;

	task->work(store, task->step);
}

/* 0; -1: the database said step->err; -errno: nobody asked it. */
static int perform(struct session_loop *loop, session_work *work,
		   struct session_step *step)
{
	struct task task = { .work = work, .step = step };
	int r = 0;

	step->more = false;
	if (loop->store)
		do_task(loop->store, &task);
	else
		r = errand_run(&loop->office, do_task, &task);
	return r < 0 ? r : step->result;
}

/* ---- the duties ------------------------------------------------------------
 */

/* Whoever fails to tell is asked again; meanwhile we go on closing. */
static int tell(struct session_loop *loop, struct session_step *step)
{
	const struct session_loop_options *options = &loop->options;
	bool more = step->more;
	int r = 0;

	if (json_array_size(step->summaries) == 0)
		return 0;
	if (!options->closed ||
	    options->closed(step->summaries, options->arg) == 0)
		r = perform(loop, session_work_told, step);
	step->more = more;
	return r;
}

static int close_sessions(struct session_loop *loop, struct session_step *step)
{
	int r;

	step->again_ms = atomic_load(&loop->interval_ms);
	r = perform(loop, session_work_close, step);
	if (r == 0)
		r = tell(loop, step);
	json_decref(step->summaries);
	step->summaries = NULL;
	return r;
}

/* Since when it was kept without a gap that others may have taken for our end.
 */
static void note_lease(struct session_loop *loop, uint64_t lease_ms)
{
	uint64_t now_ms = clock_mono_ms();

	if (loop->kept_ms == 0 || now_ms - loop->kept_ms > lease_ms)
		loop->kept_since_ms = now_ms;
	loop->kept_ms = now_ms;
}

static int keep_lease(struct session_loop *loop, struct session_step *step)
{
	int r;

	step->node = loop->options.settings->node_id;
	step->started_at = loop->started_at;
	step->lease_ms = loop->options.settings->node.lease_ms;
	step->judges = loop->kept_ms > 0 &&
		       loop->kept_ms - loop->kept_since_ms >= step->lease_ms;
	r = perform(loop, session_work_lease, step);
	if (r == 0)
		note_lease(loop, step->lease_ms);
	return r;
}

static const struct {
	const char *op;
	int (*step)(struct session_loop *loop, struct session_step *step);
} kinds[DUTIES] = {
	[CLOSING] = { "whatsapp_session_loop", close_sessions },
	[LEASE] = { "node_lease", keep_lease },
};

static uint32_t interval_ms(const struct session_loop *loop, size_t which)
{
	return which == CLOSING ? atomic_load(&loop->interval_ms)
				: loop->options.settings->node.lease_ms / 3;
}

/* ---- a turn ----------------------------------------------------------------
 */

/* How long until the next. */
static uint32_t judge(struct session_loop *loop, size_t which, int r,
		      const struct db_error *err)
{
	struct db_health *health = &loop->duties[which].health;
	uint64_t now_ms = clock_mono_ms();

	if (r == -1)
		return db_health_failed(health, err, now_ms, retry_random());
	if (r < 0)
		return BUSY_WAIT_MS;
	db_health_succeeded(health, now_ms);
	return interval_ms(loop, which);
}

static void do_duty(struct session_loop *loop, const struct thread *self,
		    size_t which)
{
	struct duty *duty = &loop->duties[which];
	struct session_step step = { .summaries = NULL };
	uint64_t now_ms = clock_mono_ms();
	uint32_t wait_ms;
	int r;

	if (!db_health_may_try(&duty->health, now_ms)) {
		duty->due_ms =
			now_ms + breaker_wait_ms(&duty->health.breaker, now_ms);
		return;
	}
	do
		r = kinds[which].step(loop, &step);
	while (r == 0 && step.more && !thread_stopping(self));
	if (thread_stopping(self))
		return;
	wait_ms = judge(loop, which, r, &step.err);
	duty->due_ms = clock_mono_ms() + wait_ms;
}

/* Somebody has got through to the database, or wants us to look. */
static void hurry(struct session_loop *loop)
{
	uint64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < DUTIES; i++) {
		struct duty *duty = &loop->duties[i];
		uint64_t latest_ms = now_ms + interval_ms(loop, i);

		if (duty->health.retry.tries > 0) {
			db_health_hurry(&duty->health, now_ms);
			duty->due_ms = now_ms;
		} else if (duty->due_ms > latest_ms) {
			duty->due_ms = latest_ms; /* it was made shorter */
		}
	}
}

static void rest(struct session_loop *loop)
{
	struct pollfd woken = { .fd = loop->wake_fd, .events = POLLIN };
	uint64_t now_ms = clock_mono_ms(), next_ms = UINT64_MAX, count;

	for (size_t i = 0; i < DUTIES; i++)
		if (loop->duties[i].due_ms < next_ms)
			next_ms = loop->duties[i].due_ms;
	if (next_ms <= now_ms)
		return;
	if (poll(&woken, 1, (int)(next_ms - now_ms)) > 0 &&
	    read(loop->wake_fd, &count, sizeof(count)) == sizeof(count))
		hurry(loop);
}

static int body(struct thread *self, void *arg)
{
	struct session_loop *loop = arg;

	while (!thread_stopping(self)) {
		for (size_t i = 0; i < DUTIES; i++)
			if (clock_mono_ms() >= loop->duties[i].due_ms &&
			    !thread_stopping(self))
				do_duty(loop, self, i);
		thread_beat(self);
		if (!thread_stopping(self))
			rest(loop);
	}
	return 0;
}

/* ---- beginning and end -----------------------------------------------------
 */

static void wake(void *arg)
{
	const struct session_loop *loop = arg;
	uint64_t one = 1;

	(void)!write(loop->wake_fd, &one, sizeof(one));
}

void session_loop_follow(struct session_loop *loop,
			 const struct settings *settings)
{
	atomic_store(&loop->interval_ms, settings->sessions.interval_ms);
	wake(loop);
}

static int create_store(struct session_loop *loop)
{
	const struct settings *settings = loop->options.settings;
	char application[128];
	const struct store_options options = {
		.url = settings->database.url,
		.application = application,
		.connect_timeout_ms = settings->database.connect_timeout_ms,
		.statement_timeout_ms = settings->database.statement_timeout_ms,
		.recycle_ms = settings->database.pool_recycle_ms,
	};

	(void)snprintf(application, sizeof(application), "holdline/%s/sessions",
		       settings->node_id);
	return store_create(&loop->store, &options);
}

static int start(struct session_loop *loop)
{
	const struct settings *settings = loop->options.settings;
	const struct thread_options thread = {
		.name = "session_loop",
		.body = body,
		.arg = loop,
		.wake = wake,
	};
	int r = 0;

	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		return -errno;
	if (!store_has_one_writer(settings->database.url))
		r = create_store(loop);
	if (r == 0)
		r = recovery_listen(loop->wake_fd);
	return r < 0 ? r : thread_start(&loop->thread, &thread);
}

int session_loop_start(struct session_loop **ret,
		       const struct session_loop_options *options)
{
	struct session_loop *loop = calloc(1, sizeof(*loop));
	int r;

	*ret = NULL;
	if (!loop)
		return -ENOMEM;
	loop->options = *options;
	errand_office_init(&loop->office, options->drainer);
	atomic_store(&loop->interval_ms,
		     options->settings->sessions.interval_ms);
	clock_format_iso(clock_wall_us(), loop->started_at);
	for (size_t i = 0; i < DUTIES; i++)
		db_health_init(&loop->duties[i].health, kinds[i].op,
			       options->settings);
	r = start(loop);
	if (r < 0)
		loop = session_loop_stop(loop);
	*ret = loop;
	return r;
}

void session_loop_close(struct session_loop *loop)
{
	if (!loop)
		return;
	errand_office_close(&loop->office);
	if (loop->thread)
		thread_stop(loop->thread);
	if (loop->store)
		store_interrupt(loop->store);
}

struct session_loop *session_loop_stop(struct session_loop *loop)
{
	if (!loop)
		return NULL;
	session_loop_close(loop);
	thread_join(loop->thread);
	for (size_t i = 0; i < DUTIES; i++)
		db_health_leave(&loop->duties[i].health);
	store_destroy(loop->store);
	if (loop->wake_fd >= 0) {
		recovery_leave(loop->wake_fd);
		(void)close(loop->wake_fd);
	}
	errand_office_finish(&loop->office);
	free(loop);
	return NULL;
}
