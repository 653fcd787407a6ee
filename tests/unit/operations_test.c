/*
 * operations_test.c - what operators do to records, and what becomes of them
 *
 * A small outbox: journal A was delivered up to its third event, and waits with
 * the rest. Each verb is done, repeated, tried on what is not there, tried dry,
 * and broken off between its two steps.
 */
#include "outbox_kit.h"

#include <jansson.h>

#include "persistence/db_error.h"
#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/operations.h"
#include "persistence/outbox.h"
#include "server/board.h"
#include "server/clock.h"

#define KEEP_MS	  3600000u
#define DELIVERED 3u
#define EVENTS	  8u

struct world {
	char *dir; /* of the kit */
	struct uuid ids[EVENTS];
	struct outbox *outbox;
	struct operations *operations;
};

static void open_world(struct world *w)
{
	const struct outbox_options options = { .dir = w->dir,
						.keep_delivered_ms = KEEP_MS };

	assert_int_equal(outbox_open(&w->outbox, &options), 0);
	assert_int_equal(
		operations_open(&w->operations, w->dir, w->outbox, KEEP_MS), 0);
}

static void close_world(struct world *w)
{
	w->operations = operations_close(w->operations);
	w->outbox = outbox_close(w->outbox);
}

static void reopen(struct world *w)
{
	close_world(w);
	open_world(w);
}

