/*
 * estate.c - what a journal has opened and not closed (see estate.h)
 *
 * A hash table with open addressing: a record lies in the first free slot from
 * where its entity hashes to. Removing one moves those behind it back into the
 * hole, so that there are no tombstones and the table may live for ever. It is
 * at most half full, and doubles.
 */
#include "persistence/estate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/json_text.h"
#include "persistence/record.h"
#include "server/clock.h"

#define SLOTS_FIRST 64

struct estate {
	struct record **slots; /* owned; NULL: free */
	size_t mask;	       /* how many slots, less one */
	size_t count;
};

int estate_create(struct estate **ret)
{
	struct estate *estate = calloc(1, sizeof(*estate));

	if (!estate)
		return -ENOMEM;
	estate->mask = SLOTS_FIRST - 1;
	estate->slots = calloc(SLOTS_FIRST, sizeof(struct record *));
	if (!estate->slots) {
		free(estate);
		return -ENOMEM;
	}
	*ret = estate;
	return 0;
}

struct estate *estate_destroy(struct estate *estate)
{
	if (!estate)
		return NULL;
	for (size_t i = 0; i <= estate->mask; i++)
		free(estate->slots[i]);
	free(estate->slots);
	free(estate);
	return NULL;
}

/* ---- the table -------------------------------------------------------------
 */

static size_t home_of(const struct estate *estate, const struct uuid *entity)
{
	uint64_t hash;

	memcpy(&hash, entity->bytes + 8, sizeof(hash)); /* the random half */
	hash *= 0x9e3779b97f4a7c15u;
	return (size_t)(hash >> 32) & estate->mask;
}

/* Where the entity is, or the free slot where it would go. */
static size_t find(const struct estate *estate, const struct uuid *entity)
{
	size_t i = home_of(estate, entity);

	while (estate->slots[i] &&
	       !uuid_equal(&estate->slots[i]->entity, entity))
		i = (i + 1) & estate->mask;
	return i;
}

static int grow(struct estate *estate)
{
	struct estate larger = { .mask = estate->mask * 2 + 1,
				 .count = estate->count };

	larger.slots = calloc(larger.mask + 1, sizeof(struct record *));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i <= estate->mask; i++) {
		struct record *record = estate->slots[i];

		if (record)
			larger.slots[find(&larger, &record->entity)] = record;
	}
	free(estate->slots);
	*estate = larger;
	return 0;
}

static void forget(struct estate *estate, size_t hole)
{
	size_t i = hole;

	free(estate->slots[hole]);
	estate->count--;
	for (;;) {
		size_t home;

		i = (i + 1) & estate->mask;
		if (!estate->slots[i])
			break;
		home = home_of(estate, &estate->slots[i]->entity);
		/* It may move into the hole unless that lies before its home
		 * (all counted around the circle). */
		if (((i - home) & estate->mask) < ((i - hole) & estate->mask))
			continue;
		estate->slots[hole] = estate->slots[i];
		hole = i;
	}
	estate->slots[hole] = NULL;
}

static int remember(struct estate *estate, const struct record *record)
{
	struct record *copy;
	size_t i;

	if (estate->count > estate->mask / 2 && grow(estate) < 0)
		return -ENOMEM;
	copy = record_create(record->kind, &record->id, &record->entity,
			     record->rev, record->created_us, record->payload,
			     record->length);
	if (!copy)
		return -ENOMEM;
	i = find(estate, &record->entity);
	estate->count += estate->slots[i] == NULL;
	free(estate->slots[i]);
	estate->slots[i] = copy;
	return 0;
}

int estate_note(struct estate *estate, const struct record *record)
{
	bool opens = record_opens(record->kind);
	const struct record *known;
	size_t i;

	if (!opens && !record_closes(record->kind))
		return 0;
	i = find(estate, &record->entity);
	known = estate->slots[i];
	if (known && known->rev > record->rev)
		return 0;
	if (opens)
		return remember(estate, record);
	if (known)
		forget(estate, i);
	return 0;
}

size_t estate_count(const struct estate *estate)
{
	return estate->count;
}

const struct record *estate_next(const struct estate *estate, size_t *cursor)
{
	while (*cursor <= estate->mask) {
		const struct record *record = estate->slots[(*cursor)++];

		if (record)
			return record;
	}
	return NULL;
}

/* ---- the heir --------------------------------------------------------------
 */

/* The row as last known. What cannot be read must not stay open for ever
 * either: then it is at least the call's id. NULL: no memory. */
static json_t *row_of(const struct record *open)
{
	json_t *row = json_text_parse(open->payload, open->length, 0);
	char id[UUID_TEXT_SIZE];

	if (json_is_object(row))
		return row;
	if (!row && errno == ENOMEM)
		return NULL;
	json_decref(row);
	uuid_format(&open->entity, id);
	return json_pack("{s:s}", "call_id", id);
}

static int end_row(json_t *row, int64_t last_us, uint32_t rev)
{
	const char *started =
		json_string_value(json_object_get(row, "started_at"));
	int64_t started_us, lasted_us = 0;
	char at[CLOCK_ISO_SIZE];
	json_t *end;
	int r;

	/* A clock that was set back must not give a negative duration. */
	if (started && clock_parse_iso(started, &started_us) == 0) {
		if (last_us < started_us)
			last_us = started_us;
		lasted_us = last_us - started_us;
	}
	clock_format_iso(last_us, at);
	end = json_pack("{s:s, s:s, s:s, s:I, s:I}", "state", "ended",
			"end_reason", "interrupted", "ended_at", at,
			"duration_ms", (json_int_t)(lasted_us / 1000), "rev",
			(json_int_t)rev);
	r = end ? json_object_update(row, end) : -1;
	json_decref(end);
	return r;
}

struct record *estate_settle(const struct record *open, int64_t last_us)
{
	json_auto_t *row = row_of(open);
	struct record *final;
	struct uuid id;
	char *payload;

	if (!row || end_row(row, last_us, open->rev + 1) < 0)
		return NULL;
	payload = json_text_print(row, JSON_COMPACT);
	if (!payload)
		return NULL;
	uuid_derive(&id, &open->entity, "interrupted");
	final = record_create(RECORD_CALL_ENDED, &id, &open->entity,
			      open->rev + 1, last_us, payload, strlen(payload));
	free(payload);
	return final;
}
