/*
 * drain_outcome.c - what an answer of the database means for the records
 *
 *   committed     acked, gone
 *   present       as good as committed
 *   refused       halves of the chunk, until one record stands alone; that one
 *                 is a dead letter - unless nothing else passes either, or so
 *                 many are refused that it must be the database (poison.h):
 *                 then nothing is buried
 *   too big       a smaller chunk
 *   session bad   once more with a new one
 *   away          wait; everything is kept
 *   set-up bad    wait longer; everything is kept
 */
#include "persistence/drain_state.h"

#include <stdio.h>
#include <string.h>

#include "persistence/operations.h"
#include "persistence/record.h"
#include "persistence/store.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/thread.h"

#define COLLISION_MS  10u    /* to ten times that, before the second try */
#define DISK_WAIT_MS  200u   /* while the outbox's own disk fails */
#define DISK_LOG_MS   10000u /* say so this often */
#define POISON_PROOF  3u     /* refusals alone, when no other row passed */
#define SURVEY_SAMPLE 20u /* records offered to see whether a storm is over */

/* ---- the disk ------------------------------------------------------------ */

void drain_disk_failed(struct drain *d, const char *what, int error)
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
	drain_disk_failed(d, "ack", error);
	d->retry_ms = clock_mono_ms() + DISK_WAIT_MS;
}

static void set_aside(struct drain *d)
{
	int r = drain_batch_set_aside(&d->batch);

	d->refused_alone = 0;
	d->judged = false;
	if (r < 0)
		not_acked(d, r);
}

void drain_skip(struct drain *d)
{
	set_aside(d);
}

/* ---- the database answered ------------------------------------------------
 */

void drain_answered(struct drain *d)
{
	d->heard_ms = clock_mono_ms();
	d->retry_ms = 0;
	d->reset = false;
	db_health_succeeded(&d->health, d->heard_ms);
}

void drain_passed(struct drain *d, size_t n, uint64_t took_ms)
{
	int r;

	drain_answered(d);
	d->worked_ms = d->heard_ms;
	d->woken = false;
	d->refused_alone = 0;
	d->judged = false;
	d->progress.delivered += n;
	poison_passed(&d->poison, n);
	board_add(board_series(METRIC_DRAINED_TOTAL, ""), (int64_t)n);
	r = drain_batch_passed(&d->batch, n, took_ms);
	if (r < 0)
		not_acked(d, r);
}

/* ---- the database is away -------------------------------------------------
 */

void drain_unanswered(struct drain *d, const struct db_error *err)
{
	uint64_t now_ms = clock_mono_ms();

	d->reset = false;
	drain_batch_slow_start(&d->batch);
	if (thread_stopping(
		    d->options.self)) /* our own interruption is no outage */
		d->health.up = false;
	else
		d->retry_ms = now_ms + db_health_failed(&d->health, err, now_ms,
							retry_random());
}

/* Not the records' fault: once again at once, the second time it is an outage,
 * or what the error is then. The store has thrown the session away already. */
static void session_reset(struct drain *d, const struct db_error *err)
{
	struct db_error final = *err;

	if (d->reset || !d->health.up) { /* a probe's verdict is final */
		if (err->then != DB_OK)
			final.family = err->then;
		drain_unanswered(d, &final);
		return;
	}
	d->reset = true;
	store_disconnect(d->options.store);
}

/* We ran into somebody else: he will be gone when we look again. */
static void collided(struct drain *d, const struct db_error *err)
{
	if (d->reset || !d->health.up) {
		drain_unanswered(d, err);
		return;
	}
	d->reset = true;
	d->retry_ms = clock_mono_ms() + COLLISION_MS +
		      (uint64_t)(retry_random() * 9 * COLLISION_MS);
}

/* ---- the database refuses a record ----------------------------------------
 */

static void bury(struct drain *d, const struct db_error *err)
{
	int r = operations_bury(d->operations, d->batch.records[d->batch.done],
				err);

	if (r == 0) {
		set_aside(d);
		return;
	}
	drain_disk_failed(d, "dead_letter", r);
	d->retry_ms = clock_mono_ms() + DISK_WAIT_MS;
}

/* Waits as for a fault of the set-up: somebody has to repair something. */
static void wait_out_the_storm(struct drain *d, const struct db_error *refusal)
{
	struct db_error err = *refusal;

	if (refusal->then != DB_SETUP) /* or it has a better name */
		(void)snprintf(err.reason, sizeof(err.reason), "PoisonStorm");
	err.family = DB_SETUP;
	d->storm = true;
	drain_unanswered(d, &err);
}

/* What a sample of the batch says; `refusal` is the last one. */
struct survey {
	size_t offered, refused;
	struct db_error refusal;
};

/* One by one: what passes is delivered again later, which changes nothing.
 * False: the database could not be asked. */
