/*
 * event_backlog.h - the events that are not delivered yet, within bounds
 *
 *   <data_dir>/events --fill()--> window --> who posts them --done()--> acks
 *
 * The one reader of the event log with acks, who also removes what is done
 * with: what the drainer is to the outbox. What was delivered stays for
 * events.keep; what is not is given up beyond events.max_age and
 * events.max_bytes, the oldest first, aloud and counted.
 *
 * Thread: belongs to one thread.
 */
#ifndef SERVER_CONTROL_EVENTS_EVENT_BACKLOG_H
#define SERVER_CONTROL_EVENTS_EVENT_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "server/control/events/event_acks.h"
#include "server/control/events/event_window.h"

struct outbox;
struct settings;

struct event_backlog {
	const char *dir;		 /* of the event log; borrowed */
	const struct settings *settings; /* events.*; borrowed */
	struct outbox *outbox;		 /* NULL until the disk lets us */
	struct event_window window;
	struct event_acks acks;
	unsigned types;	  /* a bit for each that is wanted */
	uint64_t look_ms; /* when to look around again */
	bool behind;	  /* there is more than the window holds */
};

/* 0 or -ENOMEM. The log is opened by the first look. */
int event_backlog_init(struct event_backlog *backlog, const char *dir,
		       const struct settings *settings);
void event_backlog_finish(struct event_backlog *backlog);

/* Once a second or so, however often it is called: new journals, what may go,
 * the numbers. 0 or -errno: of our own disk, so try again. */
int event_backlog_look(struct event_backlog *backlog, uint64_t now_ms);
/* Reads into the window what fits. 0 or -errno. */
int event_backlog_fill(struct event_backlog *backlog);

/* It was taken. */
void event_backlog_delivered(struct event_backlog *backlog,
			     struct event_slot *slot);
/* The receiver refuses it for good, and says why. */
void event_backlog_refused(struct event_backlog *backlog,
			   struct event_slot *slot, const char *trouble);
/* Writes down what is done. 0 or -errno. */
int event_backlog_ack(struct event_backlog *backlog);

#endif
