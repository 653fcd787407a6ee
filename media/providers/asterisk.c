/*
 * asterisk.c - Asterisk's chan_websocket
 *
 * docs.asterisk.org, Configuration/Channel-Drivers/WebSocket. Audio is binary
 * in the channel's own format; events and commands are texts, as words or as
 * JSON. Which of the two is theirs, the first text shows, and we answer in
 * kind. Audio may come before MEDIA_START says what it is.
 *
 *   in:  MEDIA_START, samples, DTMF_END, MEDIA_MARK_PROCESSED, MEDIA_XOFF,
 *        MEDIA_XON, ERROR, and others that mean nothing to us
 *   out: ANSWER, samples, MARK_MEDIA, FLUSH_MEDIA, HANGUP
 *
 * No message says the end. What was marked and then flushed is never told.
 */
#include <string.h>

#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

#define COMMAND_MAX 128u /* bytes; a longer one is dropped with a log line */

/* ---- words -----------------------------------------------------------------
 */

static bool put(json_t *doc, const char *key, const char *value, size_t length)
{
	return json_object_set_new(doc, key, json_stringn(value, length)) == 0;
}

/* "digit:5" */
static bool put_pair(json_t *doc, const char *word, size_t length)
{
	const char *colon = memchr(word, ':', length);
	char key[64];

	if (!colon || (size_t)(colon - word) >= sizeof(key))
		return false;
	memcpy(key, word, (size_t)(colon - word));
	key[colon - word] = '\0';
	return put(doc, key, colon + 1, length - (size_t)(colon + 1 - word));
}

/* What follows MEDIA_MARK_PROCESSED is an id, the text of an error goes to the
 * end, everything else is pairs. */
static bool put_rest(json_t *doc, const char *rest)
{
	static const char error_text[] = "error_text:";
	const char *event = json_string_value(json_object_get(doc, "event"));

	if (*rest && strcmp(event, "MEDIA_MARK_PROCESSED") == 0)
		return put(doc, "correlation_id", rest, strlen(rest));
	while (*rest) {
		size_t length = strcspn(rest, " ");

		if (strncmp(rest, error_text, strlen(error_text)) == 0)
			length = strlen(rest);
		if (length > 0 && !put_pair(doc, rest, length))
			return false;
		rest += length;
		rest += strspn(rest, " ");
	}
	return true;
}

/* The same object as if they had spoken JSON; NULL: it cannot be one. */
static json_t *read_words(const char *message, size_t length)
{
	char text[1024], *rest;
	json_t *doc;

	while (length > 0 && (unsigned char)*message <= ' ') {
		message++;
		length--;
	}
	while (length > 0 && (unsigned char)message[length - 1] <= ' ')
		length--;
	if (length == 0 || length >= sizeof(text))
		return NULL;
	memcpy(text, message, length);
	text[length] = '\0';
	rest = text + strcspn(text, " ");
	doc = json_object();
	if (doc && put(doc, "event", text, (size_t)(rest - text)) &&
	    put_rest(doc, rest + strspn(rest, " ")))
		return doc;
	json_decref(doc);
	return NULL;
}

/* ---- in --------------------------------------------------------------------
 */

static const char *read_format(const struct text *format, struct event *event)
{
	static const struct {
		const char *theirs, *ours;
		unsigned rate_hz;
	} formats[] = {
		{ "ulaw", "PCMU", 8000 },   { "alaw", "PCMA", 8000 },
		{ "slin", "L16", 8000 },    { "slin16", "L16", 16000 },
		{ "slin24", "L16", 24000 }, { "slin48", "L16", 48000 },
		{ "g722", "G722", 16000 },  { "opus", "OPUS", 48000 },
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (!text_is(format, formats[i].theirs))
			continue;
		json_start_l16(event, formats[i].rate_hz, 1);
		event->start.codec.at = formats[i].ours;
		event->start.codec.length = strlen(formats[i].ours);
		return NULL;
	}
	return "MEDIA_START has a format that we do not know";
}

static void parse_start(struct event *event)
{
	struct text format = json_member(event->doc, "format");
	const char *wrong = read_format(&format, event);
	json_t *custom = json_object_get(event->doc, "channel_variables");

	if (!wrong &&
	    (!json_id(event->doc, "channel_id", &event->start.call_id) ||
	     !json_id(event->doc, "connection_id", &event->stream_id)))
		wrong = "an id is no string, or too long";
	if (!wrong && custom && !json_is_object(custom))
		wrong = "channel_variables is no object";
	if (wrong) {
		event_bad(event, CLOSE_PROTOCOL, wrong);
		return;
	}
	event->start.custom = custom;
}

