/*
 * event_feed.c - the thread that makes events of what happens (event_feed.h)
 *
 * A turn takes a part of each journal: reads records, appends what they are
 * told as, acks. A part that could not be appended is read again later.
 *
 * A dead process's estate waits a moment (HEIR_MS): its successor may still be
 * making durable what it had not (the lifeboats), and a call whose true end is
 * among that was not interrupted.
 */
#include "persistence/event_feed.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "persistence/estate.h"
#include "persistence/event.h"
#include "persistence/event_log.h"
#include "persistence/event_outage.h"
#include "persistence/id_index.h"
#include "persistence/lifeboat.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/thread.h"

#define PART_RECORDS 500u
#define SCAN_MS	     1000u
#define IDLE_MS	     200
#define RETRY_MS     2000
#define HEIR_MS	     3000u

/* How records of one directory become events. */
typedef int event_maker(struct record **event, const struct record *record,
			const char *node_id);

struct source {
	char dir[400];
	event_maker *make;
	bool has_heirs; /* what a dead process left open is told as ended */
	struct outbox *outbox;
};

enum { OUTBOX, DEAD, SOURCES };

struct event_feed {
	struct event_feed_options options;
	char events_dir[400];
	struct source sources[SOURCES];
	struct thread *thread;
	int wake_fd;
	/* The thread's: */
	struct event_outage outage;
	struct record *events[PART_RECORDS];
	size_t count;
	uint64_t scan_ms;	 /* when to look for journals again */
	size_t estates;		 /* of dead processes, not told yet */
	uint64_t estates_ms;	 /* since when that many */
	struct id_index rescued; /* calls whose end a lifeboat saved */
	uint64_t gaps;		 /* sequences that were gone before us */
	int error;		 /* of the last turn, as logged; 0: well */
};

static void forget_events(struct event_feed *feed)
{
	while (feed->count > 0)
		free(feed->events[--feed->count]);
}

static bool is_of_role(const struct outbox_journal *journal, const char *role)
{
	return strstr(outbox_journal_name(journal), role);
}

/* ---- records ---------------------------------------------------------------
 */

/* What was put back or brought in was told before, here or elsewhere. */
static bool holds_copies(const struct outbox_journal *journal)
{
	return is_of_role(journal, OUTBOX_ROLE_REPLAY) ||
	       is_of_role(journal, OUTBOX_ROLE_IMPORT);
}

static int note_rescued(struct event_feed *feed,
			const struct outbox_journal *journal,
			const struct record *record)
{
	if (!record_closes(record->kind) || !is_of_role(journal, LIFEBOAT_ROLE))
		return 0;
	return id_index_set(&feed->rescued, &record->entity,
			    (struct id_place){ .where = feed });
}

static int take_record(struct event_feed *feed, const struct source *source,
		       const struct outbox_journal *journal,
		       const struct record *record)
{
	int r = note_rescued(feed, journal, record);

	if (r < 0 || holds_copies(journal))
		return r;
	r = source->make(&feed->events[feed->count], record,
			 feed->options.node_id);
	feed->count += r > 0;
	return r < 0 ? r : 0;
}

/* How many records were read; -errno. */
static int take_part(struct event_feed *feed, const struct source *source,
		     struct outbox_journal *journal)
{
	struct journal_entry entry;
	uint64_t last_seq = 0;
	int taken = 0, r = 0, told;

	while (taken < (int)PART_RECORDS &&
	       (r = outbox_journal_next(journal, &entry)) == 1) {
		r = take_record(feed, source, journal, entry.record);
		free(entry.record);
		if (r < 0)
			break;
		last_seq = entry.seq;
		taken++;
	}
	told = event_log_append(feed->options.log, feed->events, feed->count);
	forget_events(feed);
	if (told == 0 && taken > 0)
		told = outbox_ack(journal, last_seq);
	if (told == 0 && r >= 0)
		return taken;
	(void)outbox_rewind(journal);
	return told < 0 ? told : r;
}

/* ---- estates ---------------------------------------------------------------
 */

