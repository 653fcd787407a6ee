/*
 * outbox_view.h - walks the records of an outbox without touching anything
 *
 * Takes no lock, writes nothing, and needs no server: it reads the files as
 * they are on disk. Beside a running server the picture is a moment old.
 */
#ifndef TOOLS_HOLDCTL_OUTBOX_VIEW_H
#define TOOLS_HOLDCTL_OUTBOX_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record;
struct settings;

enum record_state {
	STATE_PENDING,	 /* waits for the database */
	STATE_HELD,	 /* set aside by an operator */
	STATE_DROPPED,	 /* given up by one */
	STATE_DEAD,	 /* refused by the database: a letter */
	STATE_DELIVERED, /* the database has it; still kept */
	STATE_COUNT
};
const char *record_state_name(enum record_state state);
enum record_state record_state_parse(const char *name); /* STATE_COUNT: none */

struct outbox_item { /* borrowed for the time of the visit */
	const struct record *record;
	const char *journal;
	uint64_t seq;
	enum record_state state;
};

/* False ends the walk. */
typedef bool outbox_visit(const struct outbox_item *item, void *arg);

/* The records of one state, oldest journal first. 0 or -errno. */
int outbox_walk(const struct settings *settings, enum record_state state,
		outbox_visit *visit, void *arg);

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
	uint64_t pending, held, dropped, dead, bytes;
	uint64_t orphans; /* open calls whose process is gone */
	uint64_t damaged; /* records lost to damage */
	int64_t oldest_us;
	bool paused;
	char paused_by[128]; /* the operator, as far as is known */
};

/* 0 or -errno. */
int outbox_summarise(const struct settings *settings,
		     struct outbox_summary *summary);

#endif
