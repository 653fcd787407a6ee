/*
 * raw.h - a route that says back every message as it came
 *
 * No call, no row, no dialect: for suites that judge how this listener speaks
 * WebSocket (RFC 6455). While an answer is on its way nothing is read, so one
 * message at a time is all the memory that it takes.
 *
 * Thread: the connection's loop.
 */
#ifndef MEDIA_RAW_H
#define MEDIA_RAW_H

#include <stdbool.h>
#include <stddef.h>

struct line;

#define RAW_MESSAGE_MAX (16u << 20) /* bytes */

struct raw {
	unsigned char *bytes; /* LINE_PRE, then the message so far; owned */
	size_t length, room;
};

/* A piece of a message. */
void raw_receive(struct raw *raw, struct line *line, const void *in,
		 size_t length, bool whole, bool binary);
void raw_free(struct raw *raw);

#endif
