/* caller_dialects_test.c - what the load tool says and hears as each provider
 *
 * Three judges: the text itself, the server's own parsers, which were written
 * from the same documents by other hands, and the sample calls of
 * tests/transcripts: no message of ours may have a key that the provider's has
 * not, and whatever may be sent to a provider must be understood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/provider.h"
#include "tools/holdload/dialect.h"

#define BEGAN_MS 1767261600000 /* 2026-01-01T10:00:00Z */

static const struct dialect_parameter customer = { "customer", "42" };
static char said[DIALECT_START_MAX];

static struct talk begin(const struct dialect *dialect)
{
	struct talk talk = { .ids = { "acc", "call", "stream" },
			     .format = &dialect->formats[0],
			     .parameters = &customer,
			     .parameter_count = 1,
			     .began_ms = BEGAN_MS,
			     .channels = 1 };

	return talk;
}

/* ---- each message in all its parts -----------------------------------------
 */

enum part {
	CONNECTED,
	START,
	MEDIA,
	DTMF,
	MARK,
	CLEARED,
	FLOW,
	PING,
	STOP,
	PARTS
};

static const uint8_t sound[4] = { 1, 2, 3, 4 };

/* As the server's message had it: a name, or Vonage's object. */
static const char *mark_of(const struct dialect *dialect)
{
	return strcmp(dialect->name, "vonage") == 0 ? "{\"id\":\"a\"}"
						    : "a\\\"b";
}

/* Into said[room]; 0: the dialect has no such message. */
static size_t say(const struct dialect *d, struct talk *talk, enum part part,
		  size_t room)
{
	const struct frame frame = { .bytes = sound,
				     .size = sizeof(sound),
				     .text = "AQIDBA==",
				     .text_length = 8,
				     .number = 3,
				     .at_ms = 40 };

	switch (part) {
	case CONNECTED:
		return d->connected ? d->connected(said, room, talk) : 0;
	case START: return d->start(said, room, talk);
	case MEDIA: return d->media ? d->media(said, room, talk, &frame) : 0;
	case DTMF: return d->dtmf ? d->dtmf(said, room, talk, '#') : 0;
	case MARK:
		return d->mark ? d->mark(said, room, talk, mark_of(d),
					 strlen(mark_of(d)), false)
			       : 0;
	case CLEARED: return d->cleared ? d->cleared(said, room, talk) : 0;
	case FLOW: return d->flow ? d->flow(said, room, talk, true) : 0;
	case PING: return d->ping ? d->ping(said, room, talk) : 0;
	case STOP: return d->stop ? d->stop(said, room, talk) : 0;
	default: return 0;
	}
}

