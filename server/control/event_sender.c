/*
 * event_sender.c - posts events, until they are taken (see event_sender.h)
 *
 * The thread waits in curl_multi_poll() alone, which a wake-up ends. A turn:
 * look around (once a second), read into the window, begin posts, follow those
 * under way, ack.
 */
#include "server/control/event_sender.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "persistence/event.h"
#include "persistence/event_log.h"
#include "persistence/journal_reader.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/event_acks.h"
#include "server/control/event_window.h"
#include "server/control/post.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define LOOK_MS	 1000u
#define RETRY_MS 2000u /* after trouble with our own disk */

struct event_sender {
	struct event_sender_options options;
	struct thread *thread;
	CURLM *multi;
	_Atomic uint64_t give_up_ms; /* set by event_sender_stop() */
	/* The thread's: */
	struct outbox *outbox; /* NULL until the disk lets us */
	struct event_window window;
	struct event_acks acks;
	unsigned types;	  /* a bit for each that is wanted */
	uint64_t look_ms; /* when to look around again */
	bool behind;	  /* there is more than the window holds */
	char trouble[96]; /* of the receiver, as last logged; "": none */
	int error;	  /* of our disk, as last logged; 0: none */
};

static const char *masked_url(const struct event_sender *s, char *out,
			      size_t size)
{
	settings_mask_link(s->options.settings->events.webhook, out, size);
	return out;
}

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

static void drop(struct event_sender *s, struct event_slot *slot)
{
	event_acks_done(&s->acks, slot->place);
	event_window_drop(&s->window, slot);
}

static void drop_refused(struct event_sender *s, struct event_slot *slot,
			 const char *trouble)
{
	char id[UUID_TEXT_SIZE];

	uuid_format(&slot->event->id, id);
	log_error("EVENTS_DROPPED",
		  "events=1 reason=refused id=%s type=%s err=\"%s\"", id,
		  event_type_name(event_type_of(slot->event)), trouble);
	count_dropped("refused", 1);
	drop(s, slot);
}

static bool is_older(const struct record *event, const void *arg)
{
	const int64_t *limit_us = arg;

	return event->created_us < *limit_us;
}

static void drop_old(struct event_sender *s)
{
	int64_t limit_us =
		clock_wall_us() -
		(int64_t)s->options.settings->events.max_age_ms * 1000;
	struct event_slot *slot;
	size_t dropped = 0;

	for (; (slot = event_window_find(&s->window, is_older, &limit_us));
	     dropped++)
		drop(s, slot);
	say_dropped("age", dropped);
}

/* ---- reading ---------------------------------------------------------------
 */

static bool is_wanted(const struct event_sender *s, const struct record *event)
{
	enum event_type type = event_type_of(event);

	if (event->kind != RECORD_EVENT)
		return false;
	return type == EVENT_NONE ? s->types == UINT32_MAX
				  : (s->types >> type) & 1;
}

static bool has_room(const struct event_sender *s)
{
	return s->window.count < EVENT_WINDOW && !event_acks_full(&s->acks);
}

static void take(struct event_sender *s, struct outbox_journal *journal,
		 const struct journal_entry *entry)
{
	size_t place = event_acks_add(&s->acks, journal, entry->seq);

	if (is_wanted(s, entry->record)) {
		event_window_add(&s->window, entry->record, place);
		return;
	}
	event_acks_done(&s->acks, place);
	free(entry->record);
}

static int read_journal(struct event_sender *s, struct outbox_journal *journal)
{
	struct journal_entry entry;
	int r = 1;

	if (outbox_journal_is_settled(journal))
		return 0;
	while (has_room(s) && (r = outbox_journal_next(journal, &entry)) == 1)
		take(s, journal, &entry);
	if (r == 0 && !outbox_journal_live(journal) &&
	    !event_acks_has(&s->acks, journal))
		r = outbox_settled(journal);
	return r;
}

/* Oldest journal first, for that is the order of what happened. */
static int fill(struct event_sender *s)
{
	struct outbox_journal *journal;
	size_t cursor = 0;
	int r = 0, error = 0;

	while (r <= 0 && (journal = outbox_next_journal(s->outbox, &cursor))) {
		r = read_journal(s, journal);
		if (r < 0)
			error = r;
	}
	s->behind = r > 0;
	return error;
}

/* ---- looking around --------------------------------------------------------
 */