static void make_events(struct world *w)
{
	struct estate *nothing;
	struct journal *journal;

	assert_int_equal(estate_create(&nothing), 0);
	assert_int_equal(journal_create(&journal,
					&(struct journal_options){
						.outbox_dir = w->dir,
						.role = "media",
						.segment_bytes = 1 << 20,
						.open = nothing }),
			 0);
	for (unsigned n = 0; n < EVENTS; n++) {
		struct record *event = kit_record(RECORD_CALL_EVENT, n, 0);

		w->ids[n] = event->id;
		assert_int_equal(kit_commit(journal, event), 0);
	}
	journal_close(journal);
	estate_destroy(nothing);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct journal_entry entry;
	size_t cursor = 0;
	void *dir;

	assert_non_null(w);
	assert_int_equal(kit_setup(&dir), 0);
	w->dir = dir;
	make_events(w);
	open_world(w);
	for (unsigned n = 0; n < DELIVERED; n++) {
		struct outbox_journal *journal;

		cursor = 0;
		journal = outbox_next_journal(w->outbox, &cursor);
		assert_int_equal(outbox_journal_next(journal, &entry), 1);
		assert_int_equal(outbox_ack(journal, entry.seq), 0);
		free(entry.record);
	}
	reopen(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	void *dir = w->dir;

	disk_set_fault(NULL);
	close_world(w);
	free(w);
	return kit_teardown(&dir);
}

/* ---- what the tests are told in -------------------------------------------
 */

static int apply(struct world *w, enum operation_verb verb, unsigned first,
		 unsigned count, struct operation_result *result)
{
	return operations_apply(w->operations,
				&(struct operation){ .verb = verb,
						     .ids = w->ids + first,
						     .count = count,
						     .who = "ann@gw1" },
				result);
}

/* Does it, and checks what it says of itself. */
static void does(struct world *w, enum operation_verb verb, unsigned first,
		 unsigned count, size_t done, size_t already, size_t missing)
{
	struct operation_result result;

	assert_int_equal(apply(w, verb, first, count, &result), 0);
	assert_int_equal(result.done, done);
	assert_int_equal(result.already, already);
	assert_int_equal(result.missing, missing);
}

/* What a drainer would deliver now, as a mask of the events' numbers. */
static unsigned to_deliver(struct world *w)
{
	struct outbox_journal *journal;
	struct journal_entry entry;
	unsigned mask = 0;
	size_t cursor = 0;

	reopen(w);
	while ((journal = outbox_next_journal(w->outbox, &cursor))) {
		while (outbox_journal_next(journal, &entry) == 1) {
			for (unsigned n = 0; n < EVENTS; n++)
				if (uuid_equal(&entry.record->id, &w->ids[n]) &&
				    !operations_set_aside(w->operations,
							  &entry.record->id))
					mask |= 1u << n;
			free(entry.record);
		}
	}
	reopen(w);
	return mask;
}

#define WAITING 0xf8u /* events 3 to 7 */

/* ---- shelves ----------------------------------------------------------------
 */

static void a_held_record_waits_until_it_is_released(void **state)
{
	struct world *w = *state;

	assert_int_equal(to_deliver(w), WAITING);
	does(w, OPERATION_HOLD, 4, 2, 2, 0, 0);
	assert_int_equal(to_deliver(w), WAITING & ~0x30u);
	does(w, OPERATION_HOLD, 4, 2, 0, 2, 0);
	does(w, OPERATION_RELEASE, 4, 1, 1, 0, 0);
	does(w, OPERATION_RELEASE, 4, 1, 0, 0, 1);
	assert_int_equal(to_deliver(w), WAITING & ~0x20u);
	does(w, OPERATION_RELEASE, 5, 1, 1, 0, 0);
	assert_int_equal(to_deliver(w), WAITING);
}

static void what_is_delivered_or_unknown_cannot_be_held(void **state)
{
	struct world *w = *state;

	does(w, OPERATION_HOLD, 0, 2, 0, 0, 2);
	does(w, OPERATION_RELEASE, 0, EVENTS, 0, 0, EVENTS);
	uuid_make_v7(&w->ids[0]);
	does(w, OPERATION_HOLD, 0, 1, 0, 0, 1);
	assert_int_equal(to_deliver(w), WAITING);
}

static void what_is_dropped_is_not_delivered(void **state)
{
	struct world *w = *state;

	does(w, OPERATION_HOLD, 3, 1, 1, 0, 0);
	does(w, OPERATION_DROP, 3, 2, 2, 0, 0); /* one held, one waiting */
	does(w, OPERATION_DROP, 3, 2, 0, 2, 0);
	does(w, OPERATION_RELEASE, 3, 1, 0, 0, 1);
	assert_int_equal(to_deliver(w), WAITING & ~0x18u);
}

/* Only once nothing can come past the drainer that was dropped: not as long as
 * it waits, nor while it could be replayed. */
static void a_drop_is_forgotten_when_it_is_over(void **state)
{
	struct world *w = *state;
	int64_t later_us = clock_wall_us() + (int64_t)KEEP_MS * 1000 + 1000000;
	struct outbox_journal *journal;
	struct journal_entry entry;
	size_t cursor = 0;

	does(w, OPERATION_DROP, 7, 1, 1, 0, 0);
	operations_tidy(w->operations, clock_wall_us());
	assert_true(operations_set_aside(w->operations, &w->ids[7]));
	operations_tidy(w->operations, later_us); /* and it still waits */
	assert_true(operations_set_aside(w->operations, &w->ids[7]));
	journal = outbox_next_journal(w->outbox, &cursor);
	while (outbox_journal_next(journal, &entry) == 1) {
		assert_int_equal(outbox_ack(journal, entry.seq), 0);
		free(entry.record);
	}
	assert_int_equal(outbox_settled(journal), 0);
	reopen(w);
	operations_tidy(w->operations, later_us);
	does(w, OPERATION_REPLAY, 7, 1, 0, 0, 1);
	assert_true(operations_set_aside(w->operations, &w->ids[7]));
	reopen(w);
	assert_int_equal(outbox_sweep(w->outbox, 2 * later_us), 0);
	operations_tidy(w->operations, later_us);
	assert_false(operations_set_aside(w->operations, &w->ids[7]));
	reopen(w);
	assert_false(operations_set_aside(w->operations, &w->ids[7]));
}

/* ---- once more --------------------------------------------------------------
 */

static void what_was_delivered_can_be_replayed(void **state)
{
	struct world *w = *state;

	does(w, OPERATION_REPLAY, 0, 2, 2, 0, 0);
	assert_int_equal(to_deliver(w), WAITING | 3);
	does(w, OPERATION_REPLAY, 0, 2, 2, 0, 0); /* any number of times */
	assert_int_equal(to_deliver(w), WAITING | 3);
	does(w, OPERATION_REPLAY, 5, 1, 0, 0, 1); /* it waits anyway */
}

static const struct db_error refusal = { .family = DB_POISON,
					 .sqlstate = "23514",
					 .reason = "CheckViolation",
					 .text = "refused" };

static void bury(struct world *w, unsigned n)
{
	struct record *record = kit_record(RECORD_CALL_STARTED, n, 1);

	w->ids[n] = record->id;
	assert_int_equal(operations_bury(w->operations, record, &refusal), 0);
	free(record);
}

static void a_dead_letter_is_delivered_as_it_was(void **state)
{
	struct world *w = *state;
	struct outbox_journal *journal;
	struct journal_entry entry;
	size_t cursor = 0;
	bool seen = false;

	bury(w, 1);
	assert_int_equal(board_get(board_series(METRIC_DEAD_LETTERS, "")), 1);
	reopen(w);
	does(w, OPERATION_RETRY, 1, 1, 1, 0, 0);
	does(w, OPERATION_RETRY, 1, 1, 0, 0, 1);
	reopen(w);
	while ((journal = outbox_next_journal(w->outbox, &cursor))) {
		size_t open = 0;

		while (outbox_journal_next(journal, &entry) == 1) {
			if (uuid_equal(&entry.record->id, &w->ids[1])) {
				assert_int_equal(entry.record->kind,
						 RECORD_CALL_STARTED);
				assert_int_equal(entry.record->rev, 1);
				assert_non_null(strstr(entry.record->payload,
						       "\"state\":\"live\""));
				seen = true;
			}
			free(entry.record);
		}
		/* A start that comes again opens no call. */
		assert_null(estate_next(outbox_journal_estate(journal), &open));
	}
	assert_true(seen);
	operations_tidy(w->operations, clock_wall_us());
	assert_int_equal(board_get(board_series(METRIC_DEAD_LETTERS, "")), 0);
}

static void a_buried_letter_is_not_delivered(void **state)
{
	struct world *w = *state;

	bury(w, 1);
	does(w, OPERATION_BURY, 1, 1, 1, 0, 0);
	does(w, OPERATION_BURY, 1, 1, 0, 1, 0);
	does(w, OPERATION_RETRY, 1, 1, 0, 0, 1);
	assert_int_equal(to_deliver(w), WAITING);
}

static void the_same_letter_lies_there_once(void **state)
{
	struct world *w = *state;

	bury(w, 1);
	{
		struct uuid id = w->ids[1];
		struct record *again = kit_record(RECORD_CALL_STARTED, 1, 1);

		again->id = id;
		assert_int_equal(
			operations_bury(w->operations, again, &refusal), 0);
		free(again);
	}
	assert_int_equal(board_get(board_series(METRIC_DEAD_LETTERS, "")), 1);
}

/* ---- the rest ---------------------------------------------------------------
 */

static void a_pause_outlives_a_restart(void **state)
{
	struct world *w = *state;

	assert_false(operations_paused(w->operations));
	does(w, OPERATION_PAUSE, 0, 0, 1, 0, 0);
	does(w, OPERATION_PAUSE, 0, 0, 0, 1, 0);
	reopen(w);
	assert_true(operations_paused(w->operations));
	does(w, OPERATION_RESUME, 0, 0, 1, 0, 0);
	does(w, OPERATION_RESUME, 0, 0, 0, 1, 0);
	reopen(w);
	assert_false(operations_paused(w->operations));
}

static int import(struct world *w, const char *name,
		  struct operation_result *result)
{
	return operations_apply(w->operations,
				&(struct operation){ .verb = OPERATION_IMPORT,
						     .name = name,
						     .who = "ann@gw1" },
				result);
}

static void an_import_joins_once_and_only_by_a_proper_name(void **state)
{
	static const char *const wrong[] = { "",	   ".x",   "../etc",
					     "20261123/x", "dead", NULL };
	struct world *w = *state;
	struct operation_result result;
	char path[128];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(import(w, wrong[i], &result), -EINVAL);
	assert_int_equal(import(w, "20261123T000000-import-00", &result),
			 -ENOENT);
	(void)snprintf(path, sizeof(path), "%s/.import-20261123T000000-x-00",
		       w->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(import(w, "20261123T000000-x-00", &result), 0);
	assert_int_equal(result.done, 1);
	assert_int_equal(import(w, "20261123T000000-x-00", &result), 0);
	assert_int_equal(result.already, 1);
	(void)snprintf(path, sizeof(path), "%s/20261123T000000-x-00", w->dir);
	assert_int_equal(rmdir(path), 0);
}

static void a_dry_run_changes_nothing(void **state)
{
	static const struct {
		enum operation_verb verb;
		unsigned first, count;
		size_t done;
	} rows[] = {
		{ OPERATION_HOLD, 2, 3, 2 },   { OPERATION_DROP, 2, 3, 2 },
		{ OPERATION_REPLAY, 2, 3, 1 }, { OPERATION_PAUSE, 0, 0, 1 },
		{ OPERATION_KICK, 0, 0, 1 },
	};
	struct world *w = *state;
	char path[96];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct operation_result result;

		assert_int_equal(
			operations_apply(w->operations,
					 &(struct operation){
						 .verb = rows[i].verb,
						 .ids = w->ids + rows[i].first,
						 .count = rows[i].count,
						 .who = "ann@gw1",
						 .dry_run = true },
					 &result),
			0);
		assert_int_equal(result.done, rows[i].done);
	}
	assert_int_equal(to_deliver(w), WAITING);
	(void)snprintf(path, sizeof(path), "%s/operations.log", w->dir);
	assert_int_equal(access(path, F_OK), -1);
}

static void each_operation_is_written_down(void **state)
{
	struct world *w = *state;
	char path[96], line[4096], id[UUID_TEXT_SIZE];
	json_t *entry;
	FILE *in;

	does(w, OPERATION_HOLD, 4, 2, 2, 0, 0);
	does(w, OPERATION_PAUSE, 0, 0, 1, 0, 0);
	(void)snprintf(path, sizeof(path), "%s/operations.log", w->dir);
	in = fopen(path, "re");
	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	entry = json_loads(line, 0, NULL);
	uuid_format(&w->ids[5], id);
	assert_string_equal(json_string_value(json_object_get(entry, "who")),
			    "ann@gw1");
	assert_string_equal(json_string_value(json_object_get(entry, "verb")),
			    "hold");
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(entry, "ids"), 1)),
			    id);
	json_decref(entry);
	assert_non_null(fgets(line, sizeof(line), in));
	assert_non_null(strstr(line, "\"pause\""));
	assert_null(fgets(line, sizeof(line), in));
	fclose(in);
}

