/*
 * azure.c - Azure Communication Services, audio streaming
 *
 * learn.microsoft.com, Call Automation, "audio streaming". JSON with base64;
 * what comes is in camelCase, what is sent in PascalCase. 16-bit little-endian
 * at 16 or 24 kHz. The call's id stands in the handshake alone.
 *
 *   in:  AudioMetadata, AudioData, DtmfData
 *   out: AudioData, StopAudio
 *
 * Stamps are the wall clock's, there are no marks, and no message says the end.
 * Of unmixed audio, in which each participant speaks for himself, the first who
 * is heard is the caller; the others are passed over.
 */
#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

static void parse_metadata(const struct json_dialect *dialect,
			   struct event *event)
{
	const json_t *meta = json_object_get(event->doc, "audioMetadata");
	unsigned rate_hz = json_number(meta, "sampleRate", 16000);

	(void)dialect;
	if (!json_is_object(meta) || !json_says(meta, "encoding", "PCM"))
		event_bad(event, CLOSE_PROTOCOL, "the encoding is not PCM");
	else if (rate_hz != 16000 && rate_hz != 24000)
		event_bad(event, CLOSE_PROTOCOL,
			  "sampleRate is not 16000 or 24000");
	else if (json_number(meta, "channels", 1) != 1)
		event_bad(event, CLOSE_PROTOCOL,
			  "the audio has more than one channel");
	else if (!json_id(meta, "subscriptionId", &event->stream_id))
		event_bad(event, CLOSE_PROTOCOL,
			  "subscriptionId is no string, or too long");
	else
		json_start_l16(event, rate_hz, 1);
}

static void parse_digit(const struct json_dialect *dialect, struct event *event)
{
	(void)dialect;
	event->kind = EVENT_DTMF;
	event->digit =
		json_member(json_object_get(event->doc, "dtmfData"), "data");
	if (!is_digit(&event->digit))
		event_bad(event, CLOSE_PROTOCOL, "dtmfData.data is no digit");
}

static const struct frame_key media_keys[] = {
	FRAME_KEY("kind", SLOT_EVENT, false, false),
	FRAME_KEY("participantRawID", SLOT_SPEAKER, true, false),
	FRAME_KEY("data", SLOT_PAYLOAD, true, true),
};
static const struct json_event events[] = {
	{ "AudioMetadata", parse_metadata },
	{ "DtmfData", parse_digit },
};
static const struct json_dialect dialect = {
	.media = { .object = "audioData",
		   .keys = media_keys,
		   .count = sizeof(media_keys) / sizeof(media_keys[0]) },
	.event = "kind",
	.media_event = "AudioData",
	.events = events,
	.event_count = sizeof(events) / sizeof(events[0]),
};

static void parse(const char *message, size_t length, struct dialog *dialog,
		  struct event *event)
{
	json_dialect_parse(&dialect, message, length, dialog, event);
}

static bool opens(const struct opening *opening)
{
	return json_says(opening->doc, "kind", "AudioMetadata");
}

/* ---- out -------------------------------------------------------------------
 */

static size_t build_media(char *at, size_t room, const struct audio_out *audio)
{
	struct json_out out = json_out_begin(at, room);

	json_out_form(&out,
		      "{\"Kind\":\"AudioData\",\"AudioData\":{\"Data\":\"",
		      NULL);
	json_out_base64(&out, audio->at, audio->bytes);
	json_out_form(&out, "\"},\"StopAudio\":null}", NULL);
	return json_out_end(&out);
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	(void)dialog;
	return json_out_message(
		at, room,
		"{\"Kind\":\"StopAudio\",\"AudioData\":null,\"StopAudio\":{}}",
		NULL);
}

const struct provider provider_azure = {
	.name = "azure",
	.handshake_header = "x-ms-call-connection-id:",
	.opens = opens,
	.call_id_header = "x-ms-call-connection-id:",
	.max_message = JSON_MESSAGE_MAX,
	.parse = parse,
	.build_media = build_media,
	.build_clear = build_clear,
	.pacing = { .least_ms = 20,
		    .step_ms = 20,
		    .most_ms = 20,
		    .ahead_ms = 5000 },
};
