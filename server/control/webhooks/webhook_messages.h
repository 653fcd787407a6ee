/*
 * webhook_messages.h - webhooks about messages: WhatsApp and SMS
 *
 *   /webhooks/whatsapp        Meta's app of the settings whatsapp.*
 *   /webhooks/NAME/whatsapp   Meta's app of one of webhooks.answers
 *   /webhooks/NAME/message    Twilio, messages and their statuses
 *
 * Meta's GET is the handshake by which an app is connected. All else becomes
 * records (message_rows.h), and is answered when they are on disk.
 *
 * Thread: the loop's. The context of all is a struct control_context.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_WEBHOOK_MESSAGES_H
#define SERVER_CONTROL_WEBHOOKS_WEBHOOK_MESSAGES_H

#include "server/control/http/http.h"

/* GET */
http_handler webhook_messages_verify;
/* POST: Meta's, whose body must have been prepared. */
http_handler webhook_messages_batch;
void webhook_messages_prepare(const struct http_route *route,
			      const struct http_request *request,
			      struct http_intake *intake, void *context);
/* POST: Twilio's */
http_handler webhook_messages_form;

#endif