static bool take_sample(struct drain *d, struct survey *survey)
{
	struct record *const *records = d->batch.records + d->batch.done;
	size_t waiting = d->batch.count - d->batch.done;

	*survey = (struct survey){ 0 };
	for (size_t i = 0; i < waiting && i < SURVEY_SAMPLE; i++) {
		struct db_error err = { .family = DB_OK };

		if (store_write(d->options.store, records + i, 1, &err) < 0 &&
		    err.family != DB_PRESENT) {
			if (err.family != DB_POISON && err.then != DB_POISON) {
				drain_unanswered(d, &err);
				return false;
			}
			survey->refusal = err;
			survey->refused++;
		}
		survey->offered++;
	}
	return true;
}

/* Nothing of this batch has passed. Before the first of it is buried: does
 * anything pass at all? Of few we believe that it is they, unless the error may
 * well be the database's. False: it is not the record's turn to be judged. */
static bool others_pass(struct drain *d, const struct db_error *err)
{
	bool doubtful = err->family != DB_POISON || err->then == DB_SETUP;
	struct survey survey;

	if (!take_sample(d, &survey))
		return false;
	if (survey.refused < survey.offered ||
	    (survey.offered <= POISON_FEW && !doubtful))
		return true;
	if (err->family == DB_TRANSIENT) {
		drain_unanswered(d, err);
		return false;
	}
	wait_out_the_storm(d, &survey.refusal);
	return false;
}

/* A record that stands alone was refused. Unless others of its batch passed it
 * could be the session that is at fault: look again with a new one. Then it
 * could be the table. */
static void refused_alone(struct drain *d, const struct db_error *err)
{
	if (!d->batch.some_passed && ++d->refused_alone < POISON_PROOF) {
		drain_answered(d);
		store_disconnect(d->options.store);
		return;
	}
	if (!d->batch.some_passed && !others_pass(d, err))
		return;
	/* Once: while the disk refuses the dead letter, it comes here again. */
	if (!d->judged)
		poison_refused(&d->poison,
			       &d->batch.records[d->batch.done]->id);
	d->judged = true;
	if (poison_is_storm(&d->poison)) {
		wait_out_the_storm(d, err);
		return;
	}
	drain_answered(d);
	bury(d, err);
}

/* The storm is over: what it had buried before it was known is offered again.
 * Where that fails they stay dead letters, for people. */
static void dig_out(struct drain *d)
{
	struct uuid ids[POISON_WINDOW];
	const struct operation retry = {
		.verb = OPERATION_RETRY,
		.ids = ids,
		.count = poison_ids(&d->poison, ids),
		.who = OP,
	};
	struct operation_result result;
	int r = operations_apply(d->operations, &retry, &result);

	if (r < 0)
		drain_disk_failed(d, "retry", r);
}

void drain_survey(struct drain *d)
{
	struct survey survey;

	if (!take_sample(d, &survey))
		return;
	if (poison_sample_is_bad(&d->poison, survey.offered, survey.refused)) {
		wait_out_the_storm(d, &survey.refusal);
		return;
	}
	d->storm = false;
	d->refused_alone = 0;
	d->judged = false;
	dig_out(d);
	poison_init(&d->poison, d->poison.percent);
	drain_answered(d);
}

/* The server fails in its own code, over one record or over all of them: it is
 * given time, and meanwhile the one is looked for. */
static void failed_inside(struct drain *d, size_t n, const struct db_error *err)
{
	if (n > 1)
		drain_batch_refused(&d->batch, n);
	else if (++d->refused_alone >= POISON_PROOF) {
		refused_alone(d, err);
		return;
	}
	drain_unanswered(d, err);
}

static void unanswered(struct drain *d, size_t n, const struct db_error *err)
{
	if (err->pace == DB_PACE_AT_ONCE)
		collided(d, err);
	else if (err->then == DB_POISON && n > 0)
		failed_inside(d, n, err);
	else
		drain_unanswered(d, err);
}

/* ---- all of it ------------------------------------------------------------
 */

static void too_big(struct drain *d, size_t n, const struct db_error *err)
{
	if (n > 1) {
		drain_answered(d);
		drain_batch_too_big(&d->batch, n);
	} else if (err->then == DB_POISON) {
		refused_alone(d, err); /* as small as it gets */
	} else {
		drain_unanswered(d, err);
	}
}

void drain_failed(struct drain *d, size_t n, const struct db_error *err)
{
	switch (err->family) {
	case DB_PRESENT:
	case DB_POISON:
		if (n > 1) {
			drain_answered(d);
			drain_batch_refused(&d->batch, n);
		} else if (err->family == DB_PRESENT) {
			drain_passed(d, 1, 0);
		} else {
			refused_alone(d, err);
		}
		break;
	case DB_SMALLER: too_big(d, n, err); break;
	case DB_RESET: session_reset(d, err); break;
	case DB_TRANSIENT: unanswered(d, n, err); break;
	case DB_OK:
	case DB_SETUP: drain_unanswered(d, err); break;
	}
}
