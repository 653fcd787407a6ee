/* json_dialect.c - the family of JSON and base64 (see json_dialect.h) */
#include "media/providers/json_dialect.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "media/base64.h"

#define ID_MAX 128u /* the longest we know are Telnyx's, of some 60 */

/* ---- media -----------------------------------------------------------------
 */

static bool is(const struct frame_value *value, const char *text)
{
	return value->text && value->length == strlen(text) &&
	       memcmp(value->text, text, value->length) == 0;
}

/* A counter that is there must be one; one that is not is passed over. */
static bool counter(const struct frame_value *value, bool *has,
		    uint64_t *number)
{
	*has = value->text != NULL;
	return !*has || frame_counter(value, number);
}

static const char *read_counters(const struct json_dialect *dialect,
				 const struct frame_value *v,
				 struct event *event)
{
	if (!counter(&v[SLOT_SEQ], &event->has_seq, &event->seq))
		return "the sequence number is no number";
	if (!counter(&v[SLOT_CHUNK], &event->media.has_chunk,
		     &event->media.chunk))
		return "media.chunk is no number";
	if (!counter(&v[SLOT_TIMESTAMP], &event->media.has_timestamp,
		     &event->media.timestamp_ms))
		return "media.timestamp is no number";
	if (dialect->stamps_are_opaque)
		event->media.has_timestamp = false;
	return NULL;
}

static const char *read_track(const struct frame_value *v, struct event *event)
{
	event->media.track = TRACK_INBOUND;
	if (!v->text || is(v, "inbound"))
		return NULL;
	event->media.track = TRACK_OUTBOUND;
	return is(v, "outbound")
		       ? NULL
		       : "media.track is neither inbound nor outbound";
}

/* What is wrong with the values before the payload is decoded, or NULL. */
static const char *read_values(const struct json_dialect *dialect,
			       const struct frame_value *v,
			       const struct scratch *scratch,
			       struct event *event)
{
	const char *wrong;

	if (v[SLOT_STREAM].number)
		return "the stream's id is no string";
	event->stream_id.at = v[SLOT_STREAM].text;
	event->stream_id.length = v[SLOT_STREAM].length;
	if (!v[SLOT_PAYLOAD].text || v[SLOT_PAYLOAD].number)
		return "media.payload is no string";
	wrong = read_counters(dialect, v, event);
	if (!wrong)
		wrong = read_track(&v[SLOT_TRACK], event);
	if (!wrong &&
	    BASE64_DECODED_MAX(v[SLOT_PAYLOAD].length) > scratch->room)
		wrong = "media.payload is too long";
	return wrong;
}

/* Of several who speak, the first one heard is the caller. */
static bool is_another_speaker(const struct frame_value *speaker,
			       struct dialog *dialog)
{
	uint64_t hash;

	if (!speaker->text)
		return false;
	hash = XXH3_64bits(speaker->text, speaker->length) | 1;
	if (dialog->speaker == 0)
		dialog->speaker = hash;
	return dialog->speaker != hash;
}

/* From the values to the event. False: the payload is no base64. */
static bool finish_media(const struct json_dialect *dialect,
			 const struct frame_value *v, struct dialog *dialog,
			 struct event *event)
{
	const char *wrong = read_values(dialect, v, dialog->scratch, event);
	ssize_t bytes;

	event->kind = EVENT_MEDIA;
	if (wrong) {
		event_bad(event, CLOSE_PROTOCOL, wrong);
		return true;
	}
	bytes = base64_decode(v[SLOT_PAYLOAD].text, v[SLOT_PAYLOAD].length,
			      dialog->scratch->audio);
	if (bytes < 0)
		return false;
	if (is_another_speaker(&v[SLOT_SPEAKER], dialog))
		event->kind = EVENT_IGNORED;
	event->media.audio = dialog->scratch->audio;
	event->media.bytes = (size_t)bytes;
	return true;
}

