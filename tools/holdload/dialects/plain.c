/*
 * plain.c - Holdline's own dialect (docs/plain-dialect.md)
 */
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialects/words.h"
#include "tools/holdload/host.h"

static const struct audio_format formats[] = {
	{ "PCMU", 8000 }, { "PCMA", 8000 }, { "L16", 16000 },
	{ "L16", 8000 },  { "L16", 24000 },
};

static size_t start(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;
	char *custom = words_custom(talk);
	size_t length = 0;

	if (custom)
		length = SAY(out, room,
			     "{\"event\":\"start\",\"start\":{\"stream\":\"$\","
			     "\"call\":\"$\",\"account\":\"$\",\"from\":"
			     "\"+15550001\",\"to\":\"+15550002\",\"format\":{"
			     "\"encoding\":\"$\",\"rate\":$},\"custom\":$}}",
			     TEXT(ids->stream), TEXT(ids->call),
			     TEXT(ids->account), TEXT(talk->format->codec),
			     NUMBER(talk->format->rate_hz), TEXT(custom));
	free(custom);
	return length;
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	(void)talk;
	return SAY(out, room, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"$\"}}",
		   SPAN(&digit, 1));
}

static size_t mark(char *out, size_t room, struct talk *talk, const char *name,
		   size_t length, bool cleared)
{
	(void)talk, (void)cleared;
	return SAY(out, room, "{\"event\":\"mark\",\"mark\":{\"name\":\"$\"}}",
		   SPAN(name, length));
}

static size_t stop(char *out, size_t room, struct talk *talk)
{
	(void)talk;
	return words_put(out, room, "{\"event\":\"stop\"}", NULL);
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const struct server_word words[] = {
		{ "mark", "\"name\"", HEARD_MARK },
		{ "clear", NULL, HEARD_CLEAR },
		{ "dtmf", "\"digit\"", HEARD_NOTHING },
	};

	(void)talk;
	return words_hear(message, length, "\"event\"", words, COUNT(words));
}

static const struct host host = {
	.rules = { { { { "event" } }, "start" },
		   { { { "start", "format" } }, NULL } },
	.paths = { [ASK_NAME] = { { "event" } },
		   [ASK_STREAM] = { { "start", "stream" } },
		   [ASK_CALL] = { { "start", "call" } },
		   [ASK_CODEC] = { { "start", "format", "encoding" } },
		   [ASK_RATE] = { { "start", "format", "rate" } },
		   [ASK_DIGIT] = { { "dtmf", "digit" } },
		   [ASK_MARK] = { { "mark", "name" } } },
	.words = host_family,
	.mark = "{\"event\":\"mark\",\"mark\":{\"name\":\"$\"}}",
};

const struct dialect dialect_plain = {
	.name = "plain",
	.summary = "Holdline's own dialect",
	.sign = SIGN_BEARER,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.binary = true,
	.start = start,
	.dtmf = dtmf,
	.mark = mark,
	.stop = stop,
	.hear = hear,
	.host = &host,
};
