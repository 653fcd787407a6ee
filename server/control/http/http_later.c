/*
 * http_later.c - answers that come later, from another thread (http_later.h)
 *
 * A promise is with the other thread, then in the mailbox's list, then with the
 * loop, which frees it: at once when nobody waits, else when it was taken.
 */
#include "server/control/http/http_later.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <ev.h>

#include "server/control/http/http_ids.h"
#include "server/log.h"

struct http_later {
	struct http_mailbox *mailbox;
	struct http_later *next; /* {lock} */
	struct http_response response;
	char ids[HTTP_IDS_SIZE]; /* of the request; "": none */
	void *waiter;		 /* the loop's; NULL: nobody waits */
	bool arrived;		 /* the loop's */
};

struct http_mailbox {
	struct ev_loop *loop;
	ev_async wake;
	http_later_arrived *arrived;
	size_t open; /* the loop's: promises that were not kept or not taken */
	pthread_mutex_t lock;
	struct http_later *kept; /* {lock} on their way to the loop */
};

static void discard(struct http_later *later)
{
	later->mailbox->open--;
	http_response_finish(&later->response);
	free(later);
}

static struct http_later *fetch(struct http_mailbox *mailbox)
{
	struct http_later *list;

	pthread_mutex_lock(&mailbox->lock);
	list = mailbox->kept;
	mailbox->kept = NULL;
	pthread_mutex_unlock(&mailbox->lock);
	return list;
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
	struct http_mailbox *mailbox = wake->data;
	struct http_later *later, *next;

	(void)loop;
	(void)events;
	for (later = fetch(mailbox); later; later = next) {
		next = later->next;
		later->arrived = true;
		if (later->waiter)
			mailbox->arrived(later->waiter);
		else
			discard(later);
	}
}

int http_mailbox_create(struct http_mailbox **ret, struct ev_loop *loop,
			http_later_arrived *arrived)
{
	struct http_mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (!mailbox)
		return -ENOMEM;
	mailbox->loop = loop;
	mailbox->arrived = arrived;
	pthread_mutex_init(&mailbox->lock, NULL);
	ev_async_init(&mailbox->wake, on_wake);
	mailbox->wake.data = mailbox;
	ev_async_start(loop, &mailbox->wake);
	*ret = mailbox;
	return 0;
}

struct http_mailbox *http_mailbox_destroy(struct http_mailbox *mailbox)
{
	struct http_later *later, *next;

	if (!mailbox)
		return NULL;
	for (later = fetch(mailbox); later; later = next) {
		next = later->next;
		discard(later);
	}
	assert(mailbox->open == 0);
	ev_async_stop(mailbox->loop, &mailbox->wake);
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
	return NULL;
}

struct http_later *http_later_promise(const struct http_request *request)
{
	struct http_mailbox *mailbox = request->mailbox;
	struct http_later *later = NULL;

	if (mailbox && mailbox->open < HTTP_LATER_MAX)
		later = calloc(1, sizeof(*later));
	if (!later)
		return NULL;
	later->mailbox = mailbox;
	if (request->ids)
		(void)snprintf(later->ids, sizeof(later->ids), "%s",
			       request->ids);
	mailbox->open++;
	return later;
}

void http_later_withdraw(struct http_later *later)
{
	discard(later);
}

const char *http_later_ids(const struct http_later *later)
{
	return later->ids;
}

void http_later_work(const struct http_later *later)
{
	log_for(later->ids);
}

void http_later_keep(struct http_later *later, struct http_response *response)
{
	struct http_mailbox *mailbox = later->mailbox;

	log_for(NULL);
	later->response = *response;
	*response = (struct http_response){ 0 };
	/* Under the lock to the end: with it goes our right to the mailbox. */
	pthread_mutex_lock(&mailbox->lock);
	later->next = mailbox->kept;
	mailbox->kept = later;
	ev_async_send(mailbox->loop, &mailbox->wake);
	pthread_mutex_unlock(&mailbox->lock);
}

void http_later_expect(struct http_later *later, void *waiter)
{
	later->waiter = waiter;
}

bool http_later_take(struct http_later *later, struct http_response *response)
{
	if (!later->arrived)
		return false;
	*response = later->response;
	later->response = (struct http_response){ 0 };
	discard(later);
	return true;
}

void http_later_forget(struct http_later *later)
{
	later->waiter = NULL;
	if (later->arrived)
		discard(later);
}