static const char *media_event(const struct json_dialect *dialect)
{
	return dialect->media_event ? dialect->media_event : "media";
}

static bool parse_fast(const struct json_dialect *dialect, const char *message,
		       size_t length, struct dialog *dialog,
		       struct event *event)
{
	struct frame_value values[FRAME_SLOTS];

	/* What is wrong with a message, only jansson may say: the payload has
	 * not been looked at before the rest is found to be bad. */
	return frame_scan(message, length, &dialect->media, values) &&
	       is(&values[SLOT_EVENT], media_event(dialect)) &&
	       !values[SLOT_EVENT].number &&
	       finish_media(dialect, values, dialog, event) &&
	       event->kind != EVENT_BAD;
}

/* ---- members of an object --------------------------------------------------
 */

struct text json_member(const json_t *object, const char *key)
{
	const json_t *member = json_object_get(object, key);

	return (struct text){ .at = json_string_value(member),
			      .length = json_string_length(member) };
}

bool text_is(const struct text *text, const char *word)
{
	return text->at && strcmp(text->at, word) == 0;
}

bool json_says(const json_t *object, const char *key, const char *word)
{
	struct text text = json_member(object, key);

	return text_is(&text, word);
}

bool is_digit(const struct text *digit)
{
	return digit->length == 1 &&
	       strchr("0123456789*#ABCDabcd", digit->at[0]);
}

/* A string or an integer as the scanner would have given it. False: there, but
 * neither. Integers need room for their digits. */
static bool member_value(const json_t *object, const char *key, char digits[24],
			 struct frame_value *value)
{
	const json_t *member = json_object_get(object, key);

	*value = (struct frame_value){ 0 };
	if (!member || json_is_null(member))
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

unsigned json_number(const json_t *object, const char *key, unsigned otherwise)
{
	struct frame_value value;
	uint64_t number;
	char digits[24];

	if (!member_value(object, key, digits, &value))
		return 0;
	if (!value.text)
		return otherwise;
	return frame_counter(&value, &number) && number < 1000000
		       ? (unsigned)number
		       : 0;
}

bool json_id(const json_t *object, const char *key, struct text *id)
{
	*id = json_member(object, key);
	return (id->at || !json_object_get(object, key)) &&
	       id->length <= ID_MAX;
}

/* ---- start -----------------------------------------------------------------
 */

static bool read_tracks(const json_t *start, struct event *event)
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

static const char *read_ids(const json_t *start, const struct json_start *keys,
			    struct event *event)
{
	struct text inside;

	if (!json_id(start, keys->stream, &inside))
		return "the stream's id is no string, or too long";
	if (!json_id(start, keys->account, &event->start.account_id))
		return "the account's id is no string, or too long";
	if (!json_id(start, keys->call, &event->start.call_id))
		return "the call's id is no string, or too long";
	if (keys->from && (!json_id(start, keys->from, &event->start.from) ||
			   !json_id(start, keys->to, &event->start.to)))
		return "a number of start is no string, or too long";
	if (!event->stream_id.at)
		event->stream_id = inside;
	if (event->stream_id.length == 0 || event->stream_id.length > ID_MAX)
		return "start has no id of the stream, or one too long";
	if (inside.at && strcmp(inside.at, event->stream_id.at) != 0)
		return "start has two ids of the stream that differ";
	return NULL;
}

static bool is_rate(unsigned rate_hz)
{
	static const unsigned rates[] = { 8000,	 12000, 16000, 22050,
					  24000, 32000, 44100, 48000 };
	size_t i = 0;

	while (i < sizeof(rates) / sizeof(rates[0]) && rates[i] != rate_hz)
		i++;
	return i < sizeof(rates) / sizeof(rates[0]);
}

static const char *read_codec(const struct json_start *keys,
			      const struct text *encoding, unsigned rate_hz,
			      struct event *event)
{
	size_t i = 0;

