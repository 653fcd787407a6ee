/*
 * messages_fuzz.c - what comes as a webhook about messages
 *
 * The first byte of an input says whose it is, the rest is its body: Meta's
 * JSON or Twilio's form. Whatever it is:
 *
 *   each record is a row that stands alone, and no longer than a record may be
 *   said again, later, it is the same records
 *   each message, status and error that it holds is in one of them, whole
 *   what is no JSON, or too much, is there to the byte
 */
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/json_text.h"
#include "persistence/payload.h"
#include "persistence/record.h"
#include "server/control/http/http.h"
#include "server/control/webhooks/message_rows.h"
#include "server/control/webhooks/meta_messages.h"
#include "server/control/webhooks/printable_json.h"
#include "server/control/webhooks/twilio_message.h"
#include "server/control/webhooks/webhook_body.h"
#include "server/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IDLE_MS 900000

static void claim(bool holds)
{
	if (!holds)
		abort();
}

/* ---- what the records say --------------------------------------------------
 */

static json_t *payload_of(const struct record *record)
{
	json_t *payload = json_loadb(record->payload, record->length, 0, NULL);

	claim(payload);
	return payload;
}

/* The pieces of what has that id, in their order: what they are together. */
static char *put_together(const struct message_rows *rows, const char *of,
			  size_t *length)
{
	json_int_t part = 0, parts = 1;
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, length);

	claim(out);
	for (const struct record *r = rows->first; r && part < parts;
	     r = r->next) {
		json_t *payload = payload_of(r);
		const json_t *data = json_object_get(payload, "data");
		const char *mine =
			json_string_value(json_object_get(data, "of"));
		const json_t *text = json_object_get(data, "text");
		const char *base64 =
			json_string_value(json_object_get(data, "base64"));
		unsigned char piece[64 * 1024];
		size_t size = 0;

		if (mine && strcmp(mine, of) == 0 && (text || base64)) {
			claim(json_integer_value(
				      json_object_get(data, "part")) == ++part);
			parts = json_integer_value(
				json_object_get(data, "parts"));
			if (text)
				(void)fwrite(json_string_value(text), 1,
					     json_string_length(text), out);
			else
				claim(sodium_base642bin(
					      piece, sizeof(piece), base64,
					      strlen(base64), NULL, &size, NULL,
					      sodium_base64_VARIANT_ORIGINAL) ==
				      0);
			(void)fwrite(piece, 1, size, out);
		}
		json_decref(payload);
	}
	claim(part == parts && fclose(out) == 0);
	return bytes;
}

/* The data of that row, whole; a new reference. */
static json_t *data_of(const struct message_rows *rows, const json_t *payload)
{
	static const char *const ids[] = { "message_id", "status_id",
					   "notice_id" };
	json_t *data = json_object_get(payload, "data");
	const char *id = NULL;
	size_t length;
	char *text;

	if (!json_object_get(data, "parts") || json_object_size(data) != 1)
		return json_incref(data);
	for (size_t i = 0; !id && i < 3; i++)
		id = json_string_value(json_object_get(payload, ids[i]));
	claim(id);
	text = put_together(rows, id, &length);
	data = json_loadb(text, length, JSON_DECODE_ANY, NULL);
	free(text);
	claim(data);
	return data;
}

static bool is_kept(const struct message_rows *rows, const json_t *element)
{
	bool found = false;

	for (const struct record *r = rows->first; r && !found; r = r->next) {
		json_t *payload = payload_of(r);
		json_t *data = data_of(rows, payload);

		found = json_equal(data, element) ||
			json_equal(json_object_get(data, "message"), element) ||
			json_equal(json_object_get(data, "status"), element);
		json_decref(data);
		json_decref(payload);
	}
	return found;
}

static void check_rows(const struct message_rows *rows)
{
	size_t count = 0;

	claim(!rows->no_memory);
	for (const struct record *r = rows->first; r; r = r->next) {
		claim(!payload_fault(r->payload, r->length));
		claim(r->length <= RECORD_PAYLOAD_MAX);
		count++;
	}
	claim(count == rows->count);
	claim(count == rows->messages + rows->statuses + rows->notices);
}

static void check_same(const struct message_rows *a,
		       const struct message_rows *b)
{
	const struct record *left = a->first, *right = b->first;

	for (; left && right; left = left->next, right = right->next)
		claim(uuid_equal(&left->id, &right->id) &&
		      left->kind == right->kind);
	claim(!left && !right);
}

/* ---- Meta ------------------------------------------------------------------
 */

static size_t size_of(json_t *list)
{
	return json_is_array(list) ? json_array_size(list)
				   : list && !json_is_null(list);
}

