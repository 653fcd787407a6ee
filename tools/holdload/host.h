/*
 * host.h - the server's end of a dialect: what it hears, and how it answers
 *
 * The other half of dialect.h, for `holdload serve`. Here a dialect is data:
 * where its messages keep what a server wants to know, what their names mean,
 * and the forms of what is said back. So all of them are read by one function
 * and written by another; whoever has no JSON brings a function of its own.
 *
 * Thread: any; a talk belongs to its callee.
 */
#ifndef HOLDLOAD_HOST_H
#define HOLDLOAD_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/holdload/dialect.h"
#include "tools/holdload/dialects/fields.h"
#include "tools/holdload/span.h"

/* What a server may ask a message for. */
enum asked {
	ASK_NAME,    /* what kind of message it is */
	ASK_KIND,    /* the same, of a dialect that has two keys for it */
	ASK_NUMBER,  /* of the message: rises by one */
	ASK_ID,	     /* of the stream, in every message that has one */
	ASK_STREAM,  /* the stream's, in the start */
	ASK_CALL,    /* the call's, in the start */
	ASK_CODEC,   /* in the start: "audio/x-mulaw", "PCMU", "slin16" ... */
	ASK_RATE,    /* in the start; none: the codec's */
	ASK_OFFER,   /* in the start: formats to choose from (AudioHook) */
	ASK_TRACK,   /* of audio */
	ASK_TIME,    /* of audio: its beginning in ms */
	ASK_PAYLOAD, /* of audio */
	ASK_DIGIT,
	ASK_MARK, /* that was reached */
	ASK_COUNT
};

enum told_kind {
	TOLD_NOTHING, /* known, and nothing to do */
	TOLD_START,
	TOLD_MEDIA, /* its text is base64 */
	TOLD_DIGIT,
	TOLD_MARK,
	TOLD_STOP,
	TOLD_UNKNOWN, /* by its name; a provider may have news */
	TOLD_GARBAGE  /* no message of this dialect */
};

/* What a message of that name means. A list ends with a row without one. */
struct host_word {
	const char *name;
	enum told_kind kind;
	const char *answer; /* the form of what must be said to it, or NULL */
};

struct told {
	enum told_kind kind;
	struct span text;   /* payload, mark's name, digit */
	const char *answer; /* the form; NULL: nothing */
	bool outbound;	    /* its track is the other one */
	bool numbered, timed;
	uint64_t number, at_ms;
};

/* Tells the first text of a call from those of other dialects: the key has that
 * value (NULL: any). No key: no more rules. */
struct host_rule {
	struct path path;
	const char *value;
};

/* Forms: '$' is the text, '@' the stream's id, '#' our next number, '%' the
 * provider's last one, '&' the codec as the provider spelt it, '~' its rate. */
struct host {
	const char *header; /* in the handshake of this one alone, or NULL */
	struct host_rule rules[2];
	const char *greets; /* it has no JSON, and begins so */
	struct path paths[ASK_COUNT];
	const struct host_word *words;
	bool first_is_start; /* whatever the first text is called */
	/* NULL: by the above. */
	struct told (*hear)(const struct dialect *dialect, struct span message,
			    struct talk *talk);

	/* What is said; NULL: there is no such message. */
	const char *media; /* NULL: the samples as they are */
	const char *mark, *hang_up;
};

/* What the provider says. A start fills in the talk: ids, codec, format. */
struct told host_hear(const struct dialect *dialect, struct span message,
		      struct talk *talk);
/* One message of that form; the length, 0: no room. */
size_t host_say(char *out, size_t room, const char *form, struct talk *talk,
		struct span text);

/* Whose call begins with that text, or with binary audio (no text)? */
const struct dialect *host_of_message(struct span message);
/* What was told of the audio: the talk's format, or that it is foreign. */
void host_choose_format(const struct dialect *dialect, struct talk *talk,
			struct span codec, struct span rate);

/* The row of that name, or NULL. */
const struct host_word *host_word_named(const struct host_word *words,
					struct span name);

/* What Twilio's family calls its messages. */
extern const struct host_word host_family[];

#endif
