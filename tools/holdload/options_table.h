/*
 * options_table.h - every option, a row each
 *
 * The help follows from the rows, and a test holds the manual page against
 * them.
 *
 * The rows lie with those who take their values, a section in a file.
 *
 * Thread: main's, before the run.
 */
#ifndef HOLDLOAD_OPTIONS_TABLE_H
#define HOLDLOAD_OPTIONS_TABLE_H

#include <stddef.h>

struct options;

struct option_row {
	const char *name;     /* without dashes */
	const char *argument; /* as the help has it; NULL: it is a switch */
	const char *help;     /* its lines; NULL: another name of the last */
	/* 0; 2 after a complaint; -1: this is all that was wanted. The text is
	 * the taker's to keep and to change. */
	int (*take)(struct options *options, const struct option_row *row,
		    char *text);
	size_t offset; /* in struct options; of what the takers below need */
	unsigned most; /* of a count */
};

struct option_section {
	const char *heading;
	const struct option_row *rows;
	size_t count;
};

#define OPTION_AT(field) .offset = offsetof(struct options, field)
#define OPTION_SECTION(called, of)                           \
	{                                                    \
		(called), (of), sizeof(of) / sizeof((of)[0]) \
	}

extern const struct option_section options_calls, options_plan, options_who,
	options_outcome;

/* All rows in order, from 0; NULL: there are no more. OPTIONS_MAX is enough. */
const struct option_row *option_at(size_t index);
const struct option_row *option_find(const char *name);
const struct option_section *option_section_at(size_t index);

/* What most rows take. */
int option_take_text(struct options *options, const struct option_row *row,
		     char *text);
int option_take_switch(struct options *options, const struct option_row *row,
		       char *text);
/* An unsigned, from 1 to `most`. */
int option_take_count(struct options *options, const struct option_row *row,
		      char *text);
/* Calls a second, as a double. */
int option_take_per_s(struct options *options, const struct option_row *row,
		      char *text);
/* Milliseconds, as a uint64_t; more than 0. */
int option_take_time(struct options *options, const struct option_row *row,
		     char *text);

#endif
