/* alert_window.c - when failures deserve an alert (see alert_window.h) */
#include "persistence/alert_window.h"

#include <errno.h>
#include <stdlib.h>

#define SETTLE_PART 30 /* of the window: 10 s of five minutes */

int alert_window_init(struct alert_window *w, uint32_t limit,
		      uint64_t window_ms)
{
	*w = (struct alert_window){
		.limit = limit,
		.window_ms = window_ms,
		.settle_ms = window_ms / SETTLE_PART,
		.times = calloc((size_t)limit + 1, sizeof(*w->times)),
	};
	return w->times ? 0 : -ENOMEM;
}

void alert_window_finish(struct alert_window *w)
{
	free(w->times);
	w->times = NULL;
}

static void drop_oldest(struct alert_window *w)
{
	w->oldest = w->oldest < w->limit ? w->oldest + 1 : 0;
	w->used--;
}

uint32_t alert_window_count(struct alert_window *w, uint64_t now_ms)
{
	while (w->used > 0 && now_ms - w->times[w->oldest] >= w->window_ms)
		drop_oldest(w);
	return w->used;
}

static void note_failure(struct alert_window *w, uint64_t now_ms)
{
	uint64_t at;

	if (w->used > w->limit)
		drop_oldest(w);
	at = ((uint64_t)w->oldest + w->used) % ((uint64_t)w->limit + 1);
	w->times[at] = now_ms;
	w->used++;
}

static bool is_over(const struct alert_window *w, uint64_t now_ms)
{
	return w->answered_ms > 0 && now_ms - w->answered_ms >= w->settle_ms;
}

static bool is_due(struct alert_window *w, uint64_t now_ms)
{
	bool down_for_long = w->down_since_ms > 0 &&
			     now_ms - w->down_since_ms >= w->window_ms;

	return alert_window_count(w, now_ms) > w->limit || down_for_long;
}

enum alert_change alert_window_look(struct alert_window *w, uint64_t now_ms)
{
	if (w->firing && is_over(w, now_ms)) {
		w->firing = false;
		w->used = 0;
		return ALERT_RESOLVED;
	}
	if (!w->firing && is_due(w, now_ms)) {
		w->firing = true;
		return ALERT_FIRES;
	}
	return ALERT_SAME;
}

/* Whoever looked too seldom may find an alert over that this failure would
 * prolong: then it was over, and this is the next trouble's first. */
enum alert_change alert_window_failed(struct alert_window *w, uint64_t now_ms)
{
	enum alert_change change = alert_window_look(w, now_ms);

	note_failure(w, now_ms);
	if (w->down_since_ms == 0)
		w->down_since_ms = now_ms;
	w->answered_ms = 0;
	return change == ALERT_SAME ? alert_window_look(w, now_ms) : change;
}

void alert_window_answered(struct alert_window *w, uint64_t now_ms)
{
	w->down_since_ms = 0;
	if (w->answered_ms == 0)
		w->answered_ms = now_ms;
}

uint64_t alert_window_since_ms(const struct alert_window *w)
{
	uint64_t oldest_ms = w->used > 0 ? w->times[w->oldest] : 0;

	if (w->down_since_ms > 0 &&
	    (oldest_ms == 0 || w->down_since_ms < oldest_ms))
		return w->down_since_ms;
	return oldest_ms;
}
