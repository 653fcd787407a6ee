/*
 * drain_scene.c - what the drainer does with a record (see scenes.h)
 *
 * Calls that start and end, from a journal into SQLite: read, checked, written,
 * acked, turn by turn.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/contest.h"
#include "bench/instructions/scenes.h"
#include "bench/instructions/stage.h"
#include "persistence/drain.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/store.h"
#include "server/board.h"
#include "server/settings.h"
#include "support/rows.h"

#define CALLS	   500
#define WARM_CALLS 50
#define TURNS_MAX  1000u

static void commit_calls(struct journal *journal, unsigned first, unsigned end)
{
	for (unsigned call = first; call < end; call++) {
		struct record *records[] = { rows_started(call),
					     rows_ended(call, 3) };

		bench_must(journal_commit(journal, records, 2), "journal");
		free(records[0]);
		free(records[1]);
	}
}

static int64_t drained(void)
{
	return board_get(board_series(METRIC_DRAINED_TOTAL, ""));
}

static void drain_until(struct drain *drain, int64_t records)
{
	for (unsigned turn = 0; drained() < records; turn++) {
		if (turn == TURNS_MAX)
			bench_must(-ETIMEDOUT, "the drainer");
		drain_look_again(drain);
		drain_turn(drain);
	}
}

static void play(struct drain *drain, struct journal *journal)
{
	int64_t before = drained();

	commit_calls(journal, 0, WARM_CALLS);
	drain_until(drain, before + 2L * WARM_CALLS);
	commit_calls(journal, WARM_CALLS, WARM_CALLS + CALLS);
	stage_count_from_here();
	stage_enter();
	drain_until(drain, before + 2L * (WARM_CALLS + CALLS));
	stage_leave();
	stage_counted("drain", "record", (size_t)2 * CALLS);
}

void scene_of_drain(const char *dir)
{
	static struct settings settings = {
		.database = { .batch_records = 100,
			      .poison_percent = 20,
			      .retry_initial_ms = 100,
			      .retry_max_ms = 1000,
			      .breaker_open_after_ms = 300000,
			      .breaker_pause_ms = 60000 },
	};
	char outbox[512], url[512];
	struct store_options with = { .url = url,
				      .application = "guard",
				      .connect_timeout_ms = 5000,
				      .statement_timeout_ms = 30000,
				      .recycle_ms = 300000 };
	struct journal_options journal_with = { .outbox_dir = outbox,
						.role = "media",
						.segment_bytes = 16 << 20 };
	struct drain_options drain_with = { .settings = &settings,
					    .outbox_dir = outbox,
					    .wake_fd = -1 };
	struct journal *journal;
	struct estate *estate;
	struct drain *drain;
	struct store *store;

	(void)snprintf(outbox, sizeof(outbox), "%s/drained", dir);
	(void)snprintf(url, sizeof(url), "sqlite:%s/drained.db", dir);
	bench_must(estate_create(&estate), "estate");
	journal_with.open = estate;
	bench_must(journal_create(&journal, &journal_with), "journal");
	bench_must(store_create(&store, &with), "store");
	drain_with.store = store;
	bench_must(drain_open(&drain, &drain_with), "drain");
	play(drain, journal);
	drain_close(drain);
	store_destroy(store);
	journal_close(journal);
	estate_destroy(estate);
}
