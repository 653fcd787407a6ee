/* event_log.c - where events become durable (see event_log.h) */
#include "persistence/event_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/event.h"
#include "persistence/journal.h"
#include "persistence/record.h"
#include "server/board.h"

#define SEGMENTS	  32u
#define SEGMENT_BYTES_MAX ((uint64_t)16 << 20)

struct event_log {
	struct event_log_options options;
	char *dir;
	pthread_mutex_t lock;
	struct journal *journal; /* {lock} NULL: none yet */
};

uint64_t event_log_segment_bytes(uint64_t max_bytes)
{
	return max_bytes / SEGMENTS < SEGMENT_BYTES_MAX ? max_bytes / SEGMENTS
							: SEGMENT_BYTES_MAX;
}

int event_log_open(struct event_log **ret,
		   const struct event_log_options *options)
{
	struct event_log *log = calloc(1, sizeof(*log));

	if (!log)
		return -ENOMEM;
	log->options = *options;
	log->dir = strdup(options->dir);
	if (!log->dir) {
		free(log);
		return -ENOMEM;
	}
	pthread_mutex_init(&log->lock, NULL);
	*ret = log;
	return 0;
}

struct event_log *event_log_close(struct event_log *log)
{
	if (!log)
		return NULL;
	journal_close(log->journal);
	pthread_mutex_destroy(&log->lock);
	free(log->dir);
	free(log);
	return NULL;
}

/* Under the lock. */
static int commit(struct event_log *log, struct record *const *events,
		  size_t count)
{
	const struct journal_options options = {
		.outbox_dir = log->dir,
		.role = "events",
		.segment_bytes =
			event_log_segment_bytes(log->options.max_bytes),
	};
	int r = 0;

	/* Somebody has removed it: what went into it was told, or is gone. */
	if (log->journal && !journal_is_there(log->journal))
		log->journal = journal_close(log->journal);
	if (!log->journal)
		r = journal_create(&log->journal, &options);
	return r < 0 ? r : journal_commit(log->journal, events, count);
}

static void count_events(struct record *const *events, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char labels[64];

		(void)snprintf(labels, sizeof(labels), "type=\"%s\"",
			       event_type_name(event_type_of(events[i])));
		board_add(board_series(METRIC_EVENTS_TOTAL, labels), 1);
	}
}

int event_log_append(struct event_log *log, struct record *const *events,
		     size_t count)
{
	int r;

	if (count == 0)
		return 0;
	pthread_mutex_lock(&log->lock);
	r = commit(log, events, count);
	pthread_mutex_unlock(&log->lock);
	if (r < 0)
		return r;
	count_events(events, count);
	if (log->options.grown)
		log->options.grown(log->options.arg);
	return 0;
}
