/*
 * ledger.h - what became of each call, so that a test can compare it with rows
 */
#ifndef HOLDLOAD_LEDGER_H
#define HOLDLOAD_LEDGER_H

#include <jansson.h>

struct caller;
struct options;

/* One call as an object; a new reference, NULL without memory. */
json_t *ledger_row(const struct caller *caller);
/* A line of JSON for each call. 0, or -1 after a complaint on stderr. */
int ledger_write(const char *path, const struct options *options,
		 const struct caller *callers);

#endif
