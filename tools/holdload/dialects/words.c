/* words.c - writing and reading the dialects' messages (see words.h) */
#include "tools/holdload/dialects/words.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- writing ---------------------------------------------------------------
 */

void words_add(struct words_out *out, const char *text, size_t length)
{
	if (length == 0)
		return;
	if (out->full || length > out->room) {
		out->full = true;
		return;
	}
	memcpy(out->at, text, length);
	out->at += length;
	out->room -= length;
}

void words_add_number(struct words_out *out, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	words_add(out, digits + at, sizeof(digits) - at);
}

size_t words_put(char *out, size_t room, const char *form,
		 const struct word *words)
{
	struct words_out o = { .at = out, .room = room };
	const char *dollar;

	for (; (dollar = strchr(form, '$')); form = dollar + 1, words++) {
		words_add(&o, form, (size_t)(dollar - form));
		if (words->text)
			words_add(&o, words->text, words->length);
		else
			words_add_number(&o, words->number);
	}
	words_add(&o, form, strlen(form));
	return o.full ? 0 : (size_t)(o.at - out);
}

char *words_escape(const char *text)
{
	json_auto_t *string = json_string(text);
	char *escaped = json_dumps(string, JSON_ENCODE_ANY | JSON_COMPACT);
	size_t length = escaped ? strlen(escaped) : 0;

	if (length < 2)
		return escaped;
	memmove(escaped, escaped + 1, length - 2); /* the quotes */
	escaped[length - 2] = '\0';
	return escaped;
}

char *words_custom(const struct talk *talk)
{
	json_auto_t *custom = json_object();

	for (size_t i = 0; i < talk->parameter_count; i++)
		if (json_object_set_new(
			    custom, talk->parameters[i].name,
			    json_string(talk->parameters[i].value)) < 0)
			return NULL;
	return json_dumps(custom, JSON_COMPACT);
}

char *words_custom_members(const struct talk *talk)
{
	char *object = words_custom(talk);
	size_t length = object ? strlen(object) : 0;

	if (!object)
		return NULL;
	object[length - 1] = '\0'; /* the braces */
	object[0] = ',';
	if (length == 2)
		object[0] = '\0';
	return object;
}

void words_time(char out[WORDS_TIME_SIZE], uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char second[24] = "";
	struct tm utc;

	if (gmtime_r(&seconds, &utc))
		(void)strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S",
			       &utc);
	(void)snprintf(out, WORDS_TIME_SIZE, "%s.%03uZ", second,
		       (unsigned)(wall_ms % 1000));
}

/* ---- ids -------------------------------------------------------------------
 */

void ids_put_uuid(char out[40], const uint64_t random[2])
{
	(void)snprintf(out, 40, "%08x-%04x-4%03x-%04x-%012llx",
		       (unsigned)(random[0] >> 32),
		       (unsigned)(random[0] >> 16 & 0xffff),
		       (unsigned)(random[0] & 0xfff),
		       (unsigned)(0x8000 | (random[1] >> 48 & 0x3fff)),
		       (unsigned long long)(random[1] & 0xffffffffffff));
}

void ids_of_uuids(struct dialect_ids *ids, const uint64_t random[6])
{
	ids_put_uuid(ids->account, random);
	ids_put_uuid(ids->call, random + 2);
	ids_put_uuid(ids->stream, random + 4);
}

/* ---- reading ---------------------------------------------------------------
 */

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end &&
	       (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* Is the quote part of the string? An odd number of backslashes says so. */
static bool is_escaped(const char *begin, const char *quote)
{
	const char *at = quote;

	while (at > begin && at[-1] == '\\')
		at--;
	return (quote - at) % 2 != 0;
}

/* The end of the string that begins at `at`: its quote, or NULL. */
static const char *end_of_string(const char *at, const char *end)
{
	const char *quote = at;

	while ((quote = memchr(quote, '"', (size_t)(end - quote)))) {
		if (!is_escaped(at, quote))
			return quote;
		quote++;
	}
	return NULL;
}

/* Where the key's value begins, from `at` on; NULL: there is no such key. */
static const char *value_of(const char *at, const char *end, const char *key)
{
	while ((at = memmem(at, (size_t)(end - at), key, strlen(key)))) {
		at = skip_blanks(at + strlen(key), end);
		if (at == end || *at != ':')
			continue; /* a value that looks like the key */
		return skip_blanks(at + 1, end);
	}
	return NULL;
}

struct heard words_string(const char *message, size_t length, const char *key,
			  enum heard_kind kind)
{
	const char *at = message, *end = message + length, *close;

	while ((at = value_of(at, end, key))) {
		if (at == end || *at != '"')
			continue;
		close = end_of_string(at + 1, end);
		if (!close)
			break;
		return (struct heard){ kind, at + 1, (size_t)(close - at - 1) };
	}
	return words_garbage();
}

bool words_number(const char *message, size_t length, const char *key,
		  uint64_t *number)
{
	const char *end = message + length;
	const char *at = value_of(message, end, key), *digits = at;

	*number = 0;
	for (; at && at < end && *at >= '0' && *at <= '9'; at++)
		*number = *number * 10 + (uint64_t)(*at - '0');
	return at > digits;
}

bool words_is(const struct heard *heard, const char *word)
{
	return heard->text && heard->length == strlen(word) &&
	       memcmp(heard->text, word, heard->length) == 0;
}

struct heard words_garbage(void)
{
	return (struct heard){ .kind = HEARD_GARBAGE };
}

struct heard words_object(const char *message, size_t length, const char *key,
			  enum heard_kind kind)
{
	const char *end = message + length;
	const char *begin = value_of(message, end, key), *at = begin;
	unsigned depth = 0;

	for (; at && at < end; at++) {
		if (*at == '{') {
			depth++;
		} else if (*at == '"') {
			at = end_of_string(at + 1, end);
			if (!at)
				break;
		} else if (*at == '}' && --depth == 0) {
			return (struct heard){ kind, begin,
					       (size_t)(at + 1 - begin) };
		}
		if (depth == 0)
			break; /* something else than an object */
	}
	return words_garbage();
}

bool words_says(const char *message, size_t length, const char *key,
		const char *value)
{
	struct heard said = words_string(message, length, key, HEARD_NOTHING);

	return words_is(&said, value);
}

struct heard words_hear(const char *message, size_t length, const char *by,
			const struct server_word *words, size_t count)
{
	struct heard name = words_string(message, length, by, HEARD_NOTHING);

	for (size_t i = 0; i < count; i++) {
		if (!words_is(&name, words[i].name))
			continue;
		if (!words[i].key)
			return (struct heard){ .kind = words[i].kind };
		return words_string(message, length, words[i].key,
				    words[i].kind);
	}
	return words_garbage();
}
