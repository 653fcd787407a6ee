/*
 * alert_sender.h - the thread that posts alerts to alerts.webhook
 *
 * It takes the newest message that was not told (persistence/alerts.h) and
 * posts it until the receiver answers 2xx: 1 s, 2 s, 4 s ... at most a minute
 * apart, for a day. A newer message replaces it at once: who hears that it is
 * over need not hear that it began.
 *
 * Nobody waits for it: neither a receiver that is slow nor a resolver that is
 * holds up anything, the end of the process included.
 *
 * How it is signed, and what else a post may and may not do: post.h.
 *
 * Thread: start and stop from the main thread, wake from any.
 */
#ifndef SERVER_CONTROL_EVENTS_ALERT_SENDER_H
#define SERVER_CONTROL_EVENTS_ALERT_SENDER_H

struct alert_sender;

struct alert_sender_options { /* all of it borrowed */
	const char *url, *node_id;
	const char *secret; /* "": nothing is signed */
};

/* 0 or -errno. */
int alert_sender_start(struct alert_sender **ret,
		       const struct alert_sender_options *options);
/* There is something new to tell. NULL: nobody to tell it to. */
void alert_sender_wake(struct alert_sender *sender);
/* Gives up what is under way. Accepts NULL, returns NULL. */
struct alert_sender *alert_sender_stop(struct alert_sender *sender);

#endif
