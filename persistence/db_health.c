/* db_health.c - how the database is doing (see db_health.h) */
#include "persistence/db_health.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "persistence/alerts.h"
#include "persistence/recovery.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/settings.h"

/* "4s", "7.1s" */
struct seconds {
	char text[24];
};

static struct seconds seconds(uint64_t ms)
{
	struct seconds out;
	uint64_t tenths = (ms + 50) / 100;

	if (tenths % 10 == 0)
		(void)snprintf(out.text, sizeof(out.text), "%llus",
			       (unsigned long long)(tenths / 10));
	else
		(void)snprintf(out.text, sizeof(out.text), "%llu.%llus",
			       (unsigned long long)(tenths / 10),
			       (unsigned long long)(tenths % 10));
	return out;
}

/* ---- what the process shows ----------------------------------------------
 */

/* What one user sees. */
struct db_view {
	const char *op; /* NULL: nobody's */
	enum board_db_state state;
	enum breaker_state breaker;
	char reason[48];
	int64_t next_try_us; /* wall; 0: it waits for nothing */
};

static struct db_view views[DB_HEALTH_USERS_MAX];
static pthread_mutex_t views_lock = PTHREAD_MUTEX_INITIALIZER;

static int badness(enum board_db_state state)
{
	static const int order[] = {
		[BOARD_DB_UNKNOWN] = 0,
		[BOARD_DB_UP] = 1,
		[BOARD_DB_PAUSED] = 2,
		[BOARD_DB_DOWN] = 3,
	};

	return order[state];
}

static const struct db_view *worst_view(void)
{
	const struct db_view *worst = &views[0];

	for (size_t i = 1; i < DB_HEALTH_USERS_MAX; i++)
		if (badness(views[i].state) > badness(worst->state))
			worst = &views[i];
	return worst;
}

/* Under the lock. */
static void show(void)
{
	struct board_flags *flags = board_flags();
	const struct db_view *worst = worst_view();
	enum board_db_state was = atomic_load(&flags->db_state);
	bool up = worst->state == BOARD_DB_UP;

	board_set(board_series(METRIC_DB_UP, ""), up);
	board_set(board_series(METRIC_DB_PAUSED, ""),
		  worst->state == BOARD_DB_PAUSED);
	board_set(board_series(METRIC_DB_BREAKER_STATE, ""), worst->breaker);
	board_text_set(&flags->db_reason, worst->reason);
	atomic_store(&flags->db_next_try_us, worst->next_try_us);
	if (was == BOARD_DB_UNKNOWN || up != (was == BOARD_DB_UP))
		atomic_store(&flags->db_since_us, clock_wall_us());
	atomic_store(&flags->db_state, worst->state);
}

/* The place of that op, or a free one. Under the lock. */
static struct db_view *claim_view(const char *op)
{
	struct db_view *free_one = NULL;

	for (size_t i = 0; i < DB_HEALTH_USERS_MAX; i++) {
		if (views[i].op && strcmp(views[i].op, op) == 0)
			return &views[i];
		if (!views[i].op && !free_one)
			free_one = &views[i];
	}
	if (free_one)
		free_one->op = op;
	return free_one;
}

static void publish(struct db_health *health, enum board_db_state state,
		    const char *reason, uint32_t wait_ms)
{
	struct db_view *view = health->view;

	health->up = state == BOARD_DB_UP;
	if (!view)
		return;
	pthread_mutex_lock(&views_lock);
	view->state = state;
	view->breaker = health->breaker.state;
	(void)snprintf(view->reason, sizeof(view->reason), "%s", reason);
	view->next_try_us =
		health->up ? 0 : clock_wall_us() + (int64_t)wait_ms * 1000;
	show();
	pthread_mutex_unlock(&views_lock);
}

static void publish_breaker(struct db_health *health)
{
	if (!health->view)
		return;
	pthread_mutex_lock(&views_lock);
	health->view->breaker = health->breaker.state;
	board_set(board_series(METRIC_DB_BREAKER_STATE, ""),
		  worst_view()->breaker);
	pthread_mutex_unlock(&views_lock);
}

enum board_db_state db_health_shown(void)
{
	return atomic_load(&board_flags()->db_state);
}

void db_health_leave(struct db_health *health)
{
	if (!health->view)
		return;
	pthread_mutex_lock(&views_lock);
	*health->view = (struct db_view){ .op = NULL };
	health->view = NULL;
	show();
	pthread_mutex_unlock(&views_lock);
}

/* ---- one user --------------------------------------------------------------
 */

void db_health_init(struct db_health *health, const char *op,
		    const struct settings *settings)
{
	const struct retry_policy policy = {
		.initial_ms = settings->database.retry_initial_ms,
		.max_ms = settings->database.retry_max_ms,
		.jitter = settings->database.retry_jitter,
	};

	*health = (struct db_health){ .op = op };
	retry_init(&health->retry, &policy);
	breaker_init(&health->breaker, op,
		     settings->database.breaker_open_after_ms,
		     settings->database.breaker_pause_ms);
	pthread_mutex_lock(&views_lock);
	health->view = claim_view(op);
	if (health->view)
		*health->view = (struct db_view){ .op = op };
	pthread_mutex_unlock(&views_lock);
}