static int open_outbox(struct event_sender *s)
{
	const struct outbox_options options = {
		.dir = s->options.dir,
		.keep_delivered_ms = s->options.settings->events.keep_ms,
		.max_bytes = s->options.settings->events.max_bytes,
	};

	return s->outbox ? 0 : outbox_open(&s->outbox, &options);
}

static bool is_any(const struct record *event, const void *arg)
{
	(void)event;
	(void)arg;
	return true;
}

/* The oldest go, as many as it takes: a segment goes as a whole. */
static int drop_excess(struct event_sender *s)
{
	uint64_t bytes = outbox_stats(s->outbox).bytes, dropped_bytes = 0;
	uint64_t max_bytes = s->options.settings->events.max_bytes;
	struct event_slot *slot;
	size_t dropped = 0;
	int r = 0;

	while (r == 0 && dropped_bytes + max_bytes <
				 bytes + event_log_segment_bytes(max_bytes)) {
		slot = event_window_find(&s->window, is_any, NULL);
		if (!slot && !s->behind)
			break;
		if (slot) {
			dropped_bytes += slot->event->length;
			dropped++;
			drop(s, slot);
			continue;
		}
		r = event_acks_write(&s->acks);
		if (r == 0)
			r = fill(s);
		if (r == 0 && !event_window_find(&s->window, is_any, NULL))
			break; /* what is left is under way */
	}
	say_dropped("bytes", dropped);
	return r < 0 ? r : event_acks_write(&s->acks);
}

