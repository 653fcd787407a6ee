/*
 * retry.h - how long to wait before trying again
 *
 * One policy for everything: the first wait, doubled each time up to a cap,
 * with retry jitter so that a herd spreads. Failing is counted, and the first
 * failure's time kept, so that the end of an outage can say how long it was.
 *
 * Thread: a retry belongs to one thread.
 * Clock:  callers pass monotonic time.
 */
#ifndef PERSISTENCE_RETRY_H
#define PERSISTENCE_RETRY_H

#include <stdint.h>

struct retry_policy {
	uint32_t initial_ms, max_ms;
	double jitter; /* 0.2: each wait is 80 % to 120 % */
};

struct retry {
	struct retry_policy policy;
	uint32_t tries;		   /* failures in a row */
	uint64_t failing_since_ms; /* of the first of them; 0 is healthy */
};

void retry_init(struct retry *retry, const struct retry_policy *policy);
/* Counts a failure and says how long to wait, in milliseconds. `random` is
 * uniform in [0, 1), so that a test knows the answer. */
uint32_t retry_failed(struct retry *retry, uint64_t now_ms, double random);
/* Back to healthy. */
void retry_succeeded(struct retry *retry);

#endif
