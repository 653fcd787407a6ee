/* trace.c - which trace a call or a request belongs to (see trace.h) */
#include "server/trace.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sodium.h>

#define ID_DIGITS   32u
#define SPAN_DIGITS 16u

/* Where the fields of "00-<trace id>-<span id>-<flags>" begin. */
enum { AT_ID = 3, AT_SPAN = 36, AT_FLAGS = 53, AT_END = 55 };

/* Lower case alone (section 2.3). */
static bool is_hex(const char *text, size_t digits)
{
	return strspn(text, "0123456789abcdef") >= digits;
}

static bool is_zero(const char *text, size_t digits)
{
	return strspn(text, "0") >= digits;
}

/* A version to come may say more behind the flags, and begins with the same;
 * ff is none. */
static bool has_known_form(const char *header)
{
	bool first = strncmp(header, "00", 2) == 0;

	return is_hex(header, 2) && strncmp(header, "ff", 2) != 0 &&
	       header[2] == '-' && header[AT_SPAN - 1] == '-' &&
	       header[AT_FLAGS - 1] == '-' &&
	       (header[AT_END] == '\0' || (!first && header[AT_END] == '-'));
}

bool trace_parse(const char *header, struct trace *trace)
{
	if (strlen(header) < AT_END || !has_known_form(header) ||
	    !is_hex(header + AT_ID, ID_DIGITS) ||
	    is_zero(header + AT_ID, ID_DIGITS) ||
	    !is_hex(header + AT_SPAN, SPAN_DIGITS) ||
	    is_zero(header + AT_SPAN, SPAN_DIGITS) ||
	    !is_hex(header + AT_FLAGS, 2))
		return false;
	memcpy(trace->id, header + AT_ID, ID_DIGITS);
	trace->id[ID_DIGITS] = '\0';
	/* The last bit of the flags: the last digit is odd. */
	trace->sampled = strchr("13579bdf", header[AT_FLAGS + 1]) != NULL;
	return true;
}

void trace_take(const char *header, struct trace *trace)
{
	uint8_t bytes[ID_DIGITS / 2];

	if (header && trace_parse(header, trace))
		return;
	randombytes_buf(bytes, sizeof(bytes));
	bytes[0] |= 1; /* not all of it zero */
	(void)sodium_bin2hex(trace->id, sizeof(trace->id), bytes,
			     sizeof(bytes));
	trace->sampled = false;
}

void trace_follow(const char *id, struct trace *trace)
{
	trace_take(NULL, trace);
	if (id && strlen(id) == ID_DIGITS && is_hex(id, ID_DIGITS) &&
	    !is_zero(id, ID_DIGITS))
		memcpy(trace->id, id, ID_DIGITS + 1);
}

void trace_ids(const struct trace *trace, char out[TRACE_IDS_SIZE])
{
	(void)snprintf(out, TRACE_IDS_SIZE, "%s%s", *trace->id ? "trace=" : "",
		       trace->id);
}

void trace_parent(const struct trace *trace, char out[TRACEPARENT_SIZE])
{
	char span[SPAN_DIGITS + 1];
	uint8_t bytes[SPAN_DIGITS / 2];

	randombytes_buf(bytes, sizeof(bytes));
	bytes[0] |= 1;
	(void)sodium_bin2hex(span, sizeof(span), bytes, sizeof(bytes));
	(void)snprintf(out, TRACEPARENT_SIZE, "00-%s-%s-%s", trace->id, span,
		       trace->sampled ? "01" : "00");
}
