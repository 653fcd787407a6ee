/* retry.c - how long to wait before trying again (see retry.h) */
#include "persistence/retry.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/random.h>
#include <unistd.h>

#include "persistence/recovery.h"
#include "server/clock.h"

void retry_init(struct retry *retry, const struct retry_policy *policy)
{
	*retry = (struct retry){ .policy = *policy };
}

/* The wait after this many failures, before the jitter. */
static uint32_t nominal_ms(const struct retry *retry)
{
	uint64_t wait_ms = retry->policy.initial_ms;

	for (uint32_t i = 1; i < retry->tries; i++) {
		if (wait_ms >= retry->policy.max_ms)
			break;
		wait_ms *= 2;
	}
	return wait_ms > retry->policy.max_ms ? retry->policy.max_ms
					      : (uint32_t)wait_ms;
}

uint32_t retry_failed(struct retry *retry, uint64_t now_ms, double random)
{
	const struct retry_policy *policy = &retry->policy;
	double spread = 1 + policy->jitter * (2 * random - 1);
	uint32_t wait_ms;

	if (retry->failing_since_ms == 0)
		retry->failing_since_ms = now_ms;
	if (retry->tries < UINT32_MAX)
		retry->tries++;
	wait_ms = (uint32_t)(nominal_ms(retry) * spread);
	if (policy->deadline_ms > 0 &&
	    now_ms + wait_ms >= retry->failing_since_ms + policy->deadline_ms)
		return RETRY_GIVE_UP;
	return wait_ms;
}

void retry_succeeded(struct retry *retry)
{
	retry->tries = 0;
	retry->failing_since_ms = 0;
}

double retry_random(void)
{
	uint32_t n = UINT32_MAX / 2;

	(void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
	return n / (UINT32_MAX + 1.0);
}

/* ---- the whole of it, for those who may wait ------------------------------
 */

static uint32_t left_ms(const struct retry *retry, uint64_t now_ms)
{
	uint64_t end_ms = retry->failing_since_ms + retry->policy.deadline_ms;

	if (retry->policy.deadline_ms == 0)
		return UINT32_MAX;
	return now_ms < end_ms ? (uint32_t)(end_ms - now_ms) : 0;
}

static void wait(int wake_fd, uint32_t wait_ms)
{
	struct pollfd woken = { .fd = wake_fd, .events = POLLIN };
	uint64_t ignored;

	if (poll(&woken, 1, wait_ms > INT_MAX ? INT_MAX : (int)wait_ms) > 0)
		(void)!read(wake_fd, &ignored, sizeof(ignored));
}

int retry_run(const struct retry_policy *policy, retry_attempt *attempt,
	      void *arg, int wake_fd, bool (*stopping)(void *arg))
{
	struct retry retry;

	retry_init(&retry, policy);
	/* The deadline counts from here, not from the first failure. */
	retry.failing_since_ms = clock_mono_ms();
	while (!stopping || !stopping(arg)) {
		uint64_t seen = recovery_count();
		uint32_t wait_ms;

		if (attempt(arg, left_ms(&retry, clock_mono_ms())))
			return 0;
		wait_ms = retry_failed(&retry, clock_mono_ms(), retry_random());
		if (wait_ms == RETRY_GIVE_UP)
			return policy->give_up;
		if (recovery_count() == seen)
			wait(wake_fd, wait_ms);
	}
	return -ECANCELED;
}
