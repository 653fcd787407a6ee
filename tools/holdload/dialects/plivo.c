/*
 * plivo.c - Plivo audio streaming, as Plivo speaks it
 *
 * plivo.com/docs/voice/audio-streaming. No `connected`, no `stop`: the socket's
 * end is the call's. Custom values stand in every message, as one string with
 * braces. A checkpoint that clearAudio threw away never comes back.
 */
#include <string.h>

#include "tools/holdload/dialects/words.h"
#include "tools/holdload/host.h"

#define HEADERS_MAX 16384

static const struct audio_format formats[] = {
	{ "L16", 8000 },
	{ "L16", 16000 },
	{ "PCMU", 8000 },
};

/* {X-PH-customer: 42, X-PH-lang: en}; Plivo takes letters and digits only, and
 * what would need an escape cannot be said. */
static bool put_headers(char out[HEADERS_MAX], struct talk *talk)
{
	size_t length = 1;

	out[0] = '{';
	for (size_t i = 0; i < talk->parameter_count; i++) {
		const struct dialect_parameter *p = &talk->parameters[i];
		size_t written = 0;

		if (!strpbrk(p->name, "\"\\") && !strpbrk(p->value, "\"\\"))
			written = SAY(out + length, HEADERS_MAX - 2 - length,
				      "$X-PH-$: $", TEXT(i > 0 ? ", " : ""),
				      TEXT(p->name), TEXT(p->value));
		if (written == 0)
			return false;
		length += written;
	}
	out[length] = '}';
	out[length + 1] = '\0';
	return true;
}

static const char *encoding(const struct talk *talk)
{
	return strcmp(talk->format->codec, "L16") == 0 ? "audio/x-l16"
						       : "audio/x-mulaw";
}

static size_t start(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;
	char headers[HEADERS_MAX];

	if (!put_headers(headers, talk))
		return 0;
	return SAY(out, room,
		   "{\"sequenceNumber\":$,\"event\":\"start\",\"start\":{"
		   "\"callId\":\"$\",\"streamId\":\"$\",\"accountId\":\"$\","
		   "\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":"
		   "\"$\",\"sampleRate\":$}},\"extra_headers\":\"$\"}",
		   NUMBER(++talk->seq), TEXT(ids->call), TEXT(ids->stream),
		   TEXT(ids->account), TEXT(encoding(talk)),
		   NUMBER(talk->format->rate_hz), TEXT(headers));
}

static size_t media(char *out, size_t room, struct talk *talk,
		    const struct frame *frame)
{
	char headers[HEADERS_MAX];

	if (!put_headers(headers, talk))
		return 0;
	return SAY(out, room,
		   "{\"sequenceNumber\":$,\"streamId\":\"$\",\"event\":"
		   "\"media\",\"media\":{\"track\":\"inbound\",\"timestamp\":"
		   "\"$\",\"chunk\":$,\"payload\":\"$\"},"
		   "\"extra_headers\":\"$\"}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream),
		   NUMBER(talk->began_ms + frame->at_ms), NUMBER(frame->number),
		   SPAN(frame->text, frame->text_length), TEXT(headers));
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	char headers[HEADERS_MAX];

	if (!put_headers(headers, talk))
		return 0;
	return SAY(out, room,
		   "{\"event\":\"dtmf\",\"sequenceNumber\":$,\"streamId\":"
		   "\"$\",\"dtmf\":{\"track\":\"inbound\",\"digit\":\"$\","
		   "\"timestamp\":\"$\"},\"extra_headers\":\"$\"}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream), SPAN(&digit, 1),
		   NUMBER(talk->began_ms + talk->sent_ms), TEXT(headers));
}

static size_t mark(char *out, size_t room, struct talk *talk, const char *name,
		   size_t length, bool cleared)
{
	(void)cleared;
	return SAY(out, room,
		   "{\"event\":\"playedStream\",\"sequenceNumber\":$,"
		   "\"streamId\":\"$\",\"name\":\"$\"}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream),
		   SPAN(name, length));
}

static size_t cleared(char *out, size_t room, struct talk *talk)
{
	return SAY(out, room,
		   "{\"sequenceNumber\":$,\"event\":\"clearedAudio\","
		   "\"streamId\":\"$\"}",
		   NUMBER(++talk->seq), TEXT(talk->ids.stream));
}

/* What is to be played must have the stream's own type; the others need the
 * stream's id. */
static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const struct server_word words[] = {
		{ "playAudio", "\"payload\"", HEARD_MEDIA },
		{ "checkpoint", "\"name\"", HEARD_MARK },
		{ "clearAudio", NULL, HEARD_CLEAR },
		{ "sendDTMF", "\"dtmf\"", HEARD_NOTHING },
	};
	struct heard heard =
		words_hear(message, length, "\"event\"", words, COUNT(words));

	if (heard.kind == HEARD_MEDIA &&
	    !words_says(message, length, "\"contentType\"", encoding(talk)))
		return words_garbage();
	if ((heard.kind == HEARD_MARK || heard.kind == HEARD_CLEAR) &&
	    !words_says(message, length, "\"streamId\"", talk->ids.stream))
		return words_garbage();
	return heard;
}

static const struct host_word said_to_us[] = {
	{ .name = "media", .kind = TOLD_MEDIA },
	{ .name = "start", .kind = TOLD_START },
	{ .name = "dtmf", .kind = TOLD_DIGIT },
	{ .name = "playedStream", .kind = TOLD_MARK },
	{ .name = "clearedAudio", .kind = TOLD_NOTHING },
	{ .name = "stop", .kind = TOLD_STOP },
	{ 0 },
};

/* What its timestamps count is not known. */
static const struct host host = {
	.header = "x-plivo-signature-v3",
	.rules = { { { { "event" } }, "start" },
		   { { { "start", "streamId" } }, NULL } },
	.paths = { [ASK_NAME] = { { "event" } },
		   [ASK_NUMBER] = { { "sequenceNumber" } },
		   [ASK_ID] = { { "streamId" } },
		   [ASK_STREAM] = { { "start", "streamId" } },
		   [ASK_CALL] = { { "start", "callId" } },
		   [ASK_CODEC] = { { "start", "mediaFormat", "encoding" } },
		   [ASK_RATE] = { { "start", "mediaFormat", "sampleRate" } },
		   [ASK_TRACK] = { { "media", "track" } },
		   [ASK_PAYLOAD] = { { "media", "payload" } },
		   [ASK_DIGIT] = { { "dtmf", "digit" } },
		   [ASK_MARK] = { { "name" } } },
	.words = said_to_us,
	.media = "{\"event\":\"playAudio\",\"media\":{\"contentType\":\"&\","
		 "\"sampleRate\":~,\"payload\":\"$\"}}",
	.mark = "{\"event\":\"checkpoint\",\"streamId\":\"@\",\"name\":\"$\"}",
};

const struct dialect dialect_plivo = {
	.name = "plivo",
	.summary = "Plivo audio streaming",
	.sign = SIGN_PLIVO,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.start = start,
	.media = media,
	.dtmf = dtmf,
	.mark = mark,
	.cleared = cleared,
	.clear_loses_marks = true,
	.hear = hear,
	.host = &host,
};