/* ---- a disk that fails ------------------------------------------------------
 */

static unsigned calls_left; /* until the disk fails for good */

static int fail_later(const char *operation)
{
	(void)operation;
	if (calls_left == 0)
		return -ENOSPC;
	calls_left--;
	return 0;
}

/* Breaks the verb off after so many calls to the disk, in a fresh world. */
static int break_off(enum operation_verb verb, unsigned calls, bool *finished)
{
	bool waiting = verb == OPERATION_HOLD || verb == OPERATION_RELEASE;
	unsigned first = waiting ? 4 : 0, there;
	struct operation_result result;
	void *state;
	struct world *w;
	int r;

	assert_int_equal(set_up(&state), 0);
	w = state;
	if (verb == OPERATION_RELEASE)
		does(w, OPERATION_HOLD, first, 2, 2, 0, 0);
	for (unsigned n = 0; verb == OPERATION_RETRY && n < 2; n++)
		bury(w, n);
	calls_left = calls;
	disk_set_fault(fail_later);
	r = apply(w, verb, first, 2, &result);
	disk_set_fault(NULL);
	*finished = r == 0;
	there = to_deliver(w);
	/* To be delivered, or on a shelf; and once more ends the same. */
	for (unsigned n = first; waiting && n < first + 2; n++)
		if (!(there & 1u << n))
			assert_true(operations_set_aside(w->operations,
							 &w->ids[n]));
	assert_int_equal(apply(w, verb, first, 2, &result), 0);
	if (verb == OPERATION_HOLD)
		assert_int_equal(to_deliver(w) & 3u << first, 0);
	else
		assert_int_equal(to_deliver(w) & 3u << first, 3u << first);
	return tear_down(&state);
}

