/* fields.c - values of a JSON message, in one pass (see fields.h) */
#include "tools/holdload/dialects/fields.h"

#include <stdint.h>
#include <string.h>

struct walk {
	const char *at, *end;
	const struct path *paths;
	size_t count;
	struct span *values;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next character that is no blank; NUL at the end. */
static char peek(struct walk *w)
{
	while (w->at < w->end && is_blank(*w->at))
		w->at++;
	return w->at < w->end ? *w->at : '\0';
}

static bool expect(struct walk *w, char c)
{
	if (peek(w) != c || w->at == w->end)
		return false;
	w->at++;
	return true;
}

/* Is the quote part of the string? An odd number of backslashes says so. */
static bool is_escaped(const char *begin, const char *quote)
{
	const char *at = quote;

	while (at > begin && at[-1] == '\\')
		at--;
	return (quote - at) % 2 != 0;
}

static bool take_string(struct walk *w, struct span *string)
{
	const char *begin, *quote;

	if (!expect(w, '"'))
		return false;
	begin = quote = w->at;
	while ((quote = memchr(quote, '"', (size_t)(w->end - quote)))) {
		if (!is_escaped(begin, quote)) {
			*string =
				(struct span){ begin, (size_t)(quote - begin) };
			w->at = quote + 1;
			return true;
		}
		quote++;
	}
	return false;
}

/* true, false, null, a number. */
static bool take_plain(struct walk *w, struct span *plain)
{
	const char *begin = w->at;

	while (w->at < w->end &&
	       ((*w->at >= '0' && *w->at <= '9') ||
		(*w->at >= 'a' && *w->at <= 'z') || *w->at == '-' ||
		*w->at == '+' || *w->at == '.' || *w->at == 'E'))
		w->at++;
	*plain = (struct span){ begin, (size_t)(w->at - begin) };
	return plain->length > 0;
}

/* Which of the fields, that may lie below, lie below this key? */
static uint32_t below(const struct walk *w, uint32_t fields, unsigned depth,
		      struct span key)
{
	uint32_t found = 0;

	for (size_t i = 0; i < w->count; i++) {
		const char *wanted = w->paths[i].key[depth];

		if (fields & 1u << i && wanted && span_is(key, wanted))
			found |= 1u << i;
	}
	return found;
}

static bool take_value(struct walk *w, uint32_t fields, unsigned depth);

static bool take_members(struct walk *w, uint32_t fields, unsigned depth)
{
	struct span key;

	w->at++;
	if (peek(w) == '}')
		return expect(w, '}');
	do {
		uint32_t wanted = 0;

		if (!take_string(w, &key) || !expect(w, ':'))
			return false;
		if (fields)
			wanted = below(w, fields, depth, key);
		if (!take_value(w, wanted, depth + 1))
			return false;
	} while (expect(w, ','));
	return expect(w, '}');
}

static bool take_elements(struct walk *w, unsigned depth)
{
	w->at++;
	if (peek(w) == ']')
		return expect(w, ']');
	do {
		if (!take_value(w, 0, depth + 1))
			return false;
	} while (expect(w, ','));
	return expect(w, ']');
}

/* A value, and what lies below it; it is that of the fields whose path ends
 * here. */
static bool take_value(struct walk *w, uint32_t fields, unsigned depth)
{
	char first = peek(w);
	struct span value = { .text = w->at };
	bool taken;

	if (depth == FIELDS_DEPTH)
		return false;
	if (first == '"')
		taken = take_string(w, &value);
	else if (first == '{')
		taken = take_members(w, fields, depth);
	else if (first == '[')
		taken = take_elements(w, depth);
	else
		taken = take_plain(w, &value);
	if (first == '{' || first == '[')
		value.length = (size_t)(w->at - value.text);
	for (size_t i = 0; fields && i < w->count; i++)
		if (fields & 1u << i && !w->paths[i].key[depth])
			w->values[i] = value;
	return taken;
}

bool fields_read(struct span message, const struct path *paths, size_t count,
		 struct span *values)
{
	struct walk w = { message.text, message.text + message.length, paths,
			  count, values };
	uint32_t all = 0;

	for (size_t i = 0; i < count; i++) {
		values[i] = (struct span){ 0 };
		if (paths[i].key[0])
			all |= 1u << i;
	}
	return message.length > 0 && peek(&w) == '{' &&
	       take_value(&w, all, 0) && peek(&w) == '\0' && w.at == w.end;
}

bool fields_next(struct span array, struct span *element)
{
	bool first = !element->text;
	struct walk w;

	if (array.length < 2 || *array.text != '[')
		return false;
	w = (struct walk){ .end = array.text + array.length };
	w.at = first ? array.text + 1 : element->text + element->length;
	/* A string's span ends before its quote. */
	if (!first && element->text[-1] == '"' && !expect(&w, '"'))
		return false;
	if (!first && !expect(&w, ','))
		return false;
	if (peek(&w) == '"')
		return take_string(&w, element);
	*element = (struct span){ .text = w.at };
	if (!take_value(&w, 0, 1))
		return false;
	element->length = (size_t)(w.at - element->text);
	return true;
}

/* ---- escapes ---------------------------------------------------------------
 */

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = memchr(digits, c | 0x20, sizeof(digits) - 1);

	return at ? (int)(at - digits) : -1;
}

/* What the escape that begins behind its backslash stands for, or -1; *taken is
 * how much of it there is. */
static int unescape(const char *at, size_t length, size_t *taken)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known = length ? memchr(from, *at, sizeof(from) - 1) : NULL;
	unsigned value = 0;

	*taken = known ? 1 : 5;
	if (known)
		return to[known - from];
	if (length < 5 || *at != 'u')
		return -1;
	for (int i = 1; i < 5; i++) {
		if (hex(at[i]) < 0)
			return -1;
		value = value << 4 | (unsigned)hex(at[i]);
	}
	return value < 0x80 ? (int)value : -1;
}

long fields_unescape(struct span string, char *out, size_t room)
{
	size_t length = 0, taken;

	for (size_t i = 0; i < string.length; i++) {
		int c = (unsigned char)string.text[i];

		if (length == room)
			return -1;
		if (c == '\\') {
			c = unescape(string.text + i + 1, string.length - i - 1,
				     &taken);
			if (c < 0)
				return -1;
			i += taken;
		}
		out[length++] = (char)c;
	}
	return (long)length;
}
