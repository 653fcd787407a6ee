/*
 * genesys.c - Genesys AudioHook, Monitor and Audio Connector
 *
 * developer.genesys.cloud/devapps/audiohook, version 2. Texts are numbered on
 * both sides, and most of theirs want an answer. Audio is binary, 8000 samples
 * a second, PCMU or 16-bit little-endian; with two channels, the customer's and
 * the agent's samples take turns.
 *
 *   in:  open, ping, close, discarded, paused, resumed, update, dtmf, error,
 *        playback_started, playback_completed, samples
 *   out: opened, pong, closed, updated, disconnect, event (barge_in), samples
 *
 * A probe (the null conversation) is answered like a call and makes no row.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/providers/json_dialect.h"
#include "media/providers/json_out.h"

#define NULL_UUID  "00000000-0000-0000-0000-000000000000"
#define HOLE_S_MAX 86400.0
/* They may know of a few messages that we never sent, but another server did:
 * sessions are recorded and played again, to test with. */
#define SAID_AHEAD_MAX 16
#define CHOICE_MAX     512u /* bytes of an entry of the offer, as JSON */

/* ---- open ------------------------------------------------------------------
 */

/* An entry of the offer that we can take, as the event's format. */
static bool read_media(json_t *media, struct event *event)
{
	const json_t *channels = json_object_get(media, "channels"), *channel;
	bool mulaw = json_says(media, "format", "PCMU");
	size_t i, count = json_array_size(channels);

	if (json_dumpb(media, NULL, 0, JSON_COMPACT) > CHOICE_MAX ||
	    !json_says(media, "type", "audio") || count < 1 ||
	    count > TRACKS_MAX || json_number(media, "rate", 0) != 8000 ||
	    (!mulaw && !json_says(media, "format", "L16")))
		return false;
	json_start_l16(event, 8000, (unsigned)count);
	if (mulaw)
		event->start.codec = (struct text){ "PCMU", 4 };
	json_array_foreach (channels, i, channel) {
		const char *name = json_string_value(channel);
		bool agent = name && strcmp(name, "internal") == 0;

		event->start.tracks[i] = agent ? TRACK_OUTBOUND : TRACK_INBOUND;
	}
	event->start.choice = media;
	return count == 1 || event->start.tracks[0] != event->start.tracks[1];
}

static const char *read_offer(const json_t *parameters, struct event *event)
{
	const json_t *offer = json_object_get(parameters, "media");
	json_t *media;
	size_t i;

	json_array_foreach (offer, i, media)
		if (read_media(media, event))
			return NULL;
	return "open offers no audio that we know";
}

static const char *read_open(const json_t *parameters, struct event *event)
{
	const json_t *caller = json_object_get(parameters, "participant");
	json_t *custom = json_object_get(parameters, "inputVariables");

	if (!json_is_object(custom))
		custom = json_object_get(parameters, "customConfig");
	if (!json_id(parameters, "organizationId", &event->start.account_id) ||
	    !json_id(parameters, "conversationId", &event->start.call_id) ||
	    !json_id(caller, "ani", &event->start.from) ||
	    !json_id(caller, "dnis", &event->start.to))
		return "an id or number of open is no string, or too long";
	if (!event->start.call_id.at)
		return "open has no conversationId";
	event->start.custom = json_is_object(custom) ? custom : NULL;
	return read_offer(parameters, event);
}

static void parse_open(const json_t *parameters, struct dialog *dialog,
		       struct event *event)
{
	const char *wrong = read_open(parameters, event);

	(void)snprintf(dialog->id, sizeof(dialog->id), "%s",
		       event->stream_id.at);
	if (wrong)
		event_bad(event, CLOSE_PROTOCOL, wrong);
	else if (text_is(&event->start.call_id, NULL_UUID))
		event->kind = EVENT_IGNORED;
}

/* ---- the other messages ----------------------------------------------------
 */

static void parse_close(const json_t *parameters, struct dialog *dialog,
			struct event *event)
{
	(void)parameters, (void)dialog;
	event->kind = EVENT_STOP;
}

/* "PT1.5S"; negative: it is none. */
static double seconds(const json_t *parameters, const char *key)
{
	struct text text = json_member(parameters, key);
	char *end;
	double value;

	if (!text.at || strncmp(text.at, "PT", 2) != 0)
		return -1;
	value = strtod(text.at + 2, &end);
	return strcmp(end, "S") == 0 && value >= 0 && value <= HOLE_S_MAX
		       ? value
		       : -1;
}

/* Time that has no audio: {"start":"PT2S","discarded":"PT0.4S"} */
static void parse_hole(const json_t *parameters, struct dialog *dialog,
		       struct event *event)
{
	double length = seconds(parameters, "discarded");

	(void)dialog;
	if (length < 0) {
		event_bad(event, CLOSE_PROTOCOL,
			  "discarded is no duration such as PT1.5S");
		return;
	}
	event->kind = EVENT_HOLE;
	event->hole_ms = (uint64_t)(length * 1000 + 0.5);
}

static void parse_paused(const json_t *parameters, struct dialog *dialog,
			 struct event *event)
{
	(void)parameters, (void)dialog;
	event->kind = EVENT_PAUSED;
}

static void parse_digit(const json_t *parameters, struct dialog *dialog,
			struct event *event)
{
	(void)dialog;
	event->kind = EVENT_DTMF;
	event->digit = json_member(parameters, "digit");
	if (!is_digit(&event->digit))
		event_bad(event, CLOSE_PROTOCOL, "digit is no digit");
}

