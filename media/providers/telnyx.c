/*
 * telnyx.c - Telnyx media streaming
 *
 * developers.telnyx.com, media streaming over WebSockets. Messages may come in
 * any order: track.h puts them where they belong. What we send needs no id;
 * `stream_bidirectional_mode` must be rtp. The two directions have codecs of
 * their own: ours is what `stream_bidirectional_codec` said when the call was
 * set up, which no message repeats: PCMU, unless the route says otherwise.
 * Telnyx documents no byte order for L16; who tried found the network's.
 *
 *   in:  connected, start, media, dtmf, mark, error, stop
 *   out: media, mark, clear
 */
#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

/* In the order in which Telnyx writes them. */
static const struct frame_key media_keys[] = {
	FRAME_KEY("event", SLOT_EVENT, false, false),
	FRAME_KEY("sequence_number", SLOT_SEQ, false, false),
	FRAME_KEY("track", SLOT_TRACK, true, false),
	FRAME_KEY("chunk", SLOT_CHUNK, true, false),
	FRAME_KEY("timestamp", SLOT_TIMESTAMP, true, false),
	FRAME_KEY("payload", SLOT_PAYLOAD, true, true),
	FRAME_KEY("stream_id", SLOT_STREAM, false, false),
};
static const struct frame_piece shape[] = {
	FRAME_PIECE("{\"event\":\""),
	FRAME_PIECE("\",\"sequence_number\":\""),
	FRAME_PIECE("\",\"media\":{\"track\":\""),
	FRAME_PIECE("\",\"chunk\":\""),
	FRAME_PIECE("\",\"timestamp\":\""),
	FRAME_PIECE("\",\"payload\":\""),
	FRAME_PIECE("\"},\"stream_id\":\""),
	FRAME_PIECE("\"}"),
};
/* Older documents have the names with "audio/". */
static const struct json_encoding encodings[] = {
	{ "PCMU", "PCMU", 8000 },	  { "PCMA", "PCMA", 8000 },
	{ "G722", "G722", 16000 },	  { "OPUS", "OPUS", 48000 },
	{ "L16", "L16", 48000 },	  { "audio/x-mulaw", "PCMU", 8000 },
	{ "audio/x-alaw", "PCMA", 8000 },
};
static const struct json_start start = {
	.stream = "stream_id",
	.account = "user_id",
	.call = "call_control_id",
	.from = "from",
	.to = "to",
	.custom = "custom_parameters",
	.format = "media_format",
	.rate = "sample_rate",
	.encodings = encodings,
	.encoding_count = sizeof(encodings) / sizeof(encodings[0]),
};

/* In two shapes: {"payload":{"code":100004,"title":..}}, and before that
 * {"error":{"code":"100005","title":..}}. */
static void parse_error(const struct json_dialect *of, struct event *event)
{
	const json_t *error = json_object_get(event->doc, "payload");

	(void)of;
	if (!error)
		error = json_object_get(event->doc, "error");
	event->kind = EVENT_COMPLAINT;
	event->complaint = json_member(error, "title");
}

static const struct json_event events[] = {
	{ "connected", NULL },	     { "start", json_parse_start },
	{ "dtmf", json_parse_dtmf }, { "mark", json_parse_mark },
	{ "stop", json_parse_stop }, { "error", parse_error },
};
static const struct json_dialect dialect = {
	.media = { .object = "media",
		   .keys = media_keys,
		   .count = sizeof(media_keys) / sizeof(media_keys[0]),
		   .shape = shape },
	.seq = "sequence_number",
	.stream = "stream_id",
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

	json_out_form(&out, "{\"event\":\"media\",\"media\":{\"payload\":\"",
		      NULL);
	json_out_base64(&out, audio->at, audio->bytes);
	json_out_form(&out, "\"}}", NULL);
	return json_out_end(&out);
}

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

static bool opens(const struct opening *opening)
{
	return json_says(opening->doc, "event", "connected") &&
	       json_object_get(opening->doc, "version") &&
	       !json_object_get(opening->doc, "protocol");
}

const struct provider provider_telnyx = {
	.name = "telnyx",
	.handshake_header = "x-telnyx-streaming-auth-token:",
	.opens = opens,
	.max_message = JSON_MESSAGE_MAX,
	.parse = parse,
	.build_media = build_media,
	.build_mark = build_mark,
	.build_clear = build_clear,
	.send_codec = "PCMU",
	.l16_big_endian = true,
	.pacing = { .least_ms = 20, .step_ms = 20 },
};
