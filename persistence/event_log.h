/*
 * event_log.h - where events become durable: journals of their own
 *
 *   facts --> [event_feed] --event_log_append()--> <data_dir>/events/<journal>
 *                                                     `--> [event_sender]
 *
 * A directory of journals like the outbox, of the same format and read by the
 * same readers, so that an event survives whatever a record survives, and so
 * that what a receiver leaves lying never takes the room of the calls' records:
 * whoever empties it bounds it (server/control/events/event_sender.h).
 *
 * Thread: any may append; it waits for the disk.
 */
#ifndef PERSISTENCE_EVENT_LOG_H
#define PERSISTENCE_EVENT_LOG_H

#include <stddef.h>
#include <stdint.h>

struct event_log;
struct record;

struct event_log_options {
	const char *dir;	  /* copied */
	uint64_t max_bytes;	  /* of the directory, in the end */
	void (*grown)(void *arg); /* there is something new; or NULL */
	void *arg;
};

/* So that what is bounded by max_bytes can be removed piece by piece. */
uint64_t event_log_segment_bytes(uint64_t max_bytes);

/* 0 or -errno. The journal is made with the first event. */
int event_log_open(struct event_log **ret,
		   const struct event_log_options *options);
/* Accepts NULL, returns NULL. */
struct event_log *event_log_close(struct event_log *log);

/* All of them are durable when it returns 0; on -errno, append them again. They
 * stay the caller's. */
int event_log_append(struct event_log *log, struct record *const *events,
		     size_t count);

#endif