	while (encoding->at && i < keys->encoding_count &&
	       !text_is(encoding, keys->encodings[i].theirs))
		i++;
	if (i == keys->encoding_count)
		return "start names an encoding that we do not know";
	if (!is_rate(rate_hz) || rate_hz > keys->encodings[i].rate_max)
		return "start names a sample rate that is not of its encoding";
	event->start.codec.at = keys->encodings[i].ours;
	event->start.codec.length = strlen(keys->encodings[i].ours);
	event->start.rate_hz = rate_hz;
	event->start.channels = 1;
	return NULL;
}

/* What is wrong with the format of the audio, or NULL. One that is not said is
 * the documented one. */
static const char *read_format(const json_t *start,
			       const struct json_start *keys,
			       struct event *event)
{
	const json_t *format = json_object_get(start, keys->format);
	struct text encoding = json_member(format, "encoding");

	if (format && !json_is_object(format))
		return "the format of the audio is no object";
	if (!encoding.at && json_object_get(format, "encoding"))
		return "the encoding of the audio is no string";
	if (json_number(format, "channels", 1) != 1)
		return "the audio has more than one channel";
	return read_codec(keys, &encoding,
			  json_number(format, keys->rate, 8000), event);
}

static const char *read_start(const json_t *start,
			      const struct json_start *keys,
			      struct event *event)
{
	json_t *custom;
	const char *wrong;

	if (!json_is_object(start))
		return "start is no object";
	if (keys->otherwise && !json_object_get(start, keys->stream))
		keys = keys->otherwise;
	wrong = read_ids(start, keys, event);
	if (!wrong)
		wrong = read_format(start, keys, event);
	if (wrong)
		return wrong;
	custom = keys->custom ? json_object_get(start, keys->custom) : NULL;
	if (custom && !json_is_object(custom))
		return "the custom values of start are no object";
	event->start.custom = custom;
	return read_tracks(start, event)
		       ? NULL
		       : "start.tracks are not inbound, outbound or both";
}

void json_parse_start(const struct json_dialect *dialect, struct event *event)
{
	const char *wrong = read_start(json_object_get(event->doc, "start"),
				       dialect->start, event);

	event->kind = EVENT_START;
	if (wrong)
		event_bad(event, CLOSE_PROTOCOL, wrong);
}

void json_start_of_samples(struct event *event, const char *call,
			   const char *account)
{
	bool says_rate = json_object_get(event->doc, "sampleRate") != NULL;
	unsigned rate_hz = json_number(event->doc, "sampleRate", 0);
	struct text mix = json_member(event->doc, "mixType");
	bool both = text_is(&mix, "stereo");

	if ((call && !json_id(event->doc, call, &event->start.call_id)) ||
	    (account &&
	     !json_id(event->doc, account, &event->start.account_id))) {
		event_bad(event, CLOSE_PROTOCOL,
			  "an id is no string, or too long");
		return;
	}
	if (says_rate && !is_rate(rate_hz)) {
		event_bad(event, CLOSE_PROTOCOL,
			  "sampleRate is not one of 8000 to 48000 that are "
			  "in use");
		return;
	}
	json_start_l16(event, rate_hz, both ? 2 : 1);
	event->start.custom = event->doc;
}

void json_start_l16(struct event *event, unsigned rate_hz, unsigned channels)
{
	event->kind = EVENT_START;
	event->start.codec = (struct text){ "L16", 3 };
	event->start.rate_hz = rate_hz;
	event->start.channels = channels;
	event->start.tracks[0] = TRACK_INBOUND;
	event->start.tracks[1] = TRACK_OUTBOUND;
	event->start.track_count = channels;
}

/* ---- the other messages ----------------------------------------------------
 */

void json_parse_dtmf(const struct json_dialect *dialect, struct event *event)
{
	(void)dialect;
	event->kind = EVENT_DTMF;
	event->digit =
		json_member(json_object_get(event->doc, "dtmf"), "digit");
	if (!is_digit(&event->digit))
		event_bad(event, CLOSE_PROTOCOL, "dtmf.digit is no digit");
}

void json_parse_mark(const struct json_dialect *dialect, struct event *event)
{
	(void)dialect;
	event->kind = EVENT_MARK;
	event->mark = json_member(json_object_get(event->doc, "mark"), "name");
	if (!event->mark.at)
		event_bad(event, CLOSE_PROTOCOL, "mark has no name");
}

void json_parse_stop(const struct json_dialect *dialect, struct event *event)
{
	(void)dialect;
	event->kind = EVENT_STOP;
}

static void parse_media(const struct json_dialect *dialect,
			struct dialog *dialog, struct event *event)
{
	const json_t *media =
		json_object_get(event->doc, dialect->media.object);
	struct frame_value values[FRAME_SLOTS];
	char digits[FRAME_SLOTS][24];

