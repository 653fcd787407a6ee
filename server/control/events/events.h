/*
 * events.h - all of the events, as the control process has them
 *
 *   event_feed --> event_log --> event_sender --> events.webhook
 *
 * Without an events.webhook there are none of them.
 *
 * Thread: start and stop from the main thread.
 */
#ifndef SERVER_CONTROL_EVENTS_EVENTS_H
#define SERVER_CONTROL_EVENTS_EVENTS_H

struct event_log;
struct events;
struct settings;

/* 0 or -errno; *ret is NULL where nobody is to be told. `settings` is
 * borrowed. */
int events_start(struct events **ret, const struct settings *settings);
/* What happened until now is told if that can be done in a moment; else by the
 * next process. Accepts NULL, returns NULL. */
struct events *events_stop(struct events *events);

/* Where others may put what is to be told; NULL for no events. */
struct event_log *events_log(struct events *events);

/* <data_dir>/events */
#define EVENTS_DIR_SIZE 320
void events_dir(const struct settings *settings, char out[EVENTS_DIR_SIZE]);

#endif
