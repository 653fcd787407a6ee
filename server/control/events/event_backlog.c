/* event_backlog.c - the events that are not delivered yet (event_backlog.h) */
#include "server/control/events/event_backlog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/event.h"
#include "persistence/event_log.h"
#include "persistence/journal_reader.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/settings.h"

#define LOOK_MS 1000u

/* ---- giving up -------------------------------------------------------------
 */

static void count_dropped(const char *reason, int64_t n)
{
	char labels[48];

	(void)snprintf(labels, sizeof(labels), "reason=\"%s\"", reason);
	board_add(board_series(METRIC_EVENTS_DROPPED_TOTAL, labels), n);
}

static void say_dropped(const char *reason, size_t n)
{
	if (n == 0)
		return;
	count_dropped(reason, (int64_t)n);
	log_error("EVENTS_DROPPED", "events=%zu reason=%s", n, reason);
}

static void drop(struct event_backlog *backlog, struct event_slot *slot)
{
	event_acks_done(&backlog->acks, slot->place);
	event_window_drop(&backlog->window, slot);
}

static bool is_older(const struct record *event, const void *arg)
{
	const int64_t *limit_us = arg;

	return event->created_us < *limit_us;
}

static void drop_old(struct event_backlog *backlog)
{
	int64_t limit_us = clock_wall_us() -
			   (int64_t)backlog->settings->events.max_age_ms * 1000;
	struct event_slot *slot;
	size_t dropped = 0;

	for (;
	     (slot = event_window_find(&backlog->window, is_older, &limit_us));
	     dropped++)
		drop(backlog, slot);
	say_dropped("age", dropped);
}

/* ---- reading ---------------------------------------------------------------
 */

static bool is_wanted(const struct event_backlog *backlog,
		      const struct record *event)
{
	enum event_type type = event_type_of(event);

	if (event->kind != RECORD_EVENT)
		return false;
	return type == EVENT_NONE ? backlog->types == UINT32_MAX
				  : (backlog->types >> type) & 1;
}

static bool has_room(const struct event_backlog *backlog)
{
	return backlog->window.count < EVENT_WINDOW &&
	       !event_acks_full(&backlog->acks);
}

static void take(struct event_backlog *backlog, struct outbox_journal *journal,
		 const struct journal_entry *entry)
{
	size_t place = event_acks_add(&backlog->acks, journal, entry->seq);

	if (is_wanted(backlog, entry->record)) {
		event_window_add(&backlog->window, entry->record, place);
		return;
	}
	event_acks_done(&backlog->acks, place);
	free(entry->record);
}

static int read_journal(struct event_backlog *backlog,
			struct outbox_journal *journal)
{
	struct journal_entry entry;
	int r = 1;

	if (outbox_journal_is_settled(journal))
		return 0;
	while (has_room(backlog) &&
	       (r = outbox_journal_next(journal, &entry)) == 1)
		take(backlog, journal, &entry);
	if (r == 0 && !outbox_journal_live(journal) &&
	    !event_acks_has(&backlog->acks, journal))
		r = outbox_settled(journal);
	return r;
}

/* Oldest journal first, for that is the order of what happened. */
int event_backlog_fill(struct event_backlog *backlog)
{
	struct outbox_journal *journal;
	size_t cursor = 0;
	int r = 0, error = 0;

	while (r <= 0 &&
	       (journal = outbox_next_journal(backlog->outbox, &cursor))) {
		r = read_journal(backlog, journal);
		if (r < 0)
			error = r;
	}
	backlog->behind = r > 0;
	return error;
}

/* ---- looking around --------------------------------------------------------
 */

static int open_outbox(struct event_backlog *backlog)
{
	const struct outbox_options options = {
		.dir = backlog->dir,
		.keep_delivered_ms = backlog->settings->events.keep_ms,
		.max_bytes = backlog->settings->events.max_bytes,
	};

	return backlog->outbox ? 0 : outbox_open(&backlog->outbox, &options);
}

static bool is_any(const struct record *event, const void *arg)
{
	(void)event;
	(void)arg;
	return true;
}

/* The oldest go, as many as it takes: a segment goes as a whole. */
static int drop_excess(struct event_backlog *backlog)
{
	uint64_t bytes = outbox_stats(backlog->outbox).bytes, dropped_bytes = 0;
	uint64_t max_bytes = backlog->settings->events.max_bytes;
	struct event_slot *slot;
	size_t dropped = 0;
	int r = 0;

	while (r == 0 && dropped_bytes + max_bytes <
				 bytes + event_log_segment_bytes(max_bytes)) {
		slot = event_window_find(&backlog->window, is_any, NULL);
		if (!slot && !backlog->behind)
			break;
		if (slot) {
			dropped_bytes += slot->event->length;
			dropped++;
			drop(backlog, slot);
			continue;
		}
		r = event_acks_write(&backlog->acks);
		if (r == 0)
			r = event_backlog_fill(backlog);
		if (r == 0 &&
		    !event_window_find(&backlog->window, is_any, NULL))
			break; /* what is left is under way */
	}
	say_dropped("bytes", dropped);
	return r < 0 ? r : event_acks_write(&backlog->acks);
}

