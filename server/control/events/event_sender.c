/*
 * event_sender.c - posts events, until they are taken (see event_sender.h)
 *
 * The thread waits in curl_multi_poll() alone, which a wake-up ends. A turn:
 * look after the backlog, begin posts, follow those under way, ack.
 */
#include "server/control/events/event_sender.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "persistence/record.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/events/event_backlog.h"
#include "server/control/events/post.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"
#include "server/trace.h"

#define WAIT_MS	 1000u /* at most, with nothing to do */
#define RETRY_MS 2000u /* after trouble with our own disk */

struct event_sender {
	struct event_sender_options options;
	struct thread *thread;
	CURLM *multi;
	_Atomic uint64_t give_up_ms; /* set by event_sender_stop() */
	/* The thread's: */
	struct event_backlog backlog;
	char trouble[96]; /* of the receiver, as last logged; "": none */
	int error;	  /* of our disk, as last logged; 0: none */
};

static const char *masked_url(const struct event_sender *s, char *out,
			      size_t size)
{
	settings_mask_link(s->options.settings->events.webhook, out, size);
	return out;
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

/* That of the call whose row the event tells; "" for none. */
static void read_trace(const struct record *event, char out[TRACE_ID_SIZE])
{
	static const char key[] = "\"trace_id\":\"";
	const char *at = strstr(event->payload, key);

	out[0] = '\0';
	if (at)
		(void)snprintf(out, TRACE_ID_SIZE, "%s", at + sizeof(key) - 1);
}

static void begin_post(struct event_sender *s, struct event_slot *slot)
{
	char id[UUID_TEXT_SIZE], trace[TRACE_ID_SIZE];
	const struct post_options options = {
		.url = s->options.settings->events.webhook,
		.secret = s->options.secret,
		.id = id,
		.trace_id = trace,
		.body = slot->event->payload,
		.length = slot->event->length,
		.owner = slot,
	};

	uuid_format(&slot->event->id, id);
	read_trace(slot->event, trace);
	event_window_began(&s->backlog.window, slot);
	if (post_begin(&slot->post, s->multi, &options) < 0)
		(void)event_window_failed(&s->backlog.window, slot,
					  clock_mono_ms(), 0, retry_random());
}

static void end_post(struct event_sender *s, struct event_slot *slot,
		     CURLcode code)
{
	struct post_result result;

	post_end(slot->post, code, &result);
	count_post(result.taken ? "delivered" : "failed");
	if (result.taken) {
		event_backlog_delivered(&s->backlog, slot);
		say_trouble(s, "");
		return;
	}
	say_trouble(s, result.trouble);
	if (!event_window_failed(&s->backlog.window, slot, clock_mono_ms(),
				 result.retry_after_ms, retry_random()))
		event_backlog_refused(&s->backlog, slot, result.trouble);
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

	while ((slot = event_window_pick(&s->backlog.window, clock_mono_ms(),
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
	int r = event_backlog_look(&s->backlog, clock_mono_ms());
	uint64_t wait_ms = RETRY_MS;

	if (r == 0)
		r = event_backlog_fill(&s->backlog);
	if (s->backlog.outbox) {
		wait_ms = begin_posts(s);
		if (follow_posts(s))
			wait_ms = 0;
		if (event_backlog_ack(&s->backlog) < 0 && r == 0)
			r = -EIO;
	}
	say_error(s, r);
	if (r < 0)
		return RETRY_MS;
	return wait_ms < WAIT_MS ? wait_ms : WAIT_MS;
}

/* At the end: is there anything that might yet be delivered? */
static bool is_hopeful(const struct event_sender *s)
{
	return clock_mono_ms() < atomic_load(&s->give_up_ms) &&
	       s->backlog.outbox && s->backlog.window.count > 0 &&
	       !event_window_is_down(&s->backlog.window);
}

static void give_up_posts(struct event_sender *s)
{
	for (size_t i = 0; i < EVENT_WINDOW; i++)
		post_end(s->backlog.window.slots[i].post, CURLE_OK, NULL);
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

static struct event_sender *sender_free(struct event_sender *s)
{
	event_backlog_finish(&s->backlog);
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
	r = event_backlog_init(&s->backlog, options->dir, settings);
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
