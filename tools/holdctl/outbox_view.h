/*
 * outbox_view.h - walks the waiting records without touching anything
 *
 * Takes no lock, writes nothing, and needs no server: it reads the journals as
 * they are on disk. Beside a running server the picture is a moment old.
 */
#ifndef TOOLS_HOLDCTL_OUTBOX_VIEW_H
#define TOOLS_HOLDCTL_OUTBOX_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record;
struct settings;

struct outbox_item { /* borrowed for the time of the visit */
	const struct record *record;
	const char *journal;
	uint64_t seq;
};

/* False ends the walk. */
typedef bool outbox_visit(const struct outbox_item *item, void *arg);

struct journal_view {
	char name[64];
	bool live; /* its owner is running */
	uint64_t pending;
	uint64_t open;	   /* calls opened and not closed in it */
	int64_t oldest_us; /* of the pending records; 0: none */
};

#define JOURNALS_SHOWN_MAX 256

struct outbox_summary {
	struct journal_view journals[JOURNALS_SHOWN_MAX];
	size_t journal_count; /* of those shown; the totals know all */
	uint64_t pending, bytes;
	uint64_t orphans; /* open calls whose process is gone */
	uint64_t damaged; /* records lost to damage */
	int64_t oldest_us;
};

/* Both: 0 or -errno. */
int outbox_walk(const struct settings *settings, outbox_visit *visit,
		void *arg);
int outbox_summarise(const struct settings *settings,
		     struct outbox_summary *summary);

#endif
