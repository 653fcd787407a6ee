/* misdeed.c - what a call does wrong on purpose (see misdeed.h) */
#include "tools/holdload/misdeed.h"

#include <stdlib.h>
#include <string.h>

#define MALFORMED_FIRST MISDEED_WRONG_ORDER
#define MALFORMED_COUNT (MISDEED_COUNT - MALFORMED_FIRST)

static const struct {
	const char *name, *summary;
	bool moment, silent;
} kinds[MISDEED_COUNT] = {
	[MISDEED_NONE] = { "", "", false, false },
	[MISDEED_DROP] = { "drop", "the connection ends (FIN) without a word",
			   true, false },
	[MISDEED_RESET] = { "reset", "the connection is torn down (RST)", true,
			    false },
	[MISDEED_STALL] = { "stall", "connected and started, then silent",
			    false, true },
	[MISDEED_SLOW_READER] = { "slow-reader", "speaks, but reads nothing",
				  false, false },
	[MISDEED_FLOOD] = { "flood", "fifty times as many frames as are due",
			    false, false },
	[MISDEED_HALF_OPEN] = { "half-open", "half of a handshake, no more",
				false, true },
	[MISDEED_NO_START] = { "no-start", "upgraded, and never says anything",
			       false, true },
	[MISDEED_WRONG_ORDER] = { "wrong-order", "audio before the start",
				  false, false },
	[MISDEED_BAD_JSON] = { "bad-json", "a message that breaks off", true,
			       false },
	[MISDEED_BAD_AUDIO] = { "bad-audio",
				"no base64, or half a sample where it is "
				"binary",
				true, false },
	[MISDEED_BAD_FRAME] = { "bad-frame", "an unmasked frame, reserved bits",
				true, false },
	[MISDEED_OVERSIZED] = { "oversized", "the beginning of 64 MiB", true,
				false },
};

const char *misdeed_name(enum misdeed misdeed)
{
	return kinds[misdeed].name;
}

bool misdeed_has_a_moment(enum misdeed misdeed)
{
	return kinds[misdeed].moment;
}

bool misdeed_is_silent(enum misdeed misdeed)
{
	return kinds[misdeed].silent;
}

void misdeed_list(FILE *out)
{
	for (int i = MISDEED_NONE + 1; i < MISDEED_COUNT; i++)
		(void)fprintf(out, "  %-12s %s\n", kinds[i].name,
			      kinds[i].summary);
	(void)fprintf(out, "  %-12s a fifth each of the last five\n",
		      "malformed");
}

/* "5%" of the kind; 0, or -1. */
static int set_part(struct misdeeds *m, const char *name, size_t length,
		    double part)
{
	if (length == strlen("malformed") &&
	    memcmp(name, "malformed", length) == 0) {
		for (int i = MALFORMED_FIRST; i < MISDEED_COUNT; i++)
			m->parts[i] += part / MALFORMED_COUNT;
		return 0;
	}
	for (int i = MISDEED_NONE + 1; i < MISDEED_COUNT; i++) {
		if (strlen(kinds[i].name) == length &&
		    memcmp(kinds[i].name, name, length) == 0) {
			m->parts[i] += part;
			return 0;
		}
	}
	return -1;
}

int misdeeds_parse(struct misdeeds *m, const char *text)
{
	double sum = 0;

	while (*text) {
		size_t length = strcspn(text, "=");
		char *end;
		double percent;

		if (text[length] != '=')
			return -1;
		percent = strtod(text + length + 1, &end);
		if (end == text + length + 1 || *end != '%' ||
		    !(percent >= 0 && percent <= 100) ||
		    set_part(m, text, length, percent / 100) < 0)
			return -1;
		text = end + 1;
		if (*text == ',' && text[1])
			text++;
		else if (*text)
			return -1;
	}
	for (int i = 0; i < MISDEED_COUNT; i++)
		sum += m->parts[i];
	/* Tenths do not add up to one exactly. */
	return sum > 0 && sum <= 1 + 1e-9 ? 0 : -1;
}

enum misdeed misdeeds_choose(const struct misdeeds *m, double at)
{
	for (int i = MISDEED_NONE + 1; i < MISDEED_COUNT; i++) {
		if (at < m->parts[i])
			return (enum misdeed)i;
		at -= m->parts[i];
	}
	return MISDEED_NONE;
}
