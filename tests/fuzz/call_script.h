/*
 * call_script.h - a call's life as bytes, and how such bytes are mutated
 *
 *   5 bytes     the dialect (as provider_at() counts, one beyond is "auto"),
 *               the handler (modulo 3: record, echo, puppet; 0x40: an id in the
 *               handshake, 0x80: a recorder), sizes (below), what is taken for
 *               the sound that comes, and what the sound that leaves should be
 *   steps:      one byte, the op (its low four bits), then
 *               a message: two bytes, big-endian, its length; so many bytes
 *               anything else: one byte
 *
 * A message that is cut off has the bytes that there are, anything else that is
 * cut off is no step. So any bytes are a script.
 */
#ifndef TESTS_FUZZ_CALL_SCRIPT_H
#define TESTS_FUZZ_CALL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_HEAD 5u

enum {
	SIZES_SHORT_QUEUE = 1,
	SIZES_LITTLE_OUT = 2,
	SIZES_LITTLE_SCRATCH = 4,
	SIZES_SHORT_MESSAGES = 8,
	SIZES_SHORT_LIFE = 16,
	MAY_NOT_CALL = 32, /* its start is refused */
	BAD_DISK = 64,
};

/* The numbers are those of the kept inputs. */
enum op {
	OP_TEXT = 0,
	OP_BINARY = 1,
	OP_PASS = 2, /* ticks */
	OP_JUMP = 3, /* quarters of a second */
	OP_MEDIA = 4,
	OP_MARK = 5,
	OP_CLEAR = 6,
	OP_DIGIT = 7,
	OP_HOLD = 8, /* odd: hold, even: go on */
	OP_LINE = 9, /* odd: choked */
	OP_PUPPET = 10,
	OP_END = 11,
	OP_AGAIN = 12, /* the newest message, so many times */
	OPS	       /* what is beyond is a text */
};

struct step {
	enum op op;
	const uint8_t *at; /* the message */
	size_t bytes;
	uint8_t n; /* the one byte; of a message: none */
};

/* False: it is over. */
bool script_next(const uint8_t **at, size_t *left, struct step *step);
/* The new size, at most `room`. */
size_t script_mutate(uint8_t *data, size_t size, size_t room, unsigned seed);

#endif
