/*
 * span.h - a piece of somebody else's text
 *
 * Thread: any; it borrows what it points to.
 */
#ifndef HOLDLOAD_SPAN_H
#define HOLDLOAD_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const char *text; /* NULL: there is none; not terminated */
	size_t length;
};

bool span_is(struct span span, const char *word);
/* Letters of either case. */
bool span_is_like(struct span span, const char *word);
bool span_begins_like(struct span span, const char *word);
/* What is left of it without its blanks at both ends. */
struct span span_trim(struct span span);
/* What stands before the first of that character; the span goes on behind it,
 * and is NULL when there was none. */
struct span span_cut(struct span *span, char at);
/* Decimal digits and nothing else. */
bool span_number(struct span span, uint64_t *number);
/* Into a C string; cut short where there is no room. */
void span_copy(struct span span, char *out, size_t room);

#endif
