/* message_rows.c - messages, statuses and notices as records (message_rows.h)
 */
#include "server/control/webhooks/message_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sodium.h>

#include "persistence/json_text.h"
#include "persistence/message.h"
#include "persistence/payload.h"
#include "persistence/record.h"
#include "server/clock.h"
#include "server/control/webhooks/derived_id.h"

/* A byte of a text becomes six at the most (\u0001), so a piece fits. */
#define PIECE_BYTES ((size_t)40 * 1024)
/* `data` may take that much of a record; columns and names are below 32 KiB. */
#define DATA_MAX     (RECORD_PAYLOAD_MAX - (size_t)64 * 1024)
#define DEPTH_MAX    100 /* SQLite's own JSON ends at 1000 */

#define COMPACT	     (JSON_COMPACT | JSON_SORT_KEYS)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- records ---------------------------------------------------------------
 */

/* Takes the payload. */
static void add(struct message_rows *rows, enum record_kind kind,
		const struct uuid *id, const struct uuid *entity,
		json_t *payload)
{
	char *text = payload ? json_text_print(payload, JSON_COMPACT) : NULL;
	struct record *record =
		text ? record_create(kind, id, entity, 0, rows->now_us, text,
				     strlen(text))
		     : NULL;

	free(text);
	json_decref(payload);
	if (!record) {
		rows->no_memory = true;
		return;
	}
	if (rows->last)
		rows->last->next = record;
	else
		rows->first = record;
	rows->last = record;
	rows->count++;
}

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

void message_rows_clear(struct message_rows *rows)
{
	struct record *next;

	for (struct record *record = rows->first; record; record = next) {
		next = record->next;
		free(record);
	}
	*rows = (struct message_rows){ .provider = rows->provider,
				       .now_us = rows->now_us,
				       .idle_ms = rows->idle_ms };
}

/* ---- notices ---------------------------------------------------------------
 */

/* Takes `data`. */
static void add_notice(struct message_rows *rows, const struct uuid *id,
		       const char *account, const char *kind, json_t *data)
{
	char id_text[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE];

	uuid_format(id, id_text);
	clock_format_iso(rows->now_us, at);
	add(rows, RECORD_MESSAGE_NOTICE, id, id,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "notice_id", id_text,
		      "provider", rows->provider, "account_id", account, "at",
		      at, "kind", kind, "data", data));
	rows->notices++;
}

/* No character is cut. */
static size_t piece_of(const char *bytes, size_t length, bool text)
{
	size_t piece = PIECE_BYTES;

	if (length <= piece)
		return length;
	while (text && ((unsigned char)bytes[piece] & 0xc0) == 0x80)
		piece--;
	return piece;
}

static json_t *encoded(const char *bytes, size_t length, bool text)
{
	size_t size = sodium_base64_encoded_len(length,
						sodium_base64_VARIANT_ORIGINAL);
	json_t *value;
	char *base64;

	if (text)
		return json_stringn(bytes, length);
	base64 = malloc(size);
	if (!base64)
		return NULL;
	sodium_bin2base64(base64, size, (const unsigned char *)bytes, length,
			  sodium_base64_VARIANT_ORIGINAL);
	value = json_string(base64);
	free(base64);
	return value;
}

/* The pieces of what belongs to `of`; how many. */
static size_t add_pieces(struct message_rows *rows, const char *of,
			 const char *account, const char *kind,
			 const char *bytes, size_t length)
{
	bool text = payload_takes_text(bytes, length);
	size_t parts = 0, part = 0;

	for (size_t at = 0; at < length; parts++)
		at += piece_of(bytes + at, length - at, text);
	for (size_t at = 0; at < length;) {
		size_t piece = piece_of(bytes + at, length - at, text);
		char number[24];
		const char *const texts[] = { "message.piece", of, number };
		struct uuid id;

		(void)snprintf(number, sizeof(number), "%zu", ++part);
		derived_id(&id, texts, COUNT(texts));
		add_notice(rows, &id, account, kind,
			   json_pack("{s:s, s:I, s:I, s:o}", "of", of, "part",
				     (json_int_t)part, "parts",
				     (json_int_t)parts,
				     text ? "text" : "base64",
				     encoded(bytes + at, piece, text)));
		at += piece;
	}
	return parts;
}

