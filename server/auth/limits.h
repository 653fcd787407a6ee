/*
 * limits.h - how often one address may try, and how often it may fail
 *
 * Three token buckets for each address: connections and handshakes (so that
 * nobody floods) and refusals (so that nobody guesses). Each holds what its
 * rate gives in one second, or one minute, and fills up again steadily. An IPv6
 * address counts as its /64, which is what one subscriber has. Our own machine
 * is never limited.
 *
 * A connection is asked about before anything is read from it: twice the rate
 * of handshakes, so that who is a little too fast is told so in words, and so
 * many at once that have not become a call. So who says nothing at all, or very
 * slowly, cannot fill the house with silence.
 *
 * The table is bounded. An address has eight places it may be in; the one of
 * them that was heard of least recently makes room. Whoever has so many
 * addresses that he drives himself out pays for it with addresses.
 *
 * Thread: any; a lock is held for a few instructions. Clock: monotonic time,
 * passed by the caller.
 */
#ifndef SERVER_AUTH_LIMITS_H
#define SERVER_AUTH_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/auth/network.h"

struct limits;

/* 0: without limit. */
struct limit_rates {
	uint32_t handshakes_per_second, refusals_per_minute;
	uint32_t connections; /* at once */
};

/* The share of one of so many processes that count apart: the kernel spreads an
 * address's connections over all of them. */
struct limit_rates limits_share(const struct limit_rates *rates,
				uint32_t processes);

enum limit_answer { LIMIT_PASSED, LIMIT_HANDSHAKES, LIMIT_REFUSALS };

/* 0 or -ENOMEM. `seed` is random, so that nobody can choose his places. */
int limits_create(struct limits **ret, uint64_t seed);
struct limits *limits_destroy(struct limits *limits);

/* One more handshake. When it is refused, *to_tell is how many were refused
 * since this was last worth a line in the log, or 0: not again yet. */
enum limit_answer limits_ask(struct limits *limits,
			     const struct address *address,
			     const struct limit_rates *rates, uint64_t now_ms,
			     uint32_t *to_tell);
/* The handshake that was asked for was refused. */
void limits_note_refusal(struct limits *limits, const struct address *address,
			 const struct limit_rates *rates, uint64_t now_ms);
/* What was noted was none: who came has shown since that he may. */
void limits_forgive(struct limits *limits, const struct address *address,
		    const struct limit_rates *rates, uint64_t now_ms);
/* One more connection; to_tell as above. False: close it. True: it counts until
 * limits_disconnect(). */
bool limits_connect(struct limits *limits, const struct address *address,
		    const struct limit_rates *rates, uint64_t now_ms,
		    uint32_t *to_tell);
void limits_disconnect(struct limits *limits, const struct address *address,
		       const struct limit_rates *rates, uint64_t now_ms);

#endif