static void each_message_is_as_documented(void **state)
{
	static const struct {
		const char *dialect;
		enum part part;
		const char *text;
	} rows[] = {
		{ "twilio", CONNECTED,
		  "{\"event\":\"connected\",\"protocol\":\"Call\","
		  "\"version\":\"1.0.0\"}" },
		{ "twilio", START,
		  "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{"
		  "\"accountSid\":\"acc\",\"streamSid\":\"stream\",\"callSid\":"
		  "\"call\",\"tracks\":[\"inbound\"],\"mediaFormat\":{"
		  "\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,"
		  "\"channels\":1},\"customParameters\":{\"customer\":\"42\"}},"
		  "\"streamSid\":\"stream\"}" },
		{ "twilio", MEDIA,
		  "{\"event\":\"media\",\"sequenceNumber\":\"1\",\"media\":{"
		  "\"track\":\"inbound\",\"chunk\":\"3\",\"timestamp\":\"40\","
		  "\"payload\":\"AQIDBA==\"},\"streamSid\":\"stream\"}" },
		{ "twilio", MARK,
		  "{\"event\":\"mark\",\"sequenceNumber\":\"1\",\"streamSid\":"
		  "\"stream\",\"mark\":{\"name\":\"a\\\"b\"}}" },
		{ "signalwire", DTMF,
		  "{\"event\":\"dtmf\",\"sequenceNumber\":\"1\",\"streamSid\":"
		  "\"stream\",\"dtmf\":{\"digit\":\"#\",\"duration\":200}}" },
		{ "signalwire", STOP,
		  "{\"event\":\"stop\",\"sequenceNumber\":\"1\"}" },
		{ "telnyx", CONNECTED,
		  "{\"event\":\"connected\",\"version\":\"1.0.0\"}" },
		{ "telnyx", DTMF,
		  "{\"event\":\"dtmf\",\"stream_id\":\"stream\","
		  "\"occurred_at\":\"2026-01-01T10:00:00.000Z\","
		  "\"sequence_number\":\"1\",\"dtmf\":{\"digit\":\"#\"}}" },
		{ "plivo", CONNECTED, "" },
		{ "plivo", MEDIA,
		  "{\"sequenceNumber\":1,\"streamId\":\"stream\",\"event\":"
		  "\"media\",\"media\":{\"track\":\"inbound\",\"timestamp\":"
		  "\"1767261600040\",\"chunk\":3,\"payload\":\"AQIDBA==\"},"
		  "\"extra_headers\":\"{X-PH-customer: 42}\"}" },
		{ "plivo", CLEARED,
		  "{\"sequenceNumber\":1,\"event\":\"clearedAudio\","
		  "\"streamId\":\"stream\"}" },
		{ "plivo", STOP, "" },
		{ "exotel", CONNECTED, "{\"event\":\"connected\"}" },
		{ "exotel", STOP,
		  "{\"event\":\"stop\",\"sequence_number\":\"1\","
		  "\"stream_sid\":\"stream\",\"stop\":{\"call_sid\":\"call\","
		  "\"account_sid\":\"acc\",\"reason\":\"callended\"}}" },
		{ "vonage", START,
		  "{\"event\":\"websocket:connected\",\"content-type\":"
		  "\"audio/l16;rate=16000\",\"customer\":\"42\"}" },
		{ "vonage", CLEARED, "{\"event\":\"websocket:cleared\"}" },
		{ "jambonz", MARK,
		  "{\"type\":\"mark\",\"data\":{\"name\":\"a\\\"b\",\"event\":"
		  "\"playout\"}}" },
		{ "freeswitch", DTMF, "" },
		{ "freeswitch", STOP, "" },
		{ "asterisk", START,
		  "{\"event\":\"MEDIA_START\",\"connection_id\":\"stream\","
		  "\"channel\":\"WebSocket/stream/0x5140001a0\","
		  "\"channel_id\":\"call\",\"format\":\"ulaw\","
		  "\"optimal_frame_size\":160,\"ptime\":20,"
		  "\"channel_variables\":{\"customer\":\"42\"}}" },
		{ "asterisk", FLOW,
		  "{\"event\":\"MEDIA_XOFF\",\"channel_id\":\"call\"}" },
		{ "asterisk-plain", START,
		  "MEDIA_START connection_id:stream channel:WebSocket/stream/"
		  "0x5140001a0 channel_id:call format:ulaw "
		  "optimal_frame_size:160 ptime:20" },
		{ "asterisk-plain", DTMF, "DTMF_END digit:# channel_id:call" },
		{ "asterisk-plain", FLOW, "MEDIA_XOFF" },
		{ "azure", START,
		  "{\"kind\":\"AudioMetadata\",\"audioMetadata\":{"
		  "\"subscriptionId\":\"stream\",\"encoding\":\"PCM\","
		  "\"sampleRate\":24000,\"channels\":1,\"length\":960}}" },
		{ "azure", MEDIA,
		  "{\"kind\":\"AudioData\",\"audioData\":{\"timestamp\":"
		  "\"2026-01-01T10:00:00.040Z\",\"data\":\"AQIDBA==\","
		  "\"silent\":false}}" },
		{ "azure", DTMF,
		  "{\"kind\":\"DtmfData\",\"dtmfData\":{\"data\":\"#\"}}" },
		{ "azure", MARK, "" },
		{ "genesys", PING,
		  "{\"version\":\"2\",\"type\":\"ping\",\"seq\":1,"
		  "\"serverseq\":0,\"id\":\"stream\",\"position\":\"PT0.000S\","
		  "\"parameters\":{}}" },
		{ "genesys", STOP,
		  "{\"version\":\"2\",\"type\":\"close\",\"seq\":1,"
		  "\"serverseq\":0,\"id\":\"stream\",\"position\":\"PT0.000S\","
		  "\"parameters\":{\"reason\":\"end\"}}" },
		{ "plain", START,
		  "{\"event\":\"start\",\"start\":{\"stream\":\"stream\","
		  "\"call\":\"call\",\"account\":\"acc\",\"from\":"
		  "\"+15550001\",\"to\":\"+15550002\",\"format\":{"
		  "\"encoding\":\"PCMU\",\"rate\":8000},\"custom\":{"
		  "\"customer\":\"42\"}}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dialect *dialect = dialect_find(rows[i].dialect);
		struct talk talk = begin(dialect);
		size_t length = say(dialect, &talk, rows[i].part, sizeof(said));

		said[length] = '\0';
		assert_string_equal(said, rows[i].text);
	}
}

static void a_message_without_room_is_not_cut(void **state)
{
	const struct dialect *dialect;

	(void)state;
	for (size_t i = 0; (dialect = dialect_at(i)); i++)
		for (int part = 0; part < PARTS; part++) {
			struct talk talk = begin(dialect);
			size_t length = say(dialect, &talk, (enum part)part,
					    sizeof(said));

			if (length == 0)
				continue;
			talk = begin(dialect);
			if (say(dialect, &talk, (enum part)part, length - 1))
				fail_msg("%s, part %d", dialect->name, part);
		}
}

static void genesys_speaks_in_one_channel_of_as_many_as_are_wanted(void **state)
{
	static const struct {
		unsigned channels;
		const char *codec, *bytes;
		size_t size;
	} rows[] = {
		{ 0, "PCMU", "", 0 },
		{ 1, "PCMU", "\1\2\3\4", 4 },
		{ 2, "PCMU", "\1\xff\2\xff\3\xff\4\xff", 8 },
		{ 2, "L16", "\1\2\0\0\3\4\0\0", 8 },
	};
	const struct dialect *dialect = dialect_find("genesys");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct talk talk = begin(dialect);

		talk.format = dialect_format(dialect, rows[i].codec);
		talk.channels = rows[i].channels;
		assert_int_equal(say(dialect, &talk, MEDIA, sizeof(said)),
				 rows[i].size);
		assert_memory_equal(said, rows[i].bytes, rows[i].size);
	}
}

