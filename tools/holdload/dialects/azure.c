/*
 * azure.c - Azure Communication Services, audio streaming, as Azure speaks it
 *
 * learn.microsoft.com, Call Automation, "audio streaming": mixed audio, with
 * digits. What Azure says is in camelCase, what it hears in PascalCase. The
 * call's id stands in the handshake; no marks, no stop.
 */
#include <string.h>

#include "tools/holdload/dialects/words.h"
#include "tools/holdload/host.h"

static const struct audio_format formats[] = {
	{ "L16", 24000 },
	{ "L16", 16000 },
};

static size_t headers(char *out, size_t room, const struct talk *talk)
{
	return SAY(out, room,
		   "x-ms-call-connection-id: $\r\n"
		   "x-ms-call-correlation-id: $\r\n",
		   TEXT(talk->ids.call), TEXT(talk->ids.account));
}

static size_t start(char *out, size_t room, struct talk *talk)
{
	unsigned rate_hz = talk->format->rate_hz;

	return SAY(out, room,
		   "{\"kind\":\"AudioMetadata\",\"audioMetadata\":{"
		   "\"subscriptionId\":\"$\",\"encoding\":\"PCM\","
		   "\"sampleRate\":$,\"channels\":1,\"length\":$}}",
		   TEXT(talk->ids.stream), NUMBER(rate_hz),
		   NUMBER(audio_frame_bytes(talk->format, AUDIO_FRAME_MS)));
}

static size_t media(char *out, size_t room, struct talk *talk,
		    const struct frame *frame)
{
	char when[WORDS_TIME_SIZE];

	words_time(when, talk->began_ms + frame->at_ms);
	return SAY(out, room,
		   "{\"kind\":\"AudioData\",\"audioData\":{\"timestamp\":"
		   "\"$\",\"data\":\"$\",\"silent\":false}}",
		   TEXT(when), SPAN(frame->text, frame->text_length));
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	(void)talk;
	return SAY(out, room,
		   "{\"kind\":\"DtmfData\",\"dtmfData\":{\"data\":\"$\"}}",
		   SPAN(&digit, 1));
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const struct server_word words[] = {
		{ "AudioData", "\"Data\"", HEARD_MEDIA },
		{ "StopAudio", NULL, HEARD_CLEAR },
	};

	(void)talk;
	return words_hear(message, length, "\"Kind\"", words, COUNT(words));
}

static const struct host_word said_to_us[] = {
	{ .name = "AudioData", .kind = TOLD_MEDIA },
	{ .name = "AudioMetadata", .kind = TOLD_START },
	{ .name = "DtmfData", .kind = TOLD_DIGIT },
	{ 0 },
};

static const struct host host = {
	.header = "x-ms-call-connection-id",
	.rules = { { { { "kind" } }, "AudioMetadata" } },
	.paths = { [ASK_NAME] = { { "kind" } },
		   [ASK_CODEC] = { { "audioMetadata", "encoding" } },
		   [ASK_RATE] = { { "audioMetadata", "sampleRate" } },
		   [ASK_PAYLOAD] = { { "audioData", "data" } },
		   [ASK_DIGIT] = { { "dtmfData", "data" } } },
	.words = said_to_us,
	.media = "{\"Kind\":\"AudioData\",\"AudioData\":{\"Data\":\"$\"},"
		 "\"StopAudio\":null}",
};

const struct dialect dialect_azure = {
	.name = "azure",
	.summary = "Azure Communication Services, audio streaming",
	.sign = SIGN_BEARER,
	.headers = headers,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.start = start,
	.no_custom = true,
	.media = media,
	.dtmf = dtmf,
	.hear = hear,
	.host = &host,
};
