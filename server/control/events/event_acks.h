/*
 * event_acks.h - events are delivered in any order, and acked in theirs
 *
 * A journal remembers one number: all up to it are done (ack_log.h). So what is
 * done while an older one is not waits here. A place is a few bytes; when all
 * are taken nothing more is read until the oldest is done.
 *
 * Thread: belongs to one thread.
 */
#ifndef SERVER_CONTROL_EVENTS_EVENT_ACKS_H
#define SERVER_CONTROL_EVENTS_EVENT_ACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox_journal;

#define EVENT_ACKS_MAX 16384u

struct event_acks {
	struct event_ack {
		struct outbox_journal *journal; /* borrowed */
		uint64_t seq;
		bool done;
	} * places;	     /* a ring; owned */
	size_t first, count; /* `first` only grows */
};

int event_acks_init(struct event_acks *acks); /* 0 or -ENOMEM */
void event_acks_finish(struct event_acks *acks);

bool event_acks_full(const struct event_acks *acks);
/* Of the next event that was read; not when full. */
size_t event_acks_add(struct event_acks *acks, struct outbox_journal *journal,
		      uint64_t seq);
void event_acks_done(struct event_acks *acks, size_t place);
/* Is any of that journal's still here? */
bool event_acks_has(const struct event_acks *acks,
		    const struct outbox_journal *journal);
/* Acks what is done up to the first that is not. 0 or -errno: what could not be
 * written down is sent again after a restart. */
int event_acks_write(struct event_acks *acks);

#endif
