/*
 * dialect.h - how one provider speaks, from the provider's end
 *
 * The mirror of the server's media/provider.h, and independent of it: a second
 * reading of the same documents, so that the two judge each other. A dialect is
 * one const struct: what its handshake asks for, what it says of a call, what
 * it makes of the server's answers. It knows no socket and no clock, and never
 * allocates for a frame of audio. What it must remember of a call stands in the
 * call's struct talk.
 *
 * One file of dialects/ for each, one line in dialects/dialects.c.
 *
 * Thread: any; a talk belongs to its caller.
 */
#ifndef HOLDLOAD_DIALECT_H
#define HOLDLOAD_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/holdload/audio.h"

/* Room for a start message. */
#define DIALECT_START_MAX ((size_t)64 * 1024)

struct dialect_ids {
	char account[40], call[40], stream[40];
};

/* One --custom k=v. */
struct dialect_parameter {
	const char *name, *value;
};

/* A call as its dialect sees it. The caller fills in the first part; the rest
 * belongs to the dialect and begins as zeros. */
struct talk {
	struct dialect_ids ids;
	const struct audio_format *format;
	const struct dialect_parameter *parameters;
	size_t parameter_count;
	const char *token; /* that the provider repeats in a message, or NULL */
	uint64_t began_ms; /* wall clock, when the call began */
	uint64_t sent_ms;  /* of audio, so far */

	uint64_t seq;	    /* messages said, where they are counted */
	uint64_t heard_seq; /* the last number of the server's */
	unsigned channels;  /* that the server wants */

	/* The server's end only (host.h). */
	bool started;	/* the start was heard */
	bool foreign;	/* in a codec that the dialect has not: no format */
	char spelt[32]; /* its codec, as the provider spelt it */
};

/* A frame of audio as it goes out. */
struct frame {
	const uint8_t *bytes;
	size_t size;
	const char *text; /* in base64; dialects of binary audio have none */
	size_t text_length;
	uint64_t number; /* from 1 */
	uint64_t at_ms;	 /* its beginning, from the stream's start */
};

enum heard_kind {
	HEARD_NOTHING, /* known, and nothing to do */
	HEARD_MEDIA,   /* its text is base64 */
	HEARD_MARK,
	HEARD_CLEAR,
	HEARD_OPENED,  /* now audio may be sent */
	HEARD_HANGUP,  /* the server asks for the end of the call */
	HEARD_GOODBYE, /* it has seen ours: the socket may be closed */
	HEARD_GARBAGE  /* the provider would not have understood it */
};

struct heard {
	enum heard_kind kind;
	const char *text; /* payload of media, name of a mark */
	size_t length;
};

/* How a provider proves who it is in the handshake (sign.h). */
enum sign_kind {
	SIGN_BEARER, /* Authorization: Bearer; also who has no way of its own */
	SIGN_BASIC,
	SIGN_TWILIO,
	SIGN_PLIVO,
	SIGN_VONAGE,
	SIGN_TELNYX,
	SIGN_GENESYS
};

struct host;

struct dialect {
	const char *name;
	const char *summary; /* a line for --list-dialects */

	/* ---- the handshake ---- */
	const char *subprotocol; /* NULL: none */
	enum sign_kind sign;
	/* Each "Name: value\r\n". NULL: none. */
	size_t (*headers)(char *out, size_t room, const struct talk *talk);
	void (*make_ids)(struct dialect_ids *ids, const uint64_t random[6]);

	/* ---- audio ---- */
	const struct audio_format *formats; /* the first unless told otherwise*/
	size_t format_count;
	unsigned frame_ms;   /* of a message; 0: 20 */
	bool binary;	     /* in messages of nothing but samples */
	bool big_endian;     /* L16 is */
	bool one_frame_only; /* a message of the server's is one frame */

	/* ---- what is said: each writes one message and returns its length,
	 * 0: no room; NULL: there is no such message ---- */
	size_t (*connected)(char *out, size_t room, struct talk *talk);
	size_t (*start)(char *out, size_t room, struct talk *talk);
	/* NULL: the samples as they are. */
	size_t (*media)(char *out, size_t room, struct talk *talk,
			const struct frame *frame);
	size_t (*dtmf)(char *out, size_t room, struct talk *talk, char digit);
	/* `name` as it stood in the server's message, escapes and all. */
	size_t (*mark)(char *out, size_t room, struct talk *talk,
		       const char *name, size_t length, bool cleared);
	/* Playback was emptied, as the server asked. */
	size_t (*cleared)(char *out, size_t room, struct talk *talk);
	/* Its buffer is full (stop sending), or has room again. */
	size_t (*flow)(char *out, size_t room, struct talk *talk, bool full);
	size_t (*ping)(char *out, size_t room, struct talk *talk);
	size_t (*stop)(char *out, size_t room, struct talk *talk);
	bool no_custom;		 /* it carries none of the user's values */
	bool waits_to_be_opened; /* audio only after HEARD_OPENED */
	bool empty_binary_ends;	 /* one goes out after the last frame */
	bool clear_loses_marks;	 /* they never come back */

	/* ---- what the server said, as text ---- */
	struct heard (*hear)(const char *message, size_t length,
			     struct talk *talk);

	const struct host *host; /* the server's end (host.h) */
};

/* By name; NULL if unknown. */
const struct dialect *dialect_find(const char *name);
/* The i-th of all, NULL past the last. */
const struct dialect *dialect_at(size_t i);
/* "L16/16000", "PCMU": one that the dialect has, or NULL. A codec without a
 * rate is the dialect's first of that codec. */
const struct audio_format *dialect_format(const struct dialect *dialect,
					  const char *text);

#endif