static int take_open(struct event_feed *feed, const struct record *open,
		     int64_t last_us)
{
	struct record *final;
	int r;

	if (id_index_find(&feed->rescued, &open->entity))
		return 0;
	final = estate_settle(open, last_us);
	if (!final)
		return -ENOMEM;
	r = event_from_record(&feed->events[feed->count], final,
			      feed->options.node_id);
	feed->count += r > 0;
	free(final);
	return r < 0 ? r : 0;
}

static int tell_estate(struct event_feed *feed, struct outbox_journal *journal)
{
	struct estate *estate = outbox_journal_estate(journal);
	int64_t last_us = outbox_journal_last_us(journal);
	const struct record *open = NULL;
	size_t cursor = 0;
	int r = 0;

	do {
		while (r == 0 && feed->count < PART_RECORDS &&
		       (open = estate_next(estate, &cursor)))
			r = take_open(feed, open, last_us);
		if (r == 0)
			r = event_log_append(feed->options.log, feed->events,
					     feed->count);
		forget_events(feed);
	} while (r == 0 && open);
	return r;
}

static bool is_finished(const struct outbox_journal *journal)
{
	return !outbox_journal_live(journal) &&
	       !outbox_journal_is_settled(journal);
}

/* All was read: what is finished is settled, after its moment. */
static int settle(struct event_feed *feed, const struct source *source,
		  bool in_time)
{
	struct outbox_journal *journal;
	size_t cursor = 0;
	int r = 0;

	while (r == 0 &&
	       (journal = outbox_next_journal(source->outbox, &cursor))) {
		struct estate *estate = outbox_journal_estate(journal);
		bool heirs =
			source->has_heirs && estate && estate_count(estate) > 0;

		if (!is_finished(journal) || (heirs && !in_time))
			continue;
		if (heirs)
			r = tell_estate(feed, journal);
		if (r == 0)
			r = outbox_settled(journal);
	}
	return r;
}

static size_t count_estates(const struct source *source)
{
	struct outbox_journal *journal;
	size_t cursor = 0, count = 0;

	while ((journal = outbox_next_journal(source->outbox, &cursor)))
		count += is_finished(journal);
	return count;
}

static bool estates_are_due(struct event_feed *feed)
{
	size_t estates = count_estates(&feed->sources[OUTBOX]);
	uint64_t now_ms = clock_mono_ms();

	if (estates != feed->estates)
		feed->estates_ms = now_ms;
	feed->estates = estates;
	if (estates == 0 && feed->rescued.count > 0) {
		id_index_finish(&feed->rescued);
		feed->rescued = (struct id_index){ .count = 0 };
	}
	return now_ms - feed->estates_ms >= HEIR_MS;
}

/* ---- turns -----------------------------------------------------------------
 */

static int open_source(struct source *source)
{
	const struct outbox_options options = {
		.dir = source->dir,
		.follower = OUTBOX_FOLLOWER_EVENTS,
	};

	return source->outbox ? 0 : outbox_open(&source->outbox, &options);
}

/* An outbox that was taken away is no place to wait in. */
static int look_around(struct event_feed *feed)
{
	uint64_t now_ms = clock_mono_ms();
	int r = 0;

	if (now_ms < feed->scan_ms)
		return 0;
	for (int i = 0; r == 0 && i < SOURCES; i++) {
		struct source *source = &feed->sources[i];

		if (source->outbox && outbox_is_gone(source->outbox))
			source->outbox = outbox_close(source->outbox);
		r = source->outbox ? outbox_scan(source->outbox)
				   : open_source(source);
	}
	feed->scan_ms = now_ms + SCAN_MS;
	return r;
}

/* The drainer does not wait for us when room is short. */
static void count_missed(struct event_feed *feed)
{
	uint64_t gaps = outbox_stats(feed->sources[OUTBOX].outbox).damage.gaps;

	if (gaps > feed->gaps) {
		log_error("EVENTS_DROPPED", "records=%llu reason=outbox_full",
			  (unsigned long long)(gaps - feed->gaps));
		board_add(board_series(METRIC_EVENTS_DROPPED_TOTAL,
				       "reason=\"outbox_full\""),
			  (int64_t)(gaps - feed->gaps));
	}
	feed->gaps = gaps;
}

