/*
 * event_window.h - which event is sent next, and when one is given up
 *
 * The oldest events that are not delivered, and what the receiver said to them.
 * Several are under way at once; those of one entity one after the other.
 *
 *   taken    2xx: it is done
 *   failed   anything else: it comes again, after 1 s, 2 s, 4 s ... at most
 *            retry_max_ms; the others go on meanwhile
 *
 * After DOWN_AFTER failures in a row, or when the receiver has asked for time
 * (Retry-After), the receiver is *down*: then one event at a time asks whether
 * it is back, another one each time, as seldom as the backoff says. An event is
 * given up only when the receiver refuses it (REFUSALS_MAX tries) and takes
 * others in between: one that takes nothing loses nothing.
 *
 * Thread: belongs to one thread.
 * Clock:  callers pass monotonic milliseconds, never 0.
 */
#ifndef SERVER_CONTROL_EVENTS_EVENT_WINDOW_H
#define SERVER_CONTROL_EVENTS_EVENT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persistence/retry.h"

struct post;
struct record;

#define EVENT_WINDOW	   256u
#define EVENT_DOWN_AFTER   3u
#define EVENT_REFUSALS_MAX 8u

struct event_slot {
	struct record *event; /* owned; NULL: the slot is free */
	size_t place;	      /* where it is to be acked: event_acks.h */
	struct post *post;    /* under way; or NULL; the sender's */
	struct retry retry;
	uint64_t next_ms;  /* not before */
	uint32_t refusals; /* while others were taken */
	uint64_t taken;	   /* of the window, at the last try */
};

struct event_window {
	struct event_slot slots[EVENT_WINDOW];
	uint16_t order[EVENT_WINDOW]; /* slots in use, oldest first */
	size_t count, flying, flying_max;
	struct retry receiver; /* failing: it is down */
	uint32_t failures;     /* in a row */
	uint64_t resume_ms;    /* nothing before */
	uint64_t taken;	       /* events, ever */
};

void event_window_init(struct event_window *window, size_t flying_max,
		       uint32_t retry_max_ms);
void event_window_finish(struct event_window *window); /* frees the events */

/* Takes the event, which is newer than all that are there. There must be room:
 * count below EVENT_WINDOW. */
void event_window_add(struct event_window *window, struct record *event,
		      size_t place);

/* The one that may be sent now; the caller sends it and calls began(). NULL:
 * none, for *wait_ms at least (UINT64_MAX: until something else happens). */
struct event_slot *event_window_pick(struct event_window *window,
				     uint64_t now_ms, uint64_t *wait_ms);
void event_window_began(struct event_window *window, struct event_slot *slot);

/* The slot is free then. */
void event_window_was_taken(struct event_window *window,
			    struct event_slot *slot);
/* `random` is uniform in [0, 1). False: the event is refused for good; then
 * the caller drops it. */
bool event_window_failed(struct event_window *window, struct event_slot *slot,
			 uint64_t now_ms, uint32_t retry_after_ms,
			 double random);
/* One that is not under way. */
void event_window_drop(struct event_window *window, struct event_slot *slot);

bool event_window_is_down(const struct event_window *window);
/* The oldest that is not under way and that `is` says yes to; or NULL. */
struct event_slot *event_window_find(struct event_window *window,
				     bool (*is)(const struct record *event,
						const void *arg),
				     const void *arg);

#endif
