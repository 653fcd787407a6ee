/*
 * webhook_fuzz.c - what strangers send as a webhook
 *
 * The first byte of an input says whose webhook it is, the rest is its body.
 * Whatever it is: a record made of it is a row that stands alone, and an answer
 * made of it is a document of its language.
 */
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/payload.h"
#include "persistence/record.h"
#include "server/control/http/http.h"
#include "server/control/webhooks/webhook_answer.h"
#include "server/control/webhooks/webhook_body.h"
#include "server/control/webhooks/webhook_status.h"
#include "server/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROVIDERS_COUNT (sizeof(providers) / sizeof(providers[0]))

static const char *const providers[] = { "twilio", "signalwire", "telnyx",
					 "plivo",  "vonage",	 "exotel",
					 "jambonz" };
static const struct auth_store store = { .texts = "\0holdline_token" };

/* Every tag begins with a letter, a slash or a question mark, and ends; no
 * value of an attribute holds what would end it. */
static bool is_xml(const char *text)
{
	bool tag = false, quoted = false;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' && c != '\n')
			return false;
		if (c == '<') {
			if (tag || (!isalpha((unsigned char)text[1]) &&
				    !strchr("/?", text[1])))
				return false;
			tag = true;
		} else if (c == '"') {
			if (!tag)
				return false;
			quoted = !quoted;
		} else if (c == '>') {
			if (!tag || quoted)
				return false;
			tag = false;
		}
	}
	return !tag && !quoted;
}

static void answer(const char *provider, const struct webhook_body *body)
{
	const struct webhook webhook = { .mode = WEBHOOK_CONNECT };
	struct route route = { .path = "/m",
			       .auth = { .one_time_place = AUTH_IN_PARAMETER,
					 .one_time_name = 1 } };
	struct webhook_order order = { .webhook = &webhook,
				       .route = &route,
				       .store = &store,
				       .media_url = "wss://h",
				       .status_url = "https://h/s",
				       .token = "T0" };
	struct webhook_document document;
	json_t *json;

	(void)snprintf(route.provider, sizeof(route.provider), "%s", provider);
	webhook_body_get(body, "CallSid uuid call_sid", order.call.id,
			 sizeof(order.call.id));
	webhook_body_get(body, "From from", order.call.from,
			 sizeof(order.call.from));
	webhook_body_get(body, "To to", order.call.to, sizeof(order.call.to));
	webhook_answer_stream(&order, &document);
	if (!document.text)
		abort();
	if (document.text[0] == '<') {
		if (!is_xml(document.text))
			abort();
	} else {
		json = json_loads(document.text, 0, NULL);
		if (!json)
			abort();
		json_decref(json);
	}
	free(document.text);
}

static void keep(const char *provider, const struct webhook_body *body)
{
	struct webhook_status status;
	struct record *record;

	webhook_status_read(provider, body, &status);
	if (!webhook_status_tells(&status))
		return;
	record = webhook_status_record(provider, &status, 0);
	if (!record || payload_fault(record->payload, record->length))
		abort();
	free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct handshake caller;
	const char *provider;
	struct webhook_body body;
	struct http_request request = { .method = HTTP_POST,
					.caller = &caller };
	char *text;

	if (size < 2)
		return 0;
	provider = providers[data[0] % PROVIDERS_COUNT];
	text = malloc(size);
	if (!text)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	request.body = text;
	request.body_length = size - 1;
	if (webhook_body_read(&body, &request) == 0) {
		answer(provider, &body);
		keep(provider, &body);
	}
	webhook_body_finish(&body);
	free(text);
	return 0;
}
