/*
 * drain.c - one turn after the other (see drain.h)
 *
 *   look around   once a second: new and finished journals, numbers, sweeping
 *   retry_ms      until then the database is left alone
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
#include "persistence/drain.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "persistence/db_health.h"
#include "persistence/dead_letters.h"
#include "persistence/drain_batch.h"
#include "persistence/outbox.h"
#include "persistence/store.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define OP	     "outbox_drain"
#define LOOK_MS	     1000u
#define IDLE_MS	     200u
#define PING_MS	     15000u
#define QUIET_MS     300000u /* five minutes */
#define DISK_WAIT_MS 200u    /* while the outbox's own disk fails */
#define DISK_LOG_MS  10000u  /* say so this often */
#define POISON_PROOF 3u	     /* refusals alone, when no other row passed */

struct drain {
	struct drain_options options; /* what it points to is borrowed */
	struct outbox *outbox;
	struct dead_letters *dead;
	struct drain_batch batch;
	struct db_health health;
	uint64_t look_ms;   /* when to look around next */
	uint64_t retry_ms;  /* not before, after a failure */
	uint64_t heard_ms;  /* when the database last answered */
	uint64_t worked_ms; /* when it last took a record */
	uint64_t disk_logged_ms;
	unsigned refused_alone; /* of the first record of the batch */
	bool reset;		/* a session was just thrown away for a retry */
	bool hung_up;		/* the store's socket has something to say */
	bool woken;		/* connected once in this time of quiet */
	bool idle;		/* the last turn found nothing to do */
};

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