static void parse_error(const json_t *parameters, struct dialog *dialog,
			struct event *event)
{
	(void)dialog;
	event->kind = EVENT_COMPLAINT;
	event->complaint = json_member(parameters, "message");
}

static const struct {
	const char *type;
	void (*parse)(const json_t *parameters, struct dialog *dialog,
		      struct event *event);
	const char *answer; /* with empty parameters, but for `opened` */
} types[] = {
	{ "open", parse_open, "opened" },
	{ "ping", NULL, "pong" },
	{ "close", parse_close, "closed" },
	{ "update", NULL, "updated" },
	{ "discarded", parse_hole, NULL },
	{ "resumed", parse_hole, NULL },
	{ "paused", parse_paused, NULL },
	{ "dtmf", parse_digit, NULL },
	{ "error", parse_error, NULL },
	{ "playback_started", NULL, NULL },
	{ "playback_completed", NULL, NULL },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static size_t type_of(const struct event *event)
{
	struct text name = json_member(event->doc, "type");
	size_t i = 0;

	while (i < TYPES && !text_is(&name, types[i].type))
		i++;
	return i;
}

static bool is_uuid(const struct text *id)
{
	return id->length == strlen(NULL_UUID) &&
	       strspn(id->at, "0123456789abcdefABCDEF-") == id->length;
}

/* What is wrong with it, or NULL. Their numbers have no gaps. */
static const char *read_envelope(struct dialog *dialog, struct event *event)
{
	const json_t *seq = json_object_get(event->doc, "seq");
	const json_t *heard = json_object_get(event->doc, "serverseq");

	if (!json_says(event->doc, "version", "2"))
		return "the version is not 2";
	event->stream_id = json_member(event->doc, "id");
	if (!is_uuid(&event->stream_id))
		return "the id is no UUID";
	if (!json_is_integer(seq) ||
	    json_integer_value(seq) != (json_int_t)dialog->heard_seq + 1)
		return "seq does not follow";
	if (!json_is_integer(heard) ||
	    json_integer_value(heard) >
		    (json_int_t)dialog->said_seq + SAID_AHEAD_MAX)
		return "serverseq is beyond what we sent";
	dialog->heard_seq++;
	return NULL;
}

static void parse(const char *message, size_t length, struct dialog *dialog,
		  struct event *event)
{
	const char *wrong;
	struct text name;
	size_t type;

	if (!json_begin(event, message, length))
		return;
	wrong = read_envelope(dialog, event);
	if (wrong) {
		event_bad(event, CLOSE_PROTOCOL, wrong);
		return;
	}
	type = type_of(event);
	name = json_member(event->doc, "type");
	if (type == TYPES)
		json_unknown(event, &name);
	else if (types[type].parse)
		types[type].parse(json_object_get(event->doc, "parameters"),
				  dialog, event);
}

static bool opens(const struct opening *opening)
{
	return json_says(opening->doc, "version", "2") &&
	       json_says(opening->doc, "type", "open");
}

/* ---- out -------------------------------------------------------------------
 */

/* The envelope and its parameters, which are JSON. */
static size_t say(char *at, size_t room, struct dialog *dialog,
		  const char *type, const char *parameters)
{
	char seq[24], clientseq[24];
	int length;

	(void)snprintf(seq, sizeof(seq), "%" PRIu64, dialog->said_seq + 1);
	(void)snprintf(clientseq, sizeof(clientseq), "%" PRIu64,
		       dialog->heard_seq);
	length = snprintf(at, room,
			  "{\"version\":\"2\",\"type\":\"%s\",\"seq\":%s,"
			  "\"clientseq\":%s,\"id\":\"%s\",\"parameters\":%s}",
			  type, seq, clientseq, dialog->id, parameters);
	if (length < 0 || (size_t)length >= room)
		return 0;
	dialog->said_seq++;
	return (size_t)length;
}

/* Of what was offered, exactly the entry that was taken. */
static size_t say_opened(char *at, size_t room, struct dialog *dialog,
			 const struct event *event)
{
	char *media = json_dumps(event->start.choice, JSON_COMPACT);
	char parameters[CHOICE_MAX + 32];
	int length = snprintf(parameters, sizeof(parameters),
			      "{\"media\":[%s]}", media ? media : "");

	free(media);
	if (length < 0 || (size_t)length >= sizeof(parameters))
		return 0;
	return say(at, room, dialog, "opened", parameters);
}

static size_t answer(char *at, size_t room, struct dialog *dialog,
		     const struct event *event)
{
	size_t type = type_of(event);

	if (type == TYPES || !types[type].answer)
		return 0;
	if (types[type].parse == parse_open)
		return say_opened(at, room, dialog, event);
	return say(at, room, dialog, types[type].answer, "{}");
}

static size_t build_clear(char *at, size_t room, struct dialog *dialog)
{
	return say(at, room, dialog, "event",
		   "{\"entities\":[{\"type\":\"barge_in\",\"data\":{}}]}");
}

static size_t build_hangup(char *at, size_t room, struct dialog *dialog,
			   bool for_an_error)
{
	return say(at, room, dialog, "disconnect",
		   for_an_error ? "{\"reason\":\"error\"}"
				: "{\"reason\":\"completed\"}");
}

const struct provider provider_genesys = {
	.name = "genesys",
	.handshake_header = "audiohook-session-id:",
	.opens = opens,
	.max_message = JSON_MESSAGE_MAX,
	.binary_in = true,
	.binary_out = true,
	.parse = parse,
	.answer = answer,
	.build_media = build_samples,
	.build_clear = build_clear,
	.build_hangup = build_hangup,
	.pacing = { .clocked = true,
		    .least_ms = 20,
		    .step_ms = 20,
		    .most_ms = 200 },
};