static void publish(const struct event_sender *s)
{
	struct outbox_stats stats = outbox_stats(s->outbox);
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
static int tidy(struct event_sender *s)
{
	int r = outbox_scan(s->outbox);

	if (r == 0)
		r = outbox_sweep(s->outbox, clock_wall_us());
	return r < 0 ? r : outbox_scan(s->outbox);
}

static int look_around(struct event_sender *s, uint64_t now_ms)
{
	int r = open_outbox(s);

	if (r < 0)
		return r;
	if (now_ms < s->look_ms && has_live_journal(s->outbox))
		return 0;
	drop_old(s);
	r = tidy(s);
	if (r == 0 && !outbox_has_room(s->outbox, 0)) {
		r = drop_excess(s);
		if (r == 0)
			r = tidy(s);
	}
	publish(s);
	s->look_ms = now_ms + LOOK_MS;
	return r;
}

/* ---- posts -----------------------------------------------------------------
 */

static void count_post(const char *result)
{
	char labels[32];

	(void)snprintf(labels, sizeof(labels), "result=\"%s\"", result);
	board_add(board_series(METRIC_EVENT_POSTS_TOTAL, labels), 1);
}

/* The same trouble is told once, and when it changes; its end, too. */
static void say_trouble(struct event_sender *s, const char *trouble)
{
	char to[160];

	if (strcmp(s->trouble, trouble) == 0)
		return;
	(void)snprintf(s->trouble, sizeof(s->trouble), "%s", trouble);
	if (*trouble)
		log_warn("EVENT_WEBHOOK", "to=%s result=failed err=\"%s\"",
			 masked_url(s, to, sizeof(to)), trouble);
	else
		log_info("EVENT_WEBHOOK", "to=%s result=delivered",
			 masked_url(s, to, sizeof(to)));
}

static void begin_post(struct event_sender *s, struct event_slot *slot)
{
	char id[UUID_TEXT_SIZE];
	const struct post_options options = {
		.url = s->options.settings->events.webhook,
		.secret = s->options.secret,
		.id = id,
		.body = slot->event->payload,
		.length = slot->event->length,
		.owner = slot,
	};

	uuid_format(&slot->event->id, id);
	event_window_began(&s->window, slot);
	if (post_begin(&slot->post, s->multi, &options) < 0)
		(void)event_window_failed(&s->window, slot, clock_mono_ms(), 0,
					  retry_random());
}

static void end_post(struct event_sender *s, struct event_slot *slot,
		     CURLcode code)
{
	struct post_result result;

	post_end(slot->post, code, &result);
	count_post(result.taken ? "delivered" : "failed");
	if (result.taken) {
		event_acks_done(&s->acks, slot->place);
		event_window_was_taken(&s->window, slot);
		say_trouble(s, "");
		return;
	}
	say_trouble(s, result.trouble);
	if (!event_window_failed(&s->window, slot, clock_mono_ms(),
				 result.retry_after_ms, retry_random()))
		drop_refused(s, slot, result.trouble);
}

/* Is any of them over? */
static bool follow_posts(struct event_sender *s)
{
	const CURLMsg *message;
	int running, left;
	bool over = false;

	(void)curl_multi_perform(s->multi, &running);
	while ((message = curl_multi_info_read(s->multi, &left)))
		if (message->msg == CURLMSG_DONE) {
			end_post(s, post_owner(message->easy_handle),
				 message->data.result);
			over = true;
		}
	return over;
}

/* How long there is nothing to begin. */
static uint64_t begin_posts(struct event_sender *s)
{
	struct event_slot *slot;
	uint64_t wait_ms;

	while ((slot = event_window_pick(&s->window, clock_mono_ms(),
					 &wait_ms)))
		begin_post(s, slot);
	return wait_ms;
}

/* ---- the thread ------------------------------------------------------------
 */

static void say_error(struct event_sender *s, int error)
{
	if (error < 0 && error != s->error)
		log_error("EVENT_LOG", "dir=\"%s\" err=\"%s\"", s->options.dir,
			  strerror(-error));
	s->error = error;
}

/* How long there is nothing to do but to follow what is under way. */
static uint64_t turn(struct event_sender *s)
{
	int r = look_around(s, clock_mono_ms());
	uint64_t wait_ms = RETRY_MS;

	if (r == 0)
		r = fill(s);
	if (s->outbox) {
		wait_ms = begin_posts(s);
		if (follow_posts(s))
			wait_ms = 0;
		if (event_acks_write(&s->acks) < 0 && r == 0)
			r = -EIO;
	}
	say_error(s, r);
	if (r < 0)
		return RETRY_MS;
	return wait_ms < LOOK_MS ? wait_ms : LOOK_MS;
}

/* At the end: is there anything that might yet be delivered? */
static bool is_hopeful(const struct event_sender *s)
{
	return clock_mono_ms() < atomic_load(&s->give_up_ms) && s->outbox &&
	       s->window.count > 0 && !event_window_is_down(&s->window);
}

static void give_up_posts(struct event_sender *s)
{
	for (size_t i = 0; i < EVENT_WINDOW; i++)
		post_end(s->window.slots[i].post, CURLE_OK, NULL);
}

static int body(struct thread *self, void *arg)
{
	struct event_sender *s = arg;

	for (;;) {
		/* Read before the turn: what came before the stop is seen. */
		bool stopping = thread_stopping(self);
		uint64_t wait_ms = turn(s);

		thread_beat(self);
		if (stopping && !is_hopeful(s))
			break;
		(void)curl_multi_poll(s->multi, NULL, 0, (int)wait_ms, NULL);
	}
	give_up_posts(s);
	return 0;
}

/* ---- beginning and end -----------------------------------------------------
 */

static void wake(void *arg)
{
	const struct event_sender *s = arg;

	curl_multi_wakeup(s->multi);
}

void event_sender_wake(struct event_sender *sender)
{
	if (sender)
		wake(sender);
}

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

static struct event_sender *sender_free(struct event_sender *s)
{
	event_window_finish(&s->window);
	event_acks_finish(&s->acks);
	outbox_close(s->outbox);
	curl_multi_cleanup(s->multi);
	free(s);
	return NULL;
}

int event_sender_start(struct event_sender **ret,
		       const struct event_sender_options *options)
{
	const struct settings *settings = options->settings;
	struct event_sender *s = calloc(1, sizeof(*s));
	const struct thread_options thread = {
		.name = "event_sender",
		.body = body,
		.arg = s,
		.wake = wake,
	};
	int r;

	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->types = wanted_types(settings->events.types);
	event_window_init(&s->window, settings->events.concurrency,
			  settings->events.retry_max_ms);
	r = event_acks_init(&s->acks);
	if (r == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		r = -ENOMEM;
	if (r == 0)
		s->multi = curl_multi_init();
	if (r == 0 && !s->multi)
		r = -ENOMEM;
	if (r == 0)
		r = thread_start(&s->thread, &thread);
	if (r < 0) {
		sender_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct event_sender *event_sender_stop(struct event_sender *s,
				       uint32_t timeout_ms)
{
	if (!s)
		return NULL;
	atomic_store(&s->give_up_ms, clock_mono_ms() + timeout_ms);
	thread_stop(s->thread);
	thread_join(s->thread);
	return sender_free(s);
}
