/*
 * frame_fuzz.c - the scanner gives what the JSON library gives, or nothing
 *
 * The same message goes to frame_scan() and to jansson. Whenever the scanner
 * answers and every opaque value decodes, each of its values must be the one
 * that jansson has, with the same type, and no key may be missing.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/base64.h"
#include "media/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENT, SEQ, STREAM, TRACK, CHUNK, STAMP, PAYLOAD };
static const struct frame_key key_list[] = {
	FRAME_KEY("event", EVENT, false, false),
	FRAME_KEY("sequenceNumber", SEQ, false, false),
	FRAME_KEY("streamSid", STREAM, false, false),
	FRAME_KEY("track", TRACK, true, false),
	FRAME_KEY("chunk", CHUNK, true, false),
	FRAME_KEY("timestamp", STAMP, true, false),
	FRAME_KEY("payload", PAYLOAD, true, true),
};
static const struct frame_keys keys = { "media", key_list, 7, NULL };

static void fail(const char *what, const char *message, size_t size)
{
	(void)fprintf(stderr, "%s: %.*s\n", what, (int)size, message);
	abort();
}

static int same(const struct frame_value *value, const json_t *member)
{
	char digits[24];

	if (!value->text)
		return member == NULL;
	if (!value->number)
		return json_is_string(member) &&
		       json_string_length(member) == value->length &&
		       memcmp(json_string_value(member), value->text,
			      value->length) == 0;
	(void)snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT,
		       json_integer_value(member));
	return json_is_integer(member) && strlen(digits) == value->length &&
	       memcmp(digits, value->text, value->length) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *message = (const char *)data;
	struct frame_value values[FRAME_SLOTS];
	const json_t *inner;
	uint8_t *audio;
	json_t *doc;
	ssize_t decoded;

	if (!frame_scan(message, size, &keys, values))
		return 0;
	if (values[PAYLOAD].text && !values[PAYLOAD].number) {
		audio = malloc(BASE64_DECODED_MAX(values[PAYLOAD].length));
		decoded = base64_decode(values[PAYLOAD].text,
					values[PAYLOAD].length, audio);
		free(audio);
		if (decoded < 0)
			return 0; /* the library is asked */
	}
	doc = json_loadb(message, size, 0, NULL);
	if (!doc)
		fail("jansson refuses", message, size);
	inner = json_object_get(doc, keys.object);
	for (size_t i = 0; i < keys.count; i++)
		if (!same(&values[key_list[i].slot],
			  json_object_get(key_list[i].inner ? inner : doc,
					  key_list[i].name)))
			fail(key_list[i].name, message, size);
	json_decref(doc);
	return 0;
}
