/*
 * event_feed.h - the thread that makes events of what happens
 *
 *   <outbox>       call.started, call.ended, recordings  --.
 *   <outbox>/dead  dead letters                          ---+--> event log
 *   board          the database is down, and back        --'
 *
 * It follows the outbox beside the drainer (outbox.h), with acks of its own: so
 * events come whether the database is there or not, and go on where they were
 * when this process dies. An event is durable in its log before the record that
 * it stems from is acked; a crash in between tells it twice, under one id.
 *
 * Of a media process that died it is an heir like the drainer: whatever call
 * was open is told as ended, `interrupted`. Should the process's true last word
 * come later (out of its lifeboat), that is told as well, with a higher rev.
 *
 * Nobody waits for it. While the log's disk refuses, records stay in the
 * outbox, as long as there is plenty of room.
 *
 * Thread: start and stop from the control process's main thread.
 */
#ifndef PERSISTENCE_EVENT_FEED_H
#define PERSISTENCE_EVENT_FEED_H

struct event_feed;
struct event_log;

struct event_feed_options {
	const char *outbox_dir, *events_dir; /* copied */
	const char *node_id;		     /* borrowed */
	struct event_log *log;		     /* borrowed */
};

/* 0 or -errno. */
int event_feed_start(struct event_feed **ret,
		     const struct event_feed_options *options);
/* Accepts NULL, returns NULL. What was not told yet is told by the next one. */
struct event_feed *event_feed_stop(struct event_feed *feed);

#endif
