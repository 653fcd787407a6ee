/*
 * vonage.c - Vonage Voice WebSockets, as Vonage speaks them
 *
 * developer.vonage.com/en/voice/voice-api/guides/websockets. Samples are
 * binary, 20 ms a message in both directions; custom headers stand flat in the
 * first message. A notify comes back with the payload that the server gave it.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialects/words.h"
#include "tools/holdload/host.h"

static const struct audio_format formats[] = {
	{ "L16", 16000 },
	{ "L16", 8000 },
	{ "L16", 24000 },
};

static size_t start(char *out, size_t room, struct talk *talk)
{
	char *members = words_custom_members(talk);
	size_t length = 0;

	if (members)
		length = SAY(out, room,
			     "{\"event\":\"websocket:connected\","
			     "\"content-type\":\"audio/l16;rate=$\"$}",
			     NUMBER(talk->format->rate_hz), TEXT(members));
	free(members);
	return length;
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	(void)talk;
	return SAY(out, room,
		   "{\"event\":\"websocket:dtmf\",\"digit\":\"$\","
		   "\"duration\":260}",
		   SPAN(&digit, 1));
}

static size_t mark(char *out, size_t room, struct talk *talk, const char *name,
		   size_t length, bool cleared)
{
	(void)talk, (void)cleared;
	return SAY(out, room, "{\"event\":\"websocket:notify\",\"payload\":$}",
		   SPAN(name, length));
}

static size_t cleared(char *out, size_t room, struct talk *talk)
{
	(void)talk;
	return words_put(out, room, "{\"event\":\"websocket:cleared\"}", NULL);
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	(void)talk;
	if (words_says(message, length, "\"action\"", "clear"))
		return (struct heard){ .kind = HEARD_CLEAR };
	if (words_says(message, length, "\"action\"", "notify"))
		return words_object(message, length, "\"payload\"", HEARD_MARK);
	return words_garbage();
}

static const struct host_word said_to_us[] = {
	{ .name = "websocket:connected", .kind = TOLD_START },
	{ .name = "websocket:dtmf", .kind = TOLD_DIGIT },
	{ .name = "websocket:notify", .kind = TOLD_MARK },
	{ .name = "websocket:cleared", .kind = TOLD_NOTHING },
	{ .name = "websocket:media:update", .kind = TOLD_NOTHING },
	{ 0 },
};

static const struct host host = {
	.rules = { { { { "event" } }, "websocket:connected" } },
	.paths = { [ASK_NAME] = { { "event" } },
		   [ASK_CODEC] = { { "content-type" } },
		   [ASK_DIGIT] = { { "digit" } },
		   [ASK_MARK] = { { "payload", "id" } } },
	.words = said_to_us,
	.mark = "{\"action\":\"notify\",\"payload\":{\"id\":\"$\"}}",
};

const struct dialect dialect_vonage = {
	.name = "vonage",
	.summary = "Vonage Voice WebSockets",
	.sign = SIGN_VONAGE,
	.make_ids = ids_of_uuids,
	.formats = formats,
	.format_count = COUNT(formats),
	.binary = true,
	.one_frame_only = true,
	.start = start,
	.dtmf = dtmf,
	.mark = mark,
	.cleared = cleared,
	.hear = hear,
	.host = &host,
};
