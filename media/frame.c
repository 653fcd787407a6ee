/*
 * frame.c - reads the one message that comes fifty times a second (frame.h)
 */
#include "media/frame.h"

#include <endian.h>
#include <string.h>

/* Every step takes where it stands and returns where it got to; NULL is "not
 * mine". */
struct scan {
	const char *end;
	const struct frame_keys *keys;
	struct frame_value *values;
	bool inner_seen;
};

static inline const char *blanks(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	return p;
}

static inline const char *take(const char *p, const char *end, char c)
{
	return p && p < end && *p == c ? p + 1 : NULL;
}

/* ---- strings and numbers ---------------------------------------------------
 */

#define EACH(byte) (0x0101010101010101u * (byte))

/* Eight characters at once: how many of them come before the first that is a
 * quote, a backslash, a control character or beyond ASCII. A subtraction sets
 * the high bit of a byte that was too small; what a borrow does to the bytes
 * above it does not matter, since the lowest one counts. */
static inline unsigned plain_in_eight(const char *text)
{
	uint64_t word, stops;

	memcpy(&word, text, sizeof(word));
	word = le64toh(word);
	stops = ((word ^ EACH('"')) - EACH(1)) |
		((word ^ EACH('\\')) - EACH(1)) | (word - EACH(' ')) | word;
	stops &= EACH(0x80);
	return stops ? (unsigned)__builtin_ctzll(stops) / 8 : 8;
}

static inline bool is_plain(char c)
{
	return c >= ' ' && c != '"' && c != '\\';
}

static inline void set(struct frame_value *value, const char *from,
		       const char *to, bool number)
{
	value->text = from;
	value->length = (size_t)(to - from);
	value->number = number;
}

/* A string of plain ASCII without escapes, between its quotes. */
static inline const char *take_plain(const char *p, const char *end,
				     struct frame_value *value)
{
	const char *from = p;
	unsigned plain = 8;

	while (plain == 8 && end - p >= 8) {
		plain = plain_in_eight(p);
		p += plain;
	}
	while (p < end && is_plain(*p))
		p++;
	set(value, from, p, false);
	return p;
}

/* The long one: where it ends is all that is looked for. */
static inline const char *take_opaque(const char *p, const char *end,
				      struct frame_value *value)
{
	const char *quote = memchr(p, '"', (size_t)(end - p));

	if (!quote)
		return NULL;
	set(value, p, quote, false);
	return quote;
}

static const char *take_integer(const char *p, const char *end,
				struct frame_value *value)
{
	const char *from = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	set(value, from, p, true);
	/* JSON knows no leading zeros; 18 digits fit every integer type. */
	return value->length > 0 && value->length <= 18 &&
			       (value->length == 1 || *from != '0')
		       ? p
		       : NULL;
}

static inline const char *take_text(const char *p, const char *end, bool opaque,
				    struct frame_value *value)
{
	return opaque ? take_opaque(p, end, value) : take_plain(p, end, value);
}

static const char *take_value(const char *p, const char *end, bool opaque,
			      struct frame_value *value)
{
	if (p == end || *p != '"')
		return take_integer(p, end, value);
	return take(take_text(p + 1, end, opaque, value), end, '"');
}

/* ---- the usual shape -------------------------------------------------------
 */

static inline const char *take_piece(const char *p, const char *end,
				     const struct frame_piece *piece)
{
	return p && (size_t)(end - p) >= piece->length &&
			       memcmp(p, piece->text, piece->length) == 0
		       ? p + piece->length
		       : NULL;
}

static bool has_usual_shape(const char *p, const char *end,
			    const struct frame_keys *keys,
			    struct frame_value *values)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct frame_key *key = &keys->keys[i];

		p = take_piece(p, end, &keys->shape[i]);
		if (!p)
			return false;
		p = take_text(p, end, key->opaque, &values[key->slot]);
	}
	return take_piece(p, end, &keys->shape[keys->count]) == end;
}

/* ---- any other -------------------------------------------------------------
 */

static const struct frame_key *find(const struct scan *scan,
				    const struct frame_value *name, bool inner)
{
	for (size_t i = 0; i < scan->keys->count; i++) {
		const struct frame_key *key = &scan->keys->keys[i];

		if (key->inner == inner && key->length == name->length &&
		    memcmp(key->name, name->text, name->length) == 0)
			return key;
	}
	return NULL;
}

static bool is_object(const struct scan *scan, const struct frame_value *name)
{
	return strlen(scan->keys->object) == name->length &&
	       memcmp(scan->keys->object, name->text, name->length) == 0;
}

static const char *take_members(struct scan *scan, const char *p, bool inner);

static const char *take_member(struct scan *scan, const char *p, bool inner)
{
	struct frame_value name, ignored, *value;
	const struct frame_key *key;
	const char *end = scan->end;

	p = take(p, end, '"');
	if (p)
		p = take(take_plain(p, end, &name), end, '"');
	if (p)
		p = take(blanks(p, end), end, ':');
	if (!p)
		return NULL;
	p = blanks(p, end);
	if (!inner && is_object(scan, &name)) {
		if (scan->inner_seen)
			return NULL; /* twice: the library knows which counts */
		scan->inner_seen = true;
		return take_members(scan, p, true);
	}
	key = find(scan, &name, inner);
	value = key ? &scan->values[key->slot] : &ignored;
	if (key && value->text)
		return NULL; /* twice, again */
	return take_value(p, end, key && key->opaque, value);
}

/* One step deep at most: an inner object takes no object. */
static const char *take_members(struct scan *scan, const char *p, bool inner)
{
	const char *end = scan->end;

	if (p == end || *p != '{')
		return NULL;
	do {
		p = take_member(scan, blanks(p + 1, end), inner);
		if (!p)
			return NULL;
		p = blanks(p, end);
	} while (p < end && *p == ',');
	return take(p, end, '}');
}

bool frame_scan(const char *message, size_t length,
		const struct frame_keys *keys,
		struct frame_value values[FRAME_SLOTS])
{
	struct scan scan = { .end = message + length,
			     .keys = keys,
			     .values = values };

	memset(values, 0, FRAME_SLOTS * sizeof(*values));
	if (keys->shape && has_usual_shape(message, scan.end, keys, values))
		return true;
	memset(values, 0, FRAME_SLOTS * sizeof(*values));
	return take_members(&scan, message, false) == scan.end;
}

bool frame_counter(const struct frame_value *value, uint64_t *number)
{
	uint64_t n = 0;

	if (!value->text || value->length == 0 || value->length > 18)
		return false;
	for (size_t i = 0; i < value->length; i++) {
		unsigned digit = (unsigned)value->text[i] - '0';

		if (digit > 9)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return true;
}