bool db_health_may_try(struct db_health *health, uint64_t now_ms)
{
	enum breaker_state was = health->breaker.state;
	bool may = breaker_allow(&health->breaker, now_ms);

	if (health->breaker.state != was)
		publish_breaker(health);
	return may;
}

void db_health_hurry(struct db_health *health, uint64_t now_ms)
{
	breaker_hurry(&health->breaker, now_ms);
}

static void count_failure(const struct db_health *health,
			  const struct db_error *err)
{
	char labels[112];

	(void)snprintf(labels, sizeof(labels), "op=\"%s\",reason=\"%s\"",
		       health->op, err->reason);
	board_add(board_series(METRIC_DB_DOWN_TOTAL, labels), 1);
}

/* It answers, and will go on answering the same until somebody repairs it: one
 * line says what. */
static uint32_t pause_for(struct db_health *health, const struct db_error *err,
			  uint64_t now_ms, double random)
{
	const struct retry_policy *policy = &health->retry.policy;
	struct retry slow;

	breaker_success(&health->breaker, now_ms);
	if (strcmp(health->paused_for, err->reason) != 0)
		log_error("DB_PAUSED", "op=%s reason=%s sqlstate=%s err=\"%s\"",
			  health->op, err->reason,
			  *err->sqlstate ? err->sqlstate : "none", err->text);
	(void)snprintf(health->paused_for, sizeof(health->paused_for), "%s",
		       err->reason);
	retry_init(&slow, &(struct retry_policy){ .initial_ms = policy->max_ms,
						  .max_ms = policy->max_ms,
						  .jitter = policy->jitter });
	return retry_failed(&slow, now_ms, random);
}

static uint32_t back_off(struct db_health *health, const struct db_error *err,
			 uint64_t now_ms, uint32_t wait_ms)
{
	uint32_t closed_ms;

	health->paused_for[0] = '\0';
	breaker_failure(&health->breaker, now_ms);
	closed_ms = breaker_wait_ms(&health->breaker, now_ms);
	if (wait_ms < closed_ms)
		wait_ms = closed_ms;
	log_warn("DB_DOWN",
		 "op=%s try=%u sleep=%s reason=%s sqlstate=%s err=\"%s\"",
		 health->op, health->retry.tries, seconds(wait_ms).text,
		 err->reason, *err->sqlstate ? err->sqlstate : "none",
		 err->text);
	if (strcmp(err->reason, "NeonEndpointDisabled") == 0)
		log_warn("NEON", "op=%s endpoint disabled or asleep",
			 health->op);
	else if (strncmp(err->reason, "Neon", 4) == 0)
		log_warn("NEON", "op=%s reason=%s", health->op, err->reason);
	return wait_ms;
}

/* Some failures need longer than the first waits, but no longer than any. */
static uint32_t slow_down(const struct db_health *health,
			  const struct db_error *err, uint32_t wait_ms)
{
	uint32_t least_ms = health->retry.policy.max_ms < DB_ERROR_SLOW_MS
				    ? health->retry.policy.max_ms
				    : DB_ERROR_SLOW_MS;

	return err->pace == DB_PACE_SLOW && wait_ms < least_ms ? least_ms
							       : wait_ms;
}

/* A fault of the set-up, or what has lasted so long that it must be one. */
static bool needs_somebody(const struct db_health *health,
			   const struct db_error *err, uint64_t now_ms)
{
	return err->family == DB_SETUP ||
	       (err->then == DB_SETUP &&
		now_ms - health->retry.failing_since_ms >=
			DB_ERROR_PATIENCE_MS);
}

uint32_t db_health_failed(struct db_health *health, const struct db_error *err,
			  uint64_t now_ms, double random)
{
	uint32_t wait_ms = slow_down(
		health, err, retry_failed(&health->retry, now_ms, random));

	count_failure(health, err);
	if (needs_somebody(health, err, now_ms)) {
		wait_ms = pause_for(health, err, now_ms, random);
		publish(health, BOARD_DB_PAUSED, err->reason, wait_ms);
	} else {
		wait_ms = back_off(health, err, now_ms, wait_ms);
		publish(health, BOARD_DB_DOWN, err->reason, wait_ms);
	}
	alerts_failed(err->reason, now_ms);
	return wait_ms;
}

void db_health_succeeded(struct db_health *health, uint64_t now_ms)
{
	const struct retry *retry = &health->retry;
	bool recovered = retry->tries > 0;

	if (recovered)
		log_info("DB_RECOVERED", "op=%s attempts=%u down_for=%s",
			 health->op, retry->tries,
			 seconds(now_ms - retry->failing_since_ms).text);
	retry_succeeded(&health->retry);
	breaker_success(&health->breaker, now_ms);
	health->paused_for[0] = '\0';
	if (recovered || !health->up) {
		publish(health, BOARD_DB_UP, "", 0);
		if (db_health_shown() == BOARD_DB_UP)
			alerts_answered(now_ms);
	}
	if (recovered)
		recovery_announce();
}
