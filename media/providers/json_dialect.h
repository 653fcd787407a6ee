/*
 * json_dialect.h - what the dialects of JSON and base64 have in common
 *
 * Twilio's protocol has many cousins: text messages, an "event" that names
 * them, audio as base64 in an object of its own, counters that are strings or
 * numbers. A dialect of this family says how its keys are spelt and what is in
 * its rarer messages; the rest is here, once.
 *
 * Media goes through the scanner of frame.h when it can, everything else
 * through jansson; both fill the same values and share what follows, so that
 * they cannot come to different answers.
 *
 * Thread: any; no state.
 */
#ifndef MEDIA_PROVIDERS_JSON_DIALECT_H
#define MEDIA_PROVIDERS_JSON_DIALECT_H

#include "media/frame.h"
#include "media/provider.h"

#define JSON_MESSAGE_MAX (64u * 1024)
/* What was buffered during congestion may come at once. */
#define SAMPLES_MESSAGE_MAX (1024u * 1024)

/* The values of a media message. All but the payload may be missing. */
enum json_slot {
	SLOT_EVENT,
	SLOT_SEQ,
	SLOT_TRACK,
	SLOT_CHUNK,
	SLOT_TIMESTAMP,
	SLOT_PAYLOAD,
	SLOT_STREAM,
	SLOT_SPEAKER
};

struct json_dialect;

/* A message that is no media: `event->doc` is read; one that is wrong is told
 * by event_bad(). NULL: known, and nothing to do. */
struct json_event {
	const char *name;
	void (*parse)(const struct json_dialect *dialect, struct event *event);
};

/* What a provider calls a codec. */
struct json_encoding {
	const char *theirs, *ours;
	unsigned rate_max; /* Hz */
};

/* How the keys of a start are spelt. */
struct json_start {
	const char *stream, *account, *call; /* ids */
	const char *from, *to; /* numbers; NULL: they are not said */
	const char *custom;    /* an object; NULL: there is none */
	const char *format;    /* the object of the three below */
	const char *rate;      /* "encoding", "channels": all alike */
	const struct json_encoding *encodings; /* the first: if none is said */
	size_t encoding_count;
	const struct json_start *otherwise; /* if `stream` is not there */
};

struct json_dialect {
	struct frame_keys media;
	const char *seq, *stream; /* the same keys outside of media; or NULL */
	const char *event;	  /* the key of its name; NULL: "event" */
	const char *event_else;	  /* another spelling of it, or NULL */
	const char *media_event;  /* the name of media; NULL: "media" */
	/* The stamps of media do not count from the stream's start: they are
	 * passed over. */
	bool stamps_are_opaque;
	const struct json_start *start;
	const struct json_event *events;
	size_t event_count;
};

void json_dialect_parse(const struct json_dialect *dialect, const char *message,
			size_t length, struct dialog *dialog,
			struct event *event);

/* ---- rarer messages that most of them have ---------------------------------
 */

void json_parse_start(const struct json_dialect *dialect, struct event *event);
/* {"dtmf":{"digit":"5"}} */
void json_parse_dtmf(const struct json_dialect *dialect, struct event *event);
/* {"mark":{"name":"greeting"}} */
void json_parse_mark(const struct json_dialect *dialect, struct event *event);
void json_parse_stop(const struct json_dialect *dialect, struct event *event);

/* ---- for those that are less alike ----------------------------------------
 */

/* A fresh event with the message as its `doc`. False: the message is no JSON
 * object, and the event says so. */
bool json_begin(struct event *event, const char *message, size_t length);
/* An event of that name, which is not in the document; at NULL: it has none. */
void json_unknown(struct event *event, const struct text *name);
/* One of 0-9, *, #, A-D. */
bool is_digit(const struct text *digit);

/* A start whose members stand flat in `doc` (which may be NULL), all of them
 * the caller's custom values: L16 at `sampleRate`, which may be missing; the
 * two tracks take turns if `mixType` is stereo. The names of the ids are NULL
 * when there are none. */
void json_start_of_samples(struct event *event, const char *call,
			   const char *account);

/* The audio of a start: one channel is the caller, the second what the caller
 * hears. */
void json_start_l16(struct event *event, unsigned rate_hz, unsigned channels);

/* A number, or a string of one; `otherwise` when it is not there, 0 when it is
 * neither or a million or more. */
unsigned json_number(const json_t *object, const char *key, unsigned otherwise);
/* An id that is there must be a string that a row can hold: else false. */
bool json_id(const json_t *object, const char *key, struct text *id);
/* at NULL: it is not there, or no string. */
struct text json_member(const json_t *object, const char *key);
bool text_is(const struct text *text, const char *word);
/* The object (or NULL) has that member, a string, and it is that word. */
bool json_says(const json_t *object, const char *key, const char *word);

#endif
