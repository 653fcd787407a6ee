/*
 * log_line.c - what one log line looks like (see log_line.h)
 *
 * Text is put piece by piece; a piece goes in whole or not at all, so that a
 * cut never leaves half an escape. Room is kept back for the ids and the line's
 * end, END_ROOM.
 * No stdio: a crash composes its last line in a signal handler.
 */
#include "server/log_line.h"

#include <string.h>

#include "server/clock.h"
#include "server/log_pairs.h"

#define END_ROOM 20u /* `"`, `,"cut":"..."`, `}` and a newline */

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "DEBUG",
	[LOG_LEVEL_INFO] = "INFO",
	[LOG_LEVEL_WARN] = "WARN",
	[LOG_LEVEL_ERROR] = "ERROR",
};

static void append(struct log_line *line, const char *text, size_t length)
{
	memcpy(line->bytes + line->length, text, length);
	line->length += length;
}

static void put(struct log_line *line, const char *text, size_t length)
{
	if (length > LOG_LINE_SIZE - line->kept - line->length)
		line->cut = true;
	if (!line->cut)
		append(line, text, length);
}

static void put_text(struct log_line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* Uses what was kept back. */
static void put_end(struct log_line *line, const char *text)
{
	append(line, text, strlen(text));
}

/* Unicode's table 3-7: overlong forms, surrogates and what lies beyond the last
 * code point show in the second byte. */
static bool second_byte_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xc2: return second >= 0xa0; /* below: C1 control characters */
	case 0xe0: return second >= 0xa0;
	case 0xed: return second < 0xa0;
	case 0xf0: return second >= 0x90;
	case 0xf4: return second < 0x90;
	default: return true;
	}
}

/* The bytes of the character at text; 0 if it must not stand in a line. */
static size_t printable(const char *text, size_t length)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t size = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

	if (c[0] < 0x80)
		return c[0] >= 0x20 && c[0] != 0x7f;
	if (c[0] < 0xc2 || c[0] > 0xf4 || size > length)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return second_byte_fits(c[0], c[1]) ? size : 0;
}

/* A control character could forge a second line, or steer a terminal. */
static void put_escaped_byte(struct log_line *line, unsigned char c, bool json)
{
	static const char hex[] = "0123456789abcdef";
	const char text[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
	const char short_text[] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

	if (json)
		put(line, text, sizeof(text));
	else
		put(line, short_text, sizeof(short_text));
}

static void put_clean(struct log_line *line, const char *text, size_t length,
		      bool json)
{
	size_t size;

	for (size_t i = 0; i < length; i += size) {
		size = printable(text + i, length - i);
		if (size == 0) {
			put_escaped_byte(line, (unsigned char)text[i], json);
			size = 1;
		} else if (json && (text[i] == '"' || text[i] == '\\')) {
			put(line, (const char[]){ '\\', text[i] }, 2);
		} else {
			put(line, text + i, size);
		}
	}
}

/* A value without its quotes and the backslashes within them. */
static void put_json_value(struct log_line *line, const char *text,
			   const char *end)
{
	size_t size;

	if (*text != '"') {
		put_clean(line, text, (size_t)(end - text), true);
		return;
	}
	for (text++; text < end; text += size) {
		if (*text == '\\' && text + 1 < end)
			text++;
		else if (*text == '"' && text + 1 == end)
			return;
		size = printable(text, (size_t)(end - text));
		size += size == 0;
		put_clean(line, text, size, true);
	}
}

/* One member; of one that is cut, its key and what fits of the value remain. */
static void put_json_member(struct log_line *line, const char *key,
			    size_t key_length, const char *value,
			    const char *end)
{
	size_t start = line->length;

	if (line->cut)
		return;
	put_text(line, ",\"");
	put_clean(line, key, key_length, true);
	put_text(line, "\":\"");
	if (line->cut) {
		line->length = start;
		return;
	}
	put_json_value(line, value, end);
	put_text(line, "\"");
	if (line->cut)
		put_end(line, "\"");
}

static void put_json_pairs(struct log_line *line, const char *text)
{
	struct log_pair pair;

	while (!line->cut && log_pair_next(&text, &pair))
		if (pair.key_length > 0 || *pair.key == '=')
			put_json_member(line, pair.key, pair.key_length,
					pair.value, pair.end);
		else
			put_json_member(line, "message", 7, pair.value,
					pair.end);
}

static void compose_json(struct log_line *line, const char *time,
			 const char *level, const char *tag,
			 const char *message)
{
	put_text(line, "{\"time\":\"");
	put_text(line, time);
	put_text(line, "\",\"level\":\"");
	put_text(line, level);
	put_text(line, "\",\"tag\":\"");
	put_text(line, tag);
	put_text(line, "\"");
	put_json_pairs(line, message);
}

static void compose_text(struct log_line *line, const char *time,
			 const char *level, const char *tag,
			 const char *message)
{
	put_text(line, time);
	put_text(line, " ");
	put_text(line, level);
	put_text(line, " [");
	put_text(line, tag);
	put_text(line, "] ");
	put_clean(line, message, strlen(message), false);
}

/* Whatever became of the message. As JSON a pair grows by its quotes. */
static void put_ids(struct log_line *line, const char *ids, bool json)
{
	bool cut = line->cut;

	if (!*ids)
		return;
	line->kept = END_ROOM;
	line->cut = false;
	if (json) {
		put_json_pairs(line, ids);
	} else {
		put_text(line, cut ? "... " : " ");
		put_text(line, ids);
	}
	line->cut = cut && json;
}

void log_line_compose(struct log_line *line, enum log_format format,
		      int64_t wall_us, enum log_level level, const char *tag,
		      const char *message, const char *ids)
{
	char time[CLOCK_ISO_SIZE];

	clock_format_iso(wall_us, time);
	memcpy(time + 23, "Z", 2); /* milliseconds will do */
	line->length = 0;
	line->kept = END_ROOM + (*ids ? 2 * strlen(ids) + 5 : 0);
	line->cut = false;
	if (format == LOG_FORMAT_JSON) {
		compose_json(line, time, level_names[level], tag, message);
		put_ids(line, ids, true);
		put_end(line, line->cut ? ",\"cut\":\"...\"}\n" : "}\n");
	} else {
		compose_text(line, time, level_names[level], tag, message);
		put_ids(line, ids, false);
		put_end(line, line->cut ? "...\n" : "\n");
	}
}
