/*
 * report.h - what came of it: a table, a document, and the conditions of
 * --fail-if
 */
#ifndef HOLDLOAD_REPORT_H
#define HOLDLOAD_REPORT_H

#include <jansson.h>
#include <stdio.h>

struct measured;
struct options;
struct series;

/* What there is to tell of a run. */
struct run_report {
	const struct options *options;
	const struct measured *measured;
	const struct series *series;
	double seconds;
};

void report_table(FILE *out, const struct run_report *report);
/* For --json and --html; without the calls one by one. */
json_t *report_document(const struct run_report *report);
/* How many of --fail-if's conditions hold (each is told on stderr). */
int report_failures(const struct options *options, const struct measured *m);
/* 0 for a condition that can be understood, else -1. */
int report_check_condition(const char *text);

#endif
