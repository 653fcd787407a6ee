/* webhook_inbox.c - from a webhook to the disk (see webhook_inbox.h) */
#include "server/control/webhooks/webhook_inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/queue.h"
#include "persistence/record.h"
#include "persistence/room.h"
#include "persistence/spooler.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/http/http_later.h"
#include "server/control/webhooks/message_rows.h"
#include "server/settings.h"

#define TOO_MANY      "too many at once"
#define QUEUE_RECORDS 32768u
#define QUEUE_BYTES   ((uint64_t)64 << 20) /* and one webhook more */

struct waiting {
	const struct record *last; /* of the webhook; whose it is, only */
	struct http_later *later;  /* NULL: the place is free */
	const struct inbox_answer *answer;
	uint64_t until_ms; /* monotonic */
};

struct webhook_inbox {
	struct queue *queue;
	struct spooler *spooler;
	pthread_mutex_t lock; /* held to push, or to look through the list */
	struct waiting waiting[HTTP_LATER_MAX]; /* {lock} */
};

const struct inbox_answer inbox_nothing = { "text/plain", "" };
const struct inbox_answer inbox_twiml = {
	"text/xml; charset=utf-8",
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response/>\n"
};

static void say_stored(struct http_later *later,
		       const struct inbox_answer *answer)
{
	struct http_response response = { 0 };

	http_reply(&response, 200, answer->type, strdup(answer->text),
		   strlen(answer->text));
	http_later_keep(later, &response);
}

static void say_later(struct http_later *later, const char *why)
{
	struct http_response response = { 0 };

	http_reply_error(&response, 503, why);
	http_later_keep(later, &response);
}

/* ---- the promises ----------------------------------------------------------
 */

/* {lock} False: there is no place. */
static bool wait_for(struct webhook_inbox *inbox, const struct record *last,
		     struct http_later *later,
		     const struct inbox_answer *answer)
{
	for (size_t i = 0; i < HTTP_LATER_MAX; i++) {
		if (inbox->waiting[i].later)
			continue;
		inbox->waiting[i] = (struct waiting){
			.last = last,
			.later = later,
			.answer = answer,
			.until_ms = clock_mono_ms() + INBOX_WAIT_MS,
		};
		return true;
	}
	return false;
}

/* Takes one that waits for that record (NULL: that has waited until then) out
 * of the list. False: there is none. */
static bool take_waiting(struct webhook_inbox *inbox,
			 const struct record *record, uint64_t now_ms,
			 struct waiting *taken)
{
	bool found = false;

	pthread_mutex_lock(&inbox->lock);
	for (size_t i = 0; i < HTTP_LATER_MAX && !found; i++) {
		struct waiting *w = &inbox->waiting[i];

		if (!w->later ||
		    (record ? w->last != record : w->until_ms > now_ms))
			continue;
		*taken = *w;
		w->later = NULL;
		found = true;
	}
	pthread_mutex_unlock(&inbox->lock);
	return found;
}

/* The spooler's thread. The record is still there, so its address is its own.
 */
static void on_durable(const struct record *record, void *arg)
{
	struct waiting taken;

	if (take_waiting(arg, record, 0, &taken))
		say_stored(taken.later, taken.answer);
}

void webhook_inbox_look(struct webhook_inbox *inbox, uint64_t now_ms)
{
	struct waiting taken;

	while (take_waiting(inbox, NULL, now_ms, &taken))
		say_later(taken.later, "it could not be stored in time");
}

/* ---- taking ----------------------------------------------------------------
 */

const char *webhook_inbox_refusal(const struct webhook_inbox *inbox)
{
	return inbox ? room_refusal(
			       &board_flags()->spoolers[BOARD_SPOOLER_CONTROL])
		     : "starting_or_ending";
}

/* {lock} Nobody else pushes meanwhile, so there is room if there was. */
static void push_all(struct webhook_inbox *inbox, struct record *first)
{
	struct record *next;

	for (struct record *record = first; record; record = next) {
		next = record->next;
		record->next = NULL;
		if (queue_push(inbox->queue, record) < 0)
			abort();
	}
}

