/*
 * alert_sender.c - posts alerts, until they are taken (see alert_sender.h)
 *
 *   alerts changed --eventfd--> [alert_sender] --libcurl--> receiver
 *
 * The thread waits in one of two places, for its eventfd or in a transfer, and
 * alert_sender_wake() ends both waits. A transfer runs on a multi handle for
 * that reason alone: it can be woken.
 */
#include "server/control/events/alert_sender.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <curl/curl.h>

#include "persistence/alerts.h"
#include "persistence/retry.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/events/alert_message.h"
#include "server/control/events/post.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define RETRY_INITIAL_MS 1000u
#define RETRY_MAX_MS	 60000u
#define RETRY_JITTER	 0.2
#define RETRY_FOR_MS	 (24u * 3600 * 1000)
#define GIVEN_UP	 1 /* what retry_run() returns then */

struct alert_sender {
	struct alert_sender_options options;
	struct thread *thread;
	CURLM *multi;
	int wake_fd;
	/* The thread's: */
	const struct thread *self;
	struct alert alert; /* what is being posted */
	char trouble[96];   /* as last logged; "": none */
};

/* ---- one post --------------------------------------------------------------
 */

/* Until it is over, or the thread is told to end: -ECANCELED. */
static int follow_transfer(struct alert_sender *s, CURLcode *code)
{
	int running = 1;

	while (running) {
		const CURLMsg *message;
		int left;

		if (thread_stopping(s->self))
			return -ECANCELED;
		if (curl_multi_perform(s->multi, &running) != CURLM_OK)
			return -EIO;
		while ((message = curl_multi_info_read(s->multi, &left)))
			if (message->msg == CURLMSG_DONE)
				*code = message->data.result;
		if (running &&
		    curl_multi_poll(s->multi, NULL, 0, 1000, NULL) != CURLM_OK)
			return -EIO;
	}
	return 0;
}

/* The same trouble is told once, and when it changes. */
static void log_trouble(struct alert_sender *s, const char *trouble)
{
	char host[160];

	if (strcmp(s->trouble, trouble) == 0)
		return;
	(void)snprintf(s->trouble, sizeof(s->trouble), "%s", trouble);
	settings_mask_link(s->options.url, host, sizeof(host));
	log_warn("ALERT_WEBHOOK", "state=%s to=%s result=failed err=\"%s\"",
		 s->alert.firing ? "firing" : "resolved", host, trouble);
}

static void count_post(const char *result)
{
	char labels[32];

	(void)snprintf(labels, sizeof(labels), "result=\"%s\"", result);
	board_add(board_series(METRIC_ALERT_POSTS_TOTAL, labels), 1);
}

/* False also when the thread is to end. */
static bool post(struct alert_sender *s)
{
	char *body = alert_message_body(&s->alert, s->options.node_id);
	const struct post_options options = {
		.url = s->options.url,
		.secret = s->options.secret,
		.id = s->alert.id,
		.body = body,
		.length = body ? strlen(body) : 0,
	};
	struct post_result result = { .trouble = "out of memory" };
	CURLcode code = CURLE_OUT_OF_MEMORY;
	struct post *post = NULL;
	bool over = true;

	if (body && post_begin(&post, s->multi, &options) == 0) {
		over = follow_transfer(s, &code) != -ECANCELED;
		post_end(post, code, &result);
	}
	free(body);
	if (over && !result.taken) {
		count_post("failed");
		log_trouble(s, result.trouble);
	}
	return over && result.taken;
}

/* ---- until it is taken -----------------------------------------------------
 */

/* What stands on the board now, which may be newer than at the last try. */
static bool attempt(void *arg, uint32_t left_ms)
{
	struct alert_sender *s = arg;
	uint64_t serial = s->alert.serial;

	(void)left_ms;
	if (!alerts_untold(&s->alert) || s->alert.serial != serial)
		return true; /* a newer one has a day of its own */
	if (!post(s))
		return false;
	log_info("ALERT_WEBHOOK", "state=%s result=delivered id=%s",
		 s->alert.firing ? "firing" : "resolved", s->alert.id);
	count_post("delivered");
	s->trouble[0] = '\0';
	alerts_told(serial);
	return true;
}

static bool is_stopping(void *arg)
{
	const struct alert_sender *s = arg;

	return thread_stopping(s->self);
}

static void tell(struct alert_sender *s)
{
	static const struct retry_policy policy = {
		.initial_ms = RETRY_INITIAL_MS,
		.max_ms = RETRY_MAX_MS,
		.jitter = RETRY_JITTER,
		.deadline_ms = RETRY_FOR_MS,
		.give_up = GIVEN_UP,
	};
	int r = retry_run(&policy, attempt, s, s->wake_fd, is_stopping);

	if (r != GIVEN_UP)
		return;
	log_error("ALERT_WEBHOOK", "state=%s result=given_up id=%s",
		  s->alert.firing ? "firing" : "resolved", s->alert.id);
	count_post("given_up");
	alerts_told(s->alert.serial);
}

static int body(struct thread *self, void *arg)
{
	struct alert_sender *s = arg;
	struct pollfd woken = { .fd = s->wake_fd, .events = POLLIN };
	uint64_t ignored;

	s->self = self;
	while (!thread_stopping(self)) {
		if (alerts_untold(&s->alert))
			tell(s);
		else if (poll(&woken, 1, -1) > 0)
			(void)!read(s->wake_fd, &ignored, sizeof(ignored));
	}
	return 0;
}

/* ---- beginning and end -----------------------------------------------------
 */

static void wake(void *arg)
{
	struct alert_sender *s = arg;
	uint64_t one = 1;

	(void)!write(s->wake_fd, &one, sizeof(one));
	curl_multi_wakeup(s->multi);
}

void alert_sender_wake(struct alert_sender *sender)
{
	if (sender)
		wake(sender);
}

int alert_sender_start(struct alert_sender **ret,
		       const struct alert_sender_options *options)
{
	struct alert_sender *s = calloc(1, sizeof(*s));
	const struct thread_options thread = {
		.name = "alerts",
		.body = body,
		.arg = s,
		.wake = wake,
	};
	int r;

	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = -errno;
	if (s->wake_fd < 0)
		goto fail;
	r = -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto fail;
	s->multi = curl_multi_init();
	if (!s->multi)
		goto fail;
	r = thread_start(&s->thread, &thread);
	if (r < 0)
		goto fail;
	*ret = s;
	return 0;
fail:
	alert_sender_stop(s);
	return r;
}

struct alert_sender *alert_sender_stop(struct alert_sender *s)
{
	if (!s)
		return NULL;
	thread_stop(s->thread);
	thread_join(s->thread);
	curl_multi_cleanup(s->multi);
	if (s->wake_fd >= 0)
		(void)close(s->wake_fd);
	free(s);
	return NULL;
}
