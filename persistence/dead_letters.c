/* dead_letters.c - wraps what the database refuses (see dead_letters.h) */
#include "persistence/dead_letters.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/json_text.h"
#include "persistence/record.h"
#include "server/clock.h"

static json_t *describe(const struct record *record, const struct db_error *err)
{
	char *line = record_to_json(record);
	json_t *whole =
		line ? json_text_parse(line, strlen(line), JSON_ALLOW_NUL)
		     : NULL;
	const char *key = whole ? "record" : "record_text";
	json_t *letter;

	free(line);
	if (!whole)
		whole = json_stringn(record->payload, record->length);
	letter = json_pack("{s:s, s:s, s:s}", "reason", err->reason, "sqlstate",
			   err->sqlstate, "error", err->text);
	if (!letter || json_object_set_new(letter, key, whole) < 0) {
		json_decref(letter);
		return NULL;
	}
	return letter;
}

struct record *dead_letter_wrap(const struct record *record,
				const struct db_error *err)
{
	json_t *letter = describe(record, err);
	char *text = letter ? json_dumps(letter, JSON_COMPACT) : NULL;
	size_t length = text ? strlen(text) : 0;
	bool fits = length > 0 && length <= (size_t)RECORD_PAYLOAD_MAX;
	struct record *copy;

	copy = record_create(record->kind, &record->id, &record->entity,
			     record->rev, clock_wall_us(),
			     fits ? text : record->payload,
			     fits ? length : record->length);
	free(text);
	json_decref(letter);
	return copy;
}

static struct record *same_with(const struct record *letter,
				const char *payload, size_t length)
{
	return record_create(letter->kind, &letter->id, &letter->entity,
			     letter->rev, letter->created_us, payload, length);
}

static struct record *from_json(const json_t *record)
{
	char *line = json_dumps(record, JSON_COMPACT);
	const char *reason;
	struct record *out =
		line ? record_from_json(line, strlen(line), &reason) : NULL;

	free(line);
	return out;
}

struct record *dead_letter_unwrap(const struct record *letter)
{
	json_t *json = json_text_parse(letter->payload, letter->length,
				       JSON_ALLOW_NUL);
	const json_t *whole = json_object_get(json, "record");
	const json_t *text = json_object_get(json, "record_text");
	struct record *out;

	if (!json && errno == ENOMEM)
		return NULL;
	if (!json_object_get(json, "reason") || !(whole || text))
		out = same_with(letter, letter->payload, letter->length);
	else if (whole)
		out = from_json(whole);
	else
		out = same_with(letter, json_string_value(text),
				json_string_length(text));
	json_decref(json);
	return out;
}
