/*
 * webhook_answer.h - the document that answers a provider's "what shall I do
 * with this call?"
 *
 *   twilio, signalwire   TwiML, cXML   <Connect><Stream> or <Start><Stream>
 *   telnyx               TeXML         the same
 *   plivo                Plivo XML     <Stream>
 *   vonage               NCCO          connect to a websocket
 *   exotel               JSON          {"url": "wss://..."}
 *   jambonz              JSON          [{"verb": "listen"}]
 *
 * Pure functions: what is known of the call, of the settings and of the token
 * becomes a text. Whatever a stranger sent is escaped.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_WEBHOOK_ANSWER_H
#define SERVER_CONTROL_WEBHOOKS_WEBHOOK_ANSWER_H

#include <stddef.h>

#include "server/settings.h"

#define WEBHOOK_TEXT_SIZE 128 /* of a number, an id, a direction */

/* What the provider said of the call; "" for what it did not. */
struct webhook_call {
	char id[WEBHOOK_TEXT_SIZE];
	char from[WEBHOOK_TEXT_SIZE], to[WEBHOOK_TEXT_SIZE];
	char direction[WEBHOOK_TEXT_SIZE];
};

struct webhook_order {
	const struct webhook *webhook;
	const struct route *route;	/* where the stream is to go */
	const struct auth_store *store; /* what its auth leads to */
	const char *media_url;		/* media.public_url */
	const char *status_url;		/* NULL: ask for no status callbacks */
	const char *token;		/* one-time; "" for none */
	struct webhook_call call;
};

struct webhook_document {
	int status;
	const char *type; /* a literal */
	char *text;	  /* malloc'd; NULL: no memory */
};

/* Stream the call to us. */
void webhook_answer_stream(const struct webhook_order *order,
			   struct webhook_document *document);
/* We take no call now. Where a dialect has no word for that, it is a 503, at
 * which the provider turns to its fallback. */
void webhook_answer_busy(const char *provider,
			 struct webhook_document *document);

#endif
