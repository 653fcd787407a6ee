/*
 * message_intake.h - batches of messages, taken apart off the loop
 *
 * A webhook of Meta's may be three megabytes and a thousand messages. To take
 * that apart costs a tenth of a second, which a thread of its own spends:
 *
 *   loop --body, promise--> intake --records--> inbox --sync--> "200"
 *
 * What waits here is bounded by the number of promises (http_later.h) and by
 * webhooks.body_memory; one batch is taken apart at a time.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_MESSAGE_INTAKE_H
#define SERVER_CONTROL_WEBHOOKS_MESSAGE_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

struct http_request;
struct http_response;
struct message_intake;
struct webhook_inbox;

/* 0 or -errno. The inbox is borrowed, and ends later. */
int message_intake_start(struct message_intake **ret,
			 struct webhook_inbox *inbox);

/* Takes the body of a request that was found good, and leaves a promise of the
 * answer: 200 when all of it is on disk, 503 when none of it was taken. False:
 * it is not taken, and nothing was answered. */
bool message_intake_take(struct message_intake *intake, const char *name,
			 int64_t idle_ms, const struct http_request *request,
			 struct http_response *response);

/* Every promise was kept or is the inbox's. Accepts NULL, returns NULL. */
struct message_intake *message_intake_stop(struct message_intake *intake);

#endif
