/*
 * twilio.c - Twilio Media Streams
 *
 * twilio.com/docs/voice/media-streams/websocket-messages. All messages are
 * text. Media goes through the scanner of frame.h when it can, everything else
 * through jansson; both fill the same values and share what follows, so that
 * they cannot come to different answers.
 *
 *   in:  connected, start, media, dtmf, mark, stop
 *   out: media, mark, clear (on bidirectional streams); Twilio warns about keys
 *        it does not know, so we send no others
 */
#include <stdio.h>
#include <string.h>

#include "media/base64.h"
#include "media/frame.h"
#include "media/provider.h"

#define MAX_MESSAGE    (64u * 1024)
#define CLOSE_PROTOCOL 1002u /* RFC 6455, 7.4.1: a protocol error */
#define CLOSE_DATA     1007u /* data not consistent with its type */
#define ID_MAX	       128u  /* theirs are 34 characters */

enum slot { EVENT, SEQ, TRACK, CHUNK, TIMESTAMP, PAYLOAD, STREAM };

/* In the order in which Twilio writes them. */
static const struct frame_key media_keys[] = {
	FRAME_KEY("event", EVENT, false, false),
	FRAME_KEY("sequenceNumber", SEQ, false, false),
	FRAME_KEY("track", TRACK, true, false),
	FRAME_KEY("chunk", CHUNK, true, false),
	FRAME_KEY("timestamp", TIMESTAMP, true, false),
	FRAME_KEY("payload", PAYLOAD, true, true),
	FRAME_KEY("streamSid", STREAM, false, false),
};
static const struct frame_piece shape[] = {
	FRAME_PIECE("{\"event\":\""),
	FRAME_PIECE("\",\"sequenceNumber\":\""),
	FRAME_PIECE("\",\"media\":{\"track\":\""),
	FRAME_PIECE("\",\"chunk\":\""),
	FRAME_PIECE("\",\"timestamp\":\""),
	FRAME_PIECE("\",\"payload\":\""),
	FRAME_PIECE("\"},\"streamSid\":\""),
	FRAME_PIECE("\"}"),
};
static const struct frame_keys keys = {
	.object = "media",
	.keys = media_keys,
	.count = sizeof(media_keys) / sizeof(media_keys[0]),
	.shape = shape,
};

static bool is(const struct frame_value *value, const char *text)
{
	return value->text && value->length == strlen(text) &&
	       memcmp(value->text, text, value->length) == 0;
}

/* ---- media -----------------------------------------------------------------
 */

/* A counter that is there must be one; one that is not is passed over. */
static bool counter(const struct frame_value *value, bool *has,
		    uint64_t *number)
{
	*has = value->text != NULL;
	return !*has || frame_counter(value, number);
}

/* From the values to the event. False: the payload is no base64. */
static bool finish_media(const struct frame_value *v, struct scratch *scratch,
			 struct event *event)
{
	ssize_t bytes;

	event->kind = EVENT_MEDIA;
	if (v[STREAM].number) {
		event_bad(event, CLOSE_PROTOCOL, "streamSid is no string");
		return true;
	}
	event->stream_id.at = v[STREAM].text;
	event->stream_id.length = v[STREAM].length;
	if (!v[PAYLOAD].text || v[PAYLOAD].number) {
		event_bad(event, CLOSE_PROTOCOL, "media.payload is no string");
		return true;
	}
	if (!counter(&v[SEQ], &event->has_seq, &event->seq) ||
	    !counter(&v[CHUNK], &event->media.has_chunk, &event->media.chunk) ||
	    !counter(&v[TIMESTAMP], &event->media.has_timestamp,
		     &event->media.timestamp_ms)) {
		event_bad(event, CLOSE_PROTOCOL,
			  "sequenceNumber, media.chunk or media.timestamp is "
			  "no number");
		return true;
	}
	if (!v[TRACK].text || is(&v[TRACK], "inbound")) {
		event->media.track = TRACK_INBOUND;
	} else if (is(&v[TRACK], "outbound")) {
		event->media.track = TRACK_OUTBOUND;
	} else {
		event_bad(event, CLOSE_PROTOCOL,
			  "media.track is neither inbound nor outbound");
		return true;
	}
	if (BASE64_DECODED_MAX(v[PAYLOAD].length) > scratch->room) {
		event_bad(event, CLOSE_PROTOCOL, "media.payload is too long");
		return true;
	}
	bytes = base64_decode(v[PAYLOAD].text, v[PAYLOAD].length,
			      scratch->audio);
	if (bytes < 0)
		return false;
	event->media.audio = scratch->audio;
	event->media.bytes = (size_t)bytes;
	return true;
}

