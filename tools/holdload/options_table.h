/*
 * options_table.h - a table of options, a row each
 *
 * The help follows from the rows, and a test holds the manual page against
 * them. The rows lie with those who take their values, a section in a file.
 *
 * `holdload` has one (options.h), `holdload serve` another (serve/options.h);
 * what their rows write into is theirs.
 *
 * Thread: main's, before the run.
 */
#ifndef HOLDLOAD_OPTIONS_TABLE_H
#define HOLDLOAD_OPTIONS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct option_row {
	const char *name;     /* without dashes */
	const char *argument; /* as the help has it; NULL: it is a switch */
	const char *help;     /* its lines; NULL: another name of the last */
	/* 0; 2 after a complaint; -1: this is all that was wanted. The text is
	 * the taker's to keep and to change. */
	int (*take)(void *options, const struct option_row *row, char *text);
	bool first;	   /* before all others, which then prevail */
	bool repeats;	   /* may be said several times */
	bool on_line_only; /* is no key of a scenario */
	size_t offset;	   /* in the options; of what the takers below need */
	unsigned least, most; /* of a count */
};

struct option_section {
	const char *heading;
	const struct option_row *rows;
	size_t count;
};

struct option_table {
	const struct option_section *const *sections;
	size_t count;
};

#define OPTIONS_MAX	       64 /* rows of a table */

#define OPTION_AT(type, field) .offset = offsetof(type, field)
#define OPTION_SECTION(called, of)                           \
	{                                                    \
		(called), (of), sizeof(of) / sizeof((of)[0]) \
	}
#define OPTION_TABLE(of)                           \
	{                                          \
		(of), sizeof(of) / sizeof((of)[0]) \
	}

/* All rows in order, from 0; NULL: there are no more. */
const struct option_row *option_at(const struct option_table *table,
				   size_t index);
const struct option_row *option_find(const struct option_table *table,
				     const char *name);

/* Every row takes what was said for it. 0, or what its taker said. */
int options_take_all(const struct option_table *table, void *options, int argc,
		     char **argv);
/* All that the help says of them. */
void options_explain(const struct option_table *table, FILE *out);
/* Complains of the one of that name; returns 2. */
int options_wrong(const char *name, const char *what);
/* What is taken from now on stands in that line of that file; NULL: on the
 * command line. */
void options_are_from(const char *file, unsigned line);

/* What most rows take. */
int option_take_text(void *options, const struct option_row *row, char *text);
int option_take_switch(void *options, const struct option_row *row, char *text);
/* An unsigned, from `least` to `most`. */
int option_take_count(void *options, const struct option_row *row, char *text);
/* Calls a second, as a double. */
int option_take_per_s(void *options, const struct option_row *row, char *text);
/* Milliseconds, as a uint64_t; more than 0. */
int option_take_time(void *options, const struct option_row *row, char *text);

#endif
