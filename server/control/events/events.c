/* events.c - all of the events, as the control process has them (events.h) */
#include "server/control/events/events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/event_feed.h"
#include "persistence/event_log.h"
#include "server/control/events/event_sender.h"
#include "server/control/token.h"
#include "server/log.h"
#include "server/settings.h"

#define LAST_POSTS_MS 3000u

struct events {
	char dir[EVENTS_DIR_SIZE], outbox_dir[EVENTS_DIR_SIZE];
	char secret[TOKEN_SIZE];
	struct event_log *log;
	struct event_feed *feed;
	struct event_sender *sender;
};

void events_dir(const struct settings *settings, char out[EVENTS_DIR_SIZE])
{
	(void)snprintf(out, EVENTS_DIR_SIZE, "%s/events", settings->data_dir);
}

/* One that nobody set is made, so that nothing goes out unsigned. */
static void load_secret(struct events *events, const struct settings *settings)
{
	const char *path = settings->events.secret_file;
	int r = 0;

	(void)snprintf(events->secret, sizeof(events->secret), "%s",
		       settings->events.secret);
	if (!*events->secret)
		r = token_load_as("EVENT_SECRET", path, events->secret);
	if (r == 0)
		return;
	events->secret[0] = '\0';
	log_error("EVENT_SECRET", "file=\"%s\" err=\"%s\" events=unsigned",
		  path, strerror(-r));
}

static void on_grown(void *arg)
{
	const struct events *events = arg;

	event_sender_wake(events->sender);
}

static int start(struct events *events, const struct settings *settings)
{
	const struct event_log_options log = {
		.dir = events->dir,
		.max_bytes = settings->events.max_bytes,
		.grown = on_grown,
		.arg = events,
	};
	const struct event_sender_options sender = {
		.dir = events->dir,
		.secret = events->secret,
		.settings = settings,
	};
	int r = event_log_open(&events->log, &log);

	if (r == 0)
		r = event_sender_start(&events->sender, &sender);
	if (r < 0)
		return r;
	return event_feed_start(&events->feed,
				&(struct event_feed_options){
					.outbox_dir = events->outbox_dir,
					.events_dir = events->dir,
					.node_id = settings->node_id,
					.log = events->log,
				});
}

int events_start(struct events **ret, const struct settings *settings)
{
	struct events *events;
	int r;

	*ret = NULL;
	if (!*settings->events.webhook)
		return 0;
	events = calloc(1, sizeof(*events));
	if (!events)
		return -ENOMEM;
	events_dir(settings, events->dir);
	(void)snprintf(events->outbox_dir, sizeof(events->outbox_dir),
		       "%s/outbox", settings->data_dir);
	load_secret(events, settings);
	r = start(events, settings);
	if (r < 0)
		events_stop(events);
	else
		*ret = events;
	return r;
}

struct events *events_stop(struct events *events)
{
	if (!events)
		return NULL;
	event_feed_stop(events->feed);
	event_sender_stop(events->sender, LAST_POSTS_MS);
	event_log_close(events->log);
	free(events);
	return NULL;
}

struct event_log *events_log(struct events *events)
{
	return events ? events->log : NULL;
}
