/*
 * fields.h - the few values of a JSON message that somebody asks for
 *
 * One pass, whatever the order of the keys, the blanks, and what else is nested
 * there; nothing is allocated. A value is a span of the message: a string as it
 * stands between its quotes, anything else as it stands. Where a key stands
 * twice, the last one counts, as with most readers of JSON.
 *
 * It is not a judge of JSON: of a string it sees the end, of a number the
 * characters it may have. What is nested deeper than FIELDS_DEPTH is refused.
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_DIALECTS_FIELDS_H
#define HOLDLOAD_DIALECTS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/holdload/span.h"

#define FIELDS_DEPTH 32u
#define FIELDS_MAX   16u /* asked for at once */
#define FIELDS_KEYS  4u

/* Key by key from the top: { { "media", "payload" } }; none: never there. */
struct path {
	const char *key[FIELDS_KEYS]; /* the last one is NULL */
};

/* False: the message is no JSON object. What is not there has no text. */
bool fields_read(struct span message, const struct path *paths, size_t count,
		 struct span *values);
/* The elements of an array, one after the other: begins with an element without
 * text. False: there are no more, or it is none. */
bool fields_next(struct span array, struct span *element);
/* The text of a string without its escapes, where all of them are characters of
 * ASCII; how long, or -1. */
long fields_unescape(struct span string, char *out, size_t room);

#endif
