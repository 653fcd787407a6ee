/*
 * webhook_inbox.h - takes records from webhooks, and says when they are safe
 *
 * The control process writes a journal of its own, as the media processes do
 * (persistence/spooler.h). A provider that is told "200" will not tell us
 * again, so it is told when the record is on disk:
 *
 *   loop --record--> queue --> spooler --sync--> "200" by http_later
 *      `---- after INBOX_WAIT_MS, or with no room: 503, and it tries again
 *
 * The database is not asked for anything: it may be away.
 *
 * A webhook may be many records. They are taken together, and as the queue and
 * the journal keep their order, the last one stands for all.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_WEBHOOK_INBOX_H
#define SERVER_CONTROL_WEBHOOKS_WEBHOOK_INBOX_H

#include <stdint.h>

#include "server/control/http/http.h"

struct message_rows;
struct record;
struct settings;
struct webhook_inbox;

#define INBOX_WAIT_MS 5000u /* providers wait some ten seconds or more */

/* 0 or -errno. The settings are borrowed for the time of the call. */
int webhook_inbox_start(struct webhook_inbox **ret,
			const struct settings *settings);

/* Why nothing is taken now, in a word; NULL: it would be. */
const char *webhook_inbox_refusal(const struct webhook_inbox *inbox);

/* What is told when all is on disk. */
struct inbox_answer {
	const char *type, *text; /* literals */
};
extern const struct inbox_answer inbox_nothing; /* an empty text */
extern const struct inbox_answer inbox_twiml;	/* <Response/> */

/* Takes the record, and leaves in the response a promise of the answer, or the
 * 503 itself. A record that was taken may become durable after its 503: the
 * provider's next try is then the same row. */
void webhook_inbox_take(struct webhook_inbox *inbox,
			const struct http_request *request,
			struct http_response *response, struct record *record,
			const struct inbox_answer *answer);

/* Any thread. Takes all of those records or, when they are too many, none, and
 * keeps the promise: when the last of them is durable, for then all are. If the
 * process dies in between, what is durable stays, and what is said again is the
 * same rows. */
void webhook_inbox_take_rows(struct webhook_inbox *inbox,
			     struct message_rows *rows,
			     struct http_later *later,
			     const struct inbox_answer *answer);

/* Now and then: tells those who have waited too long. */
void webhook_inbox_look(struct webhook_inbox *inbox, uint64_t now_ms);

/* Makes durable what was taken, at most for timeout_ms while the disk refuses,
 * and keeps all promises. How many records are still not durable; they are
 * logged. Accepts NULL. */
uint64_t webhook_inbox_stop(struct webhook_inbox *inbox, uint32_t timeout_ms);

#endif
