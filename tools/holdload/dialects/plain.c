/*
 * plain.c - Holdline's own dialect (docs/plain-dialect.md)
 */
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialects/words.h"

static const struct audio_format formats[] = {
	{ "PCMU", 8000 }, { "PCMA", 8000 }, { "L16", 16000 },
	{ "L16", 8000 },  { "L16", 24000 },
};

static size_t start(char *out, size_t room, struct dialog *dialog)
{
	const struct dialect_ids *ids = &dialog->ids;
	char *custom = words_custom(dialog);
	size_t length = 0;

	if (custom)
		length = SAY(out, room,
			     "{\"event\":\"start\",\"start\":{\"stream\":\"$\","
			     "\"call\":\"$\",\"account\":\"$\",\"from\":"
			     "\"+15550001\",\"to\":\"+15550002\",\"format\":{"
			     "\"encoding\":\"$\",\"rate\":$},\"custom\":$}}",
			     TEXT(ids->stream), TEXT(ids->call),
			     TEXT(ids->account), TEXT(dialog->format->codec),
			     NUMBER(dialog->format->rate_hz), TEXT(custom));
	free(custom);
	return length;
}

static size_t dtmf(char *out, size_t room, struct dialog *dialog, char digit)
{
	(void)dialog;
	return SAY(out, room, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"$\"}}",
		   SPAN(&digit, 1));
}

static size_t mark(char *out, size_t room, struct dialog *dialog,
		   const char *name, size_t length, bool cleared)
{
	(void)dialog, (void)cleared;
	return SAY(out, room, "{\"event\":\"mark\",\"mark\":{\"name\":\"$\"}}",
		   SPAN(name, length));
}

static size_t stop(char *out, size_t room, struct dialog *dialog)
{
	(void)dialog;
	return words_put(out, room, "{\"event\":\"stop\"}", NULL);
}

static struct heard hear(const char *message, size_t length,
			 struct dialog *dialog)
{
	static const struct server_word words[] = {
		{ "mark", "\"name\"", HEARD_MARK },
		{ "clear", NULL, HEARD_CLEAR },
		{ "dtmf", "\"digit\"", HEARD_NOTHING },
	};

	(void)dialog;
	return words_hear(message, length, "\"event\"", words, COUNT(words));
}

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
};
