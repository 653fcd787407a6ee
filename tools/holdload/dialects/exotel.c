/*
 * exotel.c - Exotel's Voicebot applet (AgentStream), as Exotel speaks it
 *
 * developer.exotel.com/docs/agentstream. 16-bit little-endian samples, 100 ms a
 * message; every number is a string. What the server sends comes in multiples
 * of 320 bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialects/words.h"
#include "tools/holdload/host.h"

static const struct audio_format formats[] = {
	{ "L16", 8000 },
	{ "L16", 16000 },
	{ "L16", 24000 },
};

static size_t connected(char *out, size_t room, struct talk *talk)
{
	(void)talk;
	return words_put(out, room, "{\"event\":\"connected\"}", NULL);
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
			"\"stream_sid\":\"$\",\"start\":{\"stream_sid\":\"$\","
			"\"call_sid\":\"$\",\"account_sid\":\"$\",\"from\":"
			"\"+919876543210\",\"to\":\"+918047491899\","
			"\"custom_parameters\":$,\"media_format\":{"
			"\"encoding\":\"audio/x-raw\",\"sample_rate\":\"$\","
			"\"bit_rate\":\"16\"}}}",
			NUMBER(++talk->seq), TEXT(ids->stream),
			TEXT(ids->stream), TEXT(ids->call), TEXT(ids->account),
			TEXT(custom), NUMBER(talk->format->rate_hz));
	free(custom);
	return length;
}

static size_t media(char *out, size_t room, struct talk *talk,
		    const struct frame *frame)
{
	return SAY(out, room,
		   "{\"event\":\"media\",\"sequence_number\":\"$\","
		   "\"stream_sid\":\"$\",\"media\":{\"chunk\":\"$\","
		   "\"timestamp\":\"$\",\"payload\":\"$\"}}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream),
		   NUMBER(frame->number), NUMBER(frame->at_ms),
		   SPAN(frame->text, frame->text_length));
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	return SAY(out, room,
		   "{\"event\":\"dtmf\",\"sequence_number\":\"$\","
		   "\"stream_sid\":\"$\",\"dtmf\":{\"digit\":\"$\","
		   "\"duration\":\"100\"}}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream),
		   SPAN(&digit, 1));
}

static size_t mark(char *out, size_t room, struct talk *talk, const char *name,
		   size_t length, bool cleared)
{
	(void)cleared;
	return SAY(out, room,
		   "{\"event\":\"mark\",\"sequence_number\":\"$\","
		   "\"stream_sid\":\"$\",\"mark\":{\"name\":\"$\"}}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream),
		   SPAN(name, length));
}

static size_t stop(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;

	return SAY(out, room,
		   "{\"event\":\"stop\",\"sequence_number\":\"$\","
		   "\"stream_sid\":\"$\",\"stop\":{\"call_sid\":\"$\","
		   "\"account_sid\":\"$\",\"reason\":\"callended\"}}",
		   NUMBER(++talk->seq), TEXT(ids->stream), TEXT(ids->call),
		   TEXT(ids->account));
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const struct server_word words[] = {
		{ "media", "\"payload\"", HEARD_MEDIA },
		{ "mark", "\"name\"", HEARD_MARK },
		{ "clear", NULL, HEARD_CLEAR },
	};

	if (!words_says(message, length, "\"stream_sid\"", talk->ids.stream))
		return words_garbage();
	return words_hear(message, length, "\"event\"", words, COUNT(words));
}

static const struct host host = {
	.rules = { { { { "event" } }, "connected" } },
	.paths = { [ASK_NAME] = { { "event" } },
		   [ASK_NUMBER] = { { "sequence_number" } },
		   [ASK_ID] = { { "stream_sid" } },
		   [ASK_STREAM] = { { "start", "stream_sid" } },
		   [ASK_CALL] = { { "start", "call_sid" } },
		   [ASK_CODEC] = { { "start", "media_format", "encoding" } },
		   [ASK_RATE] = { { "start", "media_format", "sample_rate" } },
		   [ASK_TIME] = { { "media", "timestamp" } },
		   [ASK_PAYLOAD] = { { "media", "payload" } },
		   [ASK_DIGIT] = { { "dtmf", "digit" } },
		   [ASK_MARK] = { { "mark", "name" } } },
	.words = host_family,
	.media = "{\"event\":\"media\",\"stream_sid\":\"@\",\"media\":{"
		 "\"payload\":\"$\"}}",
	.mark = "{\"event\":\"mark\",\"stream_sid\":\"@\",\"mark\":{"
		"\"name\":\"$\"}}",
};

const struct dialect dialect_exotel = {
	.name = "exotel",
	.summary = "Exotel AgentStream, Voicebot applet",
	.sign = SIGN_BASIC,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.frame_ms = 100,
	.connected = connected,
	.start = start,
	.media = media,
	.dtmf = dtmf,
	.mark = mark,
	.stop = stop,
	.hear = hear,
	.host = &host,
};
