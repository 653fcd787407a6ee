/* retry.c - how long to wait before trying again (see retry.h) */
#include "persistence/retry.h"

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
	double spread = 1 + retry->policy.jitter * (2 * random - 1);

	if (retry->tries == 0)
		retry->failing_since_ms = now_ms;
	if (retry->tries < UINT32_MAX)
		retry->tries++;
	return (uint32_t)(nominal_ms(retry) * spread);
}

void retry_succeeded(struct retry *retry)
{
	retry->tries = 0;
	retry->failing_since_ms = 0;
}
