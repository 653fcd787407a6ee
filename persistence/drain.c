/*
 * drain.c - one turn after the other (see drain.h)
 *
 *   look around   once a second: new and finished journals, numbers, sweeping
 *   retry_ms      until then the database is left alone
 *   skip          what an operator has put on a shelf is not delivered
 *   newest        what has just come, while a backlog is in front of it
 *   survey        in a storm of refusals: a sample, to see whether it is over
 *   deliver       a chunk of the batch; its outcome decides what comes next
 *   probe         nothing to deliver, but is the database there?
 *   rest          nothing at all to do
 *
 * When idle we keep /health/db true at little cost: a ping every PING_MS for
 * the first QUIET_MS after the last record; then the socket alone, which turns
 * readable when the server hangs up, so that a serverless database can go to
 * sleep. If it hangs up in that time we connect once to see whether it is
 * there; if it hangs up again, it wants to sleep, and the next record wakes it.
 */
#include "persistence/drain_state.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "persistence/operations.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "persistence/recovery.h"
#include "persistence/store.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define LOOK_MS	 1000u
#define IDLE_MS	 200u
#define PING_MS	 15000u
#define QUIET_MS 300000u /* five minutes */

/* Until the time is over, somebody wakes us, or the database hangs up. */
static void rest(struct drain *d, uint64_t wait_ms)
{
	struct pollfd fds[] = {
		{ .fd = d->options.wake_fd, .events = POLLIN },
		{ .fd = d->health.up ? store_socket(d->options.store) : -1,
		  .events = POLLIN },
	};
	uint64_t ignored;

	if (poll(fds, 2, wait_ms > LOOK_MS ? (int)LOOK_MS : (int)wait_ms) <= 0)
		return;
	if (fds[0].revents)
		(void)!read(d->options.wake_fd, &ignored, sizeof(ignored));
	if (fds[1].revents)
		d->hung_up = true;
}

/* ---- a turn ------------------------------------------------------------- */

static void publish(struct drain *d)
{
	struct outbox_stats stats = outbox_stats(d->outbox);
	int64_t age_us =
		stats.oldest_us ? clock_wall_us() - stats.oldest_us : 0;

	board_set(board_series(METRIC_OUTBOX_RECORDS, ""),
		  (int64_t)stats.pending);
	board_set(board_series(METRIC_OUTBOX_BYTES, ""), (int64_t)stats.bytes);
	board_set(board_series(METRIC_OUTBOX_OLDEST_SECONDS, ""),
		  age_us > 0 ? age_us / 1000000 : 0);
	drain_progress_update(&d->progress, stats.pending,
			      d->health.up && !d->paused, clock_mono_ms());
}

static void look_around(struct drain *d, uint64_t now_ms)
{
	int r = outbox_scan(d->outbox);

	if (r == 0)
		r = outbox_sweep(d->outbox, clock_wall_us());
	if (r < 0)
		drain_disk_failed(d, "scan", r);
	operations_tidy(d->operations, clock_wall_us());
	publish(d);
	d->look_ms = now_ms + LOOK_MS;
}

/* An operator's word outlives restarts, so it is looked up, not remembered. */
static void look_whether_paused(struct drain *d)
{
	d->paused = operations_paused(d->operations);
	atomic_store(&board_flags()->outbox_paused, d->paused);
	board_set(board_series(METRIC_OUTBOX_PAUSED, ""), d->paused);
}

/* Another user of the database got through: so may we. */
static void look_for_recovery(struct drain *d)
{
	uint64_t recoveries = recovery_count();

	if (recoveries != d->recoveries && !d->health.up)
		drain_hurry(d);
	d->recoveries = recoveries;
}

/* May we ask now? Otherwise nothing is tried before we may. */
static bool may_try(struct drain *d)
{
	uint64_t now_ms = clock_mono_ms();

	if (db_health_may_try(&d->health, now_ms))
		return true;
	d->retry_ms = now_ms + breaker_wait_ms(&d->health.breaker, now_ms);
	return false;
}

static bool is_set_aside(const struct drain *d, size_t i)
{
	return operations_set_aside(d->operations,
				    &d->batch.records[d->batch.done + i]->id);
}

/* How many to send: up to the first that is not to be delivered. */
static size_t count_to_send(const struct drain *d)
{
	size_t n = drain_batch_chunk(&d->batch), i = 0;

	while (i < n && !is_set_aside(d, i))
		i++;
	return i;
}

static void deliver(struct drain *d)
{
	size_t n = count_to_send(d);
	struct db_error err = { .family = DB_OK };
	uint64_t begun_ms;

	if (n == 0) {
		drain_skip(d);
		return;
	}
	if (!may_try(d))
		return;
	if (d->storm) {
		drain_survey(d);
		return;
	}
	begun_ms = clock_mono_ms();
	if (store_write(d->options.store, d->batch.records + d->batch.done, n,
			&err) == 0)
		drain_passed(d, n, clock_mono_ms() - begun_ms);
	else
		drain_failed(d, n, &err);
}

/* Those that are on a shelf are freed, and not counted any more. */
static size_t without_set_aside(const struct drain *d, struct record **records,
				size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (operations_set_aside(d->operations, &records[i]->id))
			free(records[i]);
		else
			records[kept++] = records[i];
	}
	return kept;
}

