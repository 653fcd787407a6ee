/*
 * jambonz.c - the `listen` verb of jambonz, as jambonz speaks it
 *
 * docs.jambonz.org/verbs/verbs/listen, with bidirectionalAudio.streaming and
 * passDtmf. The call's data comes first, the verb's metadata among it. A
 * playAudio is ignored in this mode, and what would be ignored is not
 * understood here either.
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
		length = SAY(
			out, room,
			"{\"sampleRate\":$,\"mixType\":\"mono\",\"callSid\":"
			"\"$\",\"direction\":\"inbound\",\"from\":"
			"\"+15085550101\",\"to\":\"+15085550102\",\"callId\":"
			"\"$\",\"sipStatus\":200,\"sipReason\":\"OK\","
			"\"callStatus\":\"in-progress\",\"accountSid\":"
			"\"$\"$}",
			NUMBER(talk->format->rate_hz), TEXT(ids->call),
			TEXT(ids->stream), TEXT(ids->account), TEXT(members));
	free(members);
	return length;
}

/* The duration counts samples of 8000 Hz. */
static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	(void)talk;
	return SAY(out, room,
		   "{\"event\":\"dtmf\",\"dtmf\":\"$\",\"duration\":\"1600\"}",
		   SPAN(&digit, 1));
}

static size_t mark(char *out, size_t room, struct talk *talk, const char *name,
		   size_t length, bool cleared)
{
	(void)talk;
	return SAY(out, room,
		   "{\"type\":\"mark\",\"data\":{\"name\":\"$\","
		   "\"event\":\"$\"}}",
		   SPAN(name, length), TEXT(cleared ? "cleared" : "playout"));
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const struct server_word words[] = {
		{ "mark", "\"name\"", HEARD_MARK },
		{ "killAudio", NULL, HEARD_CLEAR },
		{ "clearMarks", NULL, HEARD_NOTHING },
		{ "disconnect", NULL, HEARD_HANGUP },
	};

	(void)talk;
	return words_hear(message, length, "\"type\"", words, COUNT(words));
}

static const struct host_word said_to_us[] = {
	{ .name = "dtmf", .kind = TOLD_DIGIT },
	{ .name = "mark", .kind = TOLD_MARK },
	{ .name = "playDone", .kind = TOLD_NOTHING },
	{ 0 },
};

static const struct host host = {
	.rules = { { { { "callSid" } }, NULL }, { { { "mixType" } }, NULL } },
	.paths = { [ASK_NAME] = { { "event" } },
		   [ASK_KIND] = { { "type" } },
		   [ASK_CALL] = { { "callSid" } },
		   [ASK_RATE] = { { "sampleRate" } },
		   [ASK_DIGIT] = { { "dtmf" } },
		   [ASK_MARK] = { { "data", "name" } } },
	.words = said_to_us,
	.first_is_start = true,
	.mark = "{\"type\":\"mark\",\"data\":{\"name\":\"$\"}}",
	.hang_up = "{\"type\":\"disconnect\"}",
};

const struct dialect dialect_jambonz = {
	.name = "jambonz",
	.summary = "jambonz listen, streaming",
	.subprotocol = "audio.jambonz.org",
	.sign = SIGN_BASIC,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.binary = true,
	.start = start,
	.dtmf = dtmf,
	.mark = mark,
	.hear = hear,
	.host = &host,
};
