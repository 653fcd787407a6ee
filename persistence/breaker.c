/* breaker.c - leave a database alone that has been away (see breaker.h) */
#include "persistence/breaker.h"

#include "server/log.h"

static void move_to(struct breaker *breaker, enum breaker_state state,
		    uint64_t now_ms)
{
	static const char *const names[] = {
		[BREAKER_CLOSED] = "closed",
		[BREAKER_OPEN] = "open",
		[BREAKER_HALF_OPEN] = "half-open",
	};
	uint32_t pause_ms = state == BREAKER_CLOSED ? 0 : breaker->pause_ms;

	if (breaker->state != state)
		log_warn("BREAKER", "state=%s op=%s next=%gs", names[state],
			 breaker->op, pause_ms / 1000.0);
	breaker->state = state;
	breaker->closed_until_ms = now_ms + pause_ms;
}

void breaker_init(struct breaker *breaker, const char *op,
		  uint32_t open_after_ms, uint32_t pause_ms)
{
	*breaker = (struct breaker){
		.op = op,
		.open_after_ms = open_after_ms,
		.pause_ms = pause_ms,
	};
}

uint32_t breaker_wait_ms(const struct breaker *breaker, uint64_t now_ms)
{
	if (breaker->state == BREAKER_CLOSED ||
	    now_ms >= breaker->closed_until_ms)
		return 0;
	return (uint32_t)(breaker->closed_until_ms - now_ms);
}

bool breaker_allow(struct breaker *breaker, uint64_t now_ms)
{
	if (breaker->state == BREAKER_CLOSED)
		return true;
	if (breaker_wait_ms(breaker, now_ms) > 0)
		return false;
	move_to(breaker, BREAKER_HALF_OPEN, now_ms);
	return true;
}

void breaker_hurry(struct breaker *breaker, uint64_t now_ms)
{
	if (breaker->state == BREAKER_OPEN)
		breaker->closed_until_ms = now_ms;
}

void breaker_success(struct breaker *breaker, uint64_t now_ms)
{
	/* An answer that was still under way when we opened is no probe. */
	if (breaker->state == BREAKER_OPEN)
		return;
	breaker->failing_since_ms = 0;
	move_to(breaker, BREAKER_CLOSED, now_ms);
}

void breaker_failure(struct breaker *breaker, uint64_t now_ms)
{
	if (breaker->state == BREAKER_OPEN)
		return;
	if (breaker->failing_since_ms == 0)
		breaker->failing_since_ms = now_ms;
	if (breaker->state == BREAKER_HALF_OPEN ||
	    now_ms - breaker->failing_since_ms >= breaker->open_after_ms)
		move_to(breaker, BREAKER_OPEN, now_ms);
}