static bool parse_fast(const char *message, size_t length,
		       struct scratch *scratch, struct event *event)
{
	struct frame_value values[FRAME_SLOTS];

	/* What is wrong with a message, only jansson may say: the payload has
	 * not been looked at before the rest is found to be bad. */
	return frame_scan(message, length, &keys, values) &&
	       is(&values[EVENT], "media") && !values[EVENT].number &&
	       finish_media(values, scratch, event) &&
	       event->kind == EVENT_MEDIA;
}

/* ---- everything else -------------------------------------------------------
 */

/* A string or an integer as the scanner would have given it. False: there, but
 * neither. Integers need room for their digits. */
static bool json_value(const json_t *object, const char *key, char digits[24],
		       struct frame_value *value)
{
	const json_t *member = json_object_get(object, key);

	*value = (struct frame_value){ 0 };
	if (!member)
		return true;
	if (json_is_string(member)) {
		value->text = json_string_value(member);
		value->length = json_string_length(member);
		return true;
	}
	if (!json_is_integer(member))
		return false;
	value->number = true;
	value->text = digits;
	value->length = (size_t)snprintf(digits, 24, "%lld",
					 (long long)json_integer_value(member));
	return true;
}

static void parse_media(struct scratch *scratch, struct event *event)
{
	const json_t *media = json_object_get(event->doc, "media");
	struct frame_value values[FRAME_SLOTS];
	char digits[FRAME_SLOTS][24];

	memset(values, 0, sizeof(values));
	for (size_t i = 0; i < keys.count; i++) {
		const struct frame_key *key = &media_keys[i];

		if (json_value(key->inner ? media : event->doc, key->name,
			       digits[key->slot], &values[key->slot]))
			continue;
		event_bad(event, CLOSE_PROTOCOL,
			  "a member of media has the wrong type");
		return;
	}
	if (!finish_media(values, scratch, event))
		event_bad(event, CLOSE_DATA, "media.payload is no base64");
}

static struct text text_of(const json_t *object, const char *key)
{
	const json_t *member = json_object_get(object, key);

	return (struct text){ .at = json_string_value(member),
			      .length = json_string_length(member) };
}

static bool text_is(const struct text *text, const char *word)
{
	return text->at && strcmp(text->at, word) == 0;
}

static bool parse_tracks(const json_t *start, struct event *event)
{
	const json_t *tracks = json_object_get(start, "tracks"), *track;
	size_t i;

	if (tracks && !json_is_array(tracks))
		return false;
	json_array_foreach (tracks, i, track) {
		const char *name = json_string_value(track);
		enum track_side side;

		if (name && strcmp(name, "inbound") == 0)
			side = TRACK_INBOUND;
		else if (name && strcmp(name, "outbound") == 0)
			side = TRACK_OUTBOUND;
		else
			return false;
		if (i >= TRACKS_MAX ||
		    (i == 1 && event->start.tracks[0] == side))
			return false;
		event->start.tracks[event->start.track_count++] = side;
	}
	if (event->start.track_count == 0)
		event->start.tracks[event->start.track_count++] = TRACK_INBOUND;
	return true;
}

