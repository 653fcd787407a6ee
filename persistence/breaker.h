/*
 * breaker.h - leave a database alone that has been away for long
 *
 * Backoff alone still knocks once a minute for ever, from every node. After
 * open_after_ms of failures without one success the breaker opens: nobody asks
 * at all for pause_ms, then a single probe is let through, and its outcome
 * decides for all. Nothing is lost meanwhile, records wait in the outbox.
 *
 *                 failing for open_after_ms
 *      CLOSED --------------------------------> OPEN <---------.
 *        ^                                       |             |
 *        |                                pause_ms over   probe fails
 *        |          probe succeeds               v             |
 *        `---------------------------------- HALF_OPEN --------'
 *
 * A probe that never reports back does not hold the door: once it has had a
 * pause of its own, the next one may go.
 *
 * Thread: a breaker belongs to one thread.
 * Clock:  callers pass monotonic milliseconds; the first must not be 0.
 */
#ifndef PERSISTENCE_BREAKER_H
#define PERSISTENCE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* The values are those of the gauge holdline_db_breaker_state. */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
	const char *op; /* whom it serves, for the log; borrowed */
	uint32_t open_after_ms;
	uint32_t pause_ms;
	enum breaker_state state;  /* changed by move_to() alone */
	uint64_t failing_since_ms; /* 0: the last outcome was a success */
	uint64_t closed_until_ms; /* nobody passes before this, unless CLOSED */
};

void breaker_init(struct breaker *breaker, const char *op,
		  uint32_t open_after_ms, uint32_t pause_ms);

/* May we ask now? A caller who was told yes reports how it went. */
bool breaker_allow(struct breaker *breaker, uint64_t now_ms);
void breaker_success(struct breaker *breaker, uint64_t now_ms);
void breaker_failure(struct breaker *breaker, uint64_t now_ms);

/* An open breaker's rest is over now: somebody knows more than we do. */
void breaker_hurry(struct breaker *breaker, uint64_t now_ms);

/* Milliseconds until breaker_allow() can say yes; 0: now. */
uint32_t breaker_wait_ms(const struct breaker *breaker, uint64_t now_ms);

#endif
