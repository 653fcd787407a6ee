/*
 * freeswitch.c - FreeSWITCH's mod_audio_fork, as it speaks
 *
 * github.com/drachtio/drachtio-freeswitch-modules. The first text is whatever
 * metadata the operator gave: here the call's ids, the rate, and --custom.
 * There are no digits and no marks. An empty binary message says that no more
 * audio comes.
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

static size_t start(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;
	char *members = words_custom_members(talk);
	size_t length = 0;

	if (members)
		length = SAY(out, room,
			     "{\"callId\":\"$\",\"accountId\":\"$\","
			     "\"from\":\"1001\",\"to\":\"5000\","
			     "\"sampleRate\":$$}",
			     TEXT(ids->call), TEXT(ids->account),
			     NUMBER(talk->format->rate_hz), TEXT(members));
	free(members);
	return length;
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const struct server_word words[] = {
		{ "killAudio", NULL, HEARD_CLEAR },
		{ "disconnect", NULL, HEARD_HANGUP },
		{ "playAudio", NULL, HEARD_NOTHING },
		{ "transcription", NULL, HEARD_NOTHING },
		{ "transfer", NULL, HEARD_NOTHING },
		{ "error", NULL, HEARD_NOTHING },
		{ "json", NULL, HEARD_NOTHING },
	};

	(void)talk;
	return words_hear(message, length, "\"type\"", words, COUNT(words));
}

static const struct host_word said_to_us[] = { { 0 } };

static const struct host host = {
	.paths = { [ASK_CALL] = { { "callId" } },
		   [ASK_RATE] = { { "sampleRate" } } },
	.words = said_to_us,
	.first_is_start = true,
	.hang_up = "{\"type\":\"disconnect\"}",
};

const struct dialect dialect_freeswitch = {
	.name = "freeswitch",
	.summary = "FreeSWITCH mod_audio_fork, bidirectional",
	.subprotocol = "audio.drachtio.org",
	.sign = SIGN_BASIC,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.binary = true,
	.start = start,
	.empty_binary_ends = true,
	.hear = hear,
	.host = &host,
};
