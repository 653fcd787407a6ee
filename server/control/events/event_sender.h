/*
 * event_sender.h - the thread that posts events to events.webhook
 *
 *   event_backlog --> some posts at once --> receiver
 *      ^  `--- 2xx: acked
 *      `------ anything else, later
 *
 * A receiver that is away for days costs events (event_backlog.h has the
 * bounds), never the room of the calls; one that is slow holds up nothing.
 *
 * Its own process may die at any moment: what was posted and not acked is
 * posted again, under the same id.
 *
 * Thread: start and stop from the main thread, wake from any.
 */
#ifndef SERVER_CONTROL_EVENTS_EVENT_SENDER_H
#define SERVER_CONTROL_EVENTS_EVENT_SENDER_H

#include <stdint.h>

struct event_sender;
struct settings;

struct event_sender_options { /* all of it borrowed */
	const char *dir;      /* of the event log */
	const char *secret;
	const struct settings *settings; /* events.* */
};

/* 0 or -errno. */
int event_sender_start(struct event_sender **ret,
		       const struct event_sender_options *options);
/* There is something new to send. Accepts NULL. */
void event_sender_wake(struct event_sender *sender);
/* Delivers what it can within timeout_ms, unless the receiver is down; then
 * gives up what is under way. Accepts NULL, returns NULL. */
struct event_sender *event_sender_stop(struct event_sender *sender,
				       uint32_t timeout_ms);

#endif
