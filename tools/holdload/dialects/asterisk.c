/*
 * asterisk.c - Asterisk's chan_websocket, as Asterisk speaks it
 *
 * docs.asterisk.org, Configuration/Channel-Drivers/WebSocket. Events and
 * commands are JSON or, with control_message_format = plain-text, words: two
 * dialects, which differ in nothing else. Samples are binary, in the channel's
 * format. What was marked and then flushed is never told. Buffering, pauses and
 * status are known, but nothing is done about them here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/dialects/words.h"
#include "tools/holdload/host.h"

#define COMMAND_MAX 128u /* bytes; a longer one is dropped with a log line */

static const struct audio_format formats[] = {
	{ "PCMU", 8000 }, { "PCMA", 8000 }, { "L16", 16000 },
	{ "L16", 8000 },  { "L16", 24000 }, { "L16", 48000 },
};

static void make_ids(struct dialect_ids *ids, const uint64_t random[6])
{
	ids_of_uuids(ids, random);
	ids->account[0] = '\0'; /* there is none */
	(void)snprintf(ids->call, sizeof(ids->call), "%u.%u",
		       (unsigned)(random[2] >> 32), (unsigned)random[2]);
}

static const char *format_name(const struct audio_format *format)
{
	if (strcmp(format->codec, "L16") != 0)
		return strcmp(format->codec, "PCMA") == 0 ? "alaw" : "ulaw";
	switch (format->rate_hz) {
	case 16000: return "slin16";
	case 24000: return "slin24";
	case 48000: return "slin48";
	default: return "slin";
	}
}

/* Bytes of 20 ms. */
static uint64_t frame_size(const struct audio_format *format)
{
	return audio_frame_bytes(format, AUDIO_FRAME_MS);
}

/* ---- as JSON ---------------------------------------------------------------
 */

static size_t start(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;
	char *custom = words_custom(talk);
	size_t length = 0;

	if (custom)
		length = SAY(
			out, room,
			"{\"event\":\"MEDIA_START\",\"connection_id\":\"$\","
			"\"channel\":\"WebSocket/$/0x5140001a0\","
			"\"channel_id\":\"$\",\"format\":\"$\","
			"\"optimal_frame_size\":$,\"ptime\":20,"
			"\"channel_variables\":$}",
			TEXT(ids->stream), TEXT(ids->stream), TEXT(ids->call),
			TEXT(format_name(talk->format)),
			NUMBER(frame_size(talk->format)), TEXT(custom));
	free(custom);
	return length;
}

static size_t dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	return SAY(out, room,
		   "{\"event\":\"DTMF_END\",\"channel_id\":\"$\","
		   "\"digit\":\"$\"}",
		   TEXT(talk->ids.call), SPAN(&digit, 1));
}

static size_t mark(char *out, size_t room, struct talk *talk, const char *name,
		   size_t length, bool cleared)
{
	(void)cleared;
	return SAY(out, room,
		   "{\"event\":\"MEDIA_MARK_PROCESSED\",\"channel_id\":\"$\","
		   "\"correlation_id\":\"$\"}",
		   TEXT(talk->ids.call), SPAN(name, length));
}

static size_t flow(char *out, size_t room, struct talk *talk, bool full)
{
	return SAY(out, room, "{\"event\":\"$\",\"channel_id\":\"$\"}",
		   TEXT(full ? "MEDIA_XOFF" : "MEDIA_XON"),
		   TEXT(talk->ids.call));
}

static struct heard hear(const char *message, size_t length, struct talk *talk)
{
	static const struct server_word words[] = {
		{ "ANSWER", NULL, HEARD_NOTHING },
		{ "HANGUP", NULL, HEARD_HANGUP },
		{ "MARK_MEDIA", NULL, HEARD_MARK },
		{ "FLUSH_MEDIA", NULL, HEARD_CLEAR },
		{ "START_MEDIA_BUFFERING", NULL, HEARD_NOTHING },
		{ "STOP_MEDIA_BUFFERING", NULL, HEARD_NOTHING },
		{ "PAUSE_MEDIA", NULL, HEARD_NOTHING },
		{ "CONTINUE_MEDIA", NULL, HEARD_NOTHING },
		{ "GET_STATUS", NULL, HEARD_NOTHING },
		{ "REPORT_QUEUE_DRAINED", NULL, HEARD_NOTHING },
		{ "SET_MEDIA_DIRECTION", NULL, HEARD_NOTHING },
	};
	struct heard heard, id;

	(void)talk;
	if (length > COMMAND_MAX)
		return words_garbage();
	heard = words_hear(message, length, "\"command\"", words, COUNT(words));
	id = words_string(message, length, "\"correlation_id\"", HEARD_MARK);
	return heard.kind == HEARD_MARK && id.text ? id : heard;
}

/* ---- as words --------------------------------------------------------------
 */

static size_t plain_start(char *out, size_t room, struct talk *talk)
{
	const struct dialect_ids *ids = &talk->ids;

	return SAY(out, room,
		   "MEDIA_START connection_id:$ channel:WebSocket/$/"
		   "0x5140001a0 channel_id:$ format:$ optimal_frame_size:$ "
		   "ptime:20",
		   TEXT(ids->stream), TEXT(ids->stream), TEXT(ids->call),
		   TEXT(format_name(talk->format)),
		   NUMBER(frame_size(talk->format)));
}

static size_t plain_dtmf(char *out, size_t room, struct talk *talk, char digit)
{
	return SAY(out, room, "DTMF_END digit:$ channel_id:$", SPAN(&digit, 1),
		   TEXT(talk->ids.call));
}