/* ---- the server's parsers --------------------------------------------------
 */

static uint8_t room[64 * 1024];

/* A server's side of one call. */
struct server {
	const struct provider *provider;
	struct scratch scratch;
	struct dialog dialog;
};

static struct server serve(const struct dialect *dialect)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%s", dialect->name);
	name[strcspn(name, "-")] = '\0'; /* asterisk-plain */
	return (struct server){ .provider = provider_find(name),
				.scratch = { room, sizeof(room) } };
}

static void take(struct server *server, size_t length, struct event *event)
{
	server->dialog.scratch = &server->scratch;
	server->provider->parse(said, length, &server->dialog, event);
}

static void expect_kind(const struct dialect *dialect,
			const struct event *event, enum event_kind kind)
{
	if (event->kind != kind)
		fail_msg("%s: %d, not %d: %s: %s", dialect->name,
			 (int)event->kind, (int)kind,
			 event->kind == EVENT_BAD ? event->bad.what : "", said);
}

static void expect_start(const struct dialect *dialect, const struct talk *talk,
			 struct event *event)
{
	expect_kind(dialect, event, EVENT_START);
	assert_int_equal(event->start.codec.length,
			 strlen(talk->format->codec));
	assert_memory_equal(event->start.codec.at, talk->format->codec,
			    event->start.codec.length);
	assert_int_equal(event->start.rate_hz, talk->format->rate_hz);
}

/* Says the part, if the dialect has it; whether the server understood. */
static void exchange(const struct dialect *dialect, struct talk *talk,
		     struct server *server, enum part part,
		     enum event_kind kind)
{
	size_t length = say(dialect, talk, part, sizeof(said) - 1);
	struct event event;

	said[length] = '\0';
	if (length == 0 || (part == MEDIA && dialect->binary))
		return;
	take(server, length, &event);
	if (kind == EVENT_START)
		expect_start(dialect, talk, &event);
	else
		expect_kind(dialect, &event, kind);
	if (kind == EVENT_MEDIA) {
		assert_int_equal(event.media.bytes, sizeof(sound));
		assert_memory_equal(event.media.audio, sound, sizeof(sound));
	}
	if (kind == EVENT_DTMF)
		assert_int_equal(event.digit.at[0], '#');
	event_release(&event);
}

