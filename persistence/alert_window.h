/*
 * alert_window.h - when do failures of the database deserve an alert?
 *
 *            more than `limit` failures inside window_ms, or
 *            without an answer for all of window_ms
 *   QUIET -------------------------------------------------> FIRING
 *     ^                                                         |
 *     `---------- it has answered, and went on for settle_ms ---'
 *
 * The count is exact: it knows the time of each of the last limit + 1 failures,
 * and no more are needed. The second condition is for the backoff: one try a
 * minute will never be ten in five minutes, however dead the database is.
 * settle_ms keeps a database that comes and goes from an alert a second; after
 * an alert is over, counting begins anew.
 *
 * Thread: belongs to one thread, or to one lock.
 * Clock:  callers pass monotonic milliseconds, never 0, never backwards.
 */
#ifndef PERSISTENCE_ALERT_WINDOW_H
#define PERSISTENCE_ALERT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct alert_window {
	uint32_t limit;	       /* that many failures are borne */
	uint64_t window_ms;    /* (now - window_ms, now] is inside */
	uint64_t settle_ms;    /* quiet for that long after an answer: over */
	uint64_t *times;       /* owned: a ring of limit + 1 */
	uint32_t used, oldest; /* of the ring */
	bool firing;
	uint64_t down_since_ms; /* the first failure in a row; 0: answers */
	uint64_t answered_ms;	/* the answer that ended them; 0: none yet */
};

enum alert_change { ALERT_SAME, ALERT_FIRES, ALERT_RESOLVED };

/* 0 or -ENOMEM. */
int alert_window_init(struct alert_window *w, uint32_t limit,
		      uint64_t window_ms);
void alert_window_finish(struct alert_window *w);

enum alert_change alert_window_failed(struct alert_window *w, uint64_t now_ms);
void alert_window_answered(struct alert_window *w, uint64_t now_ms);
/* Time has passed. */
enum alert_change alert_window_look(struct alert_window *w, uint64_t now_ms);

/* How many failures are inside, limit + 1 at the most. */
uint32_t alert_window_count(struct alert_window *w, uint64_t now_ms);
/* When the trouble began: the oldest failure that still matters; 0: none. */
uint64_t alert_window_since_ms(const struct alert_window *w);

#endif
