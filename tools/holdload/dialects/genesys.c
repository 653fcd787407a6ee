/*
 * genesys.c - Genesys AudioHook, as Genesys speaks it
 *
 * developer.genesys.cloud/devapps/audiohook, version 2. Every text is numbered
 * and says which number of the server's was the last; `position` is how much
 * audio was sent. Audio begins when the server has opened: the customer's
 * channel has the speech, the agent's is silent. What the server says back is
 * one channel (Audio Connector).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialects/words.h"
#include "tools/holdload/host.h"

static const struct audio_format formats[] = {
	{ "PCMU", 8000 },
	{ "L16", 8000 },
};

static size_t headers(char *out, size_t room, const struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;

	return SAY(out, room,
		   "Audiohook-Organization-Id: $\r\n"
		   "Audiohook-Session-Id: $\r\n"
		   "Audiohook-Correlation-Id: $\r\n",
		   TEXT(ids->account), TEXT(ids->stream), TEXT(ids->call));
}

/* The envelope; `parameters` is JSON. */
static size_t say(char *out, size_t room, struct talk *talk, const char *type,
		  const char *parameters)
{
	char fraction[8];

	(void)snprintf(fraction, sizeof(fraction), "%03u",
		       (unsigned)(talk->sent_ms % 1000));
	return SAY(out, room,
		   "{\"version\":\"2\",\"type\":\"$\",\"seq\":$,"
		   "\"serverseq\":$,\"id\":\"$\",\"position\":\"PT$.$S\","
		   "\"parameters\":$}",
		   TEXT(type), NUMBER(++talk->seq), NUMBER(talk->heard_seq),
		   TEXT(talk->ids.stream), NUMBER(talk->sent_ms / 1000),
		   TEXT(fraction), TEXT(parameters));
}

static size_t open_session(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;
	const char *codec = talk->format->codec;
	char *custom = words_custom(talk), *parameters = malloc(room);
	size_t length = 0;

	if (custom && parameters)
		length = SAY(
			parameters, room - 1,
			"{\"organizationId\":\"$\",\"conversationId\":\"$\","
			"\"participant\":{\"id\":\"$\",\"ani\":"
			"\"tel:+15555550101\",\"aniName\":\"\",\"dnis\":"
			"\"tel:+18005550102\"},\"media\":["
			"{\"type\":\"audio\",\"format\":\"$\",\"channels\":["
			"\"external\",\"internal\"],\"rate\":8000},"
			"{\"type\":\"audio\",\"format\":\"$\",\"channels\":["
			"\"external\"],\"rate\":8000}],\"language\":\"en-US\","
			"\"customConfig\":{},\"inputVariables\":$}",
			TEXT(ids->account), TEXT(ids->call), TEXT(ids->call),
			TEXT(codec), TEXT(codec), TEXT(custom));
	if (length > 0) {
		parameters[length] = '\0';
		length = say(out, room, talk, "open", parameters);
	}
	free(parameters);
	free(custom);
	return length;
}

static size_t media(char *out, size_t room, struct talk *talk,
		    const struct frame *frame)
{
	size_t width = audio_sample_bytes(talk->format);

	if (talk->channels == 0 || frame->size * talk->channels > room)
		return 0;
	if (talk->channels == 1) {
		memcpy(out, frame->bytes, frame->size);
		return frame->size;
	}
	memset(out, audio_silence(talk->format), 2 * frame->size);
	for (size_t at = 0; at < frame->size; at += width)
		memcpy(out + 2 * at, frame->bytes + at, width);
	return 2 * frame->size;
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	char parameters[32];

	(void)snprintf(parameters, sizeof(parameters), "{\"digit\":\"%c\"}",
		       digit);
	return say(out, room, talk, "dtmf", parameters);
}

static size_t ping(char *out, size_t room, struct talk *talk)
{
	return say(out, room, talk, "ping", "{}");
}

static size_t stop(char *out, size_t room, struct talk *talk)
{
	return say(out, room, talk, "close", "{\"reason\":\"end\"}");
}

/* ---- what the server says --------------------------------------------------
 */

