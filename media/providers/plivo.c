/*
 * plivo.c - Plivo audio streaming
 *
 * plivo.com/docs/voice/audio-streaming. There is no `connected` and, in their
 * documents, no `stop`; a checkpoint that clearAudio threw away never comes
 * back. Stamps are the time of day in some documents and the stream's in
 * others: not used. L16 is taken for little-endian, as their own code does.
 *
 *   in:  start, media, dtmf, playedStream, clearedAudio; stop, if it comes
 *   out: playAudio, checkpoint, clearAudio, sendDTMF
 */
#include <stdio.h>
#include <string.h>

#include "media/codec.h"
#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

#define HEADER_MAX 512u /* bytes of all extra headers; theirs is the same */

static const struct frame_key media_keys[] = {
	FRAME_KEY("sequenceNumber", SLOT_SEQ, false, false),
	FRAME_KEY("streamId", SLOT_STREAM, false, false),
	FRAME_KEY("event", SLOT_EVENT, false, false),
	FRAME_KEY("track", SLOT_TRACK, true, false),
	FRAME_KEY("timestamp", SLOT_TIMESTAMP, true, false),
	FRAME_KEY("chunk", SLOT_CHUNK, true, false),
	FRAME_KEY("payload", SLOT_PAYLOAD, true, true),
};
static const struct json_encoding encodings[] = {
	{ "audio/x-l16", "L16", 24000 },
	{ "audio/x-mulaw", "PCMU", 8000 },
};
static const struct json_start start = {
	.stream = "streamId",
	.account = "accountId",
	.call = "callId",
	.format = "mediaFormat",
	.rate = "sampleRate",
	.encodings = encodings,
	.encoding_count = sizeof(encodings) / sizeof(encodings[0]),
};

/* ---- extra_headers ---------------------------------------------------------
 */

/* Without the blanks and quotes around it. */
static json_t *trimmed(const char *text, size_t length)
{
	while (length > 0 && strchr(" \"'", text[length - 1]))
		length--;
	while (length > 0 && strchr(" \"'", *text)) {
		text++;
		length--;
	}
	return json_stringn(text, length);
}

/* "name: value" or "name=value". False: no memory. */
static bool add_header(json_t *headers, const char *text, size_t length)
{
	size_t name = 0;
	json_t *key;
	int r = 0;

	while (name < length && text[name] != ':' && text[name] != '=')
		name++;
	key = trimmed(text, name);
	if (key && name < length && json_string_length(key) > 0)
		r = json_object_set_new(
			headers, json_string_value(key),
			trimmed(text + name + 1, length - name - 1));
	json_decref(key);
	return key && r == 0;
}

/* One string, seen as {"a":"1"}, as {X-PH-a: 1, X-PH-b: 2} and as a=1;b=2.
 * NULL: no memory. */
static json_t *read_headers(const char *text)
{
	json_t *headers = json_loads(text, 0, NULL);

	if (json_is_object(headers))
		return headers;
	json_decref(headers);
	headers = json_object();
	text += strspn(text, "{ ");
	while (headers && *text) {
		size_t length = strcspn(text, ",;}");

		if (length > 0 && !add_header(headers, text, length)) {
			json_decref(headers);
			return NULL;
		}
		text += length;
		text += strspn(text, ",;} ");
	}
	return headers;
}

static void parse_start(const struct json_dialect *of, struct event *event)
{
	struct text text = json_member(event->doc, "extra_headers");
	json_t *headers;

	json_parse_start(of, event);
	if (event->kind != EVENT_START || !text.at || text.length > HEADER_MAX)
		return;
	headers = read_headers(text.at);
	/* The document owns it from here on, and `text` is gone. */
	if (headers && json_object_size(headers) > 0 &&
	    json_object_set(event->doc, "extra_headers", headers) == 0)
		event->start.custom = headers;
	json_decref(headers);
}

/* ---- the other messages ----------------------------------------------------
 */

static void parse_played(const struct json_dialect *of, struct event *event)
{
	(void)of;
	event->kind = EVENT_MARK;
	event->mark = json_member(event->doc, "name");
	if (!event->mark.at)
		event_bad(event, CLOSE_PROTOCOL, "playedStream has no name");
}

static const struct json_event events[] = {
	{ "start", parse_start },	  { "dtmf", json_parse_dtmf },
	{ "playedStream", parse_played }, { "clearedAudio", NULL },
	{ "stop", json_parse_stop },	  { "connected", NULL },
};
static const struct json_dialect dialect = {
	.media = { .object = "media",
		   .keys = media_keys,
		   .count = sizeof(media_keys) / sizeof(media_keys[0]) },
	.seq = "sequenceNumber",
	.stream = "streamId",
	.stamps_are_opaque = true,
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

static size_t build_media(char *at, size_t room, const struct audio_out *audio)
{
	struct json_out out = json_out_begin(at, room);
	bool linear = strcmp(audio->codec->name, "L16") == 0;
	char head[112];

	(void)snprintf(head, sizeof(head),
		       "{\"event\":\"playAudio\",\"media\":{\"contentType\":"
		       "\"audio/x-%s\",\"sampleRate\":%u,\"payload\":\"",
		       linear ? "l16" : "mulaw", audio->rate_hz);
	json_out_form(&out, head, NULL);
	json_out_base64(&out, audio->at, audio->bytes);
	json_out_form(&out, "\"}}", NULL);
	return json_out_end(&out);
}

static size_t build_mark(char *at, size_t room, struct dialog *dialog,
			 const char *name)
{
	return json_out_message(at, room,
				"{\"event\":\"checkpoint\","
				"\"streamId\":\"$\",\"name\":\"$\"}",
				TEXTS(dialog->stream_id, name));
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	return json_out_message(at, room,
				"{\"event\":\"clearAudio\",\"streamId\":\"$\"}",
				&dialog->stream_id);
}

static size_t build_dtmf(char *at, size_t room, struct dialog *dialog,
			 char digit)
{
	const char text[2] = { digit, '\0' };

	(void)dialog;
	return json_out_message(at, room,
				"{\"event\":\"sendDTMF\",\"dtmf\":\"$\"}",
				TEXTS(text));
}

static bool opens(const struct opening *opening)
{
	const json_t *body = json_object_get(opening->doc, "start");

	return json_says(opening->doc, "event", "start") &&
	       json_object_get(body, "streamId");
}

const struct provider provider_plivo = {
	.name = "plivo",
	.handshake_header = "x-plivo-signature-v3:",
	.opens = opens,
	.max_message = JSON_MESSAGE_MAX,
	.parse = parse,
	.build_media = build_media,
	.build_mark = build_mark,
	.build_clear = build_clear,
	.build_dtmf = build_dtmf,
	.clear_loses_marks = true,
};