/* A refusal here means nothing yet: the record is judged in its turn. */
static void write_newest(struct drain *d)
{
	struct record *records[DRAIN_EXPRESS_RECORDS];
	struct db_error err = { .family = DB_OK };
	size_t n =
		drain_express_take(&d->express, records, DRAIN_EXPRESS_RECORDS);

	n = without_set_aside(d, records, n);
	if (n > 0 && store_write(d->options.store, records, n, &err) < 0 &&
	    err.connection_lost)
		drain_unanswered(d, &err);
	while (n > 0)
		free(records[--n]);
}

/* What comes in while a backlog melts goes ahead of it. */
static void deliver_newest(struct drain *d, uint64_t now_ms)
{
	if (!d->progress.catching_up || !d->health.up || d->storm ||
	    d->paused) {
		drain_express_close(&d->express);
		return;
	}
	if (now_ms < d->express.next_ms)
		return;
	d->express.next_ms = now_ms + DRAIN_EXPRESS_MS;
	write_newest(d);
	drain_express_open(&d->express, d->outbox);
}

static bool is_quiet(const struct drain *d, uint64_t now_ms)
{
	return now_ms - d->worked_ms >= QUIET_MS;
}

/* Is it time to see whether the database is there, with nothing to write? */
static bool probe_is_due(struct drain *d, uint64_t now_ms)
{
	if (!d->health.up)
		return true;
	if (!d->hung_up)
		return !is_quiet(d, now_ms) && now_ms - d->heard_ms >= PING_MS;
	/* Closing the idle is a server's right: what counts is whether a new
	 * session can be had. */
	d->hung_up = false;
	store_disconnect(d->options.store);
	if (!is_quiet(d, now_ms))
		return true;
	if (d->woken)
		return false;
	d->woken = true;
	return true;
}

static void probe(struct drain *d)
{
	struct db_error err;

	if (!may_try(d))
		return;
	if (store_ping(d->options.store, &err) == 0)
		drain_answered(d);
	else if (err.family == DB_RESET)
		drain_failed(d, 0, &err);
	else
		drain_unanswered(d, &err);
}

void drain_turn(struct drain *d)
{
	uint64_t now_ms = clock_mono_ms();
	int r;

	if (now_ms >= d->look_ms)
		look_around(d, now_ms);
	look_whether_paused(d);
	look_for_recovery(d);
	d->idle = false;
	if (now_ms < d->retry_ms) {
		rest(d, d->retry_ms - now_ms);
		return;
	}
	deliver_newest(d, now_ms);
	if (!drain_batch_pending(&d->batch) && !d->paused) {
		r = drain_batch_fill(&d->batch, d->outbox);
		if (r < 0)
			drain_disk_failed(d, "read", r);
	}
	if (now_ms < d->retry_ms)
		return; /* what was newest found the database away */
	if (drain_batch_pending(&d->batch) && !d->paused) {
		deliver(d);
	} else if (probe_is_due(d, now_ms)) {
		probe(d);
	} else {
		d->idle = true;
		rest(d, thread_stopping(d->options.self) ? 0 : IDLE_MS);
	}
}

void drain_hurry(struct drain *drain)
{
	drain->retry_ms = 0;
	db_health_hurry(&drain->health, clock_mono_ms());
}

int drain_apply(struct drain *drain, const struct operation *operation,
		struct operation_result *result)
{
	int r = operations_apply(drain->operations, operation, result);

	if (r == 0 && operation->verb == OPERATION_KICK && !operation->dry_run)
		drain_hurry(drain);
	drain_look_again(drain);
	return r;
}

bool drain_is_idle(const struct drain *drain)
{
	return drain->idle;
}

bool drain_is_up(const struct drain *drain)
{
	return drain->health.up;
}

bool drain_is_stale(const struct drain *drain)
{
	return drain->idle && outbox_is_gone(drain->outbox);
}

void drain_look_again(struct drain *drain)
{
	drain->look_ms = 0;
	drain->idle = false;
}

int drain_open(struct drain **ret, const struct drain_options *options)
{
	const struct settings *settings = options->settings;
	const struct outbox_options outbox = {
		.dir = options->outbox_dir,
		.waits_for = *settings->events.webhook ? OUTBOX_FOLLOWER_EVENTS
						       : NULL,
		.keep_delivered_ms = settings->outbox.keep_delivered_ms,
		.max_bytes = settings->outbox.max_bytes,
	};
	struct drain *drain = calloc(1, sizeof(*drain));
	int r;

	if (!drain)
		return -ENOMEM;
	drain->options = *options;
	drain->worked_ms = clock_mono_ms();
	drain->recoveries = recovery_count();
	drain->express.outbox_dir = options->outbox_dir;
	db_health_init(&drain->health, OP, settings);
	poison_init(&drain->poison, settings->database.poison_percent);
	r = outbox_open(&drain->outbox, &outbox);
	if (r < 0)
		goto fail;
	r = drain_batch_init(&drain->batch, settings->database.batch_records);
	if (r < 0)
		goto fail;
	r = operations_open(&drain->operations, options->outbox_dir,
			    drain->outbox, settings->outbox.keep_delivered_ms);
	if (r < 0)
		goto fail;
	*ret = drain;
	return 0;
fail:
	drain_close(drain);
	return r;
}

struct drain *drain_close(struct drain *drain)
{
	if (!drain)
		return NULL;
	drain_express_close(&drain->express);
	drain_batch_finish(&drain->batch);
	operations_close(drain->operations);
	outbox_close(drain->outbox);
	store_disconnect(drain->options.store);
	free(drain);
	return NULL;
}
