/*
 * telnyx.c - Telnyx media streaming, as Telnyx speaks it
 *
 * developers.telnyx.com, media streaming over WebSockets, mode rtp: a payload
 * is that of an RTP packet, so 16-bit samples come in network order (RFC 3551,
 * section 4.5.11). The stream's token is in the handshake and in `connected`.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialects/words.h"
#include "tools/holdload/host.h"

static const struct audio_format formats[] = {
	{ "PCMU", 8000 }, { "PCMA", 8000 }, { "L16", 16000 },
	{ "L16", 8000 },  { "L16", 24000 },
};

static size_t connected(char *out, size_t room, struct talk *talk)
{
	const char *token = talk->token;
	char *escaped = words_escape(token ? token : "");
	size_t length = 0;

	if (escaped)
		length = SAY(
			out, room,
			"{\"event\":\"connected\",\"version\":\"1.0.0\"$$$}",
			TEXT(token ? ",\"x-telnyx-streaming-auth-token\":"
				     "\""
				   : ""),
			TEXT(escaped), TEXT(token ? "\"" : ""));
	free(escaped);
	return length;
}

static size_t start(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;
	char *custom = words_custom(talk);
	size_t length = 0;

	if (custom)
		length = SAY(
			out, room,
			"{\"event\":\"start\",\"sequence_number\":\"$\","
			"\"start\":{\"user_id\":\"$\",\"call_control_id\":"
			"\"v2:$\",\"call_session_id\":\"$\",\"from\":"
			"\"+13125550101\",\"to\":\"+13125550102\",\"tags\":[],"
			"\"custom_parameters\":$,\"media_format\":{"
			"\"encoding\":\"$\",\"sample_rate\":$,\"channels\":1}},"
			"\"stream_id\":\"$\"}",
			NUMBER(++talk->seq), TEXT(ids->account),
			TEXT(ids->call), TEXT(ids->call), TEXT(custom),
			TEXT(talk->format->codec),
			NUMBER(talk->format->rate_hz), TEXT(ids->stream));
	free(custom);
	return length;
}

static size_t media(char *out, size_t room, struct talk *talk,
		    const struct frame *frame)
{
	return SAY(out, room,
		   "{\"event\":\"media\",\"sequence_number\":\"$\",\"media\":{"
		   "\"track\":\"inbound\",\"chunk\":\"$\",\"timestamp\":\"$\","
		   "\"payload\":\"$\"},\"stream_id\":\"$\"}",
		   NUMBER(++talk->seq), NUMBER(frame->number),
		   NUMBER(frame->at_ms), SPAN(frame->text, frame->text_length),
		   TEXT(talk->ids.stream));
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	char when[WORDS_TIME_SIZE];

	words_time(when, talk->began_ms + talk->sent_ms);
	return SAY(out, room,
		   "{\"event\":\"dtmf\",\"stream_id\":\"$\",\"occurred_at\":"
		   "\"$\",\"sequence_number\":\"$\",\"dtmf\":{\"digit\":"
		   "\"$\"}}",
		   TEXT(talk->ids.stream), TEXT(when), NUMBER(++talk->seq),
		   SPAN(&digit, 1));
}

static size_t mark(char *out, size_t room, struct talk *talk, const char *name,
		   size_t length, bool cleared)
{
	(void)cleared;
	return SAY(out, room,
		   "{\"event\":\"mark\",\"sequence_number\":\"$\","
		   "\"stream_id\":\"$\",\"mark\":{\"name\":\"$\"}}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream),
		   SPAN(name, length));
}

static size_t stop(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;

	return SAY(out, room,
		   "{\"event\":\"stop\",\"sequence_number\":\"$\",\"stop\":{"
		   "\"user_id\":\"$\",\"call_control_id\":\"v2:$\"},"
		   "\"stream_id\":\"$\"}",
		   NUMBER(++talk->seq), TEXT(ids->account), TEXT(ids->call),
		   TEXT(ids->stream));
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const struct server_word words[] = {
		{ "media", "\"payload\"", HEARD_MEDIA },
		{ "mark", "\"name\"", HEARD_MARK },
		{ "clear", NULL, HEARD_CLEAR },
	};

	(void)talk;
	return words_hear(message, length, "\"event\"", words, COUNT(words));
}

static const struct host host = {
	.header = "x-telnyx-streaming-auth-token",
	.rules = { { { { "event" } }, "connected" },
		   { { { "version" } }, "1.0.0" } },
	.paths = { [ASK_NAME] = { { "event" } },
		   [ASK_NUMBER] = { { "sequence_number" } },
		   [ASK_ID] = { { "stream_id" } },
		   [ASK_STREAM] = { { "stream_id" } },
		   [ASK_CALL] = { { "start", "call_session_id" } },
		   [ASK_CODEC] = { { "start", "media_format", "encoding" } },
		   [ASK_RATE] = { { "start", "media_format", "sample_rate" } },
		   [ASK_TRACK] = { { "media", "track" } },
		   [ASK_TIME] = { { "media", "timestamp" } },
		   [ASK_PAYLOAD] = { { "media", "payload" } },
		   [ASK_DIGIT] = { { "dtmf", "digit" } },
		   [ASK_MARK] = { { "mark", "name" } } },
	.words = host_family,
	.media = "{\"event\":\"media\",\"media\":{\"payload\":\"$\"}}",
	.mark = "{\"event\":\"mark\",\"mark\":{\"name\":\"$\"}}",
};

const struct dialect dialect_telnyx = {
	.name = "telnyx",
	.summary = "Telnyx media streaming, mode rtp",
	.sign = SIGN_TELNYX,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.big_endian = true,
	.connected = connected,
	.start = start,
	.media = media,
	.dtmf = dtmf,
	.mark = mark,
	.stop = stop,
	.hear = hear,
	.host = &host,
};
