/* payload.c - one pass over a payload, byte by byte (see payload.h) */
#include "persistence/payload.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct scan {
	const unsigned char *at, *end;
	unsigned depth; /* of braces */
	const char *fault;
};

static bool refuse(struct scan *s, const char *fault)
{
	s->fault = fault;
	return false;
}

/* The bytes after the first of a character, as Unicode's table 3-7 has them. */
static bool take_multibyte(struct scan *s, unsigned char first)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;

	if (first < 0xc2 || first > 0xf4 || (size_t)(s->end - s->at) < more)
		return refuse(s, "it is not UTF-8");
	if (first == 0xe0)
		low = 0xa0; /* overlong */
	else if (first == 0xed)
		high = 0x9f; /* surrogates */
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */
	for (; more > 0; more--, low = 0x80, high = 0xbf) {
		if (*s->at < low || *s->at > high)
			return refuse(s, "it is not UTF-8");
		s->at++;
	}
	return true;
}

/* Four hexadecimal digits, or -1. */
static int32_t take_hex(struct scan *s)
{
	int32_t value = 0;

	if (s->end - s->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		const char *digit = *s->at ? strchr(digits, *s->at) : NULL;

		if (!digit)
			return -1;
		value = value * 16 + (int32_t)((digit - digits) % 16);
		s->at++;
	}
	return value;
}

/* What follows a backslash and a u. */
static bool take_code_unit(struct scan *s)
{
	int32_t unit = take_hex(s);

	if (unit < 0)
		return refuse(s, "a \\u has no four digits");
	if (unit == 0)
		return refuse(s, "it has a NUL (\\u0000)");
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	if (unit < 0xdc00 && s->end - s->at > 2 && s->at[0] == '\\' &&
	    s->at[1] == 'u') {
		s->at += 2;
		unit = take_hex(s);
		if (unit >= 0xdc00 && unit <= 0xdfff)
			return true;
	}
	return refuse(s, "it has half a surrogate pair");
}

static bool take_escape(struct scan *s)
{
	unsigned char c = s->at < s->end ? *s->at++ : 0;

	if (c == 'u')
		return take_code_unit(s);
	if (c && strchr("\"\\/bfnrt", c))
		return true;
	return refuse(s, "a backslash stands before nothing that it could");
}

/* To the closing quote; the opening one is taken. */
static bool take_string(struct scan *s)
{
	while (s->at < s->end) {
		unsigned char c = *s->at++;

		if (c == '"')
			return true;
		if (c < ' ')
			return refuse(s, "a string has a control character");
		if (c == '\\' && !take_escape(s))
			return false;
		if (c >= 0x80 && !take_multibyte(s, c))
			return false;
	}
	return refuse(s, "a string does not end");
}

/* Between strings stands nothing that could hide a quote or a brace from us,
 * as the comments of some dialects do. */
static bool is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("[],:+-. \t\r\n", c));
}

/* One object, from brace to brace. */
static bool take_object(struct scan *s)
{
	while (s->at < s->end) {
		unsigned char c = *s->at++;

		if (c == '{')
			s->depth++;
		else if (c == '}' && --s->depth == 0)
			return true;
		else if (c == '"' && !take_string(s))
			return false;
		else if (c != '"' && c != '}' && !is_plain(c))
			return refuse(s, "it is not JSON");
	}
	return refuse(s, "its braces do not match");
}

const char *payload_fault(const char *text, size_t length)
{
	struct scan s = { .at = (const unsigned char *)text,
			  .end = (const unsigned char *)text + length };

	if (length == 0 || *text != '{')
		return "it is not an object";
	if (take_object(&s) && s.at != s.end)
		(void)refuse(&s, "something follows the object");
	return s.fault;
}

bool payload_takes_text(const char *bytes, size_t length)
{
	struct scan s = { .at = (const unsigned char *)bytes,
			  .end = (const unsigned char *)bytes + length };

	while (s.at < s.end) {
		unsigned char c = *s.at++;

		if (c == '\0' || (c >= 0x80 && !take_multibyte(&s, c)))
			return false;
	}
	return true;
}
