/*
 * report.h - what the calls told: a table, JSON, and what must not be
 */
#ifndef HOLDLOAD_SERVE_REPORT_H
#define HOLDLOAD_SERVE_REPORT_H

#include <jansson.h>
#include <stdio.h>

struct serve_options;
struct tally;

/* 0, or -1 when it is no condition: a name of the JSON report without "_ms", an
 * operator and a value (times with a unit). */
int serve_report_check_condition(const char *text);
/* How many --fail-if hold; each is named on stderr. */
int serve_report_failures(const struct serve_options *options,
			  const struct tally *tally);
void serve_report_table(FILE *out, const struct serve_options *options,
			const struct tally *tally, double seconds);
/* `calls`: taken, an array; NULL: no rows. 0, or -1 after a complaint. */
int serve_report_json(const struct serve_options *options,
		      const struct tally *tally, json_t *calls, double seconds);

#endif