/* A number, or a string of one (rule 3 of all providers). */
static unsigned number_of(const json_t *object, const char *key,
			  unsigned otherwise)
{
	struct frame_value value;
	uint64_t number;
	char digits[24];

	if (!json_value(object, key, digits, &value))
		return 0;
	if (!value.text)
		return otherwise;
	return frame_counter(&value, &number) && number < 1000000
		       ? (unsigned)number
		       : 0;
}

/* What is wrong with the format of the audio, or NULL. One that is not said is
 * the documented one. */
static const char *read_format(const json_t *start, struct event *event)
{
	const json_t *format = json_object_get(start, "mediaFormat");
	const json_t *encoding = json_object_get(format, "encoding");

	event->start.codec = (struct text){ "PCMU", 4 };
	event->start.rate_hz = number_of(format, "sampleRate", 8000);
	event->start.channels = number_of(format, "channels", 1);
	if (format && !json_is_object(format))
		return "start.mediaFormat is no object";
	if (encoding &&
	    (!json_is_string(encoding) ||
	     strcmp(json_string_value(encoding), "audio/x-mulaw") != 0))
		return "start.mediaFormat.encoding is not audio/x-mulaw";
	if (event->start.rate_hz != 8000 || event->start.channels != 1)
		return "start.mediaFormat is not 8000 Hz, one channel";
	return NULL;
}

/* An id that is there must be a string that a row can hold. */
static bool read_id(const json_t *object, const char *key, struct text *id)
{
	*id = text_of(object, key);
	return (id->at || !json_object_get(object, key)) &&
	       id->length <= ID_MAX;
}

static const char *read_start(const json_t *start, struct event *event)
{
	struct text inside;

	if (!json_is_object(start))
		return "start is no object";
	if (!read_id(start, "streamSid", &inside))
		return "start.streamSid is no string, or too long";
	if (!read_id(start, "accountSid", &event->start.account_id))
		return "start.accountSid is no string, or too long";
	if (!read_id(start, "callSid", &event->start.call_id))
		return "start.callSid is no string, or too long";
	if (!event->stream_id.at)
		event->stream_id = inside;
	if (event->stream_id.length == 0 || event->stream_id.length > ID_MAX)
		return "start has no streamSid, or one too long";
	if (inside.at && strcmp(inside.at, event->stream_id.at) != 0)
		return "start has two streamSids that differ";
	if (json_is_object(json_object_get(start, "customParameters")))
		event->start.custom =
			json_object_get(start, "customParameters");
	else if (json_object_get(start, "customParameters"))
		return "start.customParameters is no object";
	return parse_tracks(start, event)
		       ? NULL
		       : "start.tracks are not inbound, outbound or both";
}

static void parse_start(struct event *event)
{
	const json_t *start = json_object_get(event->doc, "start");
	const char *wrong = read_start(start, event);

	event->kind = EVENT_START;
	if (!wrong)
		wrong = read_format(start, event);
	if (wrong)
		event_bad(event, CLOSE_PROTOCOL, wrong);
}

static void parse_digit(struct event *event)
{
	event->kind = EVENT_DTMF;
	event->digit = text_of(json_object_get(event->doc, "dtmf"), "digit");
	if (event->digit.length != 1 ||
	    !strchr("0123456789*#ABCDabcd", event->digit.at[0]))
		event_bad(event, CLOSE_PROTOCOL, "dtmf.digit is no digit");
}

static void parse_mark(struct event *event)
{
	event->kind = EVENT_MARK;
	event->mark = text_of(json_object_get(event->doc, "mark"), "name");
	if (!event->mark.at)
		event_bad(event, CLOSE_PROTOCOL, "mark has no name");
}

/* What every message but media has in common. */
static bool parse_envelope(struct event *event)
{
	struct frame_value seq;
	char digits[24];

	event->stream_id = text_of(event->doc, "streamSid");
	if (!event->stream_id.at && json_object_get(event->doc, "streamSid")) {
		event_bad(event, CLOSE_PROTOCOL, "streamSid is no string");
		return false;
	}
	if (!json_value(event->doc, "sequenceNumber", digits, &seq) ||
	    !counter(&seq, &event->has_seq, &event->seq)) {
		event_bad(event, CLOSE_PROTOCOL, "sequenceNumber is no number");
		return false;
	}
	return true;
}

