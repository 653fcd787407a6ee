/*
 * twilio.c - Twilio Media Streams, as Twilio speaks them (dialect.h)
 *
 * twilio.com/docs/voice/media-streams/websocket-messages. A message of the
 * server's for another stream is ignored, with a warning at Twilio's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialects/twilio_host.h"
#include "tools/holdload/dialects/words.h"

static const struct audio_format formats[] = { { "PCMU", 8000 } };

static void put_id(char out[40], const char *prefix, const uint64_t random[2])
{
	(void)snprintf(out, 40, "%s%016llx%016llx", prefix,
		       (unsigned long long)random[0],
		       (unsigned long long)random[1]);
}

static void make_ids(struct dialect_ids *ids, const uint64_t random[6])
{
	put_id(ids->account, "AC", random);
	put_id(ids->call, "CA", random + 2);
	put_id(ids->stream, "MZ", random + 4);
}

static size_t connected(char *out, size_t room, struct talk *talk)
{
	(void)talk;
	return words_put(out, room,
			 "{\"event\":\"connected\",\"protocol\":\"Call\","
			 "\"version\":\"1.0.0\"}",
			 NULL);
}

static size_t start(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;
	char *custom = words_custom(talk);
	size_t length = 0;

	if (custom)
		length = SAY(
			out, room,
			"{\"event\":\"start\",\"sequenceNumber\":\"$\","
			"\"start\":{\"accountSid\":\"$\",\"streamSid\":\"$\","
			"\"callSid\":\"$\",\"tracks\":[\"inbound\"],"
			"\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","
			"\"sampleRate\":8000,\"channels\":1},"
			"\"customParameters\":$},\"streamSid\":\"$\"}",
			NUMBER(++talk->seq), TEXT(ids->account),
			TEXT(ids->stream), TEXT(ids->call), TEXT(custom),
			TEXT(ids->stream));
	free(custom);
	return length;
}

static size_t media(char *out, size_t room, struct talk *talk,
		    const struct frame *frame)
{
	return SAY(out, room,
		   "{\"event\":\"media\",\"sequenceNumber\":\"$\",\"media\":{"
		   "\"track\":\"inbound\",\"chunk\":\"$\",\"timestamp\":\"$\","
		   "\"payload\":\"$\"},\"streamSid\":\"$\"}",
		   NUMBER(++talk->seq), NUMBER(frame->number),
		   NUMBER(frame->at_ms), SPAN(frame->text, frame->text_length),
		   TEXT(talk->ids.stream));
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	return SAY(out, room,
		   "{\"event\":\"dtmf\",\"streamSid\":\"$\","
		   "\"sequenceNumber\":\"$\",\"dtmf\":{\"track\":"
		   "\"inbound_track\",\"digit\":\"$\"}}",
		   TEXT(talk->ids.stream), NUMBER(++talk->seq),
		   SPAN(&digit, 1));
}

static size_t mark(char *out, size_t room, struct talk *talk, const char *name,
		   size_t length, bool cleared)
{
	(void)cleared;
	return SAY(out, room,
		   "{\"event\":\"mark\",\"sequenceNumber\":\"$\","
		   "\"streamSid\":\"$\",\"mark\":{\"name\":\"$\"}}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream),
		   SPAN(name, length));
}

static size_t stop(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;

	return SAY(out, room,
		   "{\"event\":\"stop\",\"sequenceNumber\":\"$\","
		   "\"stop\":{\"accountSid\":\"$\",\"callSid\":\"$\"},"
		   "\"streamSid\":\"$\"}",
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

	if (!words_says(message, length, "\"streamSid\"", talk->ids.stream))
		return words_garbage();
	return words_hear(message, length, "\"event\"", words, COUNT(words));
}

static const struct host host = {
	.header = "x-twilio-signature",
	.rules = { { { { "protocol" } }, "Call" },
		   { { { "version" } }, "1.0.0" } },
	TWILIO_HEARS,
	TWILIO_SAYS,
};

const struct dialect dialect_twilio = {
	.name = "twilio",
	.summary = "Twilio Media Streams",
	.sign = SIGN_TWILIO,
	.make_ids = make_ids,
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
