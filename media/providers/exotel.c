/*
 * exotel.c - Exotel's AgentStream: the Stream and the Voicebot applets
 *
 * developer.exotel.com/docs/agentstream. 16-bit little-endian samples, about
 * 100 ms a message. Their own samples spell some keys in two ways, and write
 * numbers as numbers or as strings; both are taken.
 *
 *   in:  connected, start, media, dtmf, mark, stop
 *   out: media, mark, clear (Voicebot only), media with the counters that some
 *        of their streams miss when they are left out
 */
#include <inttypes.h>
#include <stdio.h>

#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

static const struct frame_key media_keys[] = {
	FRAME_KEY("event", SLOT_EVENT, false, false),
	FRAME_KEY("sequence_number", SLOT_SEQ, false, false),
	FRAME_KEY("stream_sid", SLOT_STREAM, false, false),
	FRAME_KEY("track", SLOT_TRACK, true, false),
	FRAME_KEY("chunk", SLOT_CHUNK, true, false),
	FRAME_KEY("timestamp", SLOT_TIMESTAMP, true, false),
	FRAME_KEY("payload", SLOT_PAYLOAD, true, true),
};
static const struct json_encoding encodings[] = {
	{ "audio/x-raw", "L16", 24000 },
	{ "base64", "L16", 24000 }, /* as some of their samples have it */
	{ "audio/x-mulaw", "PCMU", 8000 },
};
static const struct json_start start_in_camels = {
	.stream = "streamSid",
	.account = "accountSid",
	.call = "callSid",
	.from = "from",
	.to = "to",
	.custom = "custom_parameters",
	.format = "media_format",
	.rate = "sample_rate",
	.encodings = encodings,
	.encoding_count = sizeof(encodings) / sizeof(encodings[0]),
};
static const struct json_start start = {
	.stream = "stream_sid",
	.account = "account_sid",
	.call = "call_sid",
	.from = "from",
	.to = "to",
	.custom = "custom_parameters",
	.format = "media_format",
	.rate = "sample_rate",
	.encodings = encodings,
	.encoding_count = sizeof(encodings) / sizeof(encodings[0]),
	.otherwise = &start_in_camels,
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
	.seq = "sequence_number",
	.stream = "stream_sid",
	.event_else = "Event",
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
	char number[24], at_ms[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, audio->number);
	(void)snprintf(at_ms, sizeof(at_ms), "%" PRIu64, audio->at_ms);
	json_out_form(&out,
		      "{\"event\":\"media\",\"sequence_number\":\"$\","
		      "\"stream_sid\":\"$\",\"media\":{\"chunk\":\"$\","
		      "\"timestamp\":\"$\",\"payload\":\"",
		      TEXTS(number, audio->dialog->stream_id, number, at_ms));
	json_out_base64(&out, audio->at, audio->bytes);
	json_out_form(&out, "\"}}", NULL);
	return json_out_end(&out);
}

static size_t build_mark(char *at, size_t room, struct dialog *dialog,
			 const char *name)
{
	return json_out_message(at, room,
				"{\"event\":\"mark\",\"stream_sid\":\"$\","
				"\"mark\":{\"name\":\"$\"}}",
				TEXTS(dialog->stream_id, name));
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	return json_out_message(at, room,
				"{\"event\":\"clear\",\"stream_sid\":\"$\"}",
				&dialog->stream_id);
}

static bool opens(const struct opening *opening)
{
	return (json_says(opening->doc, "event", "connected") ||
		json_says(opening->doc, "Event", "connected")) &&
	       json_object_size(opening->doc) == 1;
}

const struct provider provider_exotel = {
	.name = "exotel",
	.opens = opens,
	.max_message = JSON_MESSAGE_MAX,
	.parse = parse,
	.build_media = build_media,
	.build_mark = build_mark,
	.build_clear = build_clear,
	.pacing = { .least = 3200, .step = 320 },
};