static void broken_off_anywhere_nothing_is_lost(void **state)
{
	static const enum operation_verb verbs[] = { OPERATION_HOLD,
						     OPERATION_RELEASE,
						     OPERATION_REPLAY,
						     OPERATION_RETRY };

	(void)state;
	for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
		bool finished = false;
		unsigned calls = 0;

		for (; !finished; calls++)
			assert_int_equal(break_off(verbs[v], calls, &finished),
					 0);
		assert_in_range(calls, 5, 1000);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_held_record_waits_until_it_is_released),
		TEST(what_is_delivered_or_unknown_cannot_be_held),
		TEST(what_is_dropped_is_not_delivered),
		TEST(a_drop_is_forgotten_when_it_is_over),
		TEST(what_was_delivered_can_be_replayed),
		TEST(a_dead_letter_is_delivered_as_it_was),
		TEST(a_buried_letter_is_not_delivered),
		TEST(the_same_letter_lies_there_once),
		TEST(a_pause_outlives_a_restart),
		TEST(an_import_joins_once_and_only_by_a_proper_name),
		TEST(a_dry_run_changes_nothing),
		TEST(each_operation_is_written_down),
		cmocka_unit_test(broken_off_anywhere_nothing_is_lost),
	};

	return cmocka_run_group_tests_name("operations", tests, NULL, NULL);
}