/* How many records were read in all; -errno. One journal's trouble does not
 * keep the others. */
static int read_all(struct event_feed *feed)
{
	int all = 0, error = 0;

	for (int i = 0; i < SOURCES; i++) {
		struct source *source = &feed->sources[i];
		struct outbox_journal *journal;
		size_t cursor = 0;

		while ((journal =
				outbox_next_journal(source->outbox, &cursor))) {
			int taken = take_part(feed, source, journal);

			if (taken < 0)
				error = taken;
			else
				all += taken;
		}
	}
	return error < 0 ? error : all;
}

static int turn(struct event_feed *feed)
{
	int taken, r = look_around(feed);

	if (r < 0)
		return r;
	r = event_outage_look(&feed->outage, feed->options.log,
			      feed->options.node_id);
	if (r < 0)
		return r;
	taken = read_all(feed);
	if (taken != 0)
		return taken;
	count_missed(feed);
	r = settle(feed, &feed->sources[OUTBOX], estates_are_due(feed));
	return r < 0 ? r : settle(feed, &feed->sources[DEAD], true);
}

static void say_trouble(struct event_feed *feed, int r)
{
	int error = r < 0 ? r : 0;

	if (error < 0 && error != feed->error)
		log_error("EVENT_FEED",
			  "err=\"%s\" effect=\"events wait in the outbox\"",
			  strerror(-error));
	else if (error == 0 && feed->error < 0)
		log_info("EVENT_FEED", "state=well");
	feed->error = error;
}

static void rest(const struct event_feed *feed, int wait_ms)
{
	struct pollfd woken = { .fd = feed->wake_fd, .events = POLLIN };

	(void)poll(&woken, 1, wait_ms);
}

static int body(struct thread *self, void *arg)
{
	struct event_feed *feed = arg;

	event_outage_load(&feed->outage, feed->events_dir);
	for (;;) {
		/* Read before the turn: what came before the stop is told. */
		bool stopping = thread_stopping(self);
		int r = turn(feed);

		thread_beat(self);
		say_trouble(feed, r);
		if (stopping)
			return 0;
		if (r <= 0)
			rest(feed, r < 0 ? RETRY_MS : IDLE_MS);
	}
}

/* ---- beginning and end -----------------------------------------------------
 */

static void wake(void *arg)
{
	const struct event_feed *feed = arg;
	uint64_t one = 1;

	(void)!write(feed->wake_fd, &one, sizeof(one));
}

int event_feed_start(struct event_feed **ret,
		     const struct event_feed_options *options)
{
	struct event_feed *feed = calloc(1, sizeof(*feed));
	const struct thread_options thread = {
		.name = "event_feed",
		.body = body,
		.arg = feed,
		.wake = wake,
	};
	int r;

	if (!feed)
		return -ENOMEM;
	feed->options = *options;
	feed->sources[OUTBOX].make = event_from_record;
	feed->sources[OUTBOX].has_heirs = true;
	feed->sources[DEAD].make = event_from_dead_letter;
	(void)snprintf(feed->events_dir, sizeof(feed->events_dir), "%s",
		       options->events_dir);
	(void)snprintf(feed->sources[OUTBOX].dir,
		       sizeof(feed->sources[OUTBOX].dir), "%s",
		       options->outbox_dir);
	(void)snprintf(feed->sources[DEAD].dir, sizeof(feed->sources[DEAD].dir),
		       "%s/dead", options->outbox_dir);
	feed->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = feed->wake_fd < 0 ? -errno : thread_start(&feed->thread, &thread);
	if (r < 0) {
		event_feed_stop(feed);
		return r;
	}
	*ret = feed;
	return 0;
}

struct event_feed *event_feed_stop(struct event_feed *feed)
{
	if (!feed)
		return NULL;
	thread_stop(feed->thread);
	thread_join(feed->thread);
	for (int i = 0; i < SOURCES; i++)
		outbox_close(feed->sources[i].outbox);
	id_index_finish(&feed->rescued);
	if (feed->wake_fd >= 0)
		(void)close(feed->wake_fd);
	free(feed);
	return NULL;
}
