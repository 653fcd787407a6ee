/* twilio_message.c - Twilio's messages as rows (see twilio_message.h)
 *
 * The names are those of Twilio's "Messaging webhooks" and "Outbound message
 * status in status callbacks". */
#include "server/control/webhooks/twilio_message.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#include "server/control/webhooks/message_rows.h"
#include "server/control/webhooks/webhook_body.h"

#define SIDS "MessageSid SmsSid SmsMessageSid"

/* "whatsapp:+14155551234": the channel, and what follows. */
struct party {
	char text[MESSAGE_TEXT_SIZE];
	const char *number; /* or another address; in `text` */
	bool whatsapp;
};

static void read_party(const struct webhook_body *body, const char *name,
		       struct party *party)
{
	static const char prefix[] = "whatsapp:";

	webhook_body_get(body, name, party->text, sizeof(party->text));
	party->whatsapp = strncmp(party->text, prefix, strlen(prefix)) == 0;
	party->number = party->text + (party->whatsapp ? strlen(prefix) : 0);
}

static const char *channel_of(const struct party *from, const struct party *to)
{
	return from->whatsapp || to->whatsapp ? "whatsapp" : "sms";
}

/* Users of WhatsApp need not show a number; a form's plus may be a blank. */
static bool is_number(const char *text)
{
	text += strspn(text, "+ ");
	return *text && !text[strspn(text, "0123456789")];
}

/* What kind of message it is, in Twilio's word or by what it holds. */
static void find_kind(const struct webhook_body *body, char *kind, size_t size)
{
	char text[MESSAGE_TEXT_SIZE];
	size_t major;

	if (webhook_body_get(body, "MessageType", kind, size))
		return;
	if (webhook_body_get(body, "MediaContentType0", text, sizeof(text))) {
		major = strcspn(text, "/");
		text[major] = '\0';
		(void)snprintf(kind, size, "%s",
			       strcmp(text, "application") == 0 ? "document"
								: text);
	} else if (webhook_body_get(body, "ButtonText", text, sizeof(text))) {
		(void)snprintf(kind, size, "button");
	} else if (webhook_body_get(body, "Latitude", text, sizeof(text))) {
		(void)snprintf(kind, size, "location");
	} else {
		(void)snprintf(kind, size, "text");
	}
}

/* What people read of it, however long; NULL: nothing. */
static const char *find_text(const struct webhook_body *body)
{
	static const char *const names[] = { "Body", "ButtonText", "Label" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = json_string_value(
			json_object_get(body->values, names[i]));

		if (text && *text)
			return text;
	}
	return NULL;
}

static void add_message(struct message_rows *rows,
			const struct webhook_body *body, const char *id,
			const struct party *from, const struct party *to)
{
	char kind[MESSAGE_TEXT_SIZE];
	bool number = is_number(from->number);

	find_kind(body, kind, sizeof(kind));
	message_rows_add(
		rows,
		&(struct message_row){ .channel = channel_of(from, to),
				       .account = to->number,
				       .id = id,
				       .peer = from->number,
				       .phone = number ? from->number : "",
				       .user = number ? "" : from->number,
				       .kind = kind,
				       .body = find_text(body),
				       .at_us = rows->now_us },
		json_incref(body->values));
}

static void add_status(struct message_rows *rows,
		       const struct webhook_body *body, const char *id,
		       const char *status, const struct party *from,
		       const struct party *to)
{
	message_rows_add_status(
		rows,
		&(struct message_status_row){ .channel = channel_of(from, to),
					      .account = from->number,
					      .id = id,
					      .peer = to->number,
					      .status = status,
					      .timestamp = "",
					      .at_us = rows->now_us },
		json_incref(body->values));
}

void twilio_message_read(struct message_rows *rows,
			 const struct webhook_body *body, const char *token)
{
	char id[MESSAGE_TEXT_SIZE], status[MESSAGE_TEXT_SIZE];
	struct party from, to;

	if (!webhook_body_get(body, SIDS, id, sizeof(id)) && token)
		(void)snprintf(id, sizeof(id), "%s", token);
	webhook_body_get(body, "MessageStatus", status, sizeof(status));
	read_party(body, "From", &from);
	read_party(body, "To", &to);
	if (*id && *status)
		add_status(rows, body, id, status, &from, &to);
	else if (*id && *from.number)
		add_message(rows, body, id, &from, &to);
	else
		message_rows_add_notice(rows, to.number, "message",
					json_incref(body->values));
}
