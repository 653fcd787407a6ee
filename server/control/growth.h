/*
 * growth.h - how fast does the outbox grow?
 *
 * "How long will the disk last?" is answered from the last minutes: the bytes
 * are noted every GROWTH_STEP_MS, and the rate is that between the oldest note
 * and the newest. A short window would jump with every segment that goes.
 *
 * Thread: belongs to one thread.
 * Clock:  callers pass monotonic milliseconds.
 */
#ifndef SERVER_CONTROL_GROWTH_H
#define SERVER_CONTROL_GROWTH_H

#include <stddef.h>
#include <stdint.h>

#define GROWTH_STEP_MS 5000u
#define GROWTH_NOTES   60u /* five minutes */
#define GROWTH_LEAST   12u /* notes; fewer than a minute would tell nothing */

struct growth { /* all zeros: nothing is known yet */
	struct {
		uint64_t at_ms;
		int64_t bytes;
	} notes[GROWTH_NOTES]; /* a ring */
	size_t next, count;
};

/* As often as one likes; more often than the step changes nothing. */
void growth_note(struct growth *growth, int64_t bytes, uint64_t now_ms);
/* Bytes a second; negative while it shrinks; 0 as long as nothing is known. */
double growth_rate(const struct growth *growth);

#endif
