/*
 * poison.h - is it the records, or is it the database?
 *
 * One record that is refused is a dead letter. When a good part of all that is
 * offered is refused, somebody has changed the database (a new constraint, a
 * broken trigger), and dead-lettering would empty the outbox into a place from
 * which a person has to fetch it back. So the last POISON_WINDOW verdicts are
 * kept, and past `percent` of refusals it is a storm: everything is kept, and
 * from time to time a sample is offered.
 *
 * The first POISON_FEW refusals are never a storm: a quiet night with one bad
 * record is 100 % of refusals. So the first ones of a storm are dead letters
 * before it is known for one; the window remembers which, so that they can be
 * fetched back when it is over.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_POISON_H
#define PERSISTENCE_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/uuid.h"

#define POISON_WINDOW 200u
#define POISON_FEW    5u

struct poison_window {
	uint32_t percent;
	size_t next, count, refused; /* of the verdicts in the window */
	struct {
		bool refused;
		struct uuid id;	   /* of the record that was */
	} verdicts[POISON_WINDOW]; /* a ring */
};

/* percent: 0 to 100; 100 never calls anything a storm. */
void poison_init(struct poison_window *window, uint32_t percent);

void poison_passed(struct poison_window *window, size_t records);
void poison_refused(struct poison_window *window, const struct uuid *id);
bool poison_is_storm(const struct poison_window *window);

/* The ids of the refused ones in the window; how many. */
size_t poison_ids(const struct poison_window *window,
		  struct uuid ids[POISON_WINDOW]);

/* Of a sample that was offered in a storm: is it still one? */
bool poison_sample_is_bad(const struct poison_window *window, size_t offered,
			  size_t refused);

#endif