static void parse_slowly(const char *message, size_t length,
			 struct scratch *scratch, struct event *event)
{
	struct text name;

	event->doc = json_loadb(message, length, 0, NULL);
	if (!event->doc) {
		event_bad(event, CLOSE_DATA, "the message is no JSON");
		return;
	}
	name = text_of(event->doc, "event");
	if (!name.at) {
		event_bad(event, CLOSE_PROTOCOL, "the message has no event");
		return;
	}
	if (text_is(&name, "media")) {
		parse_media(scratch, event);
		return;
	}
	if (!parse_envelope(event))
		return;
	if (text_is(&name, "start")) {
		parse_start(event);
	} else if (text_is(&name, "dtmf")) {
		parse_digit(event);
	} else if (text_is(&name, "mark")) {
		parse_mark(event);
	} else if (text_is(&name, "stop")) {
		event->kind = EVENT_STOP;
	} else if (!text_is(&name, "connected")) {
		event->kind = EVENT_UNKNOWN;
		event->unknown = name;
	}
}

static void parse(const char *message, size_t length, struct scratch *scratch,
		  struct event *event)
{
	memset(event, 0, sizeof(*event));
	if (!parse_fast(message, length, scratch, event)) {
		memset(event, 0, sizeof(*event));
		parse_slowly(message, length, scratch, event);
	}
}

/* ---- out -------------------------------------------------------------------
 */

/* JSON text: the ids and names come from outside. */
static size_t put_text(char *out, size_t room, size_t at, const char *text)
{
	for (; *text && at + 7 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			out[at++] = '\\';
			out[at++] = (char)c;
		} else if (c < 0x20) {
			at += (size_t)snprintf(out + at, room - at, "\\u%04x",
					       c);
		} else {
			out[at++] = (char)c;
		}
	}
	return *text ? room : at; /* room: it did not fit */
}

static size_t put(char *out, size_t room, size_t at, const char *plain)
{
	size_t length = strlen(plain);

	if (at + length >= room)
		return room;
	memcpy(out + at, plain, length + 1); /* the NUL fits too */
	return at + length;
}

static size_t ended(size_t at, size_t room)
{
	return at < room ? at : 0;
}

static size_t build_media(char *out, size_t room, const char *stream_id,
			  const uint8_t *audio, size_t bytes)
{
	size_t at = put(out, room, 0, "{\"event\":\"media\",\"streamSid\":\"");

	at = put_text(out, room, at, stream_id);
	at = put(out, room, at, "\",\"media\":{\"payload\":\"");
	if (at + BASE64_ENCODED(bytes) >= room)
		return 0;
	at += base64_encode(audio, bytes, out + at);
	return ended(put(out, room, at, "\"}}"), room);
}

static size_t build_mark(char *out, size_t room, const char *stream_id,
			 const char *name)
{
	size_t at = put(out, room, 0, "{\"event\":\"mark\",\"streamSid\":\"");

	at = put_text(out, room, at, stream_id);
	at = put(out, room, at, "\",\"mark\":{\"name\":\"");
	at = put_text(out, room, at, name);
	return ended(put(out, room, at, "\"}}"), room);
}

static size_t build_clear(char *out, size_t room, const char *stream_id)
{
	size_t at = put(out, room, 0, "{\"event\":\"clear\",\"streamSid\":\"");

	at = put_text(out, room, at, stream_id);
	return ended(put(out, room, at, "\"}"), room);
}

const struct provider provider_twilio = {
	.name = "twilio",
	.max_message = MAX_MESSAGE,
	.parse = parse,
	.build_media = build_media,
	.build_mark = build_mark,
	.build_clear = build_clear,
};
