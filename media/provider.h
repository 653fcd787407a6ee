/*
 * provider.h - a dialect: what a provider says and how we answer
 *
 * A dialect turns a message into one struct event, and our side of the call
 * into messages. It knows no socket, allocates only for the rare messages (a
 * start), and what it must remember of a call stands in the call's struct
 * dialog. It is one const struct in one file; server/providers.h is the whole
 * registry.
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

/* Why a socket is closed: RFC 6455, section 7.4.1. */
enum close_code {
	CLOSE_NORMAL = 1000,
	CLOSE_PROTOCOL = 1002,
	CLOSE_UNSUPPORTED = 1003,
	CLOSE_DATA = 1007, /* not what its type says */
	CLOSE_POLICY = 1008,
	CLOSE_TOO_BIG = 1009,
	CLOSE_INTERNAL = 1011,
};

enum event_kind {
	EVENT_IGNORED, /* known, and nothing to do: connected */
	EVENT_UNKNOWN, /* not in the document: logged once, passed over */
	EVENT_START,
	EVENT_MEDIA,
	EVENT_DTMF,
	EVENT_MARK,
	EVENT_STOP,
	EVENT_HOLE,	 /* audio of some length was left out on purpose */
	EVENT_PAUSED,	 /* no audio comes for a while, on purpose */
	EVENT_FLOW,	 /* the provider's buffer: hold back, or go on */
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
			unsigned rate_hz;     /* 0: not said */
			/* 2: the samples of both tracks take turns. */
			unsigned channels;
			enum track_side tracks[TRACKS_MAX];
			unsigned track_count;
			json_t *custom; /* borrowed from doc, or NULL */
			json_t *choice; /* the format taken of several */
		} start;
		struct {
			enum track_side track;
			bool has_chunk, has_timestamp;
			uint64_t chunk;	       /* counts media messages */
			uint64_t timestamp_ms; /* from the stream's start */
			const uint8_t *audio;  /* in the scratch */
			size_t bytes;
			/* As many bytes of the other track, or NULL. */
			const uint8_t *other;
		} media;
		uint64_t hole_ms;
		bool hold_back;	   /* flow */
		struct text digit; /* dtmf */
		struct text mark;
		struct text unknown;   /* the event's name */
		struct text complaint; /* what they say; at NULL: nothing */
		struct {
			const char *what; /* constant text */
			unsigned close_code;
		} bad;
	};
	json_t *doc; /* owned; event_release() */
};

/* Where decoded audio goes; one a loop, as large as the longest message. */
struct scratch {
	uint8_t *audio;
	size_t room;
};

/* A call as its dialect sees it. The call fills in the first part; the rest
 * belongs to the dialect and begins as zeros. */
struct dialog {
	struct scratch *scratch; /* of the loop */
	const char *stream_id;	 /* of the start; NULL: none */
	const char *header;	 /* the handshake's `call_id_header`, or NULL */

	bool plain;		      /* they speak words, not JSON */
	uint64_t heard_seq, said_seq; /* messages counted by each side */
	uint64_t speaker;	      /* a hash: whose audio is taken */
	char id[40];		      /* of this session */
};

/* Audio to the caller, in the codec and at the rate of the call. */
struct audio_out {
	const struct dialog *dialog;
	const struct codec *codec;
	unsigned rate_hz;
	const uint8_t *at;
	size_t bytes;
	uint64_t number; /* of this message, from 1 */
	uint64_t at_ms;	 /* audio sent before it */
};

/* The first message of a connection whose route leaves the dialect open. */
struct opening {
	const char *text; /* NULL: it is binary */
	size_t length;
	const json_t *doc; /* the same as an object; NULL: it is none */
};

/* What a provider wants of the messages that carry audio (pacer.h); 0: any.
 * Times are audio's. */
struct pacing {
	bool clocked;	      /* one leaves when the one before is over */
	uint16_t least_ms;    /* in one message, */
	uint16_t step_ms;     /* a multiple of this, */
	uint16_t most_ms;     /* and no more */
	uint16_t least, step; /* likewise, in bytes */
	uint32_t ahead_ms; /* so much may be sent ahead; 0: media.send_ahead */
};

struct provider {
	const char *name;     /* as in the route and the row */
	uint32_t max_message; /* bytes, unless media.max_message says so */

	/* ---- how it is recognised; NULL: not in this way ---- */
	const char *subprotocol;      /* asked for in the handshake */
	const char *handshake_header; /* in lower case, with its colon */
	bool (*opens)(const struct opening *opening);

	/* ---- in ---- */
	/* The call's id stands in the handshake; lower case, with a colon. */
	const char *call_id_header;
	/* Audio comes, and goes, as binary messages of nothing but samples; in
	 * text dialects a binary message is an error. */
	bool binary_in, binary_out;
	/* Audio may come before the start: it is kept until then. */
	bool early_audio;
	/* The first message begins the call, whatever it is: a text through
	 * `parse`, samples through this; what `parse` takes for a start later
	 * is passed over. NULL: a call begins with a start. */
	void (*start_without_words)(struct event *event);
	/* A text message; the event is to be released in every case. */
	void (*parse)(const char *message, size_t length, struct dialog *dialog,
		      struct event *event);
	/* What is said to an event that was taken. 0: nothing, or no room.
	 * NULL: the dialect never answers. */
	size_t (*answer)(char *out, size_t room, struct dialog *dialog,
			 const struct event *event);

	/* ---- out: they return the length, or 0 when there is no room; NULL:
	 * the dialect has no such message ---- */
	size_t (*build_media)(char *out, size_t room,
			      const struct audio_out *audio);
	size_t (*build_mark)(char *out, size_t room, struct dialog *dialog,
			     const char *name);
	size_t (*build_clear)(char *out, size_t room, struct dialog *dialog);
	size_t (*build_dtmf)(char *out, size_t room, struct dialog *dialog,
			     char digit);
	/* We end the call: said before the socket is closed, which then waits
	 * a moment for the provider to do it. */
	size_t (*build_hangup)(char *out, size_t room, struct dialog *dialog,
			       bool for_an_error);
	bool clear_loses_marks; /* what waits when we clear never comes back */
	bool no_digits;		/* keys come as sound only */
	bool l16_big_endian;	/* unless the route says otherwise */
	/* Ours goes out in this, at 8000 Hz, whatever comes, unless the route
	 * says otherwise. NULL: in what comes. */
	const char *send_codec;
	struct pacing pacing;

	/* Several streams of one call at a time are usual: what must not be
	 * live twice is then a stream's id. */
	bool streams_share_calls;
};

#define PROVIDER_DECLARE(name) extern const struct provider provider_##name;
PROVIDERS(PROVIDER_DECLARE)
#undef PROVIDER_DECLARE

const struct provider *provider_find(const char *name);
/* The i-th of all, NULL past the last. */
const struct provider *provider_at(size_t i);
/* Whose first message this is. Never NULL: the last of all takes anything. */
const struct provider *provider_of_opening(const char *message, size_t length,
					   bool binary);

void event_release(struct event *event);
/* A binary message of nothing but samples, which are borrowed. */
void event_of_samples(struct event *event, const void *samples, size_t bytes);
/* A build_media for dialects with binary_out: the samples as they are. */
size_t build_samples(char *out, size_t room, const struct audio_out *audio);
void event_bad(struct event *event, unsigned close_code, const char *what);

#endif
