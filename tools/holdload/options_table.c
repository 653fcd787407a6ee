/* options_table.c - a table of options, a row each (see options_table.h) */
#include "tools/holdload/options_table.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/settings.h"

#define FIRST_ROW 1000 /* as getopt numbers them: no letters */
#define COLUMN	  21   /* where the explanations begin */

const struct option_row *option_at(const struct option_table *table,
				   size_t index)
{
	for (size_t i = 0; i < table->count; i++) {
		if (index < table->sections[i]->count)
			return &table->sections[i]->rows[index];
		index -= table->sections[i]->count;
	}
	return NULL;
}

const struct option_row *option_find(const struct option_table *table,
				     const char *name)
{
	const struct option_row *row;

	for (size_t i = 0; (row = option_at(table, i)); i++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

/* ---- the command line ------------------------------------------------------
 */

static const char *from_file; /* NULL: the command line */
static unsigned from_line;

void options_are_from(const char *file, unsigned line)
{
	from_file = file;
	from_line = line;
}

int options_wrong(const char *name, const char *what)
{
	if (from_file)
		(void)fprintf(stderr, "holdload: %s:%u: %s: %s\n", from_file,
			      from_line, name, what);
	else
		(void)fprintf(stderr, "holdload: --%s: %s\n", name, what);
	return 2;
}

/* The table in getopt's words. */
static void tell_getopt(const struct option_table *table,
			struct option longs[OPTIONS_MAX + 1])
{
	const struct option_row *row;
	int i = 0;

	for (; (row = option_at(table, (size_t)i)); i++)
		longs[i] = (struct option){ row->name,
					    row->argument ? required_argument
							  : no_argument,
					    NULL, FIRST_ROW + i };
	longs[i] = (struct option){ 0 };
}

/* Those that come before all others, or all others. */
static int take_those(const struct option_table *table, void *options, int argc,
		      char **argv, bool first)
{
	struct option longs[OPTIONS_MAX + 1];
	const struct option_row *row;
	int option, r = 0;

	tell_getopt(table, longs);
	optind = 0; /* from the beginning, as GNU has it */
	opterr = !first;
	while (r == 0 &&
	       (option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		row = option == 'h'
			      ? option_find(table, "help")
			      : option_at(table, (size_t)(option - FIRST_ROW));
		if (row && row->first == first)
			r = row->take(options, row, optarg);
		else if (!row && !first)
			return 2; /* '?': getopt has complained */
	}
	return r;
}

int options_take_all(const struct option_table *table, void *options, int argc,
		     char **argv)
{
	int r = take_those(table, options, argc, argv, true);

	if (r == 0)
		r = take_those(table, options, argc, argv, false);
	if (r == 0 && optind < argc) {
		(void)fprintf(stderr, "holdload: %s: unexpected; see --help\n",
			      argv[optind]);
		r = 2;
	}
	return r;
}

/* ---- the help --------------------------------------------------------------
 */

/* "  --calls N          how many": a long name has a line to itself. */
static void print_row(FILE *out, const struct option_row *row)
{
	char name[64];
	const char *at = row->help;
	int length = snprintf(name, sizeof(name), "  --%s %s", row->name,
			      row->argument ? row->argument : "");

	if (length < COLUMN)
		(void)fprintf(out, "%-*s", COLUMN, name);
	else
		(void)fprintf(out, "%s\n%*s", name, COLUMN, "");
	for (const char *end; (end = strchr(at, '\n')); at = end + 1)
		(void)fprintf(out, "%.*s\n%*s", (int)(end - at), at, COLUMN,
			      "");
	(void)fprintf(out, "%s\n", at);
}

void options_explain(const struct option_table *table, FILE *out)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option_section *section = table->sections[i];

		(void)fprintf(out, "\n%s:\n", section->heading);
		for (size_t row = 0; row < section->count; row++)
			if (section->rows[row].help)
				print_row(out, &section->rows[row]);
	}
}

/* ---- takers ----------------------------------------------------------------
 */

static void *place_of(void *options, const struct option_row *row)
{
	return (char *)options + row->offset;
}

int option_take_text(void *options, const struct option_row *row, char *text)
{
	const char **place = place_of(options, row);

	*place = text;
	return 0;
}

int option_take_switch(void *options, const struct option_row *row, char *text)
{
	bool *place = place_of(options, row);

	(void)text;
	*place = true;
	return 0;
}

int option_take_count(void *options, const struct option_row *row, char *text)
{
	unsigned *place = place_of(options, row);
	char *end, what[64];
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno == 0 && end != text && *text != '-' && *end == '\0' &&
	    n >= row->least && n <= row->most) {
		*place = (unsigned)n;
		return 0;
	}
	(void)snprintf(what, sizeof(what), "a number from %u to %u is needed",
		       row->least, row->most);
	return options_wrong(row->name, what);
}

int option_take_per_s(void *options, const struct option_row *row, char *text)
{
	double *place = place_of(options, row);
	char *end;

	*place = strtod(text, &end);
	if (end != text && *place > 0 && *place <= 1e6 &&
	    (strcmp(end, "/s") == 0 || *end == '\0'))
		return 0;
	return options_wrong(row->name,
			     "calls a second are needed, such as 50/s");
}

int option_take_time(void *options, const struct option_row *row, char *text)
{
	uint64_t *place = place_of(options, row);

	if (settings_parse_duration_ms(text, place) == 0 && *place > 0 &&
	    *place <= UINT32_MAX)
		return 0;
	return options_wrong(row->name, "write it like 30s or 5min");
}
