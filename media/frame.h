/*
 * frame.h - reads the one message that comes fifty times a second
 *
 * A media message is a flat JSON object with one object inside:
 *
 *   {"event":"media","sequenceNumber":"4","media":{"track":"inbound",
 *    "chunk":"2","timestamp":"5","payload":"..."},"streamSid":"MZ.."}
 *
 * frame_scan() finds the values of known keys in such a message, in any order,
 * without allocating and without copying. It answers only when a JSON library
 * would have given the same values, and otherwise says "not mine", so that the
 * library is asked: escapes, bytes beyond ASCII, a known key twice, white space
 * other than blanks, fractions, deeper nesting, anything unusual.
 *
 * Providers write their messages in one order and without blanks; a dialect may
 * say which (`shape`), and a message of that shape is read in a third of the
 * time. Every other one is read as well.
 *
 * One promise is left to the caller: a value of a key marked `opaque` was not
 * looked at (it is the long one). It may hold anything but a quote, so decode
 * it strictly, and ask the library when it does not decode.
 *
 * Thread: any; no state.
 */
#ifndef MEDIA_FRAME_H
#define MEDIA_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_key {
	const char *name;
	uint8_t length;
	uint8_t slot; /* in values[] */
	bool inner;   /* of the object inside */
	bool opaque;
};
#define FRAME_KEY(name, slot, inner, opaque)                \
	{                                                   \
		name, sizeof(name) - 1, slot, inner, opaque \
	}

/* What stands between two values, quotes included. */
struct frame_piece {
	const char *text;
	size_t length;
};
#define FRAME_PIECE(text)              \
	{                              \
		text, sizeof(text) - 1 \
	}

struct frame_keys {
	const char *object; /* the key of the object inside */
	const struct frame_key *keys;
	size_t count;
	/* The usual shape, all values being strings: what stands before the
	 * value of each key, and behind the last one; or NULL. It must be JSON
	 * that has these keys. */
	const struct frame_piece *shape;
};

struct frame_value {
	const char *text; /* in the message; NULL: the key was not there */
	size_t length;
	bool number; /* it stood there as an integer, not as a string */
};

#define FRAME_SLOTS 8

/* Fills values[FRAME_SLOTS]; false: not mine. */
bool frame_scan(const char *message, size_t length,
		const struct frame_keys *keys,
		struct frame_value values[FRAME_SLOTS]);

/* Decimal digits, at most 18 of them: true and the number. */
bool frame_counter(const struct frame_value *value, uint64_t *number);

#endif
