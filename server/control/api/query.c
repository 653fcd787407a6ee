/* query.c - what a list is asked for (see query.h) */
#include "server/control/api/query.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/uuid.h"

#define WHY_SIZE 200

_Static_assert(CLOCK_ISO_SIZE <= QUERY_TEXT_MAX, "a time fits");
_Static_assert(UUID_TEXT_SIZE <= QUERY_TEXT_MAX, "an id fits");

/* ---- one value: false, and why, if it is none ------------------------------
 */

static bool read_text(struct query_value *value, const char *text,
		      char why[WHY_SIZE])
{
	size_t length = strlen(text);
	json_t *string = json_string(text); /* NULL: not UTF-8 */

	json_decref(string);
	if (length == 0 || length >= QUERY_TEXT_MAX || !string) {
		(void)snprintf(why, WHY_SIZE, "needs 1 to %d bytes of UTF-8",
			       QUERY_TEXT_MAX - 1);
		return false;
	}
	memcpy(value->text, text, length + 1);
	return true;
}

static bool read_word(struct query_value *value, const char *text,
		      const char *const *words, char why[WHY_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return read_text(value, text, why);
	used = (size_t)snprintf(why, WHY_SIZE, "is one of");
	for (size_t i = 0; words[i] && used < WHY_SIZE; i++)
		used += (size_t)snprintf(why + used, WHY_SIZE - used, "%s %s",
					 i > 0 ? "," : "", words[i]);
	return false;
}

static bool read_time(struct query_value *value, const char *text,
		      char why[WHY_SIZE])
{
	int64_t us;

	if (clock_parse_rfc3339(text, &us) == 0) {
		clock_format_iso(us, value->text);
		return true;
	}
	(void)snprintf(why, WHY_SIZE,
		       "needs a time such as 2026-11-23 or "
		       "2026-11-23T06:17:00Z");
	return false;
}

static bool read_id(struct query_value *value, const char *text,
		    char why[WHY_SIZE])
{
	struct uuid id;

	if (uuid_parse(text, &id)) {
		uuid_format(&id, value->text);
		return true;
	}
	(void)snprintf(why, WHY_SIZE, "needs a UUID");
	return false;
}

static bool read_count(struct query_value *value, const char *text,
		       char why[WHY_SIZE])
{
	size_t length = strlen(text);
	unsigned long n = 0;

	if (length > 0 && length < 5 && strspn(text, "0123456789") == length)
		n = strtoul(text, NULL, 10);
	if (n >= 1 && n <= QUERY_LIMIT_MAX)
		return read_text(value, text, why);
	(void)snprintf(why, WHY_SIZE, "needs a number from 1 to %u",
		       QUERY_LIMIT_MAX);
	return false;
}

static bool read_value(const struct query_parameter *parameter,
		       struct query_value *value, const char *text,
		       char why[WHY_SIZE])
{
	switch (parameter->type) {
	case QUERY_WORD: return read_word(value, text, parameter->words, why);
	case QUERY_TIME: return read_time(value, text, why);
	case QUERY_ID: return read_id(value, text, why);
	case QUERY_COUNT: return read_count(value, text, why);
	case QUERY_TEXT: break;
	}
	return read_text(value, text, why);
}

/* ---- all of them ----------------------------------------------------------
 */

static const struct query_parameter *
find(const struct query_parameter *parameters, size_t count, const char *piece)
{
	size_t length = strcspn(piece, "=");

	for (size_t i = 0; i < count; i++)
		if (strlen(parameters[i].name) == length &&
		    strncmp(parameters[i].name, piece, length) == 0)
			return &parameters[i];
	return NULL;
}

static bool complain(struct http_response *response, const char *piece,
		     const char *why)
{
	char detail[WHY_SIZE + 64];

	(void)snprintf(detail, sizeof(detail), "%.*s: %s",
		       (int)strnlen(piece, 40), piece, why);
	http_reply_error(response, 400, detail);
	return false;
}

static bool complain_unknown(struct http_response *response,
			     const struct query_parameter *parameters,
			     size_t count)
{
	char why[WHY_SIZE] = "no such parameter; there are";
	size_t used = strlen(why);

	for (size_t i = 0; i < count && used < sizeof(why); i++)
		used += (size_t)snprintf(why + used, sizeof(why) - used,
					 "%s %s", i > 0 ? "," : "",
					 parameters[i].name);
	return complain(response, "query", why);
}

bool query_read(const struct http_request *request,
		const struct query_parameter *parameters, size_t count,
		struct query_value *values, struct http_response *response)
{
	const char *piece = request->query;
	char why[WHY_SIZE];

	for (size_t i = 0; i < count; i++) {
		values[i].given = false;
		values[i].text[0] = '\0';
	}
	for (; piece && *piece; piece += strlen(piece) + 1) {
		const struct query_parameter *parameter =
			find(parameters, count, piece);
		const char *text = piece + strcspn(piece, "=");
		struct query_value *value;

		if (!parameter)
			return complain_unknown(response, parameters, count);
		value = &values[parameter - parameters];
		if (value->given)
			return complain(response, parameter->name,
					"was given twice");
		if (!read_value(parameter, value, text + (*text == '='), why))
			return complain(response, parameter->name, why);
		value->given = true;
	}
	return true;
}

const char *query_text(const struct query_value *value)
{
	return value->given ? value->text : NULL;
}

unsigned query_limit(const struct query_value *value)
{
	return value->given ? (unsigned)strtoul(value->text, NULL, 10)
			    : QUERY_LIMIT_DEFAULT;
}

json_t *query_end_page(json_t *rows, unsigned limit, const char *key)
{
	json_t *next;

	if (json_array_size(rows) <= limit)
		return json_null();
	json_array_remove(rows, json_array_size(rows) - 1);
	next = json_object_get(json_array_get(rows, limit - 1), key);
	return next ? json_incref(next) : json_null();
}

void query_reply_page(struct http_response *response, const char *name,
		      json_t *rows, unsigned limit, const char *key)
{
	json_t *next = query_end_page(rows, limit, key);

	http_reply_json(
		response, 200,
		json_pack("{s:o, s:o}", name, rows, "next_cursor", next));
}