/* An id of those bytes. */
static void id_of(struct uuid *id, const struct message_rows *rows,
		  const char *account, const char *kind, const char *bytes,
		  size_t length)
{
	unsigned char digest[crypto_generichash_BYTES];
	char hex[2 * sizeof(digest) + 1];
	const char *const texts[] = { "message.notice", rows->provider, account,
				      kind, hex };

	(void)crypto_generichash(digest, sizeof(digest),
				 (const unsigned char *)bytes, length, NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	derived_id(id, texts, COUNT(texts));
}

void message_rows_add_bytes(struct message_rows *rows, const char *account,
			    const char *kind, const char *bytes, size_t length)
{
	char of[UUID_TEXT_SIZE];
	struct uuid id;

	id_of(&id, rows, account, kind, bytes, length);
	uuid_format(&id, of);
	(void)add_pieces(rows, of, account, kind, bytes, length);
}

/* ---- data ------------------------------------------------------------------
 */

static bool is_deep(json_t *json, int left)
{
	const char *key;
	json_t *value;
	size_t index;

	if (left == 0)
		return true;
	if (json_is_array(json))
		json_array_foreach (json, index, value)
			if (is_deep(value, left - 1))
				return true;
	if (json_is_object(json))
		json_object_foreach (json, key, value)
			if (is_deep(value, left - 1))
				return true;
	return false;
}

/* Malloc'd; NULL, and noted: no memory. */
static char *print(struct message_rows *rows, const json_t *data)
{
	char *text =
		data ? json_text_print(data, COMPACT | JSON_ENCODE_ANY) : NULL;

	if (!text)
		rows->no_memory = true;
	return text;
}

/* `data` of the row with that id; or, where a row cannot hold it, in its place
 * how many pieces it is. */
static json_t *fit(struct message_rows *rows, const struct uuid *id,
		   const char *account, const char *kind, json_t *data)
{
	char of[UUID_TEXT_SIZE];
	char *text = print(rows, data);
	size_t parts;

	if (!text || (strlen(text) <= DATA_MAX && !is_deep(data, DEPTH_MAX))) {
		free(text);
		return data;
	}
	uuid_format(id, of);
	parts = add_pieces(rows, of, account, kind, text, strlen(text));
	free(text);
	json_decref(data);
	return json_pack("{s:I}", "parts", (json_int_t)parts);
}

void message_rows_add_notice(struct message_rows *rows, const char *account,
			     const char *kind, json_t *data)
{
	char *text =
		data ? json_text_print(data, COMPACT | JSON_ENCODE_ANY) : NULL;
	struct uuid id;

	if (!text) {
		json_decref(data);
		rows->no_memory = true;
		return;
	}
	id_of(&id, rows, account, kind, text, strlen(text));
	free(text);
	add_notice(rows, &id, account, kind,
		   fit(rows, &id, account, kind, data));
}

/* ---- messages and statuses -------------------------------------------------
 */

/* What of a long body the row shows. */
static json_t *body_of(const char *body)
{
	size_t length = body ? strlen(body) : 0;

	if (length == 0)
		return json_null();
	if (length > MESSAGE_BODY_MAX) {
		length = MESSAGE_BODY_MAX;
		while (((unsigned char)body[length] & 0xc0) == 0x80)
			length--;
	}
	return json_stringn(body, length);
}

static void message_id(struct uuid *id, const struct message_rows *rows,
		       const char *account, const char *message)
{
	const char *const texts[] = { "message", rows->provider, account,
				      message };

	derived_id(id, texts, COUNT(texts));
}

void message_rows_add(struct message_rows *rows, const struct message_row *row,
		      json_t *data)
{
	const char *const with[] = { "conversation", rows->provider,
				     row->account, row->peer };
	char id_text[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE];
	struct uuid id, conversation;

	message_id(&id, rows, row->account, row->id);
	derived_id(&conversation, with, COUNT(with));
	uuid_format(&id, id_text);
	clock_format_iso(row->at_us, at);
	add(rows, RECORD_MESSAGE_RECEIVED, &id, &conversation,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:s, "
		      "s:s, s:o, s:o, s:I}",
		      "message_id", id_text, "provider", rows->provider,
		      "channel", row->channel, "account_id", row->account,
		      "provider_message_id", row->id, "peer", row->peer,
		      "peer_phone", or_null(row->phone), "peer_user_id",
		      or_null(row->user), "direction", "inbound", "at", at,
		      "kind", row->kind, "body", body_of(row->body), "data",
		      fit(rows, &id, row->account, "message", data), "idle_ms",
		      (json_int_t)rows->idle_ms));
	rows->messages++;
}

static enum message_rank rank_of(const char *status)
{
	static const struct {
		const char *status;
		enum message_rank rank;
	} ranks[] = {
		{ "accepted", MESSAGE_RANK_QUEUED },
		{ "scheduled", MESSAGE_RANK_QUEUED },
		{ "queued", MESSAGE_RANK_QUEUED },
		{ "sending", MESSAGE_RANK_QUEUED },
		{ "sent", MESSAGE_RANK_SENT },
		{ "failed", MESSAGE_RANK_FAILED },
		{ "undelivered", MESSAGE_RANK_FAILED },
		{ "canceled", MESSAGE_RANK_FAILED },
		{ "delivered", MESSAGE_RANK_DELIVERED },
		{ "read", MESSAGE_RANK_READ },
		{ "played", MESSAGE_RANK_PLAYED },
	};

	for (size_t i = 0; i < COUNT(ranks); i++)
		if (strcasecmp(ranks[i].status, status) == 0)
			return ranks[i].rank;
	return MESSAGE_RANK_ASIDE;
}

void message_rows_add_status(struct message_rows *rows,
			     const struct message_status_row *row, json_t *data)
{
	const char *const texts[] = { "message.status", rows->provider, row->id,
				      row->status, row->timestamp };
	char id_text[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE];
	struct uuid id, message;

	derived_id(&id, texts, COUNT(texts));
	message_id(&message, rows, row->account, row->id);
	uuid_format(&id, id_text);
	clock_format_iso(row->at_us, at);
	add(rows, RECORD_MESSAGE_STATUS, &id, &message,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:i, s:s, s:o}",
		      "status_id", id_text, "provider", rows->provider,
		      "channel", row->channel, "account_id", row->account,
		      "provider_message_id", row->id, "peer",
		      or_null(row->peer), "status", row->status, "rank",
		      (int)rank_of(row->status), "at", at, "data",
		      fit(rows, &id, row->account, "status", data)));
	rows->statuses++;
}
