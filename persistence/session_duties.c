/* session_duties.c - the two duties of the session loop
 * (see session_duties.h) */
#include "persistence/session_duties.h"

#include <stddef.h>

#include "persistence/session_work.h"
#include "persistence/store.h"
#include "server/board.h"
#include "server/settings.h"
#include "server/thread.h"

#define QUIET_MS 300000u  /* with nothing to do, before the first rest */
#define REST_MS	 3600000u /* the longest */

/* ---- where it is done ------------------------------------------------------
 */

struct task {
	session_work *work;
	struct session_step *step;
};

/* A session that the server has closed meanwhile, or two that ran into each
 * other: no outage, unless it happens twice. */
static void do_task(struct store *store, void *arg)
{
	const struct task *task = arg;
	const struct session_step *step = task->step;

	task->work(store, task->step);
	if (step->result == 0 ||
	    (step->err.family != DB_RESET && step->err.pace != DB_PACE_AT_ONCE))
		return;
	store_disconnect(store);
	task->work(store, task->step);
}

/* 0; -1: the database said step->err; -errno: nobody asked it. */
static int perform(struct session_duties *duties, session_work *work,
		   struct session_step *step)
{
	struct task task = { .work = work, .step = step };
	int r = 0;

	step->more = false;
	if (duties->store)
		do_task(duties->store, &task);
	else
		r = errand_run(&duties->office, do_task, &task);
	return r < 0 ? r : step->result;
}

/* ---- the duties ------------------------------------------------------------
 */

/* Whoever refuses to hear it is told again; meanwhile we go on closing. */
static int tell(struct session_duties *duties, struct session_step *step)
{
	const struct session_loop_options *options = &duties->options;
	struct session_step told = { .summaries = step->summaries };
	size_t count = json_array_size(step->summaries);
	int r;

	if (count == 0)
		return 0;
	if (options->closed &&
	    options->closed(step->summaries, options->arg) != 0) {
		step->left += (int64_t)count;
		return 0;
	}
	r = perform(duties, session_work_told, &told);
	if (r == -1)
		step->err = told.err;
	return r;
}

static int close_sessions(struct session_duties *duties,
			  struct session_step *step)
{
	int r;

	step->idle_ms = atomic_load(&duties->idle_ms);
	step->again_ms = atomic_load(&duties->interval_ms);
	r = perform(duties, session_work_close, step);
	if (r == 0)
		r = tell(duties, step);
	json_decref(step->summaries);
	step->summaries = NULL;
	return r;
}

/* Since when it was kept without a gap that others may have taken for our end.
 */
static void note_lease(struct session_duties *duties, uint64_t lease_ms)
{
	uint64_t now_ms = clock_mono_ms();

	if (duties->kept_ms == 0 || now_ms - duties->kept_ms > lease_ms)
		duties->kept_since_ms = now_ms;
	duties->kept_ms = now_ms;
}

static int keep_lease(struct session_duties *duties, struct session_step *step)
{
	int r;

	step->node = duties->options.settings->node_id;
	step->started_at = duties->started_at;
	step->lease_ms = duties->options.settings->node.lease_ms;
	step->judges =
		duties->kept_ms > 0 &&
		duties->kept_ms - duties->kept_since_ms >= step->lease_ms;
	r = perform(duties, session_work_lease, step);
	if (r == 0)
		note_lease(duties, step->lease_ms);
	return r;
}

static const struct {
	const char *op;
	int (*step)(struct session_duties *duties, struct session_step *step);
} kinds[SESSION_DUTIES] = {
	[DUTY_CLOSING] = { "whatsapp_session_loop", close_sessions },
	[DUTY_LEASE] = { "node_lease", keep_lease },
};

const char *session_duty_op(enum session_duty duty)
{
	return kinds[duty].op;
}

uint32_t session_duty_interval_ms(const struct session_duties *duties,
				  enum session_duty duty)
{
	return duty == DUTY_CLOSING
		       ? atomic_load(&duties->interval_ms)
		       : duties->options.settings->node.lease_ms / 3;
}

/* ---- rest ------------------------------------------------------------------
 */

static bool is_disturbed(const struct session_look *look)
{
	return look->left > 0 ||
	       look->drained !=
		       board_get(board_series(METRIC_DRAINED_TOTAL, "")) ||
	       board_get(board_series(METRIC_CALLS_ACTIVE, "")) > 0;
}

bool session_duty_may_rest(const struct session_duties *duties,
			   enum session_duty duty)
{
	const struct session_look *look = &duties->looks[duty];
	uint64_t now_ms = clock_mono_ms();

	return look->at_ms > 0 && !is_disturbed(look) &&
	       now_ms - look->quiet_since_ms >= QUIET_MS &&
	       now_ms - look->at_ms < REST_MS;
}

/* `left` is what this look has found. */
static void note_look(struct session_look *look, int64_t left)
{
	bool quiet = look->at_ms > 0 && !is_disturbed(look) && left == 0;

	look->at_ms = clock_mono_ms();
	if (!quiet)
		look->quiet_since_ms = look->at_ms;
	look->left = left;
	look->drained = board_get(board_series(METRIC_DRAINED_TOTAL, ""));
}

int session_duty_do(struct session_duties *duties, enum session_duty duty,
		    const struct thread *self, struct db_error *err)
{
	struct session_step step = { .summaries = NULL };
	struct session_look *look = &duties->looks[duty];
	int r;

	do
		r = kinds[duty].step(duties, &step);
	while (r == 0 && step.more && !thread_stopping(self));
	if (r == 0)
		note_look(look, step.left);
	else
		look->at_ms = 0; /* no rest before it has seen */
	*err = step.err;
	return r;
}
