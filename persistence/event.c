/* event.c - a fact as a message for others (see event.h) */
#include "persistence/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/json_text.h"
#include "persistence/record.h"
#include "server/clock.h"

#define LONG_TEXT	       1024u

#define EVENT_NAME(name, text) [EVENT_##name] = (text),
static const char *const names[EVENT_TYPE_COUNT] = { EVENT_TYPES(EVENT_NAME) };

const char *event_type_name(enum event_type type)
{
	return type > EVENT_NONE && type < EVENT_TYPE_COUNT ? names[type]
							    : "unknown";
}

enum event_type event_type_parse(const char *name)
{
	for (unsigned i = EVENT_NONE + 1; i < EVENT_TYPE_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return (enum event_type)i;
	return EVENT_NONE;
}

enum event_type event_type_of(const struct record *event)
{
	return event->kind == RECORD_EVENT && event->rev < EVENT_TYPE_COUNT
		       ? (enum event_type)event->rev
		       : EVENT_NONE;
}

/* ---- the message -----------------------------------------------------------
 */

static char *message(enum event_type type, const struct uuid *id, int64_t at_us,
		     const char *node_id, json_t *data)
{
	char id_text[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE], *text;
	json_t *event;

	uuid_format(id, id_text);
	clock_format_iso(at_us, at);
	event = json_pack("{s:i, s:s, s:s, s:s, s:s, s:O}", "version",
			  EVENT_VERSION, "id", id_text, "type",
			  event_type_name(type), "node_id", node_id, "at", at,
			  "data", data);
	text = event ? json_text_print(event, JSON_COMPACT) : NULL;
	json_decref(event);
	return text;
}

/* What may be long without end is what came from outside, such as `custom`:
 * better told without it than not at all. */
static void shorten(json_t *data)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(
		data, next, key,
		value) if (json_is_object(value) || json_is_array(value) ||
			   json_string_length(value) > LONG_TEXT)(void)
		json_object_del(data, key);
	(void)json_object_set_new(data, "shortened", json_true());
}

struct record *event_make(enum event_type type, const struct uuid *fact,
			  const struct uuid *entity, int64_t at_us,
			  const char *node_id, json_t *data)
{
	struct record *event = NULL;
	struct uuid id;
	char *text;

	uuid_derive(&id, fact, event_type_name(type));
	text = data ? message(type, &id, at_us, node_id, data) : NULL;
	if (text && strlen(text) > RECORD_PAYLOAD_MAX) {
		shorten(data);
		free(text);
		text = message(type, &id, at_us, node_id, data);
	}
	if (text)
		event = record_create(RECORD_EVENT, &id, entity, (uint32_t)type,
				      at_us, text, strlen(text));
	free(text);
	json_decref(data);
	return event;
}

/* ---- of what is in the outbox ----------------------------------------------
 */

/* A call.event has its kind and its data inside; of those we tell what became
 * of a recording. */
static enum event_type open_call_event(json_t **row)
{
	const char *kind = json_string_value(json_object_get(*row, "kind"));
	enum event_type type = kind ? event_type_parse(kind) : EVENT_NONE;
	json_t *data = json_object_get(*row, "data");

	if ((type != EVENT_RECORDING_STORED &&
	     type != EVENT_RECORDING_FAILED) ||
	    !json_is_object(data))
		return EVENT_NONE;
	(void)json_object_set(data, "call_id",
			      json_object_get(*row, "call_id"));
	json_incref(data);
	json_decref(*row);
	*row = data;
	return type;
}

static enum event_type type_of(enum record_kind kind, json_t **row)
{
	switch (kind) {
	case RECORD_CALL_STARTED: return EVENT_CALL_STARTED;
	case RECORD_CALL_ENDED: return EVENT_CALL_ENDED;
	case RECORD_CALL_EVENT: return open_call_event(row);
	default: return EVENT_NONE;
	}
}

static bool may_be_told(enum record_kind kind)
{
	return kind == RECORD_CALL_STARTED || kind == RECORD_CALL_ENDED ||
	       kind == RECORD_CALL_EVENT;
}

int event_from_record(struct record **event, const struct record *record,
		      const char *node_id)
{
	enum event_type type;
	json_t *row;

	if (!may_be_told(record->kind))
		return 0;
	row = json_text_parse(record->payload, record->length, 0);
	if (!row)
		return errno == ENOMEM ? -ENOMEM : 0;
	type = json_is_object(row) ? type_of(record->kind, &row) : EVENT_NONE;
	if (type == EVENT_NONE) {
		json_decref(row);
		return 0;
	}
	*event = event_make(type, &record->id, &record->entity,
			    record->created_us, node_id, row);
	return *event ? 1 : -ENOMEM;
}

int event_from_dead_letter(struct record **event, const struct record *letter,
			   const char *node_id)
{
	json_t *wrapped = json_text_parse(letter->payload, letter->length,
					  JSON_ALLOW_NUL);
	const char *reason =
		json_string_value(json_object_get(wrapped, "reason"));
	const char *sqlstate =
		json_string_value(json_object_get(wrapped, "sqlstate"));
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE], died[CLOCK_ISO_SIZE];
	struct uuid death;

	if (!wrapped && errno == ENOMEM)
		return -ENOMEM;
	uuid_format(&letter->id, id);
	uuid_format(&letter->entity, entity);
	/* One that was retried may die again. */
	clock_format_iso(letter->created_us, died);
	uuid_derive(&death, &letter->id, died);
	/* What the database said may hold what nobody else should read. */
	*event = event_make(EVENT_DEAD_LETTER, &death, &letter->entity,
			    letter->created_us, node_id,
			    json_pack("{s:s, s:s, s:s, s:I, s:s?, s:s?}",
				      "record_id", id, "kind",
				      record_kind_name(letter->kind), "entity",
				      entity, "rev", (json_int_t)letter->rev,
				      "reason", reason, "sqlstate",
				      sqlstate && *sqlstate ? sqlstate : NULL));
	json_decref(wrapped);
	return *event ? 1 : -ENOMEM;
}
