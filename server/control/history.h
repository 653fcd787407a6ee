/*
 * history.h - the last minutes in numbers, for whoever begins to watch now
 *
 * A note is taken every HISTORY_STEP_MS: gauges as they stand, and of what is
 * only ever counted what came since the note before. So a page that is loaded
 * in the middle of an outage shows how it began.
 *
 * Thread: belongs to one thread.
 * Clock:  callers pass monotonic and wall time.
 */
#ifndef SERVER_CONTROL_HISTORY_H
#define SERVER_CONTROL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "server/board.h"
#include "server/control/http/http.h"

#define HISTORY_STEP_MS	   5000u
#define HISTORY_NOTES	   180u /* a quarter of an hour */
#define HISTORY_PER_MINUTE (60000u / HISTORY_STEP_MS)

struct history_note {
	int64_t at_us;	      /* wall */
	int64_t started;      /* calls, ever */
	int64_t calls_minute; /* of them, in the minute before */
	int64_t calls_active;
	double lost_percent;	   /* of the frames of this step */
	double lag_ms;		   /* 99 of 100 turns of a loop were quicker */
	int64_t records, oldest_s; /* of the outbox */
};

struct history { /* all zeros: nothing is known yet */
	struct history_note notes[HISTORY_NOTES]; /* a ring */
	size_t next, count;
	uint64_t noted_ms; /* the last: monotonic */
	/* What had been counted then. */
	int64_t frames, lost;
	uint64_t lag[BOARD_BUCKETS];
};

/* Looks at the board, if the last note is a step old. True: there is a new
 * one. */
bool history_look(struct history *history, uint64_t now_ms, int64_t wall_us);

/* The newest note as JSON; null when there is none. NULL: out of memory. */
json_t *history_latest(const struct history *history);

/* GET /api/history: all of them, the oldest first. The handlers' context is a
 * struct control_context. */
http_handler history_handle;

#endif
