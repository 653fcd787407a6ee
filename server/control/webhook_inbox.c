/* webhook_inbox.c - from a webhook to the disk (see webhook_inbox.h) */
#include "server/control/webhook_inbox.h"

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
#include "server/control/http_later.h"
#include "server/settings.h"

#define QUEUE_RECORDS 1024u

struct waiting {
	struct uuid id;		  /* of the record */
	struct http_later *later; /* NULL: the place is free */
	uint64_t until_ms;	  /* monotonic */
};

struct webhook_inbox {
	struct queue *queue;
	struct spooler *spooler;
	pthread_mutex_t lock; /* held for a look through the list */
	struct waiting waiting[HTTP_LATER_MAX]; /* {lock} */
};

static void say_stored(struct http_later *later)
{
	struct http_response response = { 0 };

	http_reply(&response, 200, "text/plain", strdup(""), 0);
	http_later_keep(later, &response);
}

static void say_later(struct http_later *later)
{
	struct http_response response = { 0 };

	http_reply_error(&response, 503, "it could not be stored in time");
	http_later_keep(later, &response);
}

/* ---- the promises ----------------------------------------------------------
 */

/* False: there is no place. */
static bool wait_for(struct webhook_inbox *inbox, const struct record *record,
		     struct http_later *later)
{
	bool found = false;

	pthread_mutex_lock(&inbox->lock);
	for (size_t i = 0; i < HTTP_LATER_MAX && !found; i++) {
		if (inbox->waiting[i].later)
			continue;
		inbox->waiting[i] = (struct waiting){
			.id = record->id,
			.later = later,
			.until_ms = clock_mono_ms() + INBOX_WAIT_MS,
		};
		found = true;
	}
	pthread_mutex_unlock(&inbox->lock);
	return found;
}

/* Takes one that waits for that record (NULL: that has waited until then) out
 * of the list; NULL: there is none. */
static struct http_later *take_waiting(struct webhook_inbox *inbox,
				       const struct record *record,
				       uint64_t now_ms)
{
	struct http_later *later = NULL;

	pthread_mutex_lock(&inbox->lock);
	for (size_t i = 0; i < HTTP_LATER_MAX && !later; i++) {
		struct waiting *w = &inbox->waiting[i];

		if (!w->later || (record ? !uuid_equal(&w->id, &record->id)
					 : w->until_ms > now_ms))
			continue;
		later = w->later;
		w->later = NULL;
	}
	pthread_mutex_unlock(&inbox->lock);
	return later;
}

static void forget(struct webhook_inbox *inbox, const struct http_later *later)
{
	pthread_mutex_lock(&inbox->lock);
	for (size_t i = 0; i < HTTP_LATER_MAX; i++)
		if (inbox->waiting[i].later == later)
			inbox->waiting[i].later = NULL;
	pthread_mutex_unlock(&inbox->lock);
}

/* The spooler's thread: a record that came twice is stored for both. */
static void on_durable(const struct record *record, void *arg)
{
	struct http_later *later;

	while ((later = take_waiting(arg, record, 0)))
		say_stored(later);
}

void webhook_inbox_look(struct webhook_inbox *inbox, uint64_t now_ms)
{
	struct http_later *later;

	while ((later = take_waiting(inbox, NULL, now_ms)))
		say_later(later);
}

/* ---- taking ----------------------------------------------------------------
 */

const char *webhook_inbox_refusal(const struct webhook_inbox *inbox)
{
	return inbox ? room_refusal(
			       &board_flags()->spoolers[BOARD_SPOOLER_CONTROL])
		     : "starting_or_ending";
}

void webhook_inbox_take(struct webhook_inbox *inbox,
			const struct http_request *request,
			struct http_response *response, struct record *record)
{
	struct http_later *later = http_later_promise(request);

	if (!later)
		goto refuse;
	if (!wait_for(inbox, record, later)) {
		http_later_withdraw(later);
		goto refuse;
	}
	if (queue_push(inbox->queue, record) < 0) {
		forget(inbox, later);
		http_later_withdraw(later);
		goto refuse;
	}
	response->later = later;
	return;
refuse:
	free(record);
	http_reply_error(response, 503, "too many at once");
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