/* What the server's side of a dialect does not take (yet). */
static bool is_foreign(const struct dialect *dialect,
		       const struct audio_format *format)
{
	return strcmp(dialect->name, "telnyx") == 0 &&
	       strcmp(format->codec, "L16") == 0;
}

static void our_server_understands_all_of_it(void **state)
{
	static const uint64_t ids[6] = { 1, 2, 3, 4, 5, 6 };
	const struct dialect *dialect;

	(void)state;
	for (size_t i = 0; (dialect = dialect_at(i)); i++)
		for (size_t n = 0; n < dialect->format_count; n++) {
			struct server server = serve(dialect);
			struct talk talk = begin(dialect);

			dialect->make_ids(&talk.ids, ids);
			talk.format = &dialect->formats[n];
			assert_non_null(server.provider);
			if (is_foreign(dialect, talk.format))
				continue;
			exchange(dialect, &talk, &server, CONNECTED,
				 EVENT_IGNORED);
			exchange(dialect, &talk, &server, START, EVENT_START);
			exchange(dialect, &talk, &server, MEDIA, EVENT_MEDIA);
			exchange(dialect, &talk, &server, DTMF, EVENT_DTMF);
			exchange(dialect, &talk, &server, MARK, EVENT_MARK);
			exchange(dialect, &talk, &server, FLOW, EVENT_FLOW);
			exchange(dialect, &talk, &server, CLEARED,
				 EVENT_IGNORED);
			exchange(dialect, &talk, &server, PING, EVENT_IGNORED);
			exchange(dialect, &talk, &server, STOP, EVENT_STOP);
		}
}

/* ---- hearing ---------------------------------------------------------------
 */

