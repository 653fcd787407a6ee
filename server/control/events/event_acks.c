/* event_acks.c - delivered in any order, acked in theirs (see event_acks.h) */
#include "server/control/events/event_acks.h"

#include <errno.h>
#include <stdlib.h>

#include "persistence/outbox.h"

static struct event_ack *at(const struct event_acks *acks, size_t place)
{
	return &acks->places[place % EVENT_ACKS_MAX];
}

int event_acks_init(struct event_acks *acks)
{
	*acks = (struct event_acks){ .count = 0 };
	acks->places = calloc(EVENT_ACKS_MAX, sizeof(*acks->places));
	return acks->places ? 0 : -ENOMEM;
}

void event_acks_finish(struct event_acks *acks)
{
	free(acks->places);
	acks->places = NULL;
}

bool event_acks_full(const struct event_acks *acks)
{
	return acks->count == EVENT_ACKS_MAX;
}

size_t event_acks_add(struct event_acks *acks, struct outbox_journal *journal,
		      uint64_t seq)
{
	size_t place = acks->first + acks->count++;

	*at(acks, place) = (struct event_ack){ .journal = journal, .seq = seq };
	return place;
}

void event_acks_done(struct event_acks *acks, size_t place)
{
	at(acks, place)->done = true;
}

bool event_acks_has(const struct event_acks *acks,
		    const struct outbox_journal *journal)
{
	for (size_t i = 0; i < acks->count; i++)
		if (at(acks, acks->first + i)->journal == journal)
			return true;
	return false;
}

int event_acks_write(struct event_acks *acks)
{
	int result = 0;

	while (acks->count > 0 && at(acks, acks->first)->done) {
		struct event_ack ack = *at(acks, acks->first);
		const struct event_ack *next = at(acks, acks->first + 1);
		bool run_goes_on = acks->count > 1 && next->done &&
				   next->journal == ack.journal;
		int r = run_goes_on ? 0 : outbox_ack(ack.journal, ack.seq);

		if (r < 0)
			result = r;
		acks->first++;
		acks->count--;
	}
	return result;
}
