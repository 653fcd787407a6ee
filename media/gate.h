/*
 * gate.h - what all loops of a media process know about callers together
 *
 * How often each address has tried (server/auth/limits.h), and which streams of
 * the providers are live, so that a second one for the same call is refused
 * whichever loop it comes to. Other media processes have gates of their own.
 *
 * Thread: any; locks are held for a few instructions, at a call's handshake,
 * start and end.
 */
#ifndef MEDIA_GATE_H
#define MEDIA_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/auth/limits.h"

struct gate;

/* A live stream; embedded in whatever lives as long as it is claimed. */
struct stream_claim {
	struct stream_claim *next;
	uint64_t key[2];
	bool held;
};

/* 0 or -errno. */
int gate_create(struct gate **ret);
struct gate *gate_destroy(struct gate *gate);

/* See limits_ask(); a caller on our own machine is never limited. */
enum limit_answer gate_ask(struct gate *gate, const struct address *address,
			   const struct limit_rates *rates, uint64_t now_ms,
			   uint32_t *to_tell);
void gate_note_refusal(struct gate *gate, const struct address *address,
		       const struct limit_rates *rates, uint64_t now_ms);

/* Notes the stream of that name; false: it is live already. */
bool gate_claim(struct gate *gate, struct stream_claim *claim, const void *name,
		size_t size);
/* Does nothing when it is not held. */
void gate_release(struct gate *gate, struct stream_claim *claim);

#endif
