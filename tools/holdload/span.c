/* span.c - a piece of somebody else's text (see span.h) */
#include "tools/holdload/span.h"

#include <string.h>
#include <strings.h>

bool span_is(struct span span, const char *word)
{
	return span.text && span.length == strlen(word) &&
	       memcmp(span.text, word, span.length) == 0;
}

bool span_begins_like(struct span span, const char *word)
{
	size_t length = strlen(word);

	return span.text && span.length >= length &&
	       strncasecmp(span.text, word, length) == 0;
}

bool span_is_like(struct span span, const char *word)
{
	return span_begins_like(span, word) && span.length == strlen(word);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct span span_trim(struct span span)
{
	while (span.length > 0 && is_blank(span.text[0])) {
		span.text++;
		span.length--;
	}
	while (span.length > 0 && is_blank(span.text[span.length - 1]))
		span.length--;
	return span;
}

struct span span_cut(struct span *span, char at)
{
	struct span head = *span;
	const char *there =
		span->length > 0 ? memchr(span->text, at, span->length) : NULL;

	if (!there) {
		*span = (struct span){ 0 };
		return head;
	}
	head.length = (size_t)(there - head.text);
	span->text = there + 1;
	span->length -= head.length + 1;
	return head;
}

bool span_number(struct span span, uint64_t *number)
{
	uint64_t n = 0;

	for (size_t i = 0; i < span.length; i++) {
		unsigned digit = (unsigned char)span.text[i] - (unsigned)'0';

		if (digit > 9 || n > UINT64_MAX / 10 - 1)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return span.length > 0;
}

void span_copy(struct span span, char *out, size_t room)
{
	size_t length = span.length < room ? span.length : room - 1;

	if (length > 0)
		memcpy(out, span.text, length);
	out[length] = '\0';
}