/* All of the list or, false, none. */
static bool take_all(struct webhook_inbox *inbox, struct record *first,
		     const struct record *last, size_t count,
		     struct http_later *later,
		     const struct inbox_answer *answer)
{
	bool taken;

	pthread_mutex_lock(&inbox->lock);
	taken = queue_bytes(inbox->queue) < QUEUE_BYTES &&
		queue_capacity(inbox->queue) - queue_length(inbox->queue) >=
			count &&
		wait_for(inbox, last, later, answer);
	if (taken)
		push_all(inbox, first);
	pthread_mutex_unlock(&inbox->lock);
	return taken;
}

void webhook_inbox_take(struct webhook_inbox *inbox,
			const struct http_request *request,
			struct http_response *response, struct record *record,
			const struct inbox_answer *answer)
{
	struct http_later *later = http_later_promise(request);

	if (later && take_all(inbox, record, record, 1, later, answer)) {
		response->later = later;
		return;
	}
	if (later)
		http_later_withdraw(later);
	free(record);
	http_reply_error(response, 503, TOO_MANY);
}

static void count(const char *provider, const char *kind, size_t n)
{
	char labels[64];

	if (n == 0)
		return;
	(void)snprintf(labels, sizeof(labels), "provider=\"%s\",kind=\"%s\"",
		       provider, kind);
	board_add(board_series(METRIC_MESSAGES_TOTAL, labels), (int64_t)n);
}

static void count_rows(const struct message_rows *rows)
{
	char labels[64];

	count(rows->provider, "message", rows->messages);
	count(rows->provider, "status", rows->statuses);
	count(rows->provider, "notice", rows->notices);
	(void)snprintf(labels, sizeof(labels), "provider=\"%s\"",
		       rows->provider);
	board_add(board_series(METRIC_MESSAGES_UNKNOWN_TOTAL, labels),
		  (int64_t)rows->unknown);
}

void webhook_inbox_take_rows(struct webhook_inbox *inbox,
			     struct message_rows *rows,
			     struct http_later *later,
			     const struct inbox_answer *answer)
{
	if (rows->count == 0) {
		say_stored(later, answer); /* it said nothing */
	} else if (take_all(inbox, rows->first, rows->last, rows->count, later,
			    answer)) {
		count_rows(rows);
		rows->first = rows->last = NULL; /* the spooler's now */
	} else {
		message_rows_clear(rows);
		say_later(later, TOO_MANY);
	}
}

/* ---- start and stop --------------------------------------------------------
 */

int webhook_inbox_start(struct webhook_inbox **ret,
			const struct settings *settings)
{
	struct webhook_inbox *inbox = calloc(1, sizeof(*inbox));
	char dir[sizeof(settings->data_dir) + sizeof("/outbox")];
	int r;

	if (!inbox)
		return -ENOMEM;
	pthread_mutex_init(&inbox->lock, NULL);
	(void)snprintf(dir, sizeof(dir), "%s/outbox", settings->data_dir);
	r = queue_create(&inbox->queue, QUEUE_RECORDS);
	if (r < 0)
		goto fail;
	r = spooler_start(
		&inbox->spooler,
		&(struct spooler_options){
			.queue = inbox->queue,
			.outbox_dir = dir,
			.role = "control",
			.process = BOARD_SPOOLER_CONTROL,
			.writers = settings->media.processes + 1,
			.low_percent = settings->outbox.low_water,
			.segment_bytes = settings->outbox.segment_bytes,
			.max_bytes = settings->outbox.max_bytes,
			.min_free_disk = settings->outbox.min_free_disk,
			.durable = on_durable,
			.arg = inbox });
	if (r < 0)
		goto fail;
	*ret = inbox;
	return 0;
fail:
	(void)webhook_inbox_stop(inbox, 0);
	return r;
}

uint64_t webhook_inbox_stop(struct webhook_inbox *inbox, uint32_t timeout_ms)
{
	uint64_t lost;

	if (!inbox)
		return 0;
	lost = spooler_stop(inbox->spooler, timeout_ms);
	webhook_inbox_look(inbox, UINT64_MAX);
	queue_destroy(inbox->queue);
	pthread_mutex_destroy(&inbox->lock);
	free(inbox);
	return lost;
}
