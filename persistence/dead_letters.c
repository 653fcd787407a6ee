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
	if (json_object_set_new(letter, key, whole) == 0) /* takes it anyhow */
		return letter;
	json_decref(letter);
	return NULL;
}

struct record *dead_letter_wrap(const struct record *record,
				const struct db_error *err)
{
	json_t *letter = describe(record, err);
	char *text = letter ? json_text_print(letter, JSON_COMPACT) : NULL;
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

/* The letter has the record's id, kind, entity and rev. */
static struct record *same_with(const struct record *letter, int64_t created_us,
				const char *payload, size_t length)
{
	errno = ENOMEM;
	if (payload && length <= RECORD_PAYLOAD_MAX)
		return record_create(letter->kind, &letter->id, &letter->entity,
				     letter->rev, created_us, payload, length);
	errno = EBADMSG;
	return NULL;
}

/* The payload need not be an object: it was refused, after all. */
static struct record *from_json(const struct record *letter,
				const json_t *whole)
{
	const char *created =
		json_string_value(json_object_get(whole, "created_at"));
	const json_t *payload = json_object_get(whole, "payload");
	char *text = payload ? json_text_print(payload, JSON_COMPACT) : NULL;
	int64_t created_us = letter->created_us;
	struct record *out;

	if (payload && !text) {
		errno = ENOMEM;
		return NULL;
	}
	if (created)
		(void)clock_parse_iso(created, &created_us);
	out = same_with(letter, created_us, text, text ? strlen(text) : 0);
	free(text);
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
		out = same_with(letter, letter->created_us, letter->payload,
				letter->length);
	else if (whole)
		out = from_json(letter, whole);
	else
		out = same_with(letter, letter->created_us,
				json_string_value(text),
				json_string_length(text));
	json_decref(json);
	return out;
}
