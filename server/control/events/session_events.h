/*
 * session_events.h - the ends of messaging sessions as events
 *
 * For session_loop_options.closed: each summary becomes a session.closed, all
 * of them durable in the event log before they count as told. The id follows
 * from the close_id, so that an end which is told twice is told under one id.
 *
 * Thread: the session loop's.
 */
#ifndef SERVER_CONTROL_EVENTS_SESSION_EVENTS_H
#define SERVER_CONTROL_EVENTS_SESSION_EVENTS_H

#include <jansson.h>

struct event_log;

struct session_events {
	struct event_log *log; /* borrowed */
	const char *node_id;   /* borrowed */
};

/* `arg` is a struct session_events. 0 or -errno. */
int session_events_tell(const json_t *summaries, void *arg);

#endif
