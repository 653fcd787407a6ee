/* history.c - the last minutes in numbers (see history.h) */
#include "server/control/history.h"

#include <math.h>

#include "server/clock.h"
#include "server/control/context.h"

#define PERCENTILE 0.99

/* ---- what the board says --------------------------------------------------
 */

/* Over all labels. */
static int64_t sum(enum board_metric metric)
{
	const struct board_series *series;
	int64_t total = 0;

	for (size_t i = 0; (series = board_series_at(i)) != NULL; i++)
		if (series->metric == metric)
			total += board_get(series);
	return total;
}

static void add_buckets(enum board_metric metric, uint64_t total[BOARD_BUCKETS])
{
	const struct board_series *series;

	for (size_t i = 0; (series = board_series_at(i)) != NULL; i++) {
		const _Atomic uint64_t *buckets;

		if (series->metric != metric)
			continue;
		buckets = board_buckets(series);
		for (size_t n = 0; buckets && n < BOARD_BUCKETS; n++)
			total[n] += atomic_load(&buckets[n]);
	}
}

/* ---- one step -------------------------------------------------------------
 */

static double lost_percent(struct history *history)
{
	int64_t frames = sum(METRIC_FRAMES_TOTAL);
	int64_t lost = sum(METRIC_FRAMES_LOST_TOTAL);
	double came = (double)(frames - history->frames);
	double missed = (double)(lost - history->lost);

	history->frames = frames;
	history->lost = lost;
	return missed > 0 ? 100.0 * missed / (came + missed) : 0.0;
}

/* The bound of the bucket that holds the 99th of a hundred. */
static double lag_ms(struct history *history)
{
	uint64_t now[BOARD_BUCKETS] = { 0 }, turns = 0, below = 0;
	double bound = 0;

	add_buckets(METRIC_LOOP_LAG_SECONDS, now);
	for (size_t i = 0; i < BOARD_BUCKETS; i++)
		turns += now[i] - history->lag[i];
	for (size_t i = 0; i < BOARD_BUCKETS; i++) {
		below += now[i] - history->lag[i];
		if (turns > 0 && bound == 0 &&
		    (double)below >= PERCENTILE * (double)turns)
			/* The last has no bound: at least the one before. */
			bound = board_bucket_bound(
				i + 1 < BOARD_BUCKETS ? i : i - 1);
		history->lag[i] = now[i];
	}
	return bound * 1000.0;
}

/* The note of so many steps ago, or the oldest. */
static const struct history_note *back(const struct history *history,
				       size_t steps)
{
	size_t n = steps < history->count ? steps : history->count;

	return &history->notes[(history->next + HISTORY_NOTES - n) %
			       HISTORY_NOTES];
}

/* What the board says now, against what was noted before. */
static struct history_note take_note(struct history *history, int64_t wall_us)
{
	int64_t active = atomic_load(&board_flags()->calls_active), before;
	struct history_note note = {
		.at_us = wall_us,
		.calls_active = active,
		/* A call is counted by its end, and is live before. */
		.started = sum(METRIC_CALLS_TOTAL) + active,
		.records = sum(METRIC_OUTBOX_RECORDS),
		.oldest_s = sum(METRIC_OUTBOX_OLDEST_SECONDS),
		.lost_percent = lost_percent(history),
		.lag_ms = lag_ms(history),
	};

	if (history->count == 0) {
		/* All that came before would count as this step's. */
		note.lost_percent = note.lag_ms = 0;
		return note;
	}
	before = back(history, HISTORY_PER_MINUTE)->started;
	note.calls_minute = note.started > before ? note.started - before : 0;
	return note;
}

bool history_look(struct history *history, uint64_t now_ms, int64_t wall_us)
{
	if (history->count > 0 && now_ms - history->noted_ms < HISTORY_STEP_MS)
		return false;
	history->notes[history->next] = take_note(history, wall_us);
	history->noted_ms = now_ms;
	history->next = (history->next + 1) % HISTORY_NOTES;
	if (history->count < HISTORY_NOTES)
		history->count++;
	return true;
}

/* ---- as JSON --------------------------------------------------------------
 */

/* A thousandth is as exact as anybody reads it. */
static double rounded(double value)
{
	return round(value * 1000.0) / 1000.0;
}

static json_t *describe(const struct history_note *note)
{
	char at[CLOCK_ISO_SIZE];

	clock_format_iso(note->at_us, at);
	return json_pack("{s:s, s:I, s:I, s:f, s:f, s:I, s:I}", "at", at,
			 "calls_minute", (json_int_t)note->calls_minute,
			 "calls_active", (json_int_t)note->calls_active,
			 "lost_percent", rounded(note->lost_percent), "lag_ms",
			 rounded(note->lag_ms), "records",
			 (json_int_t)note->records, "oldest_seconds",
			 (json_int_t)note->oldest_s);
}

json_t *history_latest(const struct history *history)
{
	return history->count > 0 ? describe(back(history, 1)) : json_null();
}

void history_handle(const struct http_request *request,
		    struct http_response *response, void *context)
{
	const struct control_context *control = context;
	const struct history *history = &control->history;
	json_t *notes = json_array();

	(void)request;
	for (size_t n = history->count; n > 0; n--)
		(void)json_array_append_new(notes, describe(back(history, n)));
	http_reply_json(response, 200,
			json_pack("{s:i, s:o}", "step_seconds",
				  (int)(HISTORY_STEP_MS / 1000), "notes",
				  notes));
}
