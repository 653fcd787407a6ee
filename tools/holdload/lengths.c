/* lengths.c - how long calls are (see lengths.h) */
#include "tools/holdload/lengths.h"

#include <stdio.h>
#include <string.h>

#include "server/settings.h"
#include "tools/holdload/chance.h"

#define DAY_MS ((uint64_t)24 * 3600 * 1000)

/* The durations in `text`, one after the other; 0, or -1. */
static int parse_list(struct lengths *l, const char *text, const char *between)
{
	for (const char *at = text;; at += strlen(between)) {
		const char *end = strstr(at, between);
		size_t length = end ? (size_t)(end - at) : strlen(at);
		char one[32];

		if (l->count == LENGTHS_MAX || length >= sizeof(one))
			return -1;
		(void)snprintf(one, sizeof(one), "%.*s", (int)length, at);
		if (settings_parse_duration_ms(one, &l->ms[l->count]) < 0 ||
		    l->ms[l->count] == 0 || l->ms[l->count] > DAY_MS)
			return -1;
		l->count++;
		if (!end)
			return 0;
		at = end;
	}
}

int lengths_parse(struct lengths *l, const char *text)
{
	static const struct {
		const char *before, *between;
		enum lengths_kind kind;
		size_t count; /* 0: any */
	} forms[] = {
		{ "exp:", ",", LENGTHS_EXPONENTIAL, 1 },
		{ "normal:", ",", LENGTHS_NORMAL, 2 },
		{ "", "..", LENGTHS_UNIFORM, 2 },
		{ "", ",", LENGTHS_LIST, 0 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t before = strlen(forms[i].before);

		*l = (struct lengths){ .kind = forms[i].kind };
		if (strncmp(text, forms[i].before, before) == 0 &&
		    parse_list(l, text + before, forms[i].between) == 0 &&
		    (forms[i].count == 0 || l->count == forms[i].count))
			return l->kind == LENGTHS_UNIFORM && l->ms[0] > l->ms[1]
				       ? -1
				       : 0;
	}
	return -1;
}

uint64_t lengths_draw_ms(const struct lengths *l, struct chance *chance)
{
	double first = (double)l->ms[0], second = (double)l->ms[1], ms = first;

	switch (l->kind) {
	case LENGTHS_OF_FILE: break;
	case LENGTHS_LIST: return l->ms[chance_bits(chance) % l->count];
	case LENGTHS_UNIFORM:
		ms = first + chance_part(chance) * (second - first);
		break;
	case LENGTHS_EXPONENTIAL: ms = first * chance_gap(chance); break;
	case LENGTHS_NORMAL: ms = first + second * chance_normal(chance); break;
	}
	if (ms < 1)
		return 1;
	return ms < (double)DAY_MS ? (uint64_t)ms : DAY_MS;
}
