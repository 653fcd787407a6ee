/*
 * retry.h - how long to wait before trying again, and when to give up
 *
 * One policy for everything: the first wait, doubled each time up to a cap,
 * with retry jitter so that a herd spreads. Background work has no deadline and
 * never gives up. Whoever keeps a person waiting has one, and a value that it
 * returns when it is over. Failing is counted, and the first failure's time
 * kept, so that the end of an outage can say how long it was.
 *
 * Thread: a retry belongs to one thread.
 * Clock:  callers pass monotonic time, never 0.
 */
#ifndef PERSISTENCE_RETRY_H
#define PERSISTENCE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
	uint32_t initial_ms, max_ms;
	double jitter;	      /* 0.2: each wait is 80 % to 120 % */
	uint32_t deadline_ms; /* since the beginning; 0: never gives up */
	int give_up;	      /* what retry_run() returns then */
};

struct retry {
	struct retry_policy policy;
	uint32_t tries;		   /* failures in a row */
	uint64_t failing_since_ms; /* of the first of them; 0 is healthy */
};

/* What retry_failed() says when the next try would come too late. */
#define RETRY_GIVE_UP UINT32_MAX

void retry_init(struct retry *retry, const struct retry_policy *policy);
/* Counts a failure and says how long to wait, in milliseconds. `random` is
 * uniform in [0, 1), so that a test knows the answer. */
uint32_t retry_failed(struct retry *retry, uint64_t now_ms, double random);
/* Back to healthy. */
void retry_succeeded(struct retry *retry);

/* Uniform in [0, 1). */
double retry_random(void);

/* One attempt, which must be over in left_ms (UINT32_MAX: no deadline). True:
 * it is done, well or not, and need not be tried again. */
typedef bool retry_attempt(void *arg, uint32_t left_ms);

/* Tries until an attempt is done, and returns 0; policy->give_up once its
 * deadline has passed; -ECANCELED once `stopping` says so (NULL: never). A wait
 * ends early when wake_fd becomes readable (it is read) or when another user of
 * the database has got through (recovery.h). wake_fd: an eventfd, or -1. */
int retry_run(const struct retry_policy *policy, retry_attempt *attempt,
	      void *arg, int wake_fd, bool (*stopping)(void *arg));

#endif