static size_t plain_mark(char *out, size_t room, struct talk *talk,
			 const char *name, size_t length, bool cleared)
{
	(void)talk, (void)cleared;
	return SAY(out, room, "MEDIA_MARK_PROCESSED$$",
		   TEXT(length > 0 ? " " : ""), SPAN(name, length));
}

static size_t plain_flow(char *out, size_t room, struct talk *talk, bool full)
{
	(void)talk;
	return words_put(out, room, full ? "MEDIA_XOFF" : "MEDIA_XON", NULL);
}

static struct heard plain_hear(const char *message, size_t length,
			       struct talk *talk)
{
	static const struct {
		const char *word;
		enum heard_kind kind;
	} words[] = {
		{ "ANSWER", HEARD_NOTHING },
		{ "HANGUP", HEARD_HANGUP },
		{ "MARK_MEDIA", HEARD_MARK },
		{ "FLUSH_MEDIA", HEARD_CLEAR },
		{ "START_MEDIA_BUFFERING", HEARD_NOTHING },
		{ "STOP_MEDIA_BUFFERING", HEARD_NOTHING },
		{ "PAUSE_MEDIA", HEARD_NOTHING },
		{ "CONTINUE_MEDIA", HEARD_NOTHING },
		{ "GET_STATUS", HEARD_NOTHING },
		{ "REPORT_QUEUE_DRAINED", HEARD_NOTHING },
	};
	const char *blank = memchr(message, ' ', length);
	size_t word = blank ? (size_t)(blank - message) : length;

	(void)talk;
	if (length > COMMAND_MAX)
		return words_garbage();
	for (size_t i = 0; i < COUNT(words); i++) {
		if (word != strlen(words[i].word) ||
		    memcmp(message, words[i].word, word) != 0)
			continue;
		if (blank)
			word++;
		return (struct heard){ words[i].kind, message + word,
				       length - word };
	}
	return words_garbage();
}

/* ---- the server's end ------------------------------------------------------
 */

static const struct host_word said_to_us[] = {
	{ .name = "MEDIA_START", .kind = TOLD_START },
	{ .name = "DTMF_END", .kind = TOLD_DIGIT },
	{ .name = "MEDIA_MARK_PROCESSED", .kind = TOLD_MARK },
	{ .name = "MEDIA_XOFF", .kind = TOLD_NOTHING },
	{ .name = "MEDIA_XON", .kind = TOLD_NOTHING },
	{ .name = "MEDIA_BUFFERING_COMPLETED", .kind = TOLD_NOTHING },
	{ .name = "STATUS", .kind = TOLD_NOTHING },
	{ .name = "QUEUE_DRAINED", .kind = TOLD_NOTHING },
	{ .name = "ERROR", .kind = TOLD_NOTHING },
	{ 0 },
};

static const struct host host = {
	.rules = { { { { "event" } }, "MEDIA_START" } },
	.paths = { [ASK_NAME] = { { "event" } },
		   [ASK_STREAM] = { { "connection_id" } },
		   [ASK_CALL] = { { "channel_id" } },
		   [ASK_CODEC] = { { "format" } },
		   [ASK_DIGIT] = { { "digit" } },
		   [ASK_MARK] = { { "correlation_id" } } },
	.words = said_to_us,
	.mark = "{\"command\":\"MARK_MEDIA\",\"correlation_id\":\"$\"}",
	.hang_up = "{\"command\":\"HANGUP\"}",
};

/* The value of "name:" among the words; none: no text. */
static struct span plain_value(struct span words, const char *name)
{
	while (words.text) {
		struct span word = span_cut(&words, ' ');

		if (span_is(span_cut(&word, ':'), name))
			return word;
	}
	return (struct span){ 0 };
}

static struct told plain_told(const struct dialect *dialect,
			      struct span message, struct talk *talk)
{
	struct span words = message, name = span_cut(&words, ' ');
	const struct host_word *word = host_word_named(said_to_us, name);
	struct told told = { .kind = word ? word->kind : TOLD_UNKNOWN };

	if (told.kind == TOLD_MARK)
		told.text = words;
	if (told.kind == TOLD_DIGIT)
		told.text = plain_value(words, "digit");
	if (told.kind == TOLD_DIGIT && !told.text.text)
		told.kind = TOLD_GARBAGE;
	if (told.kind != TOLD_START)
		return told;
	span_copy(plain_value(words, "connection_id"), talk->ids.stream,
		  sizeof(talk->ids.stream));
	span_copy(plain_value(words, "channel_id"), talk->ids.call,
		  sizeof(talk->ids.call));
	host_choose_format(dialect, talk, plain_value(words, "format"),
			   (struct span){ 0 });
	talk->started = true;
	return told;
}

static const struct host plain_host = {
	.greets = "MEDIA_START ",
	.hear = plain_told,
	.mark = "MARK_MEDIA $",
	.hang_up = "HANGUP",
};

#define COMMON                                                              \
	.subprotocol = "media", .sign = SIGN_BASIC, .make_ids = make_ids,   \
	.formats = formats, .format_count = COUNT(formats), .binary = true, \
	.clear_loses_marks = true

const struct dialect dialect_asterisk = {
	.name = "asterisk",
	.summary = "Asterisk chan_websocket, JSON",
	COMMON,
	.start = start,
	.dtmf = dtmf,
	.mark = mark,
	.flow = flow,
	.hear = hear,
	.host = &host,
};

const struct dialect dialect_asterisk_plain = {
	.name = "asterisk-plain",
	.summary = "Asterisk chan_websocket, plain text",
	COMMON,
	.start = plain_start,
	.no_custom = true,
	.dtmf = plain_dtmf,
	.mark = plain_mark,
	.flow = plain_flow,
	.hear = plain_hear,
	.host = &plain_host,
};