static void what_the_server_says_is_understood_or_refused(void **state)
{
#define ENVELOPE(type, seq, clientseq, more)                     \
	"{\"version\":\"2\",\"type\":\"" type "\",\"seq\":" #seq \
	",\"clientseq\":" #clientseq                             \
	",\"id\":\"stream\",\"parameters\":{" more "}}"
	static const struct {
		const char *dialect, *message;
		enum heard_kind kind;
		const char *text;
	} rows[] = {
		{ "twilio", "{\"event\":\"clear\",\"streamSid\":\"another\"}",
		  HEARD_GARBAGE, NULL },
		{ "telnyx", "{\"event\":\"mark\",\"mark\":{\"name\":\"m\"}}",
		  HEARD_MARK, "m" },
		{ "telnyx", "{\"event\":\"nothing\"}", HEARD_GARBAGE, NULL },
		{ "plivo",
		  "{\"event\":\"playAudio\",\"media\":{\"contentType\":"
		  "\"audio/x-l16\",\"sampleRate\":8000,\"payload\":\"AA==\"}}",
		  HEARD_MEDIA, "AA==" },
		{ "plivo",
		  "{\"event\":\"playAudio\",\"media\":{\"contentType\":"
		  "\"audio/x-mulaw\",\"payload\":\"AA==\"}}",
		  HEARD_GARBAGE, NULL },
		{ "plivo", "{\"event\":\"clearAudio\",\"streamId\":\"x\"}",
		  HEARD_GARBAGE, NULL },
		{ "vonage",
		  "{\"action\":\"notify\",\"payload\":{\"id\":\"}\",\"a\":{}}}",
		  HEARD_MARK, "{\"id\":\"}\",\"a\":{}}" },
		{ "vonage", "{\"action\":\"notify\",\"payload\":\"text\"}",
		  HEARD_GARBAGE, NULL },
		{ "vonage", "{\"action\":\"notify\",\"payload\":{\"id\":1",
		  HEARD_GARBAGE, NULL },
		{ "jambonz", "{\"type\":\"killAudio\"}", HEARD_CLEAR, NULL },
		{ "jambonz", "{\"type\":\"playAudio\"}", HEARD_GARBAGE, NULL },
		{ "asterisk", "{\"command\":\"MARK_MEDIA\"}", HEARD_MARK,
		  NULL },
		{ "asterisk", "MARK_MEDIA m", HEARD_GARBAGE, NULL },
		{ "asterisk-plain", "MARK_MEDIA m", HEARD_MARK, "m" },
		{ "asterisk-plain", "MARK_MEDIA", HEARD_MARK, "" },
		{ "asterisk-plain", "mark_media m", HEARD_GARBAGE, NULL },
		{ "asterisk-plain",
		  "MARK_MEDIA 0123456789012345678901234567890123456789012345678"
		  "90123456789012345678901234567890123456789012345678901234567"
		  "890123456789",
		  HEARD_GARBAGE, NULL },
		{ "azure",
		  "{\"Kind\":\"AudioData\",\"AudioData\":{\"Data\":\"AA==\"},"
		  "\"StopAudio\":null}",
		  HEARD_MEDIA, "AA==" },
		{ "azure",
		  "{\"kind\":\"AudioData\",\"audioData\":{\"data\":\"AA==\"}}",
		  HEARD_GARBAGE, NULL },
		{ "genesys", ENVELOPE("pong", 1, 0, ""), HEARD_NOTHING, NULL },
		{ "genesys", ENVELOPE("pong", 2, 0, ""), HEARD_GARBAGE, NULL },
		{ "genesys", ENVELOPE("pong", 1, 1, ""), HEARD_GARBAGE, NULL },
		{ "genesys", ENVELOPE("closed", 1, 0, ""), HEARD_GOODBYE,
		  NULL },
		{ "genesys",
		  ENVELOPE("event", 1, 0,
			   "\"entities\":[{\"type\":\"barge_in\",\"data\":{}}"
			   "]"),
		  HEARD_CLEAR, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dialect *dialect = dialect_find(rows[i].dialect);
		struct talk talk = begin(dialect);
		struct heard heard = dialect->hear(
			rows[i].message, strlen(rows[i].message), &talk);

		if (heard.kind != rows[i].kind)
			fail_msg("%s: %s: %d", dialect->name, rows[i].message,
				 (int)heard.kind);
		if (!rows[i].text)
			continue;
		assert_int_equal(heard.length, strlen(rows[i].text));
		assert_memory_equal(heard.text, rows[i].text, heard.length);
	}
}

static void genesys_is_told_how_many_channels_it_is(void **state)
{
	static const struct {
		const char *media;
		unsigned channels;
	} rows[] = {
		{ "[{\"type\":\"audio\",\"channels\":[\"external\","
		  "\"internal\"]}]",
		  2 },
		{ "[{\"type\":\"audio\",\"channels\":[\"external\"]}]", 1 },
		{ "[]", 0 },
	};
	const struct dialect *dialect = dialect_find("genesys");
	char message[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct talk talk = begin(dialect);

		(void)snprintf(message, sizeof(message),
			       ENVELOPE("opened", 1, 0, "\"media\":%s"),
			       rows[i].media);
		assert_int_equal(
			dialect->hear(message, strlen(message), &talk).kind,
			HEARD_OPENED);
		assert_int_equal(talk.channels, rows[i].channels);
	}
}

/* ---- the sample calls ------------------------------------------------------
 */

static const struct sample {
	const char *dialect, *file;
} samples[] = {
	{ "twilio", "twilio" },		{ "signalwire", "signalwire" },
	{ "telnyx", "telnyx" },		{ "plivo", "plivo" },
	{ "exotel", "exotel" },		{ "vonage", "vonage" },
	{ "jambonz", "jambonz" },	{ "freeswitch", "freeswitch" },
	{ "asterisk", "asterisk" },	{ "asterisk-plain", "asterisk-plain" },
	{ "genesys", "audiohook-bot" },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* Calls `with` for each text of that direction. */
static void each_text(const struct sample *sample, const char *direction,
		      void (*with)(void *arg, const char *text), void *arg)
{
	char path[64], *line = NULL;
	size_t size = 0;
	FILE *in;

	(void)snprintf(path, sizeof(path), "transcripts/%s.jsonl",
		       sample->file);
	in = fopen(path, "re");
	assert_non_null(in);
	while (getline(&line, &size, in) > 0) {
		json_t *row = json_loads(line, 0, NULL);
		const char *dir, *type, *data;

		assert_int_equal(json_unpack(row, "{s:s, s:s, s:s}", "dir",
					     &dir, "type", &type, "data",
					     &data),
				 0);
		if (strcmp(dir, direction) == 0 && strcmp(type, "text") == 0)
			with(arg, data);
		json_decref(row);
	}
	free(line);
	(void)fclose(in);
}

/* Adds all keys of the object as paths, by the message's name. */
static void add_paths(json_t *to, const char *path, const json_t *object)
{
	const char *key;
	json_t *value;
	char longer[256];

	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		(void)snprintf(longer, sizeof(longer), "%s.%s", path, key);
		(void)json_object_set_new(to, longer, json_true());
		add_paths(to, longer, value);
	}
}

static const char *name_of(const json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "event"));

	return name ? name
		    : json_string_value(json_object_get(message, "type"));
}

