/* drain_progress.c - how fast, and for how long still (drain_progress.h) */
#include "persistence/drain_progress.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/board.h"
#include "server/log.h"

#define SMOOTHING 0.3 /* the part that the newest second has in the rate */

static void measure(struct drain_progress *p, uint64_t now_ms)
{
	uint64_t took_ms = now_ms - p->seen_ms;
	double rate;

	if (p->seen_ms == 0) {
		p->seen_ms = now_ms;
		p->seen_delivered = p->delivered;
		return;
	}
	if (took_ms == 0)
		return;
	rate = (double)(p->delivered - p->seen_delivered) * 1000.0 /
	       (double)took_ms;
	p->rate = p->rate > 0 ? p->rate + SMOOTHING * (rate - p->rate) : rate;
	p->seen_ms = now_ms;
	p->seen_delivered = p->delivered;
	board_set(board_series(METRIC_DRAIN_RATE, ""), (int64_t)p->rate);
}

static void begin(struct drain_progress *p, uint64_t pending, uint64_t now_ms)
{
	p->catching_up = true;
	p->backlog_since_ms = p->logged_ms = now_ms;
	p->backlog_delivered = p->delivered;
	log_info("DRAIN_BACKLOG", "pending=%" PRIu64, pending);
}

static void finish(struct drain_progress *p, uint64_t now_ms)
{
	p->catching_up = false;
	log_info("DRAIN_CAUGHT_UP", "delivered=%" PRIu64 " took=%" PRIu64 "s",
		 p->delivered - p->backlog_delivered,
		 (now_ms - p->backlog_since_ms + 500) / 1000);
}

static void say(struct drain_progress *p, uint64_t pending, uint64_t now_ms)
{
	char left[32] = "unknown";

	if (p->rate >= 1)
		(void)snprintf(left, sizeof(left), "%.0fs",
			       (double)pending / p->rate);
	p->logged_ms = now_ms;
	log_info("DRAIN_PROGRESS",
		 "pending=%" PRIu64 " delivered=%" PRIu64
		 " rate=%.0f/s left=%s",
		 pending, p->delivered - p->backlog_delivered, p->rate, left);
}

void drain_progress_update(struct drain_progress *p, uint64_t pending,
			   bool working, uint64_t now_ms)
{
	measure(p, now_ms);
	if (!p->catching_up) {
		if (working && pending > DRAIN_BACKLOG_RECORDS)
			begin(p, pending, now_ms);
		return;
	}
	if (pending <= DRAIN_BACKLOG_RECORDS / 10)
		finish(p, now_ms);
	else if (working && now_ms - p->logged_ms >= DRAIN_PROGRESS_MS)
		say(p, pending, now_ms);
}
