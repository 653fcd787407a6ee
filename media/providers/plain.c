/*
 * plain.c - our own dialect, for those who have none (docs/plain-dialect.md)
 *
 * Twilio's manners with names that say what they mean, and samples as binary
 * messages; who finds base64 easier may send it.
 *
 *   in:  start, samples or media, dtmf, mark, stop
 *   out: samples, mark, clear, dtmf
 */
#include <string.h>

#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

static const struct frame_key media_keys[] = {
	FRAME_KEY("event", SLOT_EVENT, false, false),
	FRAME_KEY("seq", SLOT_SEQ, false, false),
	FRAME_KEY("stream", SLOT_STREAM, false, false),
	FRAME_KEY("track", SLOT_TRACK, true, false),
	FRAME_KEY("chunk", SLOT_CHUNK, true, false),
	FRAME_KEY("timestamp", SLOT_TIMESTAMP, true, false),
	FRAME_KEY("payload", SLOT_PAYLOAD, true, true),
};
static const struct json_encoding encodings[] = {
	{ "PCMU", "PCMU", 8000 },  { "PCMA", "PCMA", 8000 },
	{ "L16", "L16", 48000 },   { "G722", "G722", 16000 },
	{ "OPUS", "OPUS", 48000 },
};
static const struct json_start start = {
	.stream = "stream",
	.account = "account",
	.call = "call",
	.from = "from",
	.to = "to",
	.custom = "custom",
	.format = "format",
	.rate = "rate",
	.encodings = encodings,
	.encoding_count = sizeof(encodings) / sizeof(encodings[0]),
};
static const struct json_event events[] = {
	{ "start", json_parse_start },
	{ "dtmf", json_parse_dtmf },
	{ "mark", json_parse_mark },
	{ "stop", json_parse_stop },
};
static const struct json_dialect dialect = {
	.media = { .object = "media",
		   .keys = media_keys,
		   .count = sizeof(media_keys) / sizeof(media_keys[0]) },
	.seq = "seq",
	.stream = "stream",
	.start = &start,
	.events = events,
	.event_count = sizeof(events) / sizeof(events[0]),
};

static void parse(const char *message, size_t length, struct dialog *dialog,
		  struct event *event)
{
	json_dialect_parse(&dialect, message, length, dialog, event);
}

/* ---- out -------------------------------------------------------------------
 */

static size_t build_mark(char *at, size_t room, struct dialog *dialog,
			 const char *name)
{
	(void)dialog;
	return json_out_message(at, room,
				"{\"event\":\"mark\","
				"\"mark\":{\"name\":\"$\"}}",
				&name);
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	(void)dialog;
	return json_out_message(at, room, "{\"event\":\"clear\"}", NULL);
}

static size_t build_dtmf(char *at, size_t room, struct dialog *dialog,
			 char digit)
{
	const char text[2] = { digit, '\0' };

	(void)dialog;
	return json_out_message(at, room,
				"{\"event\":\"dtmf\","
				"\"dtmf\":{\"digit\":\"$\"}}",
				TEXTS(text));
}

static bool opens(const struct opening *opening)
{
	const json_t *body = json_object_get(opening->doc, "start");

	return json_says(opening->doc, "event", "start") &&
	       json_object_get(body, "stream");
}

const struct provider provider_plain = {
	.name = "plain",
	.opens = opens,
	.max_message = JSON_MESSAGE_MAX,
	.binary_in = true,
	.binary_out = true,
	.parse = parse,
	.build_media = build_samples,
	.build_mark = build_mark,
	.build_clear = build_clear,
	.build_dtmf = build_dtmf,
};
