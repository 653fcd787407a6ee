/* message_intake.c - batches, taken apart off the loop (see message_intake.h)
 */
#include "server/control/webhooks/message_intake.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/clock.h"
#include "server/control/http/http.h"
#include "server/control/http/http_body.h"
#include "server/control/http/http_later.h"
#include "server/control/webhooks/message_rows.h"
#include "server/control/webhooks/meta_messages.h"
#include "server/control/webhooks/webhook_inbox.h"
#include "server/log.h"
#include "server/thread.h"

struct batch {
	struct batch *next;
	struct http_body *body;	  /* owned */
	struct http_later *later; /* owned: to be kept once */
	int64_t idle_ms;
	char name[32]; /* of the door, for the log */
};

struct message_intake {
	struct webhook_inbox *inbox;
	struct thread *thread;
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct batch *first, **end; /* {lock} */
};

/* ---- the thread ------------------------------------------------------------
 */

static void refuse(struct batch *batch, const char *why)
{
	struct http_response response = { 0 };

	http_reply_error(&response, 503, why);
	http_later_keep(batch->later, &response);
}

static void hand_on(struct message_intake *intake, struct batch *batch)
{
	struct message_rows rows = { .provider = "meta",
				     .now_us = clock_wall_us(),
				     .idle_ms = batch->idle_ms };
	const size_t bytes = batch->body->length;

	http_later_work(batch->later);
	meta_messages_read(&rows, batch->body->bytes, bytes);
	batch->body = http_body_free(batch->body);
	if (rows.no_memory) {
		message_rows_clear(&rows);
		refuse(batch, "out of memory");
		return;
	}
	log_info("WEBHOOK_MESSAGES",
		 "provider=meta name=%s messages=%zu statuses=%zu notices=%zu "
		 "bytes=%zu",
		 batch->name, rows.messages, rows.statuses, rows.notices,
		 bytes);
	log_for(NULL); /* it may be answered before the call returns */
	webhook_inbox_take_rows(intake->inbox, &rows, batch->later,
				&inbox_nothing);
}

static struct batch *next_batch(struct message_intake *intake,
				const struct thread *self)
{
	struct batch *batch;

	pthread_mutex_lock(&intake->lock);
	while (!intake->first && !thread_stopping(self))
		pthread_cond_wait(&intake->came, &intake->lock);
	batch = intake->first;
	if (batch)
		intake->first = batch->next;
	if (!intake->first)
		intake->end = &intake->first;
	pthread_mutex_unlock(&intake->lock);
	return batch;
}

static int take_apart(struct thread *self, void *arg)
{
	struct message_intake *intake = arg;
	struct batch *batch;

	while ((batch = next_batch(intake, self))) {
		if (thread_stopping(self))
			refuse(batch, "the server is ending");
		else
			hand_on(intake, batch);
		http_body_free(batch->body);
		free(batch);
	}
	return 0;
}

static void wake(void *arg)
{
	struct message_intake *intake = arg;

	pthread_mutex_lock(&intake->lock);
	pthread_cond_signal(&intake->came);
	pthread_mutex_unlock(&intake->lock);
}

/* ---- the loop --------------------------------------------------------------
 */

bool message_intake_take(struct message_intake *intake, const char *name,
			 int64_t idle_ms, const struct http_request *request,
			 struct http_response *response)
{
	struct batch *batch = intake ? calloc(1, sizeof(*batch)) : NULL;

	if (!batch)
		return false;
	batch->later = http_later_promise(request);
	if (!batch->later) {
		free(batch);
		return false;
	}
	batch->body = http_take_body(request);
	batch->idle_ms = idle_ms;
	(void)snprintf(batch->name, sizeof(batch->name), "%s", name);
	response->later = batch->later;
	pthread_mutex_lock(&intake->lock);
	*intake->end = batch;
	intake->end = &batch->next;
	pthread_cond_signal(&intake->came);
	pthread_mutex_unlock(&intake->lock);
	return true;
}

int message_intake_start(struct message_intake **ret,
			 struct webhook_inbox *inbox)
{
	struct message_intake *intake = calloc(1, sizeof(*intake));
	const struct thread_options thread = {
		.name = "message_intake",
		.body = take_apart,
		.arg = intake,
		.wake = wake,
	};
	int r;

	if (!intake)
		return -ENOMEM;
	intake->inbox = inbox;
	intake->end = &intake->first;
	pthread_mutex_init(&intake->lock, NULL);
	pthread_cond_init(&intake->came, NULL);
	r = thread_start(&intake->thread, &thread);
	if (r < 0)
		message_intake_stop(intake);
	else
		*ret = intake;
	return r;
}

struct message_intake *message_intake_stop(struct message_intake *intake)
{
	if (!intake)
		return NULL;
	thread_stop(intake->thread);
	thread_join(intake->thread);
	pthread_cond_destroy(&intake->came);
	pthread_mutex_destroy(&intake->lock);
	free(intake);
	return NULL;
}
