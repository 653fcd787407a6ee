/*
 * event_list.h - the events that are still on the disk, for whoever looks
 *
 * Reads the journals of the event log as they are, beside those who write and
 * send; takes no lock and changes nothing. All of them are read each time:
 * events.max_bytes at the most.
 *
 * Thread: any that may wait for a disk.
 */
#ifndef PERSISTENCE_EVENT_LIST_H
#define PERSISTENCE_EVENT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persistence/event.h"

struct event_log;
struct record;

struct event_wish {
	enum event_type type;	/* EVENT_NONE: any */
	int64_t since_us;	/* not older than that; 0: any */
	const struct uuid *ids; /* those alone; NULL: any */
	size_t id_count;
};

/* A place in the order of events, which is that of time and, within the same
 * microsecond, of ids. */
struct event_place {
	int64_t at_us;
	struct uuid id;
};

#define EVENT_PAGE_MAX 501u

struct event_page {
	struct event_listed {
		struct record *event;
		bool pending;	  /* not yet delivered, nor given up */
	} events[EVENT_PAGE_MAX]; /* newest first */
	size_t count;
};

/* The newest `limit` (EVENT_PAGE_MAX at most) that come before that place
 * (NULL: of all). 0 or -errno; what cannot be read is passed over. */
int event_list(const char *events_dir, const struct event_wish *wish,
	       const struct event_place *before, size_t limit,
	       struct event_page *page);
void event_page_finish(struct event_page *page);

/* Appends those that are not pending once more, each once, so that they are
 * sent again; up to `limit`. *more: there would have been more. How many, or
 * -errno. */
int event_replay(const char *events_dir, const struct event_wish *wish,
		 size_t limit, struct event_log *log, bool *more);

#endif