	memset(values, 0, sizeof(values));
	for (size_t i = 0; i < dialect->media.count; i++) {
		const struct frame_key *key = &dialect->media.keys[i];

		if (member_value(key->inner ? media : event->doc, key->name,
				 digits[key->slot], &values[key->slot]))
			continue;
		event_bad(event, CLOSE_PROTOCOL,
			  "a member of media has the wrong type");
		return;
	}
	if (!finish_media(dialect, values, dialog, event))
		event_bad(event, CLOSE_DATA, "media.payload is no base64");
}

/* What every message but media has in common. */
static bool parse_envelope(const struct json_dialect *dialect,
			   struct event *event)
{
	struct frame_value seq;
	char digits[24];

	if (!dialect->stream)
		return true;
	event->stream_id = json_member(event->doc, dialect->stream);
	if (!event->stream_id.at &&
	    json_object_get(event->doc, dialect->stream)) {
		event_bad(event, CLOSE_PROTOCOL,
			  "the stream's id is no string");
		return false;
	}
	if (!member_value(event->doc, dialect->seq, digits, &seq) ||
	    !counter(&seq, &event->has_seq, &event->seq)) {
		event_bad(event, CLOSE_PROTOCOL,
			  "the sequence number is no number");
		return false;
	}
	return true;
}

bool json_begin(struct event *event, const char *message, size_t length)
{
	memset(event, 0, sizeof(*event));
	event->doc = json_loadb(message, length, 0, NULL);
	if (!event->doc)
		event_bad(event, CLOSE_DATA, "the message is no JSON");
	return event->doc != NULL;
}

void json_unknown(struct event *event, const struct text *name)
{
	if (!name->at) {
		event_bad(event, CLOSE_PROTOCOL, "the message has no event");
		return;
	}
	event->kind = EVENT_UNKNOWN;
	event->unknown = *name;
}

static void parse_named(const struct json_dialect *dialect,
			const struct text *name, struct event *event)
{
	if (!name->at) {
		json_unknown(event, name);
		return;
	}
	if (!parse_envelope(dialect, event))
		return;
	for (size_t i = 0; i < dialect->event_count; i++) {
		const struct json_event *known = &dialect->events[i];

		if (!text_is(name, known->name))
			continue;
		if (known->parse)
			known->parse(dialect, event);
		return;
	}
	json_unknown(event, name);
}

static void parse_slowly(const struct json_dialect *dialect,
			 const char *message, size_t length,
			 struct dialog *dialog, struct event *event)
{
	struct text name;

	if (!json_begin(event, message, length))
		return;
	name = json_member(event->doc,
			   dialect->event ? dialect->event : "event");
	if (!name.at && dialect->event_else)
		name = json_member(event->doc, dialect->event_else);
	if (text_is(&name, media_event(dialect)))
		parse_media(dialect, dialog, event);
	else
		parse_named(dialect, &name, event);
}

void json_dialect_parse(const struct json_dialect *dialect, const char *message,
			size_t length, struct dialog *dialog,
			struct event *event)
{
	memset(event, 0, sizeof(*event));
	if (!parse_fast(dialect, message, length, dialog, event))
		parse_slowly(dialect, message, length, dialog, event);
}
