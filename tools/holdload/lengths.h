/*
 * lengths.h - how long calls are: all the same, or spread as people's are
 *
 *   30s           every call
 *   10s..60s      anything between, as often
 *   exp:30s       30 s in the mean: many short ones, a few very long
 *   normal:30s,5s about 30 s, two thirds of them within 5 s of it
 *   10s,20s,5min  one of these, as often
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_LENGTHS_H
#define HOLDLOAD_LENGTHS_H

#include <stddef.h>
#include <stdint.h>

struct chance;

#define LENGTHS_MAX 16 /* of a list */

enum lengths_kind {
	LENGTHS_OF_FILE, /* not said: the audio once */
	LENGTHS_LIST,	 /* of one, too */
	LENGTHS_UNIFORM,
	LENGTHS_EXPONENTIAL,
	LENGTHS_NORMAL
};

struct lengths {
	enum lengths_kind kind;
	/* A list's values; the ends; the mean; the mean and the deviation. */
	uint64_t ms[LENGTHS_MAX];
	size_t count;
};

/* 0, or -1: it is none of the above. */
int lengths_parse(struct lengths *lengths, const char *text);
/* Of the next call; at least a millisecond, at most a day. Not for
 * LENGTHS_OF_FILE. */
uint64_t lengths_draw_ms(const struct lengths *lengths, struct chance *chance);

#endif