static json_t *at(json_t *list, size_t i)
{
	return json_is_array(list) ? json_array_get(list, i) : list;
}

static void check_raw(const struct message_rows *rows, const char *body,
		      size_t length)
{
	json_t *payload = rows->first ? payload_of(rows->first) : NULL;
	const char *of = json_string_value(
		json_object_get(json_object_get(payload, "data"), "of"));
	size_t kept = 0;
	char *bytes;

	if (length == 0)
		return;
	claim(of);
	bytes = put_together(rows, of, &kept);
	claim(kept == length && memcmp(bytes, body, length) == 0);
	free(bytes);
	json_decref(payload);
}

/* Calls back for each element that becomes a row; how many there are. */
typedef void each(const struct message_rows *rows, const json_t *element);

static size_t walk_value(const struct message_rows *rows, json_t *value,
			 each *look)
{
	static const char *const lists[] = { "messages", "statuses", "errors" };
	size_t elements = 0;

	for (size_t n = 0; n < 3; n++) {
		json_t *list = json_object_get(value, lists[n]);

		for (size_t i = 0; i < size_of(list); i++, elements++)
			if (look)
				look(rows, at(list, i));
	}
	return elements;
}

static size_t walk_entry(const struct message_rows *rows, json_t *entry,
			 each *look)
{
	json_t *changes = json_object_get(entry, "changes");
	size_t elements = 0;

	for (size_t i = 0; i < size_of(changes); i++) {
		json_t *change = at(changes, i);
		json_t *values = json_object_get(change, "value");
		const json_t *field = json_object_get(change, "field");

		/* A field of another kind, or a number: kept as a whole. */
		if (field &&
		    (!json_is_string(field) ||
		     strcmp(json_string_value(field), "messages") != 0))
			continue;
		for (size_t n = 0; n < size_of(values); n++)
			elements += walk_value(rows, at(values, n), look);
	}
	return elements;
}

static size_t walk(const struct message_rows *rows, json_t *json, each *look)
{
	size_t elements = 0;

	for (size_t i = 0; i < size_of(json); i++) {
		json_t *envelope = at(json, i);
		json_t *entries = json_object_get(envelope, "entry");

		if (json_object_get(envelope, "object"))
			continue; /* perhaps of another kind */
		for (size_t n = 0; n < size_of(entries); n++)
			elements += walk_entry(rows, at(entries, n), look);
	}
	return elements;
}

static void claim_kept(const struct message_rows *rows, const json_t *element)
{
	claim(is_kept(rows, element));
}

/* To look for each among all takes its time. */
#define LOOKED_FOR 64

static void check_meta(const struct message_rows *rows, json_t *json,
		       const char *body, size_t length)
{
	size_t elements = walk(rows, json, NULL);

	if (elements > rows->count)
		check_raw(rows, body, length);
	else if (elements <= LOOKED_FOR)
		(void)walk(rows, json, claim_kept);
}

static void read_meta(const char *body, size_t length)
{
	struct message_rows rows = { .provider = "meta",
				     .now_us = 1,
				     .idle_ms = IDLE_MS };
	struct message_rows again = { .provider = "meta",
				      .now_us = 2000000,
				      .idle_ms = IDLE_MS };
	json_t *json =
		json_text_parse(body, length, JSON_ALLOW_NUL | JSON_DECODE_ANY);

	meta_messages_read(&rows, body, length);
	meta_messages_read(&again, body, length);
	check_rows(&rows);
	check_same(&rows, &again);
	if (!json)
		check_raw(&rows, body, length);
	else if (printable_json(json) == 0)
		check_meta(&rows, json, body, length);
	json_decref(json);
	message_rows_clear(&rows);
	message_rows_clear(&again);
}

/* ---- Twilio ----------------------------------------------------------------
 */

static void read_twilio(const char *text, size_t length)
{
	static struct handshake caller;
	const struct http_request request = { .method = HTTP_POST,
					      .caller = &caller,
					      .body = text,
					      .body_length = length };
	struct message_rows rows = { .provider = "twilio",
				     .now_us = 1,
				     .idle_ms = IDLE_MS };
	struct webhook_body body;

	if (webhook_body_read(&body, &request) == 0) {
		twilio_message_read(&rows, &body, "token");
		check_rows(&rows);
		claim(rows.count > 0 && is_kept(&rows, body.values));
	}
	webhook_body_finish(&body);
	message_rows_clear(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1)
		return 0;
	text = malloc(size); /* one less, and a NUL */
	claim(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] % 2 == 0)
		read_meta(text, size - 1);
	else
		read_twilio(text, size - 1);
	free(text);
	return 0;
}