/* How many channels the server has taken of our offer; none: no audio. */
static unsigned channels_of(const char *message, size_t length)
{
	static const char key[] = "\"channels\"";
	const char *at = memmem(message, length, key, strlen(key));
	const char *end =
		at ? memchr(at, ']', (size_t)(message + length - at)) : NULL;

	if (!end)
		return 0;
	return memchr(at, ',', (size_t)(end - at)) ? 2 : 1;
}

/* The id is ours, the numbers follow. */
static bool is_sound(const char *message, size_t length, struct talk *talk)
{
	uint64_t seq, clientseq;

	if (!words_says(message, length, "\"version\"", "2") ||
	    !words_says(message, length, "\"id\"", talk->ids.stream) ||
	    !words_number(message, length, "\"seq\"", &seq) ||
	    !words_number(message, length, "\"clientseq\"", &clientseq) ||
	    seq != talk->heard_seq + 1 || clientseq > talk->seq)
		return false;
	talk->heard_seq = seq;
	return true;
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const char barge_in[] = "\"barge_in\"";
	static const struct server_word words[] = {
		{ "opened", NULL, HEARD_OPENED },
		{ "pong", NULL, HEARD_NOTHING },
		{ "updated", NULL, HEARD_NOTHING },
		{ "event", NULL, HEARD_NOTHING },
		{ "disconnect", NULL, HEARD_HANGUP },
		{ "closed", NULL, HEARD_GOODBYE },
	};
	struct heard heard;

	if (!is_sound(message, length, talk))
		return words_garbage();
	/* The envelope's type comes first in all servers we know. */
	heard = words_hear(message, length, "\"type\"", words, COUNT(words));
	if (heard.kind == HEARD_OPENED)
		talk->channels = channels_of(message, length);
	if (heard.kind == HEARD_NOTHING &&
	    memmem(message, length, barge_in, strlen(barge_in)))
		heard.kind = HEARD_CLEAR;
	return heard;
}

/* ---- the server's end ------------------------------------------------------
 */

#define ENVELOPE(type, parameters)                            \
	"{\"version\":\"2\",\"type\":\"" type "\",\"seq\":#," \
	"\"clientseq\":%,\"id\":\"@\",\"parameters\":" parameters "}"

static const struct host_word said_to_us[] = {
	{ "open", TOLD_START, ENVELOPE("opened", "{\"media\":[$]}") },
	{ "ping", TOLD_NOTHING, ENVELOPE("pong", "{}") },
	{ "update", TOLD_NOTHING, ENVELOPE("updated", "{}") },
	{ "close", TOLD_STOP, ENVELOPE("closed", "{}") },
	{ "dtmf", TOLD_DIGIT, NULL },
	{ "discarded", TOLD_NOTHING, NULL },
	{ "paused", TOLD_NOTHING, NULL },
	{ "resumed", TOLD_NOTHING, NULL },
	{ "playback_started", TOLD_NOTHING, NULL },
	{ "playback_completed", TOLD_NOTHING, NULL },
	{ "error", TOLD_NOTHING, NULL },
	{ 0 },
};

static const struct host host = {
	.header = "audiohook-session-id",
	.rules = { { { { "type" } }, "open" }, { { { "version" } }, "2" } },
	.paths = { [ASK_NAME] = { { "type" } },
		   [ASK_NUMBER] = { { "seq" } },
		   [ASK_ID] = { { "id" } },
		   [ASK_STREAM] = { { "id" } },
		   [ASK_CALL] = { { "parameters", "conversationId" } },
		   [ASK_OFFER] = { { "parameters", "media" } },
		   [ASK_DIGIT] = { { "parameters", "digit" } } },
	.words = said_to_us,
	.hang_up = ENVELOPE("disconnect", "{\"reason\":\"completed\"}"),
};

const struct dialect dialect_genesys = {
	.name = "genesys",
	.summary = "Genesys AudioHook",
	.sign = SIGN_GENESYS,
	.headers = headers,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.frame_ms = 200,
	.binary = true,
	.start = open_session,
	.media = media,
	.dtmf = dtmf,
	.ping = ping,
	.stop = stop,
	.waits_to_be_opened = true,
	.hear = hear,
	.host = &host,
};
