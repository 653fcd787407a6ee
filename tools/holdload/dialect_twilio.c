/*
 * dialect_twilio.c - Twilio Media Streams, as Twilio speaks them (dialect.h)
 *
 * twilio.com/docs/voice/media-streams/websocket-messages
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialect.h"

static size_t fits(int n, size_t room)
{
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static size_t connected(char *out, size_t room)
{
	return fits(snprintf(out, room,
			     "{\"event\":\"connected\",\"protocol\":\"Call\","
			     "\"version\":\"1.0.0\"}"),
		    room);
}

static size_t start(char *out, size_t room, const struct dialect_ids *ids,
		    const struct dialect_parameter *parameters,
		    size_t parameter_count, uint64_t seq)
{
	json_auto_t *custom = json_object();
	char *text;
	size_t length;

	for (size_t i = 0; i < parameter_count; i++)
		(void)json_object_set_new(custom, parameters[i].name,
					  json_string(parameters[i].value));
	text = json_dumps(custom, JSON_COMPACT);
	if (!text)
		return 0;
	length = fits(
		snprintf(
			out, room,
			"{\"event\":\"start\",\"sequenceNumber\":\"%llu\","
			"\"start\":{\"accountSid\":\"%s\",\"streamSid\":\"%s\","
			"\"callSid\":\"%s\",\"tracks\":[\"inbound\"],"
			"\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","
			"\"sampleRate\":8000,\"channels\":1},"
			"\"customParameters\":%s},\"streamSid\":\"%s\"}",
			(unsigned long long)seq, ids->account, ids->stream,
			ids->call, text, ids->stream),
		room);
	free(text);
	return length;
}

/* Fifty times a second and call: no printf. */
struct out {
	char *at;
};

static void put(struct out *out, const char *text, size_t length)
{
	memcpy(out->at, text, length);
	out->at += length;
}
#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)

static void put_number(struct out *out, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	put(out, digits + at, sizeof(digits) - at);
}

static size_t media(char *out, size_t room, const struct dialect_ids *ids,
		    const char *payload, size_t length, uint64_t seq,
		    uint64_t chunk, uint64_t timestamp_ms)
{
	struct out o = { out };

	if (room < length + 256)
		return 0;
	PUT(&o, "{\"event\":\"media\",\"sequenceNumber\":\"");
	put_number(&o, seq);
	PUT(&o, "\",\"media\":{\"track\":\"inbound\",\"chunk\":\"");
	put_number(&o, chunk);
	PUT(&o, "\",\"timestamp\":\"");
	put_number(&o, timestamp_ms);
	PUT(&o, "\",\"payload\":\"");
	put(&o, payload, length);
	PUT(&o, "\"},\"streamSid\":\"");
	put(&o, ids->stream, strlen(ids->stream));
	PUT(&o, "\"}");
	return (size_t)(o.at - out);
}

static size_t dtmf(char *out, size_t room, const struct dialect_ids *ids,
		   char digit, uint64_t seq)
{
	return fits(snprintf(out, room,
			     "{\"event\":\"dtmf\",\"streamSid\":\"%s\","
			     "\"sequenceNumber\":\"%llu\",\"dtmf\":{\"track\":"
			     "\"inbound_track\",\"digit\":\"%c\"}}",
			     ids->stream, (unsigned long long)seq, digit),
		    room);
}

static size_t mark(char *out, size_t room, const struct dialect_ids *ids,
		   const char *name, size_t length, uint64_t seq)
{
	return fits(
		snprintf(out, room,
			 "{\"event\":\"mark\",\"sequenceNumber\":\"%llu\","
			 "\"streamSid\":\"%s\",\"mark\":{\"name\":\"%.*s\"}}",
			 (unsigned long long)seq, ids->stream, (int)length,
			 name),
		room);
}

static size_t stop(char *out, size_t room, const struct dialect_ids *ids,
		   uint64_t seq)
{
	return fits(snprintf(out, room,
			     "{\"event\":\"stop\",\"sequenceNumber\":\"%llu\","
			     "\"stop\":{\"accountSid\":\"%s\",\"callSid\":"
			     "\"%s\"},\"streamSid\":\"%s\"}",
			     (unsigned long long)seq, ids->account, ids->call,
			     ids->stream),
		    room);
}

/* ---- what the server says --------------------------------------------------
 */

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end &&
	       (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* The end of the string that begins at `at`: its quote, or NULL. */
static const char *end_of_string(const char *at, const char *end)
{
	for (; at < end && *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at < end ? at : NULL;
}

/* The string value of the key, as it stands there, escapes and all, so that it
 * can be put back into JSON. `key` comes with its quotes. */
static struct heard value_of(const char *message, size_t length,
			     const char *key, enum heard_kind kind)
{
	const char *at = message, *end = message + length, *close;

	while ((at = memmem(at, (size_t)(end - at), key, strlen(key)))) {
		at = skip_blanks(at + strlen(key), end);
		if (at == end || *at != ':')
			continue; /* a value that looks like the key */
		at = skip_blanks(at + 1, end);
		if (at == end || *at != '"')
			continue;
		close = end_of_string(at + 1, end);
		if (!close)
			break;
		return (struct heard){ kind, at + 1, (size_t)(close - at - 1) };
	}
	return (struct heard){ .kind = HEARD_GARBAGE };
}

static int is(const struct heard *event, const char *name)
{
	return event->length == strlen(name) &&
	       memcmp(event->text, name, event->length) == 0;
}

static struct heard hear(const char *message, size_t length,
			 const struct dialect_ids *ids)
{
	struct heard event =
		value_of(message, length, "\"event\"", HEARD_NOTHING);
	struct heard stream =
		value_of(message, length, "\"streamSid\"", HEARD_NOTHING);

	/* Twilio ignores, with a warning, what is not for this stream. */
	if (event.kind == HEARD_GARBAGE || stream.kind == HEARD_GARBAGE ||
	    !is(&stream, ids->stream))
		return (struct heard){ .kind = HEARD_GARBAGE };
	if (is(&event, "media"))
		return value_of(message, length, "\"payload\"", HEARD_MEDIA);
	if (is(&event, "mark"))
		return value_of(message, length, "\"name\"", HEARD_MARK);
	if (is(&event, "clear"))
		return (struct heard){ .kind = HEARD_CLEAR };
	return (struct heard){ .kind = HEARD_GARBAGE };
}

const struct dialect dialect_twilio = {
	.name = "twilio",
	.connected = connected,
	.start = start,
	.media = media,
	.dtmf = dtmf,
	.mark = mark,
	.stop = stop,
	.hear = hear,
};

const struct dialect *dialect_find(const char *name)
{
	static const struct dialect *const dialects[] = { &dialect_twilio };

	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (strcmp(dialects[i]->name, name) == 0)
			return dialects[i];
	return NULL;
}
