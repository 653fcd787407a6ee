/*
 * watchdog.h - notices a thread that stands still
 *
 * A watched thread moves its heartbeat on the board at least once a second. We
 * count our own checks at which it had not moved, rather than looking at the
 * clock: when a machine was suspended, or everything stopped by a debugger, all
 * heartbeats look old at once, and nobody is to blame.
 *
 * Thread: the supervisor's only one.
 * Clock:  callers pass monotonic time.
 */
#ifndef SERVER_WATCHDOG_H
#define SERVER_WATCHDOG_H

#include <stdint.h>

#include "server/board.h"

struct watchdog {
	uint64_t checked_ms; /* when we last looked */
	struct {
		int32_t pid;	 /* whose heartbeat it was */
		uint64_t beats;	 /* what it said */
		uint32_t checks; /* in a row at which it said the same */
	} seen[BOARD_THREADS];
};

/* Looks at the heartbeats, at most once a second however often it is called.
 * `stuck` hears of each thread that did not move for timeout_ms' worth of
 * checks, once per such time. */
void watchdog_check(struct watchdog *dog, uint64_t now_ms, uint32_t timeout_ms,
		    void (*stuck)(int32_t pid, const char *thread, void *arg),
		    void *arg);

#endif
