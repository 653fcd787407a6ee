/*
 * provider.h - a dialect: what a provider says and how we answer
 *
 * A dialect turns a message into one struct event, and our side of the call
 * into messages. It knows no socket, keeps no state, and allocates only for the
 * rare messages (a start). It is one const struct in one file;
 * server/providers.h is the whole registry.
 *
 * Thread: any; a scratch belongs to one loop.
 */
#ifndef MEDIA_PROVIDER_H
#define MEDIA_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "server/providers.h"

struct codec;

enum event_kind {
	EVENT_IGNORED, /* known, and nothing to do: connected */
	EVENT_UNKNOWN, /* not in the document: logged once, passed over */
	EVENT_START,
	EVENT_MEDIA,
	EVENT_DTMF,
	EVENT_MARK,
	EVENT_STOP,
	EVENT_COMPLAINT, /* about what we sent: noted, the call goes on */
	EVENT_BAD,	 /* ends the call: protocol_error */
};

#define TRACKS_MAX 2
enum track_side { TRACK_INBOUND, TRACK_OUTBOUND };

struct text {
	const char *at; /* borrowed from the message or from `doc` */
	size_t length;
};

struct event {
	enum event_kind kind;
	bool has_seq;
	uint64_t seq;	       /* of the message, as the provider counts */
	struct text stream_id; /* at NULL: the message does not say */
	union {
		struct {
			struct text account_id, call_id;
			struct text from, to; /* numbers */
			struct text codec;    /* our name for it */
			unsigned rate_hz, channels;
			enum track_side tracks[TRACKS_MAX];
			unsigned track_count;
			json_t *custom; /* borrowed from doc, or NULL */
		} start;
		struct {
			enum track_side track;
			bool has_chunk, has_timestamp;
			uint64_t chunk;	       /* counts media messages */
			uint64_t timestamp_ms; /* from the stream's start */
			const uint8_t *audio;  /* in the scratch */
			size_t bytes;
		} media;
		struct text digit; /* dtmf */
		struct text mark;
		struct text unknown;   /* the event's name */
		struct text complaint; /* what they say; at NULL: nothing */
		struct {
			const char *what;    /* constant text */
			unsigned close_code; /* RFC 6455, section 7.4.1 */
		} bad;
	};
	json_t *doc; /* owned; event_release() */
};

/* Where decoded audio goes; one a loop, as large as the longest message. */
struct scratch {
	uint8_t *audio;
	size_t room;
};

/* Audio to the caller, in the codec and at the rate of the call. */
struct audio_out {
	const char *stream_id;
	const struct codec *codec;
	unsigned rate_hz;
	const uint8_t *at;
	size_t bytes;
	uint64_t number; /* of this message, from 1 */
	uint64_t at_ms;	 /* audio sent before it */
};

struct provider {
	const char *name;     /* as in the route and the row */
	uint32_t max_message; /* bytes, unless media.max_message says so */
	/* Audio comes, and goes, as binary messages of nothing but samples; in
	 * text dialects a binary message is an error. */
	bool binary_in, binary_out;
	/* The first message begins the call, whatever it is: a text through
	 * `parse`, samples through this; what `parse` takes for a start later
	 * is passed over. NULL: a call begins with a start. */
	void (*start_without_words)(struct event *event);
	/* A text message; the event is to be released in every case. */
	void (*parse)(const char *message, size_t length,
		      struct scratch *scratch, struct event *event);
	/* Our messages. They return the length, or 0 when there is no room. */
	size_t (*build_media)(char *out, size_t room,
			      const struct audio_out *audio);
	size_t (*build_mark)(char *out, size_t room, const char *stream_id,
			     const char *name);
	size_t (*build_clear)(char *out, size_t room, const char *stream_id);
	/* A digit to the caller; NULL: the dialect has none. */
	size_t (*build_dtmf)(char *out, size_t room, const char *stream_id,
			     char digit);
	/* Several streams of one call at a time are usual: what must not be
	 * live twice is then a stream's id. */
	bool streams_share_calls;
	bool clear_loses_marks; /* what waits when we clear never comes back */
};

#define PROVIDER_DECLARE(name) extern const struct provider provider_##name;
PROVIDERS(PROVIDER_DECLARE)
#undef PROVIDER_DECLARE

const struct provider *provider_find(const char *name);
/* The i-th of all, NULL past the last. */
const struct provider *provider_at(size_t i);

void event_release(struct event *event);
/* A binary message of nothing but samples, which are borrowed. */
void event_of_samples(struct event *event, const void *samples, size_t bytes);
/* A build_media for dialects with binary_out: the samples as they are. */
size_t build_samples(char *out, size_t room, const struct audio_out *audio);
void event_bad(struct event *event, unsigned close_code, const char *what);

#endif
