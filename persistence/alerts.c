/*
 * alerts.c - one verdict about the database for the process (see alerts.h)
 *
 * What is under the mutex is arithmetic and stores to the board; the log and
 * the callback come after it is given back.
 */
#include "persistence/alerts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "persistence/alert_window.h"
#include "server/clock.h"
#include "server/log.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
	bool started;
	struct alerts_options options;
	struct alert_window window;
	uint64_t now_ms; /* the latest that anybody brought */
} alerts;		 /* {mutex} */

/* "5min", as the settings say it */
struct duration {
	char text[24];
};

static struct duration duration(uint64_t ms)
{
	static const struct {
		uint64_t ms;
		const char *name;
	} units[] = { { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };
	struct duration out;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ms >= units[i].ms && ms % units[i].ms == 0) {
			(void)snprintf(out.text, sizeof(out.text), "%llu%s",
				       (unsigned long long)(ms / units[i].ms),
				       units[i].name);
			return out;
		}
	(void)snprintf(out.text, sizeof(out.text), "%llums",
		       (unsigned long long)ms);
	return out;
}

static unsigned long long seconds_between(int64_t from_us, int64_t to_us)
{
	return to_us > from_us ? (unsigned long long)(to_us - from_us) / 1000000
			       : 0;
}

/* Two threads bring two times; the later one holds. */
static uint64_t advance(uint64_t now_ms)
{
	if (now_ms > alerts.now_ms)
		alerts.now_ms = now_ms;
	return alerts.now_ms;
}

/* One atomic says it all, so that a death in between leaves no half message. */
static bool is_firing(uint64_t serial)
{
	return serial % 2 == 1;
}

static void read_message(struct alert *out)
{
	struct board_alert *board = board_alert();
	char id[BOARD_TEXT_SIZE];

	*out = (struct alert){
		.serial = atomic_load(&board->serial),
		.count = atomic_load(&board->count),
		.window_ms = alerts.options.window_ms,
		.since_us = atomic_load(&board->since_us),
		.at_us = atomic_load(&board->at_us),
	};
	out->firing = is_firing(out->serial);
	board_text_get(&board->id, id);
	(void)snprintf(out->id, sizeof(out->id), "%.36s", id);
	board_text_get(&board->reason, out->reason);
}

/* The verdict has changed: a new message takes the old one's place. */
static void write_message(bool firing, uint64_t now_ms)
{
	struct board_alert *board = board_alert();
	int64_t wall_us = clock_wall_us();
	struct uuid id;
	char text[UUID_TEXT_SIZE];

	uuid_make_v7(&id);
	uuid_format(&id, text);
	if (firing) {
		uint64_t ago_ms =
			now_ms - alert_window_since_ms(&alerts.window);

		atomic_store(&board->since_us,
			     wall_us - (int64_t)ago_ms * 1000);
		atomic_store(&board->failures,
			     alert_window_count(&alerts.window, now_ms));
	}
	atomic_store(&board->count, atomic_load(&board->failures));
	atomic_store(&board->at_us, wall_us);
	board_text_set(&board->id, text);
	atomic_fetch_add(&board->serial, 1);
}

static void log_message(const struct alert *alert)
{
	unsigned long long lasted =
		seconds_between(alert->since_us, alert->at_us);

	if (alert->firing)
		log_error("DB_ALERT", "count=%u window=%s reason=%s for=%llus",
			  alert->count, duration(alert->window_ms).text,
			  alert->reason, lasted);
	else
		log_info("DB_ALERT_RESOLVED", "count=%u reason=%s lasted=%llus",
			 alert->count, alert->reason, lasted);
}

/* To be called with the mutex held, which it gives back. */
static void settle(enum alert_change change)
{
	struct alerts_options options = alerts.options;
	bool changed = change != ALERT_SAME;
	struct alert alert;

	if (changed) {
		write_message(change == ALERT_FIRES, alerts.now_ms);
		read_message(&alert);
	}
	pthread_mutex_unlock(&mutex);
	if (!changed)
		return;
	board_set(board_series(METRIC_DB_ALERT, ""), alert.firing);
	board_add(board_series(METRIC_ALERTS_TOTAL, ""), alert.firing);
	log_message(&alert);
	if (options.changed)
		options.changed(options.arg);
}

void alerts_failed(const char *reason, uint64_t now_ms)
{
	struct board_alert *board = board_alert();
	enum alert_change change = ALERT_SAME;

	pthread_mutex_lock(&mutex);
	if (alerts.started) {
		bool firing = alerts.window.firing;

		change = alert_window_failed(&alerts.window, advance(now_ms));
		atomic_store(&board->down_since_ms,
			     alerts.window.down_since_ms);
		if (firing && change == ALERT_SAME)
			atomic_fetch_add(&board->failures, 1);
		if (change != ALERT_RESOLVED)
			board_text_set(&board->reason, reason);
	}
	settle(change);
}

void alerts_answered(uint64_t now_ms)
{
	pthread_mutex_lock(&mutex);
	if (alerts.started) {
		alert_window_answered(&alerts.window, advance(now_ms));
		atomic_store(&board_alert()->down_since_ms, 0);
	}
	pthread_mutex_unlock(&mutex);
}

void alerts_look(uint64_t now_ms)
{
	enum alert_change change = ALERT_SAME;

	pthread_mutex_lock(&mutex);
	if (alerts.started)
		change = alert_window_look(&alerts.window, advance(now_ms));
	settle(change);
}

bool alerts_untold(struct alert *out)
{
	struct board_alert *board = board_alert();
	bool untold;

	pthread_mutex_lock(&mutex);
	untold = atomic_load(&board->told) != atomic_load(&board->serial);
	if (untold)
		read_message(out);
	pthread_mutex_unlock(&mutex);
	return untold;
}

void alerts_told(uint64_t serial)
{
	atomic_store(&board_alert()->told, serial);
}

/* ---- beginning and end -----------------------------------------------------
 */

/* A predecessor that died told of an alert: then it is ours to end. The times
 * of its failures died with it. */
static void take_over(uint64_t now_ms)
{
	struct board_alert *board = board_alert();

	alerts.window.firing = is_firing(atomic_load(&board->serial));
	alerts.window.down_since_ms = atomic_load(&board->down_since_ms);
	if (alerts.window.firing && alerts.window.down_since_ms == 0)
		alerts.window.answered_ms = now_ms;
}

int alerts_start(const struct alerts_options *options, uint64_t now_ms)
{
	int r;

	pthread_mutex_lock(&mutex);
	r = alert_window_init(&alerts.window, options->db_down_count,
			      options->window_ms);
	if (r == 0) {
		alerts.options = *options;
		alerts.now_ms = now_ms;
		take_over(now_ms);
		alerts.started = true;
	}
	pthread_mutex_unlock(&mutex);
	if (r == 0)
		board_set(board_series(METRIC_DB_ALERT, ""),
			  is_firing(atomic_load(&board_alert()->serial)));
	return r;
}

void alerts_stop(void)
{
	pthread_mutex_lock(&mutex);
	if (alerts.started)
		alert_window_finish(&alerts.window);
	alerts.started = false;
	alerts.options.changed = NULL;
	pthread_mutex_unlock(&mutex);
}
