/*
 * report.h - what came of it: a table, JSON, and the conditions of --fail-if
 */
#ifndef HOLDLOAD_REPORT_H
#define HOLDLOAD_REPORT_H

#include <stddef.h>
#include <stdio.h>

struct ledger;
struct measured;
struct options;

void report_table(FILE *out, const struct options *options,
		  const struct measured *m, double seconds);
/* 0, or -1 after a complaint. */
int report_json(const char *path, const struct options *options,
		const struct measured *m, struct ledger *ledger,
		double seconds);
/* How many of --fail-if's conditions hold (each is told on stderr). */
int report_failures(const struct options *options, const struct measured *m);
/* 0 for a condition that can be understood, else -1. */
int report_check_condition(const char *text);

#endif
