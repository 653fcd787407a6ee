/*
 * drain_express.h - the newest records, while a backlog is in front of them
 *
 * A media process that lived through an outage has the backlog and its newest
 * calls in one journal. Whoever looks at the database in that hour wants to see
 * the calls of this minute. So while a backlog melts, what live journals take
 * in is delivered once a second, ahead of its turn and without an ack: in its
 * turn it is delivered again, which changes nothing, and nothing about acks,
 * estates or order has to know.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_DRAIN_EXPRESS_H
#define PERSISTENCE_DRAIN_EXPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal_reader;
struct outbox;
struct record;

#define DRAIN_EXPRESS_LANES   16u  /* journals at once; more wait their turn */
#define DRAIN_EXPRESS_RECORDS 200u /* at once */
#define DRAIN_EXPRESS_MS      1000u

struct drain_lane {
	char name[64]; /* of its journal */
	struct journal_reader *reader;
};

struct drain_express {
	const char *outbox_dir; /* borrowed */
	struct drain_lane lanes[DRAIN_EXPRESS_LANES];
	size_t count;
	uint64_t next_ms; /* not before */
};

/* Opens a lane for each live journal that has none; it begins at what is newest
 * now. A journal that cannot be read simply has none. */
void drain_express_open(struct drain_express *express, struct outbox *outbox);
void drain_express_close(struct drain_express *express);

/* Takes up to `most` of what has come since, which are the caller's to free.
 * How many. */
size_t drain_express_take(struct drain_express *express,
			  struct record **records, size_t most);

#endif