static void parse_digit(struct event *event)
{
	event->kind = EVENT_DTMF;
	event->digit = json_member(event->doc, "digit");
	if (!is_digit(&event->digit))
		event_bad(event, CLOSE_PROTOCOL, "digit is no digit");
}

/* Without an id it is nobody's we know of. */
static void parse_mark(struct event *event)
{
	struct text id = json_member(event->doc, "correlation_id");

	if (id.length == 0)
		return;
	event->kind = EVENT_MARK;
	event->mark = id;
}

static void parse_xoff(struct event *event)
{
	event->kind = EVENT_FLOW;
	event->hold_back = true;
}

static void parse_xon(struct event *event)
{
	event->kind = EVENT_FLOW;
}

static void parse_error(struct event *event)
{
	event->kind = EVENT_COMPLAINT;
	event->complaint = json_member(event->doc, "error_text");
}

static void parse_event(struct event *event)
{
	static const struct {
		const char *name;
		void (*parse)(struct event *event);
	} events[] = {
		{ "MEDIA_START", parse_start },
		{ "DTMF_END", parse_digit },
		{ "MEDIA_MARK_PROCESSED", parse_mark },
		{ "MEDIA_XOFF", parse_xoff },
		{ "MEDIA_XON", parse_xon },
		{ "ERROR", parse_error },
		{ "STATUS", NULL },
		{ "MEDIA_BUFFERING_COMPLETED", NULL },
		{ "QUEUE_DRAINED", NULL },
	};
	struct text name = json_member(event->doc, "event");

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!text_is(&name, events[i].name))
			continue;
		if (events[i].parse)
			events[i].parse(event);
		return;
	}
	json_unknown(event, &name);
}

static bool is_json(const char *message, size_t length)
{
	size_t blanks = 0;

	while (blanks < length && (unsigned char)message[blanks] <= ' ')
		blanks++;
	return blanks < length && message[blanks] == '{';
}

static void parse(const char *message, size_t length, struct dialog *dialog,
		  struct event *event)
{
	dialog->plain = !is_json(message, length);
	if (!dialog->plain) {
		if (json_begin(event, message, length))
			parse_event(event);
		return;
	}
	memset(event, 0, sizeof(*event));
	event->doc = read_words(message, length);
	if (event->doc)
		parse_event(event);
	else
		event_bad(event, CLOSE_DATA, "the message is no event");
}

static bool opens(const struct opening *opening)
{
	static const char word[] = "MEDIA_START ";

	if (json_says(opening->doc, "event", "MEDIA_START"))
		return true;
	return opening->text && opening->length > strlen(word) &&
	       memcmp(opening->text, word, strlen(word)) == 0;
}

/* ---- out -------------------------------------------------------------------
 */

/* "WORD", "WORD id" or {"command":"WORD","correlation_id":"id"} */
static size_t command(char *at, size_t room, const struct dialog *dialog,
		      const char *word, const char *id)
{
	struct json_out out = json_out_begin(
		at, room <= COMMAND_MAX ? room : COMMAND_MAX + 1);

	if (dialog->plain && id)
		json_out_form(&out, "$ $", TEXTS(word, id));
	else if (dialog->plain)
		json_out_form(&out, "$", &word);
	else if (id)
		json_out_form(&out,
			      "{\"command\":\"$\",\"correlation_id\":\"$\"}",
			      TEXTS(word, id));
	else
		json_out_form(&out, "{\"command\":\"$\"}", &word);
	return json_out_end(&out);
}

/* A channel that was answered already takes it as well. */
static size_t answer(char *at, size_t room, struct dialog *dialog,
		     const struct event *event)
{
	if (event->kind != EVENT_START)
		return 0;
	return command(at, room, dialog, "ANSWER", NULL);
}

static size_t build_mark(char *at, size_t room, struct dialog *dialog,
			 const char *name)
{
	return command(at, room, dialog, "MARK_MEDIA", name);
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	return command(at, room, dialog, "FLUSH_MEDIA", NULL);
}

static size_t build_hangup(char *at, size_t room, struct dialog *dialog,
			   bool for_an_error)
{
	(void)for_an_error;
	return command(at, room, dialog, "HANGUP", NULL);
}

const struct provider provider_asterisk = {
	.name = "asterisk",
	.subprotocol = "media",
	.opens = opens,
	.max_message = JSON_MESSAGE_MAX,
	.binary_in = true,
	.binary_out = true,
	.early_audio = true,
	.parse = parse,
	.answer = answer,
	.build_media = build_samples,
	.build_mark = build_mark,
	.build_clear = build_clear,
	.build_hangup = build_hangup,
	.clear_loses_marks = true,
	.pacing = { .clocked = true, .least_ms = 20, .most_ms = 20 },
};
