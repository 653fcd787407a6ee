/*
 * twilio.c - Twilio Media Streams
 *
 * twilio.com/docs/voice/media-streams/websocket-messages. All messages are
 * text; audio is PCMU at 8000 Hz.
 *
 *   in:  connected, start, media, dtmf, mark, stop
 *   out: media, mark, clear (on bidirectional streams); Twilio warns about keys
 *        it does not know, so we send no others
 */
#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

/* In the order in which Twilio writes them. */
static const struct frame_key media_keys[] = {
	FRAME_KEY("event", SLOT_EVENT, false, false),
	FRAME_KEY("sequenceNumber", SLOT_SEQ, false, false),
	FRAME_KEY("track", SLOT_TRACK, true, false),
	FRAME_KEY("chunk", SLOT_CHUNK, true, false),
	FRAME_KEY("timestamp", SLOT_TIMESTAMP, true, false),
	FRAME_KEY("payload", SLOT_PAYLOAD, true, true),
	FRAME_KEY("streamSid", SLOT_STREAM, false, false),
};
static const struct frame_piece shape[] = {
	FRAME_PIECE("{\"event\":\""),
	FRAME_PIECE("\",\"sequenceNumber\":\""),
	FRAME_PIECE("\",\"media\":{\"track\":\""),
	FRAME_PIECE("\",\"chunk\":\""),
	FRAME_PIECE("\",\"timestamp\":\""),
	FRAME_PIECE("\",\"payload\":\""),
	FRAME_PIECE("\"},\"streamSid\":\""),
	FRAME_PIECE("\"}"),
};

static const struct json_encoding encodings[] = {
	{ "audio/x-mulaw", "PCMU", 8000 },
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
		   .count = sizeof(media_keys) / sizeof(media_keys[0]),
		   .shape = shape },
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

static bool opens(const struct opening *opening)
{
	return json_says(opening->doc, "event", "connected") &&
	       json_says(opening->doc, "version", "1.0.0") &&
	       json_object_get(opening->doc, "protocol");
}

const struct provider provider_twilio = {
	.name = "twilio",
	.handshake_header = "x-twilio-signature:",
	.opens = opens,
	.max_message = JSON_MESSAGE_MAX,
	.parse = parse,
	.build_media = build_media,
	.build_mark = build_mark,
	.build_clear = build_clear,
};
