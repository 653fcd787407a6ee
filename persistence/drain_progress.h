/*
 * drain_progress.h - how a backlog melts, for people and for graphs
 *
 * After an outage people ask one thing: when is it over? While many records
 * wait, [DRAIN_PROGRESS] says every few seconds how many are left, how fast
 * they go, and how long that will take; [DRAIN_CAUGHT_UP] says that it is done.
 * The rate is also a metric.
 *
 * Thread: belongs to one thread.
 * Clock:  callers pass monotonic milliseconds.
 */
#ifndef PERSISTENCE_DRAIN_PROGRESS_H
#define PERSISTENCE_DRAIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define DRAIN_BACKLOG_RECORDS 2000u  /* more than these are a backlog */
#define DRAIN_PROGRESS_MS     10000u /* between two lines */

struct drain_progress {
	uint64_t delivered; /* so far */
	uint64_t seen_delivered, seen_ms;
	double rate; /* records a second, smoothed */
	bool catching_up;
	uint64_t backlog_since_ms, backlog_delivered, logged_ms;
};

/* Now and then, best once a second. `working`: the database takes records. */
void drain_progress_update(struct drain_progress *progress, uint64_t pending,
			   bool working, uint64_t now_ms);

#endif
