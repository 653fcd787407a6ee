/*
 * twilio_message.h - a webhook of Twilio's about a message, as a row
 *
 * A message that came in, by SMS or WhatsApp, or the status of one that we
 * sent, which names a MessageStatus. All fields are kept; one that is neither
 * becomes a notice. A message without a sid is known by the token that Twilio
 * repeats with each try.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_TWILIO_MESSAGE_H
#define SERVER_CONTROL_WEBHOOKS_TWILIO_MESSAGE_H

struct message_rows;
struct webhook_body;

/* `token`: of I-Twilio-Idempotency-Token; NULL: there is none. */
void twilio_message_read(struct message_rows *rows,
			 const struct webhook_body *body, const char *token);

#endif
