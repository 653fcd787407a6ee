/*
 * figures.h - the figures of a report, by name
 *
 * A table of them serves all: the words of --fail-if are the keys of the JSON
 * report, which come out of what was measured. Counts are as they are, times in
 * microseconds until somebody reads them.
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_FIGURES_H
#define HOLDLOAD_FIGURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/holdload/histogram.h"

enum figure_kind { FIGURE_COUNT, FIGURE_SUM, FIGURE_TIME };

struct figure {
	const char *name;
	enum figure_kind kind;
	size_t offset;	 /* in what was measured, a count: of a uint64_t; a
			    time: of a histogram */
	double quantile; /* of a time; 2: the largest */
	uint64_t (*sum)(const void *measured);
};

struct figure_table {
	const struct figure *rows;
	size_t count;
};

#define FIGURE_TABLE(of)                           \
	{                                          \
		(of), sizeof(of) / sizeof((of)[0]) \
	}
#define FIGURE_OF_COUNT(type, called, field)            \
	{                                               \
		.name = (called), .kind = FIGURE_COUNT, \
		.offset = offsetof(struct type, field)  \
	}
#define FIGURE_OF_SUM(called, function)                                 \
	{                                                               \
		.name = (called), .kind = FIGURE_SUM, .sum = (function) \
	}
#define FIGURE_OF_TIME(type, called, field, part)                          \
	{                                                                  \
		.name = (called), .kind = FIGURE_TIME,                     \
		.offset = offsetof(struct type, field), .quantile = (part) \
	}
#define FIGURES_OF_TIME(type, called, field)                          \
	FIGURE_OF_TIME(type, called "_p50", field, 0.5),              \
		FIGURE_OF_TIME(type, called "_p90", field, 0.9),      \
		FIGURE_OF_TIME(type, called "_p99", field, 0.99),     \
		FIGURE_OF_TIME(type, called "_p999", field, 0.999),   \
		FIGURE_OF_TIME(type, called "_p9999", field, 0.9999), \
		FIGURE_OF_TIME(type, called "_max", field, 2)

/* 0, or -1 when it is no condition of that table, such as "lost>0" or
 * "echo_p99>40ms". */
int figures_check_condition(const struct figure_table *table, const char *text);
/* Of each condition whether it holds, and its value: [{"condition": "lost>0",
 * "holds": false, "value": 0, "unit": ""}] */
json_t *figures_verdicts(const struct figure_table *table, const void *measured,
			 const char *const *conditions, size_t count);
/* How many of the conditions hold; each is named on stderr. */
int figures_failures(const struct figure_table *table, const void *measured,
		     const char *const *conditions, size_t count);

/* All of them, as members of the object; times in milliseconds, as _ms. */
void figures_to_json(const struct figure_table *table, const void *measured,
		     json_t *object);
/* Whatever came how often, of HTTP statuses: {"401": 3} */
json_t *figures_of_statuses(const uint64_t *statuses, int count);
/* The report as a file, "-": standard output. 0, or -1 after a complaint. */
int figures_write(const char *path, const json_t *report);
/* A line of a table, in milliseconds; nothing when nothing was measured. */
void figures_print_head(FILE *out);
void figures_print_times(FILE *out, const char *what,
			 const struct histogram *histogram);

#endif
