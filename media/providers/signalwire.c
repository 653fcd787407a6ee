/*
 * signalwire.c - SignalWire's Stream (cXML)
 *
 * developer.signalwire.com, compatibility API, Stream. Twilio's protocol, with
 * ids that are UUIDs, the stream's id in few messages, L16 as well, and digits
 * in both directions. How the bytes of L16 are ordered is not documented; taken
 * for little-endian.
 *
 *   in:  connected, start, media, dtmf, mark, stop
 *   out: media, mark, clear, dtmf (on bidirectional streams)
 */
#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

static const struct frame_key media_keys[] = {
	FRAME_KEY("event", SLOT_EVENT, false, false),
	FRAME_KEY("sequenceNumber", SLOT_SEQ, false, false),
	FRAME_KEY("track", SLOT_TRACK, true, false),
	FRAME_KEY("chunk", SLOT_CHUNK, true, false),
	FRAME_KEY("timestamp", SLOT_TIMESTAMP, true, false),
	FRAME_KEY("payload", SLOT_PAYLOAD, true, true),
	FRAME_KEY("streamSid", SLOT_STREAM, false, false),
};
static const struct json_encoding encodings[] = {
	{ "audio/x-mulaw", "PCMU", 8000 },
	{ "audio/x-L16", "L16", 24000 },
	{ "audio/x-l16", "L16", 24000 },
};
static const struct json_start start = {
	.stream = "streamSid",
	.account = "accountSid",
	.call = "callSid",
	.custom = "customParameters",
	.format = "mediaFormat",
	.rate = "sampleRate",
	.encodings = encodings,
	.encoding_count = sizeof(encodings) / sizeof(encodings[0]),
};
static const struct json_event events[] = {
	{ "connected", NULL },	     { "start", json_parse_start },
	{ "dtmf", json_parse_dtmf }, { "mark", json_parse_mark },
	{ "stop", json_parse_stop },
};
static const struct json_dialect dialect = {
	.media = { .object = "media",
		   .keys = media_keys,
		   .count = sizeof(media_keys) / sizeof(media_keys[0]) },
	.seq = "sequenceNumber",
	.stream = "streamSid",
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

	json_out_form(&out,
		      "{\"event\":\"media\",\"streamSid\":\"$\","
		      "\"media\":{\"payload\":\"",
		      &audio->dialog->stream_id);
	json_out_base64(&out, audio->at, audio->bytes);
	json_out_form(&out, "\"}}", NULL);
	return json_out_end(&out);
}

static size_t build_mark(char *at, size_t room, struct dialog *dialog,
			 const char *name)
{
	return json_out_message(at, room,
				"{\"event\":\"mark\",\"streamSid\":\"$\","
				"\"mark\":{\"name\":\"$\"}}",
				TEXTS(dialog->stream_id, name));
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	return json_out_message(at, room,
				"{\"event\":\"clear\",\"streamSid\":\"$\"}",
				&dialog->stream_id);
}

static size_t build_dtmf(char *at, size_t room, struct dialog *dialog,
			 char digit)
{
	const char text[2] = { digit, '\0' };

	return json_out_message(at, room,
				"{\"event\":\"dtmf\",\"streamSid\":\"$\","
				"\"dtmf\":{\"digit\":\"$\"}}",
				TEXTS(dialog->stream_id, text));
}

static bool opens(const struct opening *opening)
{
	return json_says(opening->doc, "event", "connected") &&
	       json_says(opening->doc, "version", "0.2.0") &&
	       json_object_get(opening->doc, "protocol");
}

const struct provider provider_signalwire = {
	.name = "signalwire",
	.opens = opens,
	.max_message = JSON_MESSAGE_MAX,
	.parse = parse,
	.build_media = build_media,
	.build_mark = build_mark,
	.build_clear = build_clear,
	.build_dtmf = build_dtmf,
};
