/* options_table.c - every option, a row each (see options_table.h) */
#include "tools/holdload/options_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/settings.h"
#include "tools/holdload/options.h"

static const struct option_section *const sections[] = {
	&options_calls, &options_plan, &options_who, &options_outcome
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

const struct option_section *option_section_at(size_t index)
{
	return index < SECTIONS ? sections[index] : NULL;
}

const struct option_row *option_at(size_t index)
{
	for (size_t i = 0; i < SECTIONS; i++) {
		if (index < sections[i]->count)
			return &sections[i]->rows[index];
		index -= sections[i]->count;
	}
	return NULL;
}

const struct option_row *option_find(const char *name)
{
	const struct option_row *row;

	for (size_t i = 0; (row = option_at(i)); i++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static void *place_of(struct options *o, const struct option_row *row)
{
	return (char *)o + row->offset;
}

int option_take_text(struct options *o, const struct option_row *row,
		     char *text)
{
	const char **place = place_of(o, row);

	*place = text;
	return 0;
}

int option_take_switch(struct options *o, const struct option_row *row,
		       char *text)
{
	bool *place = place_of(o, row);

	(void)text;
	*place = true;
	return 0;
}

int option_take_count(struct options *o, const struct option_row *row,
		      char *text)
{
	unsigned *place = place_of(o, row);
	char *end, what[64];
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno == 0 && *end == '\0' && n >= 1 && n <= row->most) {
		*place = (unsigned)n;
		return 0;
	}
	(void)snprintf(what, sizeof(what), "a number from 1 to %u is needed",
		       row->most);
	return options_wrong(row->name, what);
}

int option_take_per_s(struct options *o, const struct option_row *row,
		      char *text)
{
	double *place = place_of(o, row);
	char *end;

	*place = strtod(text, &end);
	if (end != text && *place > 0 && *place <= 1e6 &&
	    (strcmp(end, "/s") == 0 || *end == '\0'))
		return 0;
	return options_wrong(row->name,
			     "calls a second are needed, such as 50/s");
}

int option_take_time(struct options *o, const struct option_row *row,
		     char *text)
{
	uint64_t *place = place_of(o, row);

	if (settings_parse_duration_ms(text, place) == 0 && *place > 0 &&
	    *place <= UINT32_MAX)
		return 0;
	return options_wrong(row->name, "write it like 30s or 5min");
}
