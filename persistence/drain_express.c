/* drain_express.c - lanes past the backlog (see drain_express.h) */
#include "persistence/drain_express.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/journal_reader.h"
#include "persistence/outbox.h"
#include "server/board.h"

/* What a power cut could still take is not delivered. */
static uint64_t durable_seq(const struct drain_lane *lane)
{
	struct board_journal *slot = board_journal_find(lane->name);

	return slot ? atomic_load(&slot->durable_seq) : 0;
}

/* The next record that came through this journal: 1, or something else. */
static int next_record(struct drain_lane *lane, uint64_t limit,
		       struct record **ret)
{
	struct journal_entry entry;
	int r;

	while ((r = journal_reader_next(lane->reader, limit, false, &entry)) ==
	       1) {
		if (!entry.snapshot) {
			*ret = entry.record;
			return 1;
		}
		free(entry.record);
	}
	return r;
}

/* What is there already has its turn in the backlog. */
static void skip_to_end(struct drain_lane *lane)
{
	uint64_t limit = durable_seq(lane);
	struct record *record;

	while (next_record(lane, limit, &record) == 1)
		free(record);
}

static bool has_lane(const struct drain_express *express, const char *name)
{
	for (size_t i = 0; i < express->count; i++)
		if (strcmp(express->lanes[i].name, name) == 0)
			return true;
	return false;
}

static void open_lane(struct drain_express *express, const char *name)
{
	struct drain_lane *lane = &express->lanes[express->count];
	char dir[512];

	if ((size_t)snprintf(dir, sizeof(dir), "%s/%s", express->outbox_dir,
			     name) >= sizeof(dir) ||
	    (size_t)snprintf(lane->name, sizeof(lane->name), "%s", name) >=
		    sizeof(lane->name) ||
	    journal_reader_open(&lane->reader, dir) < 0)
		return;
	if (journal_reader_seek(lane->reader, UINT64_MAX) < 0) {
		lane->reader = journal_reader_close(lane->reader);
		return;
	}
	skip_to_end(lane);
	express->count++;
}

void drain_express_open(struct drain_express *express, struct outbox *outbox)
{
	struct outbox_journal *journal;
	size_t cursor = 0;

	while (express->count < DRAIN_EXPRESS_LANES &&
	       (journal = outbox_next_journal(outbox, &cursor))) {
		const char *name = outbox_journal_name(journal);

		if (outbox_journal_live(journal) && !has_lane(express, name))
			open_lane(express, name);
	}
}

void drain_express_close(struct drain_express *express)
{
	for (size_t i = 0; i < express->count; i++)
		journal_reader_close(express->lanes[i].reader);
	express->count = 0;
}

size_t drain_express_take(struct drain_express *express,
			  struct record **records, size_t most)
{
	size_t taken = 0;

	for (size_t i = 0; i < express->count; i++) {
		struct drain_lane *lane = &express->lanes[i];
		uint64_t limit = durable_seq(lane);

		while (taken < most &&
		       next_record(lane, limit, &records[taken]) == 1)
			taken++;
	}
	return taken;
}
