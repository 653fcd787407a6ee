/*
 * turns.h - calls that wait for the clock
 *
 * Whoever has audio to send later waits here for its turn: a wheel of a few
 * slots, TURN_MS apart, and one timer, which runs only while somebody waits.
 * So a turn costs the same however many wait. One that lies further away than
 * the wheel reaches comes early, and waits again.
 *
 * Thread: the loop's.
 */
#ifndef MEDIA_TURNS_H
#define MEDIA_TURNS_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define TURN_MS	   5u
#define TURN_SLOTS 4u

struct turn { /* part of whatever waits; zeros: it does not */
	struct turn *next, **at;
};

struct turns {
	struct ev_loop *ev;
	ev_timer timer;
	void (*come)(struct turn *turn, uint64_t now_ms);
	uint64_t (*clock_ms)(void);
	struct turn *slots[TURN_SLOTS];
	unsigned newest; /* the slot whose time comes next */
	uint64_t next_ms;
	unsigned count;
};

void turns_init(struct turns *turns, struct ev_loop *ev,
		uint64_t (*clock_ms)(void),
		void (*come)(struct turn *turn, uint64_t now_ms));
/* `come` is called at due_ms, or a little later; it may wait again. */
void turns_wait(struct turns *turns, struct turn *turn, uint64_t due_ms);
/* Does nothing to one that does not wait. */
void turns_leave(struct turns *turns, struct turn *turn);
bool turn_waits(const struct turn *turn);

#endif
