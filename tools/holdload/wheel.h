/*
 * wheel.h - who is due next, however many wait
 *
 * A ring of slots, each a millisecond; whoever is due hangs in the slot of that
 * millisecond, and only there is looked. One that is due more than a turn from
 * now (four seconds) is passed by once a turn. Nobody is ever early; late is
 * who asks late.
 *
 * Thread: a wheel belongs to one thread.
 * Clock:  monotonic nanoseconds, passed in.
 */
#ifndef HOLDLOAD_WHEEL_H
#define HOLDLOAD_WHEEL_H

#include <stdint.h>

#define WHEEL_TICK_NS 1000000u
#define WHEEL_SLOTS   4096u

/* Embedded in what is due; zeros: not on a wheel. */
struct wheel_entry {
	struct wheel_entry *next, **link; /* link: what points here */
	uint64_t tick;
};

struct wheel {
	uint64_t origin_ns; /* tick 0 */
	uint64_t tick;	    /* the next to be looked at */
	struct wheel_entry *due;
	struct wheel_entry *slots[WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, uint64_t origin_ns);
/* Due at that time, and at no other: it may be on the wheel already. */
void wheel_set(struct wheel *wheel, struct wheel_entry *entry, uint64_t at_ns);
void wheel_remove(struct wheel_entry *entry);
/* One that is due, taken off the wheel; NULL: there is none (any more). */
struct wheel_entry *wheel_take(struct wheel *wheel, uint64_t now_ns);

#endif
