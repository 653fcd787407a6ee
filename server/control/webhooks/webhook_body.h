/*
 * webhook_body.h - what a webhook says, in whichever way it came
 *
 * Providers send a form (application/x-www-form-urlencoded), a JSON object, or
 * a query alone. All become one JSON object of named values. The type that the
 * sender claims is not looked at: a body that begins with a brace is JSON.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_WEBHOOK_BODY_H
#define SERVER_CONTROL_WEBHOOKS_WEBHOOK_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

struct http_request;

#define WEBHOOK_FIELDS_MAX 128

struct webhook_body {
	json_t *values;
	/* Of a form: its fields in order of their names, each with its value
	 * behind it, as Twilio and Plivo sign them; NULL: it is no form. */
	char *signed_tail;
};

/* Of a request that has a caller. 0; -EINVAL for what is neither a form nor
 * JSON, -E2BIG for too many fields, -ENOMEM. */
int webhook_body_read(struct webhook_body *body,
		      const struct http_request *request);
/* Accepts one that was never filled. */
void webhook_body_finish(struct webhook_body *body);

/* The first of those names ("a b c") that has a text or a number, as text;
 * "data.payload.id" leads into objects. A longer value counts as none. False,
 * and "" in out: there is none. */
bool webhook_body_get(const struct webhook_body *body, const char *names,
		      char *out, size_t size);

#endif
