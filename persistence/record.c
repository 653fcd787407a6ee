/*
 * record.c - one fact about one call or session (see record.h)
 *
 * Here is what a record is called, what its kind means to an estate, and how it
 * reads as a line of JSON for people and for another node.
 */
#include "persistence/record.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/json_text.h"
#include "server/clock.h"

/* What opens and closes is a call: it cannot outlive the process that carries
 * it. A messaging session can, so nobody ends it for its process's death. A
 * checkpoint opens too: it is the whole row of a call that is still live. */
static const struct kind {
	const char *name;
	bool opens, closes;
} kinds[RECORD_KIND_COUNT] = {
	[RECORD_CALL_STARTED] = { .name = "call.started", .opens = true },
	[RECORD_CALL_CHECKPOINT] = { .name = "call.checkpoint", .opens = true },
	[RECORD_CALL_ENDED] = { .name = "call.ended", .closes = true },
	[RECORD_CALL_EVENT] = { .name = "call.event" },
	[RECORD_SESSION_OPENED] = { .name = "session.opened" },
	[RECORD_SESSION_UPDATED] = { .name = "session.updated" },
	[RECORD_SESSION_CLOSED] = { .name = "session.closed" },
	[RECORD_MESSAGE_RECEIVED] = { .name = "message.received" },
	[RECORD_CALL_STATUS] = { .name = "call.status" },
	[RECORD_MESSAGE_STATUS] = { .name = "message.status" },
	[RECORD_MESSAGE_NOTICE] = { .name = "message.notice" },
};

struct record *record_create(enum record_kind kind, const struct uuid *id,
			     const struct uuid *entity, uint32_t rev,
			     int64_t created_us, const char *payload,
			     size_t length)
{
	struct record *record;

	if (length > RECORD_PAYLOAD_MAX)
		return NULL;
	record = malloc(sizeof(*record) + length + 1);
	if (!record)
		return NULL;
	record->next = NULL;
	record->boat = NULL;
	record->id = *id;
	record->entity = *entity;
	record->kind = kind;
	record->rev = rev;
	record->created_us = created_us;
	record->length = (uint32_t)length;
	memcpy(record->payload, payload, length);
	record->payload[length] = '\0';
	return record;
}

static bool is_kind(enum record_kind kind)
{
	return kind >= RECORD_CALL_STARTED && kind < RECORD_KIND_COUNT;
}

bool record_kind_is_known(unsigned kind)
{
	return is_kind((enum record_kind)kind) || kind == RECORD_EVENT;
}

const char *record_kind_name(enum record_kind kind)
{
	if (kind == RECORD_EVENT)
		return "event";
	return is_kind(kind) ? kinds[kind].name : "unknown";
}

enum record_kind record_kind_parse(const char *name)
{
	for (unsigned i = RECORD_CALL_STARTED; i < RECORD_KIND_COUNT; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return (enum record_kind)i;
	return (enum record_kind)0;
}

bool record_opens(enum record_kind kind)
{
	return is_kind(kind) && kinds[kind].opens;
}

bool record_closes(enum record_kind kind)
{
	return is_kind(kind) && kinds[kind].closes;
}

char *record_to_json(const struct record *record)
{
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE];
	char created[CLOCK_ISO_SIZE];
	json_t *payload, *line;
	char *text;

	payload = json_text_parse(record->payload, record->length,
				  JSON_ALLOW_NUL);
	if (!payload)
		return NULL;
	uuid_format(&record->id, id);
	uuid_format(&record->entity, entity);
	clock_format_iso(record->created_us, created);
	line = json_pack("{s:s, s:s, s:s, s:I, s:s, s:o}", "id", id, "kind",
			 record_kind_name(record->kind), "entity", entity,
			 "rev", (json_int_t)record->rev, "created_at", created,
			 "payload", payload);
	text = line ? json_text_print(line, JSON_COMPACT) : NULL;
	json_decref(line);
	return text;
}

/* Fills in all but the payload; NULL, or what is wrong. */
static const char *parse_fields(json_t *line, struct record *out)
{
	const char *id, *kind, *entity, *created;
	json_int_t rev;

	id = json_string_value(json_object_get(line, "id"));
	if (!id || !uuid_parse(id, &out->id))
		return "id is not a UUID";
	kind = json_string_value(json_object_get(line, "kind"));
	out->kind = record_kind_parse(kind ? kind : "");
	if (!is_kind(out->kind))
		return "kind is not one we know";
	entity = json_string_value(json_object_get(line, "entity"));
	if (!entity || !uuid_parse(entity, &out->entity))
		return "entity is not a UUID";
	rev = json_is_integer(json_object_get(line, "rev"))
		      ? json_integer_value(json_object_get(line, "rev"))
		      : -1;
	if (rev < 0 || rev > UINT32_MAX)
		return "rev is not a number from 0 to 4294967295";
	out->rev = (uint32_t)rev;
	created = json_string_value(json_object_get(line, "created_at"));
	if (!created || clock_parse_iso(created, &out->created_us) < 0)
		return "created_at is not a time such as "
		       "2026-11-23T06:17:00.123456Z";
	if (!json_is_object(json_object_get(line, "payload")))
		return "payload is not an object";
	return NULL;
}

struct record *record_from_json(const char *line, size_t length,
				const char **reason)
{
	struct record fields = { .next = NULL }, *record = NULL;
	json_t *json = json_text_parse(line, length,
				       JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES);
	char *payload = NULL;

	*reason = json || errno != ENOMEM ? "not a JSON object" : "no memory";
	if (!json_is_object(json))
		goto out;
	*reason = parse_fields(json, &fields);
	if (*reason)
		goto out;
	*reason = "no memory";
	payload =
		json_text_print(json_object_get(json, "payload"), JSON_COMPACT);
	if (!payload)
		goto out;
	*reason = "payload is longer than 256 KiB";
	if (strlen(payload) > RECORD_PAYLOAD_MAX)
		goto out;
	*reason = "no memory";
	record = record_create(fields.kind, &fields.id, &fields.entity,
			       fields.rev, fields.created_us, payload,
			       strlen(payload));
	if (record)
		*reason = NULL;
out:
	free(payload);
	json_decref(json);
	return record;
}