static void note_paths(void *arg, const char *text)
{
	json_t *message = json_loads(text, 0, NULL);

	add_paths(arg, name_of(message) ? name_of(message) : "-", message);
	json_decref(message);
}

/* Of our own making: the rest of the sample's metadata is an operator's. */
static bool is_allowed(const char *path)
{
	return strstr(path, "customParameters") || strstr(path, ".customer") ||
	       strcmp(path, "-.accountId") == 0 ||
	       strcmp(path, "-.sampleRate") == 0;
}

static void we_say_nothing_that_the_provider_does_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct dialect *dialect =
			dialect_find(samples[i].dialect);
		json_t *theirs = json_object();

		each_text(&samples[i], "in", note_paths, theirs);
		/* A sample without a ping has the envelope of others. */
		for (int part = 0; part < PING; part++) {
			struct talk talk = begin(dialect);
			size_t length = say(dialect, &talk, (enum part)part,
					    sizeof(said) - 1);
			json_t *ours = json_object();
			const char *path;
			json_t *value;

			said[length] = '\0';
			if (part != MEDIA || !dialect->binary)
				note_paths(ours, said);
			json_object_foreach (ours, path, value)
				if (!json_object_get(theirs, path) &&
				    !is_allowed(path))
					fail_msg("%s: %s", dialect->name, path);
			json_decref(ours);
		}
		json_decref(theirs);
	}
}

struct listening {
	const struct dialect *dialect;
	struct talk talk;
};

/* The ids as the sample has them, so that what is meant for it is heard. */
static void learn_ids(void *arg, const char *text)
{
	static const char *const keys[] = { "streamSid", "stream_sid",
					    "streamId", "id" };
	struct listening *l = arg;
	json_t *message = json_loads(text, 0, NULL);
	const json_t *start = json_object_get(message, "start");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *id = json_string_value(
			json_object_get(start ? start : message, keys[i]));

		if (id)
			(void)snprintf(l->talk.ids.stream,
				       sizeof(l->talk.ids.stream), "%s", id);
	}
	l->talk.seq = 1000; /* more than the sample acknowledges */
	json_decref(message);
}

/* What the samples' servers say that Asterisk would not take. */
static bool is_wrong(const char *dialect, const char *text)
{
	if (strcmp(dialect, "asterisk-plain") == 0)
		return strstr(text, "SET_MEDIA_DIRECTION");
	return strcmp(text, "{\"command\":\"MARK_MEDIA\",") == 0;
}

static void hear_it(void *arg, const char *text)
{
	struct listening *l = arg;
	struct heard heard = l->dialect->hear(text, strlen(text), &l->talk);

	if (heard.kind == HEARD_GARBAGE && !is_wrong(l->dialect->name, text))
		fail_msg("%s: %s", l->dialect->name, text);
}

static void what_may_be_said_to_a_provider_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		struct listening l = { .dialect = dialect_find(
					       samples[i].dialect) };

		l.talk = begin(l.dialect);
		if (strcmp(samples[i].dialect, "plivo") == 0)
			l.talk.format = dialect_format(l.dialect, "PCMU");
		each_text(&samples[i], "in", learn_ids, &l);
		each_text(&samples[i], "out", hear_it, &l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_is_as_documented),
		cmocka_unit_test(a_message_without_room_is_not_cut),
		cmocka_unit_test(
			genesys_speaks_in_one_channel_of_as_many_as_are_wanted),
		cmocka_unit_test(our_server_understands_all_of_it),
		cmocka_unit_test(what_the_server_says_is_understood_or_refused),
		cmocka_unit_test(genesys_is_told_how_many_channels_it_is),
		cmocka_unit_test(we_say_nothing_that_the_provider_does_not),
		cmocka_unit_test(what_may_be_said_to_a_provider_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
