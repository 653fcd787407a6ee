/*
 * signalwire.c - SignalWire's Stream (cXML), as SignalWire speaks it
 *
 * developer.signalwire.com, compatibility API, Stream. Twilio's protocol with
 * UUIDs; the stream's id stands at the top of dtmf and mark only, and custom
 * parameters only if there are any.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialects/twilio_host.h"
#include "tools/holdload/dialects/words.h"

static const struct audio_format formats[] = {
	{ "PCMU", 8000 },
	{ "L16", 16000 },
	{ "L16", 24000 },
};

static size_t connected(char *out, size_t room, struct talk *talk)
{
	(void)talk;
	return words_put(out, room,
			 "{\"event\":\"connected\",\"protocol\":\"Call\","
			 "\"version\":\"0.2.0\"}",
			 NULL);
}

static size_t start(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;
	bool some = talk->parameter_count > 0;
	bool linear = strcmp(talk->format->codec, "L16") == 0;
	char *custom = words_custom(talk);
	size_t length = 0;

	if (custom)
		length = SAY(
			out, room,
			"{\"event\":\"start\",\"sequenceNumber\":\"$\","
			"\"start\":{\"streamSid\":\"$\",\"accountSid\":\"$\","
			"\"callSid\":\"$\",\"tracks\":[\"inbound\"],"
			"\"mediaFormat\":{\"encoding\":\"audio/x-$\","
			"\"sampleRate\":$,\"channels\":1}$$}}",
			NUMBER(++talk->seq), TEXT(ids->stream),
			TEXT(ids->account), TEXT(ids->call),
			TEXT(linear ? "L16" : "mulaw"),
			NUMBER(talk->format->rate_hz),
			TEXT(some ? ",\"customParameters\":" : ""),
			TEXT(some ? custom : ""));
	free(custom);
	return length;
}

static size_t media(char *out, size_t room, struct talk *talk,
		    const struct frame *frame)
{
	return SAY(out, room,
		   "{\"event\":\"media\",\"sequenceNumber\":\"$\",\"media\":{"
		   "\"track\":\"inbound\",\"chunk\":\"$\",\"timestamp\":\"$\","
		   "\"payload\":\"$\"}}",
		   NUMBER(++talk->seq), NUMBER(frame->number),
		   NUMBER(frame->at_ms), SPAN(frame->text, frame->text_length));
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	return SAY(out, room,
		   "{\"event\":\"dtmf\",\"sequenceNumber\":\"$\","
		   "\"streamSid\":\"$\",\"dtmf\":{\"digit\":\"$\","
		   "\"duration\":200}}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream),
		   SPAN(&digit, 1));
}

static size_t mark(char *out, size_t room, struct talk *talk, const char *name,
		   size_t length, bool cleared)
{
	(void)cleared;
	return SAY(out, room,
		   "{\"event\":\"mark\",\"streamSid\":\"$\","
		   "\"mark\":{\"name\":\"$\"}}",
		   TEXT(talk->ids.stream), SPAN(name, length));
}

static size_t stop(char *out, size_t room, struct talk *talk)
{
	return SAY(out, room, "{\"event\":\"stop\",\"sequenceNumber\":\"$\"}",
		   NUMBER(++talk->seq));
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const struct server_word words[] = {
		{ "media", "\"payload\"", HEARD_MEDIA },
		{ "mark", "\"name\"", HEARD_MARK },
		{ "clear", NULL, HEARD_CLEAR },
		{ "dtmf", "\"digit\"", HEARD_NOTHING },
	};

	if (!words_says(message, length, "\"streamSid\"", talk->ids.stream))
		return words_garbage();
	return words_hear(message, length, "\"event\"", words, COUNT(words));
}

static const struct host host = {
	.rules = { { { { "protocol" } }, "Call" },
		   { { { "version" } }, "0.2.0" } },
	TWILIO_HEARS,
	TWILIO_SAYS,
};

const struct dialect dialect_signalwire = {
	.name = "signalwire",
	.summary = "SignalWire Stream (cXML)",
	.sign = SIGN_BEARER,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.connected = connected,
	.start = start,
	.media = media,
	.dtmf = dtmf,
	.mark = mark,
	.stop = stop,
	.hear = hear,
	.host = &host,
};
