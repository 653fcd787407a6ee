/*
 * log_mask.c - what of people a log line shows (see log_mask.h)
 *
 * A value is gone through once. At each place stands a number, an email
 * address, or a character like any other; the first two are shown in part.
 */
#include "server/log_mask.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "server/log_pairs.h"

#define SHOWN_DIGITS  3u
#define PLUS_DIGITS   5u  /* of a number with a "+", at the least */
#define PLAIN_DIGITS  7u  /* of one without */
#define NUMBER_DIGITS 15u /* of either, at the most (E.164) */

struct out {
	char *at;
	size_t left; /* with room for a NUL */
};

static void put(struct out *out, const char *text, size_t length)
{
	if (length >= out->left)
		length = out->left - 1;
	memcpy(out->at, text, length);
	out->at += length;
	out->left -= length;
	*out->at = '\0';
}

static bool is_key(const struct log_pair *pair, const char *const *keys)
{
	for (; *keys; keys++)
		if (strlen(*keys) == pair->key_length &&
		    strncmp(*keys, pair->key, pair->key_length) == 0)
			return true;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' ||
	       (unsigned char)c >= 0x80;
}

/* ---- numbers ---------------------------------------------------------------
 */

/* How long the number at `text` is, behind its "+"; 0: it is none. One blank,
 * dash, dot or bracket, or two of them, may stand between two digits. */
static size_t plus_number(const char *text, const char *end)
{
	size_t length = 0, digits = 0, between = 0;

	for (size_t i = 0; text + i < end && between < 3; i++) {
		if (is_digit(text[i])) {
			digits++;
			length = i + 1;
			between = 0;
		} else if (strchr(" -.()/", text[i])) {
			between++;
		} else {
			break;
		}
	}
	return digits >= PLUS_DIGITS ? length : 0;
}

/* Part of a longer word, of a fraction or of an id it is none. */
static size_t plain_number(const char *begin, const char *text, const char *end)
{
	size_t digits = 0;

	if (text > begin && (is_word(text[-1]) || text[-1] == '.'))
		return 0;
	while (text + digits < end && is_digit(text[digits]))
		digits++;
	text += digits;
	if (digits < PLAIN_DIGITS || digits > NUMBER_DIGITS ||
	    (text < end && is_word(*text)) ||
	    (text + 1 < end && *text == '.' && is_digit(text[1])))
		return 0;
	return digits;
}

static void put_number(struct out *out, const char *text, size_t length)
{
	const char *shown = text + length;

	for (size_t digits = 0; digits < SHOWN_DIGITS;)
		digits += is_digit(*--shown);
	put(out, "***", 3);
	put(out, shown, (size_t)(text + length - shown));
}

/* ---- email addresses -------------------------------------------------------
 */

static bool is_local(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("._%+'-", c));
}

/* How long the part before the "@" is; 0: at `text` begins no address. The user
 * of a URL is none. */
static size_t email_local(const char *begin, const char *text, const char *end)
{
	const char *at = text, *dot = NULL;
	size_t length;

	if ((text > begin && is_local(text[-1])) ||
	    (text - begin >= 2 && strncmp(text - 2, "//", 2) == 0))
		return 0;
	while (at < end && is_local(*at))
		at++;
	length = (size_t)(at - text);
	if (length == 0 || at == end || *at != '@')
		return 0;
	for (at++; at + 1 < end && (is_word(*at) || is_word(at[1])); at++)
		if (*at == '.')
			dot = at;
		else if (!is_word(*at))
			break;
	return dot && isalpha((unsigned char)dot[1]) ? length : 0;
}

/* ---- values ----------------------------------------------------------------
 */

static bool is_count(const char *value, const char *end)
{
	while (value < end && is_digit(*value))
		value++;
	return value == end;
}

static void put_value(struct out *out, const char *begin, const char *end,
		      bool emails)
{
	size_t length;

	for (const char *at = begin; at < end; at += length) {
		if (*at == '+' && (length = plus_number(at + 1, end)) > 0) {
			put(out, "+", 1);
			put_number(out, ++at, length);
		} else if (is_digit(*at) &&
			   (length = plain_number(begin, at, end)) > 0) {
			put_number(out, at, length);
		} else if (emails &&
			   (length = email_local(begin, at, end)) > 0) {
			put(out, at, 1);
			put(out, "***", 3);
		} else {
			put(out, at, length = 1);
		}
	}
}

void log_mask_message(const char *message, enum log_mask mask, char *out,
		      size_t size)
{
	static const char *const said[] = { "body", "custom", "payload", NULL };
	static const char *const people[] = { "from",	"to",	  "number",
					      "peer",	"wa_id",  "phone",
					      "caller", "called", NULL };
	static const char *const ours[] = { "who", "action", NULL };
	struct out to = { out, size };
	struct log_pair pair;
	const char *text = message;

	for (*out = '\0'; log_pair_next(&text, &pair);) {
		if (to.at > out)
			put(&to, " ", 1);
		put(&to, pair.key, (size_t)(pair.value - pair.key));
		if (is_key(&pair, said))
			put(&to, "***", 3);
		else if (is_count(pair.value, pair.end) &&
			 !is_key(&pair, people))
			put(&to, pair.value, (size_t)(pair.end - pair.value));
		else
			put_value(&to, pair.value, pair.end,
				  mask == LOG_MASK_ALL || !is_key(&pair, ours));
	}
}
