/*
 * session_loop.c - the thread that ends what nobody else ends
 * (see session_loop.h)
 *
 *   a duty that is due is done, or rests  --> due again after its interval
 *                      failed             --> when db_health says
 *   somebody got through to the database  --> what had failed is due now
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
#include "persistence/recovery.h"
#include "persistence/session_duties.h"
#include "persistence/store.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define HANG_UP_MS   5000u /* idle for longer: others may need the connection */
#define BUSY_WAIT_MS 1000u /* while the drainer has no room for an errand */

struct session_loop {
	struct session_duties duties;
	struct db_health healths[SESSION_DUTIES];
	uint64_t due_ms[SESSION_DUTIES];
	struct thread *thread;
	int wake_fd;
};

/* ---- a turn ----------------------------------------------------------------
 */

/* How long until the next. */
static uint32_t judge(struct session_loop *loop, enum session_duty duty, int r,
		      const struct db_error *err)
{
	struct db_health *health = &loop->healths[duty];
	uint64_t now_ms = clock_mono_ms();

	if (r == -1)
		return db_health_failed(health, err, now_ms, retry_random());
	if (r < 0)
		return BUSY_WAIT_MS;
	db_health_succeeded(health, now_ms);
	return session_duty_interval_ms(&loop->duties, duty);
}

static uint32_t try_duty(struct session_loop *loop, enum session_duty duty,
			 const struct thread *self)
{
	struct db_health *health = &loop->healths[duty];
	uint64_t now_ms = clock_mono_ms();
	struct db_error err;
	int r;

	if (session_duty_may_rest(&loop->duties, duty))
		return session_duty_interval_ms(&loop->duties, duty);
	if (!db_health_may_try(health, now_ms))
		return breaker_wait_ms(&health->breaker, now_ms);
	r = session_duty_do(&loop->duties, duty, self, &err);
	return thread_stopping(self) ? 0 : judge(loop, duty, r, &err);
}

/* Somebody has got through to the database, or the interval was changed. */
static void hurry(struct session_loop *loop)
{
	uint64_t now_ms = clock_mono_ms();

	for (enum session_duty i = 0; i < SESSION_DUTIES; i++) {
		struct db_health *health = &loop->healths[i];
		uint64_t latest_ms =
			now_ms + session_duty_interval_ms(&loop->duties, i);

		if (health->retry.tries > 0) {
			db_health_hurry(health, now_ms);
			loop->due_ms[i] = now_ms;
		} else if (loop->due_ms[i] > latest_ms) {
			loop->due_ms[i] = latest_ms;
		}
	}
}

static void rest(struct session_loop *loop)
{
	struct pollfd woken = { .fd = loop->wake_fd, .events = POLLIN };
	uint64_t now_ms = clock_mono_ms(), next_ms = UINT64_MAX, count;

	for (enum session_duty i = 0; i < SESSION_DUTIES; i++)
		if (loop->due_ms[i] < next_ms)
			next_ms = loop->due_ms[i];
	if (next_ms <= now_ms)
		return;
	if (loop->duties.store && next_ms - now_ms >= HANG_UP_MS)
		store_disconnect(loop->duties.store);
	if (poll(&woken, 1, (int)(next_ms - now_ms)) > 0 &&
	    read(loop->wake_fd, &count, sizeof(count)) == sizeof(count))
		hurry(loop);
}

static int body(struct thread *self, void *arg)
{
	struct session_loop *loop = arg;

	while (!thread_stopping(self)) {
		for (enum session_duty i = 0; i < SESSION_DUTIES; i++)
			if (clock_mono_ms() >= loop->due_ms[i]) {
				uint32_t wait_ms = try_duty(loop, i, self);

				loop->due_ms[i] = clock_mono_ms() + wait_ms;
			}
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
	atomic_store(&loop->duties.interval_ms, settings->sessions.interval_ms);
	atomic_store(&loop->duties.idle_ms, settings->sessions.idle_timeout_ms);
	wake(loop);
}

static int create_store(struct session_loop *loop)
{
	const struct settings *settings = loop->duties.options.settings;
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
	return store_create(&loop->duties.store, &options);
}

static int start(struct session_loop *loop)
{
	const struct settings *settings = loop->duties.options.settings;
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
	loop->duties.options = *options;
	errand_office_init(&loop->duties.office, options->drainer);
	atomic_store(&loop->duties.interval_ms,
		     options->settings->sessions.interval_ms);
	atomic_store(&loop->duties.idle_ms,
		     options->settings->sessions.idle_timeout_ms);
	clock_format_iso(clock_wall_us(), loop->duties.started_at);
	for (enum session_duty i = 0; i < SESSION_DUTIES; i++)
		db_health_init(&loop->healths[i], session_duty_op(i),
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
	errand_office_close(&loop->duties.office);
	if (loop->thread)
		thread_stop(loop->thread);
	if (loop->duties.store)
		store_interrupt(loop->duties.store);
}

struct session_loop *session_loop_stop(struct session_loop *loop)
{
	if (!loop)
		return NULL;
	session_loop_close(loop);
	thread_join(loop->thread);
	for (enum session_duty i = 0; i < SESSION_DUTIES; i++)
		db_health_leave(&loop->healths[i]);
	store_destroy(loop->duties.store);
	if (loop->wake_fd >= 0) {
		recovery_leave(loop->wake_fd);
		(void)close(loop->wake_fd);
	}
	errand_office_finish(&loop->duties.office);
	free(loop);
	return NULL;
}
