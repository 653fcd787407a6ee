/*
 * ledger.h - what became of each call, so that a test can compare it with rows
 *
 * Thread: belongs to one worker; read when it has ended.
 */
#ifndef HOLDLOAD_LEDGER_H
#define HOLDLOAD_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct caller;
struct ledger_entry;
struct options;

struct ledger {
	bool wanted;		      /* else nothing is kept */
	bool missing;		      /* a call, for want of memory */
	struct ledger_entry *entries; /* owned */
	size_t count, room;
};

/* A call that is over, or is broken off. Without memory it is missing, and the
 * ledger says so when it is written. */
void ledger_add(struct ledger *ledger, const struct caller *caller);
/* What one worker wrote, after what another did. */
void ledger_merge(struct ledger *into, const struct ledger *from);
void ledger_free(struct ledger *ledger);

/* Every call as an object, in the order in which they began; a new reference,
 * NULL without memory. */
json_t *ledger_rows(struct ledger *ledger, const struct options *options);
/* A line of JSON for each call. 0, or -1 after a complaint on stderr. */
int ledger_write(const char *path, const struct options *options,
		 struct ledger *ledger);

#endif