static void publish(const struct event_backlog *backlog)
{
	struct outbox_stats stats = outbox_stats(backlog->outbox);
	int64_t age_us =
		stats.oldest_us ? clock_wall_us() - stats.oldest_us : 0;

	board_set(board_series(METRIC_EVENTS_PENDING, ""),
		  (int64_t)stats.pending);
	board_set(board_series(METRIC_EVENTS_BYTES, ""), (int64_t)stats.bytes);
	board_set(board_series(METRIC_EVENTS_OLDEST_SECONDS, ""),
		  age_us > 0 ? age_us / 1000000 : 0);
}

/* A journal that was made since is found at the next scan. */
static bool has_live_journal(struct outbox *outbox)
{
	struct outbox_journal *journal;
	size_t cursor = 0;

	while ((journal = outbox_next_journal(outbox, &cursor)))
		if (outbox_journal_live(journal))
			return true;
	return false;
}

/* What is delivered goes first, then what is too much. */
static int tidy(struct event_backlog *backlog)
{
	int r = outbox_scan(backlog->outbox);

	if (r == 0)
		r = outbox_sweep(backlog->outbox, clock_wall_us());
	return r < 0 ? r : outbox_scan(backlog->outbox);
}

/* Somebody has taken the directory away, and all that we had of it is done:
 * what stands in its place now is ours. */
static void leave_what_is_gone(struct event_backlog *backlog)
{
	if (backlog->outbox && backlog->acks.count == 0 &&
	    outbox_is_gone(backlog->outbox))
		backlog->outbox = outbox_close(backlog->outbox);
}

int event_backlog_look(struct event_backlog *backlog, uint64_t now_ms)
{
	int r;

	if (backlog->outbox && now_ms < backlog->look_ms &&
	    has_live_journal(backlog->outbox))
		return 0;
	leave_what_is_gone(backlog);
	r = open_outbox(backlog);
	if (r < 0)
		return r;
	drop_old(backlog);
	r = tidy(backlog);
	if (r == 0 && !outbox_has_room(backlog->outbox, 0)) {
		r = drop_excess(backlog);
		if (r == 0)
			r = tidy(backlog);
	}
	publish(backlog);
	backlog->look_ms = now_ms + LOOK_MS;
	return r;
}

/* ---- what became of them ---------------------------------------------------
 */

void event_backlog_delivered(struct event_backlog *backlog,
			     struct event_slot *slot)
{
	event_acks_done(&backlog->acks, slot->place);
	event_window_was_taken(&backlog->window, slot);
}

void event_backlog_refused(struct event_backlog *backlog,
			   struct event_slot *slot, const char *trouble)
{
	char id[UUID_TEXT_SIZE];

	uuid_format(&slot->event->id, id);
	log_error("EVENTS_DROPPED",
		  "events=1 reason=refused id=%s type=%s err=\"%s\"", id,
		  event_type_name(event_type_of(slot->event)), trouble);
	count_dropped("refused", 1);
	drop(backlog, slot);
}

int event_backlog_ack(struct event_backlog *backlog)
{
	return event_acks_write(&backlog->acks);
}

/* ---- beginning and end -----------------------------------------------------
 */

/* Those named in events.types, or all. */
static unsigned wanted_types(const char *text)
{
	char copy[512];
	char *rest = copy, *word;
	unsigned types = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, ", ")))
		if (*word)
			types |= 1u << event_type_parse(word);
	return types ? types : UINT32_MAX;
}

int event_backlog_init(struct event_backlog *backlog, const char *dir,
		       const struct settings *settings)
{
	*backlog = (struct event_backlog){
		.dir = dir,
		.settings = settings,
		.types = wanted_types(settings->events.types),
	};
	event_window_init(&backlog->window, settings->events.concurrency,
			  settings->events.retry_max_ms);
	return event_acks_init(&backlog->acks);
}

void event_backlog_finish(struct event_backlog *backlog)
{
	event_window_finish(&backlog->window);
	event_acks_finish(&backlog->acks);
	outbox_close(backlog->outbox);
	backlog->outbox = NULL;
}