static double random_fraction(void)
{
	uint32_t n = UINT32_MAX / 2;

	(void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
	return n / (UINT32_MAX + 1.0);
}

/* ---- what an outcome means -------------------------------------------- */

static void disk_failed(struct drain *d, const char *what, int error)
{
	uint64_t now_ms = clock_mono_ms();

	if (d->disk_logged_ms == 0 ||
	    now_ms - d->disk_logged_ms >= DISK_LOG_MS) {
		log_error("OUTBOX_DISK", "what=%s err=\"%s\"", what,
			  strerror(-error));
		d->disk_logged_ms = now_ms;
	}
}

/* Delivered and not noted: at worst it is delivered again. But no faster than
 * this, if it is an estate that will come back at once. */
static void not_acked(struct drain *d, int error)
{
	disk_failed(d, "ack", error);
	d->retry_ms = clock_mono_ms() + DISK_WAIT_MS;
}

static void database_answered(struct drain *d)
{
	d->heard_ms = clock_mono_ms();
	d->retry_ms = 0;
	d->reset = false;
	db_health_succeeded(&d->health, d->heard_ms);
}

static void database_failed(struct drain *d, const struct db_error *err)
{
	uint64_t now_ms = clock_mono_ms();

	d->reset = false;
	if (thread_stopping(
		    d->options.self)) /* our own interruption is no outage */
		d->health.up = false;
	else
		d->retry_ms = now_ms + db_health_failed(&d->health, err, now_ms,
							random_fraction());
}

static void chunk_passed(struct drain *d, size_t n)
{
	int r;

	database_answered(d);
	d->worked_ms = d->heard_ms;
	d->woken = false;
	d->refused_alone = 0;
	board_add(board_series(METRIC_DRAINED_TOTAL, ""), (int64_t)n);
	r = drain_batch_passed(&d->batch, n);
	if (r < 0)
		not_acked(d, r);
}

static void bury(struct drain *d, const struct db_error *err)
{
	int r = dead_letters_add(d->dead, d->batch.records[d->batch.done], err);

	if (r < 0) {
		disk_failed(d, "dead_letter", r);
		d->retry_ms = clock_mono_ms() + DISK_WAIT_MS;
		return;
	}
	d->refused_alone = 0;
	r = drain_batch_set_aside(&d->batch);
	if (r < 0)
		not_acked(d, r);
}

/* A record that stands alone was refused. Unless others of its batch passed it
 * could be the session that is at fault: look again with a new one. */
static void refused_alone(struct drain *d, const struct db_error *err)
{
	database_answered(d);
	if (d->batch.some_passed || ++d->refused_alone >= POISON_PROOF)
		bury(d, err);
	else
		store_disconnect(d->options.store);
}

/* Not the records' fault: once again at once, the second time it is an outage.
 * The store has thrown the session away already. */
static void session_reset(struct drain *d, const struct db_error *err)
{
	if (d->reset || !d->health.up) { /* a probe's verdict is final */
		database_failed(d, err);
		return;
	}
	d->reset = true;
	store_disconnect(d->options.store);
}

static void chunk_failed(struct drain *d, size_t n, const struct db_error *err)
{
	bool many = n > 1;

	switch (err->family) {
	case DB_PRESENT:
	case DB_POISON:
		if (many) {
			database_answered(d);
			drain_batch_refused(&d->batch, n);
		} else if (err->family == DB_PRESENT) {
			chunk_passed(d, 1);
		} else {
			refused_alone(d, err);
		}
		break;
	case DB_SMALLER:
		if (many) {
			database_answered(d);
			drain_batch_too_big(&d->batch, n);
		} else if (strncmp(err->sqlstate, "54", 2) == 0) {
			refused_alone(d, err); /* as small as it gets */
		} else {
			database_failed(d, err);
		}
		break;
	case DB_RESET: session_reset(d, err); break;
	case DB_OK:
	case DB_TRANSIENT:
	case DB_SETUP: database_failed(d, err); break;
	}
}

/* ---- a turn ------------------------------------------------------------- */

static void publish(const struct drain *d)
{
	struct outbox_stats stats = outbox_stats(d->outbox);
	int64_t age_us =
		stats.oldest_us ? clock_wall_us() - stats.oldest_us : 0;

	board_set(board_series(METRIC_OUTBOX_RECORDS, ""),
		  (int64_t)stats.pending);
	board_set(board_series(METRIC_OUTBOX_BYTES, ""), (int64_t)stats.bytes);
	board_set(board_series(METRIC_OUTBOX_OLDEST_SECONDS, ""),
		  age_us > 0 ? age_us / 1000000 : 0);
}

static void look_around(struct drain *d, uint64_t now_ms)
{
	int r = outbox_scan(d->outbox);

	if (r == 0)
		r = outbox_sweep(d->outbox, clock_wall_us());
	if (r < 0)
		disk_failed(d, "scan", r);
	publish(d);
	d->look_ms = now_ms + LOOK_MS;
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

static void deliver(struct drain *d)
{
	size_t n = drain_batch_chunk(&d->batch);
	struct db_error err = { .family = DB_OK };

	if (!may_try(d))
		return;
	if (store_write(d->options.store, d->batch.records + d->batch.done, n,
			&err) == 0)
		chunk_passed(d, n);
	else
		chunk_failed(d, n, &err);
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
		database_answered(d);
	else if (err.family == DB_RESET)
		session_reset(d, &err);
	else
		database_failed(d, &err);
}

void drain_turn(struct drain *d)
{
	uint64_t now_ms = clock_mono_ms();
	int r;

	if (now_ms >= d->look_ms)
		look_around(d, now_ms);
	d->idle = false;
	if (now_ms < d->retry_ms) {
		rest(d, d->retry_ms - now_ms);
		return;
	}
	if (!drain_batch_pending(&d->batch)) {
		r = drain_batch_fill(&d->batch, d->outbox);
		if (r < 0)
			disk_failed(d, "read", r);
	}
	if (drain_batch_pending(&d->batch)) {
		deliver(d);
	} else if (probe_is_due(d, now_ms)) {
		probe(d);
	} else {
		d->idle = true;
		rest(d, thread_stopping(d->options.self) ? 0 : IDLE_MS);
	}
}

bool drain_is_idle(const struct drain *drain)
{
	return drain->idle;
}

bool drain_is_up(const struct drain *drain)
{
	return drain->health.up;
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
		.keep_delivered_ms = settings->outbox.keep_delivered_ms,
		.max_bytes = settings->outbox.max_bytes,
	};
	struct drain *drain = calloc(1, sizeof(*drain));
	int r;

	if (!drain)
		return -ENOMEM;
	drain->options = *options;
	drain->worked_ms = clock_mono_ms();
	db_health_init(&drain->health, OP, settings);
	r = outbox_open(&drain->outbox, &outbox);
	if (r < 0)
		goto fail;
	r = drain_batch_init(&drain->batch, settings->database.batch_records);
	if (r < 0)
		goto fail;
	r = dead_letters_open(&drain->dead, options->outbox_dir);
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
	drain_batch_finish(&drain->batch);
	dead_letters_close(drain->dead);
	outbox_close(drain->outbox);
	store_disconnect(drain->options.store);
	free(drain);
	return NULL;
}
