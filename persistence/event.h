/*
 * event.h - what others are told of: a message, and the fact it stems from
 *
 *   {"version":1,"id":"0199...","type":"call.ended","node_id":"gw-1",
 *    "at":"2026-11-23T06:17:00.123456Z","data":{...}}
 *
 * docs/events.md is the promise about it, docs/event.schema.json its form. An
 * event is kept as a record of the kind RECORD_EVENT whose payload is the
 * message as it is sent, whose entity is what it is about (events of one entity
 * are sent in order), and whose rev is its type. Its id follows from the fact:
 * a fact that is told twice is told under one id.
 *
 * Thread: any.
 */
#ifndef PERSISTENCE_EVENT_H
#define PERSISTENCE_EVENT_H

#include <stdint.h>
#include <jansson.h>

#include "server/event_types.h"
#include "server/uuid.h"

struct record;

#define EVENT_VERSION	       1

#define EVENT_ENUM(name, text) EVENT_##name,
enum event_type {
	EVENT_NONE, /* so that no event has rev 0 */
	EVENT_TYPES(EVENT_ENUM) EVENT_TYPE_COUNT
};
#undef EVENT_ENUM

const char *event_type_name(enum event_type type);
/* EVENT_NONE for a name that is none. */
enum event_type event_type_parse(const char *name);
/* Of an event that may come from a newer version: EVENT_NONE. */
enum event_type event_type_of(const struct record *event);

/* `fact` is the id of what happened, `entity` what it happened to. Takes
 * `data`; of more than a record holds, the long members are left out. NULL: no
 * memory. */
struct record *event_make(enum event_type type, const struct uuid *fact,
			  const struct uuid *entity, int64_t at_us,
			  const char *node_id, json_t *data);

/* What a record of the outbox, or a dead letter, is told as. 1 and *event; 0:
 * nobody is told of it; -ENOMEM. What it says need not be true to its kind:
 * then it is nothing to tell of. */
int event_from_record(struct record **event, const struct record *record,
		      const char *node_id);
int event_from_dead_letter(struct record **event, const struct record *letter,
			   const char *node_id);

#endif
