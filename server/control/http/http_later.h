/*
 * http_later.h - answers that come later, from another thread
 *
 * A handler runs on the loop and may not wait. Where the answer is another
 * thread's to give, the handler takes a promise, hands it on with the work, and
 * leaves it in its response; the connection waits. The other thread keeps the
 * promise; the answer travels through the mailbox, which wakes the loop.
 *
 *   loop    http_later_promise() --work--> other thread
 *   loop    <--ev_async-- mailbox <----- http_later_keep()
 *
 * Whoever works on it says so (http_later_work), and what it logs until then
 * has the request's ids.
 *
 * A peer that hangs up meanwhile breaks nothing: its answer is dropped when it
 * comes. There are HTTP_LATER_MAX promises at most.
 */
#ifndef SERVER_CONTROL_HTTP_HTTP_LATER_H
#define SERVER_CONTROL_HTTP_HTTP_LATER_H

#include <stdbool.h>

#include "server/control/http/http.h"

#define HTTP_LATER_MAX 256u /* as webhooks.max_connections usually is */

struct ev_loop;
struct http_mailbox;
struct http_later;

/* Told on the loop that the answer to what `waiter` asked is there. */
typedef void http_later_arrived(void *waiter);

/* `loop` is borrowed. 0 or -ENOMEM. */
int http_mailbox_create(struct http_mailbox **ret, struct ev_loop *loop,
			http_later_arrived *arrived);
/* Accepts NULL, returns NULL. Every promise must have been kept: whoever keeps
 * them ends before. */
struct http_mailbox *http_mailbox_destroy(struct http_mailbox *mailbox);

/* The loop's: a promise, which is to be kept exactly once; NULL when too many
 * are open or memory ran out. */
struct http_later *http_later_promise(const struct http_request *request);
/* The loop's: there will be no answer by it after all. */
void http_later_withdraw(struct http_later *later);
/* The calling thread works for that request from now until it keeps the
 * promise. */
void http_later_work(const struct http_later *later);
/* The ids of its request, for log_for(), as long as it is not kept. */
const char *http_later_ids(const struct http_later *later);
/* Any thread, never blocks for long. Takes what is in *response; the promise is
 * no longer the caller's. */
void http_later_keep(struct http_later *later, struct http_response *response);

/* ---- for http_server.c, on the loop ---- */

/* That connection waits for it. */
void http_later_expect(struct http_later *later, void *waiter);
/* Has it come? Then it is moved to *response and the promise is gone. */
bool http_later_take(struct http_later *later, struct http_response *response);
/* Nobody waits any more. */
void http_later_forget(struct http_later *later);

#endif
