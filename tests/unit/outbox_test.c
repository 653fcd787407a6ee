/* outbox_test.c - what is not acked comes, what is acked goes, in its time */
#include "outbox_kit.h"

#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/journal_format.h"
#include "persistence/outbox.h"
#include "server/board.h"
#include "server/clock.h"

#define BIG_SEGMENT ((uint64_t)16 << 20)
#define HOUR_MS	    ((uint64_t)3600 * 1000)

static struct journal *begin(const char *dir, uint64_t segment_bytes,
			     const struct estate *open)
{
	struct journal *journal;

	assert_int_equal(journal_create(&journal,
					&(struct journal_options){
						.outbox_dir = dir,
						.role = "test",
						.segment_bytes = segment_bytes,
						.open = open }),
			 0);
	return journal;
}

static struct outbox *open_outbox(const char *dir, uint64_t keep_ms)
{
	struct outbox *outbox;

	assert_int_equal(
		outbox_open(&outbox,
			    &(struct outbox_options){
				    .dir = dir, .keep_delivered_ms = keep_ms }),
		0);
	return outbox;
}

static struct outbox_journal *only_journal(struct outbox *outbox)
{
	size_t cursor = 0;
	struct outbox_journal *journal = outbox_next_journal(outbox, &cursor);

	assert_non_null(journal);
	assert_null(outbox_next_journal(outbox, &cursor));
	return journal;
}

/* Events first .. last come now, and then nothing. */
static void expect_events(struct outbox_journal *journal, uint64_t first,
			  uint64_t last)
{
	struct journal_entry entry;

	for (uint64_t n = first; n <= last; n++) {
		assert_int_equal(outbox_journal_next(journal, &entry), 1);
		assert_int_equal(entry.seq, n);
		assert_true(kit_is_entity(entry.record, n));
		free(entry.record);
	}
	assert_int_equal(outbox_journal_next(journal, &entry), 0);
}

static size_t segments(const char *dir)
{
	DIR *list = opendir(kit_path(dir, "pend"));
	struct dirent *file;
	size_t count = 0;

	assert_non_null(list);
	while ((file = readdir(list)))
		count += segment_number(file->d_name) != 0;
	(void)closedir(list);
	return count;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- acks ------------------------------------------------------------------
 */

static void what_was_acked_does_not_come_again(void **state)
{
	struct journal *journal = begin(*state, 1024, NULL);
	struct outbox *outbox;

	kit_commit_events(journal, 1, 30);
	for (uint64_t acked = 0; acked <= 30; acked += 6) {
		outbox = open_outbox(*state, HOUR_MS);
		expect_events(only_journal(outbox), acked + 1, 30);
		assert_int_equal(outbox_ack(only_journal(outbox),
					    acked + 6 > 30 ? 30 : acked + 6),
				 0);
		outbox_close(outbox);
	}
	journal_close(journal);
}

static void a_torn_ack_is_ignored_and_the_next_goes_behind_it(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);

	kit_commit_events(journal, 1, 9);
	journal_close(journal);
	for (size_t torn = 1; torn < sizeof(struct ack_entry); torn += 5) {
		struct outbox *outbox = open_outbox(*state, HOUR_MS);
		char path[PATH_MAX];
		struct stat st;

		assert_int_equal(outbox_ack(only_journal(outbox), 3), 0);
		assert_int_equal(outbox_ack(only_journal(outbox), 5), 0);
		outbox_close(outbox);
		(void)snprintf(path, sizeof(path), "%s",
			       kit_path(*state, "ack/00000001.ack"));
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(truncate(path, st.st_size - (off_t)torn), 0);

		outbox = open_outbox(*state, HOUR_MS);
		expect_events(only_journal(outbox), 4, 9);
		assert_int_equal(outbox_ack(only_journal(outbox), 7), 0);
		outbox_close(outbox);
		outbox = open_outbox(*state, HOUR_MS);
		expect_events(only_journal(outbox), 8, 9);
		outbox_close(outbox);
		assert_int_equal(unlink(path), 0);
	}
}

static void a_damaged_ack_does_not_hide_the_others(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct outbox *outbox = open_outbox(*state, HOUR_MS);
	struct bytes acks;

	kit_commit_events(journal, 1, 9);
	for (uint64_t seq = 1; seq <= 6; seq++)
		assert_int_equal(outbox_ack(only_journal(outbox), seq), 0);
	outbox_close(outbox);
	acks = kit_read(kit_path(*state, "ack/00000001.ack"));
	acks.at[3 * sizeof(struct ack_entry) + 9] ^= 64;
	kit_write(kit_path(*state, "ack/00000001.ack"), acks.at, acks.length);
	free(acks.at);
	outbox = open_outbox(*state, HOUR_MS);
	expect_events(only_journal(outbox), 7, 9);
	outbox_close(outbox);
	journal_close(journal);
}

static void ack_files_do_not_grow_for_ever(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct outbox *outbox = open_outbox(*state, HOUR_MS);

	kit_commit_events(journal, 1, 9);
	journal_close(journal);
	assert_int_equal(outbox_scan(outbox), 0);
	/* Sequences that never were; the log does not care. */
	for (uint64_t seq = 1; seq <= 40000; seq++)
		assert_int_equal(outbox_ack(only_journal(outbox), seq), 0);
	outbox_close(outbox);
	assert_false(exists(kit_path(*state, "ack/00000001.ack")));
	assert_true(exists(kit_path(*state, "ack/00000002.ack")));
	outbox = open_outbox(*state, HOUR_MS);
	expect_events(only_journal(outbox), 40001, 40000);
	outbox_close(outbox);
}

static void a_rewind_brings_back_exactly_what_is_not_acked(void **state)
{
	struct journal *journal = begin(*state, 1024, NULL);
	struct outbox *outbox = open_outbox(*state, HOUR_MS);
	struct outbox_journal *mine = only_journal(outbox);

	kit_commit_events(journal, 1, 30);
	expect_events(mine, 1, 30);
	assert_int_equal(outbox_rewind(mine), 0);
	expect_events(mine, 1, 30);
	assert_int_equal(outbox_ack(mine, 17), 0);
	assert_int_equal(outbox_rewind(mine), 0);
	expect_events(mine, 18, 30);
	assert_int_equal(outbox_ack(mine, 30), 0);
	assert_int_equal(outbox_rewind(mine), 0);
	expect_events(mine, 31, 30);
	kit_commit_events(journal, 31, 2);
	expect_events(mine, 31, 32);
	outbox_close(outbox);
	journal_close(journal);
}

/* ---- who may do what -------------------------------------------------------
 */

static void there_is_one_drainer(void **state)
{
	struct outbox *first = open_outbox(*state, 0), *second;
	const struct outbox_options options = { .dir = *state };
	const struct outbox_options tool = { .dir = *state, .read_only = true };

	assert_int_equal(outbox_open(&second, &options), -EBUSY);
	assert_int_equal(outbox_open(&second, &tool), 0);
	outbox_close(second);
	outbox_close(first);
	assert_int_equal(outbox_open(&second, &options), 0);
	outbox_close(second);
}

static void a_tool_changes_nothing(void **state)
{
	const struct outbox_options tool = { .dir = *state, .read_only = true };
	struct journal *journal = begin(*state, 1024, NULL);
	struct outbox *outbox;

	kit_commit_events(journal, 1, 9);
	assert_int_equal(outbox_open(&outbox, &tool), 0);
	expect_events(only_journal(outbox), 1, 9);
	assert_int_equal(outbox_stats(outbox).pending, 9);
	assert_int_equal(outbox_ack(only_journal(outbox), 5), -EROFS);
	assert_int_equal(outbox_settled(only_journal(outbox)), -EROFS);
	assert_int_equal(outbox_sweep(outbox, clock_wall_us()), -EROFS);
	outbox_close(outbox);
	assert_false(exists(kit_path(*state, "ack")));
	journal_close(journal);
	assert_int_equal(
		outbox_open(&outbox,
			    &(struct outbox_options){ .dir = "/nowhere",
						      .read_only = true }),
		-ENOENT);
}

static void nothing_is_given_out_before_it_is_durable(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct outbox *outbox = open_outbox(*state, HOUR_MS);
	struct outbox_journal *mine = only_journal(outbox);
	struct board_journal *slot = board_journal_find(journal_name(journal));

	assert_non_null(slot);
	kit_commit_events(journal, 1, 3);
	atomic_store(&slot->durable_seq, 2); /* as if the sync were under way */
	expect_events(mine, 1, 2);
	atomic_store(&slot->durable_seq, 3);
	expect_events(mine, 3, 3);
	journal_close(journal);
	outbox_close(outbox);
}

static void a_newer_journal_is_left_alone(void **state)
{
	struct segment_header *header;
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct outbox *outbox;
	struct bytes segment;
	size_t cursor = 0;

	kit_commit_events(journal, 1, 9);
	journal_close(journal);
	segment = kit_read(kit_path(*state, "pend/00000001.seg"));
	header = (void *)segment.at;
	header->version = SEGMENT_VERSION + 1;
	header->crc = segment_header_crc(header);
	kit_write(kit_path(*state, "pend/00000001.seg"), segment.at,
		  segment.length);
	free(segment.at);
	outbox = open_outbox(*state, 0);
	assert_null(outbox_next_journal(outbox, &cursor));
	assert_int_equal(outbox_sweep(outbox, clock_wall_us()), 0);
	assert_int_equal(outbox_stats(outbox).pending, 0);
	outbox_close(outbox);
	assert_int_equal(segments(*state), 1);
}

/* ---- what is waiting -------------------------------------------------------
 */

static void the_backlog_is_known_before_it_is_read(void **state)
{
	struct journal *journal = begin(*state, 1024, NULL);
	struct outbox *outbox = open_outbox(*state, HOUR_MS);
	struct outbox_stats stats;

	kit_commit_events(journal, 1, 30);
	stats = outbox_stats(outbox);
	assert_int_equal(stats.journals, 1);
	assert_int_equal(stats.live_journals, 1);
	assert_int_equal(stats.pending, 30);
	assert_int_equal(stats.oldest_us, KIT_US + 1);
	expect_events(only_journal(outbox), 1, 30);
	assert_int_equal(outbox_stats(outbox).oldest_us, KIT_US + 1);
	assert_int_equal(outbox_ack(only_journal(outbox), 30), 0);
	stats = outbox_stats(outbox);
	assert_int_equal(stats.pending, 0);
	assert_int_equal(stats.oldest_us, 0);
	kit_commit_events(journal, 31, 2);
	stats = outbox_stats(outbox);
	assert_int_equal(stats.pending, 2);
	assert_int_equal(stats.oldest_us, KIT_US + 31);
	outbox_close(outbox);
	journal_close(journal);

	outbox = open_outbox(*state, HOUR_MS);
	stats = outbox_stats(outbox);
	assert_int_equal(stats.live_journals, 0);
	assert_int_equal(stats.pending, 2);
	assert_int_equal(stats.oldest_us, KIT_US + 31);
	assert_true(stats.bytes > 0);
	outbox_close(outbox);
}

static void journals_come_oldest_first(void **state)
{
	struct outbox *outbox = open_outbox(*state, 0);
	struct outbox_journal *journal;
	char last[64] = "";
	size_t cursor = 0, count = 0;

	for (int i = 0; i < 5; i++)
		journal_close(begin(*state, BIG_SEGMENT, NULL));
	assert_int_equal(outbox_scan(outbox), 0);
	while ((journal = outbox_next_journal(outbox, &cursor))) {
		assert_true(strcmp(last, outbox_journal_name(journal)) < 0);
		(void)snprintf(last, sizeof(last), "%s",
			       outbox_journal_name(journal));
		count++;
	}
	assert_int_equal(count, 5);
	outbox_close(outbox);
}

static void half_made_journals_are_cleared_away(void **state)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/.new-20261123T061700-x",
		       (char *)*state);
	assert_int_equal(mkdir(path, 0700), 0);
	outbox_close(open_outbox(*state, 0));
	assert_true(exists(path)); /* too early to tell */
	(void)strcat(path, "/pend");
	assert_int_equal(mkdir(path, 0700), 0);
	outbox_close(open_outbox(*state, 0));
	assert_false(exists(path));
}

/* ---- the estate of the dead ------------------------------------------------
 */

static void expect_only_the_lock(const char *dir)
{
	DIR *list = opendir(dir);
	struct dirent *file;

	assert_non_null(list);
	while ((file = readdir(list)))
		assert_true(strcmp(file->d_name, ".") == 0 ||
			    strcmp(file->d_name, "..") == 0 ||
			    strcmp(file->d_name, "DRAINER") == 0);
	(void)closedir(list);
}

static void a_dead_process_leaves_an_estate(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct outbox *outbox = open_outbox(*state, HOUR_MS);
	struct outbox_journal *mine = only_journal(outbox);
	struct journal_entry entry;
	int64_t now = clock_wall_us();

	assert_int_equal(
		kit_commit(journal, kit_record(RECORD_CALL_STARTED, 1, 1)), 0);
	assert_int_equal(
		kit_commit(journal, kit_record(RECORD_CALL_STARTED, 2, 1)), 0);
	assert_int_equal(
		kit_commit(journal, kit_record(RECORD_CALL_ENDED, 1, 2)), 0);
	while (outbox_journal_next(mine, &entry) == 1)
		free(entry.record);
	assert_true(outbox_journal_live(mine));
	journal_close(journal);
	assert_int_equal(outbox_scan(outbox), 0);
	assert_false(outbox_journal_live(mine));
	assert_int_equal(outbox_journal_next(mine, &entry), 0);
	assert_int_equal(estate_count(outbox_journal_estate(mine)), 1);
	/* When the journal last spoke: its segment is younger than KIT_US. */
	assert_true(outbox_journal_last_us(mine) > KIT_US);
	assert_int_equal(outbox_ack(mine, 3), 0);
	assert_false(outbox_journal_is_settled(mine));
	assert_int_equal(outbox_settled(mine), 0);
	outbox_close(outbox);

	outbox = open_outbox(*state, HOUR_MS);
	mine = only_journal(outbox);
	assert_true(outbox_journal_is_settled(mine));
	assert_int_equal(outbox_journal_next(mine, &entry), 0);
	/* Kept for an hour, then gone with all its files. */
	assert_int_equal(outbox_sweep(outbox, now + 1000), 0);
	assert_true(exists(kit_path(*state, "LOCK")));
	assert_int_equal(outbox_sweep(outbox, now + INT64_C(3700000000)), 0);
	assert_int_equal(outbox_stats(outbox).journals, 0);
	outbox_close(outbox);
	expect_only_the_lock(*state);
}

/* So much later than it is. */
static uint64_t later_ms;

uint64_t __real_clock_mono_ms(void);
uint64_t __wrap_clock_mono_ms(void);

uint64_t __wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() + later_ms;
}

static int refuse_reads(const char *operation)
{
	return strcmp(operation, "pread") == 0 ? -EIO : 0;
}

/* How often it says that it cannot read, before it says that it is done; for
 * ever is a thousand times. */
static int errors_until_the_end(struct outbox_journal *journal)
{
	struct journal_entry entry;
	int errors = 0, r;

	while (errors < 1000 && (r = outbox_journal_next(journal, &entry))) {
		assert_int_equal(r, -EIO);
		errors++;
	}
	return errors;
}

/* Done with in the end, yet never removed: not by this process and not by the
 * next. */
static void what_was_never_read_stays(void **state)
{
	int64_t old_us = clock_wall_us() + INT64_C(3700000000);
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct outbox *outbox;

	kit_commit_events(journal, 1, 3);
	journal_close(journal);
	outbox = open_outbox(*state, HOUR_MS);
	disk_set_fault(refuse_reads);
	assert_int_equal(errors_until_the_end(only_journal(outbox)), 1000);
	later_ms += UINT64_C(11) * 60000;
	assert_in_range(errors_until_the_end(only_journal(outbox)), 1, 999);
	disk_set_fault(NULL);
	assert_int_equal(outbox_settled(only_journal(outbox)), 0);
	for (int life = 0; life < 2; life++) {
		assert_true(outbox_journal_is_settled(only_journal(outbox)));
		assert_int_equal(outbox_sweep(outbox, old_us), 0);
		assert_int_equal(outbox_stats(outbox).journals, 1);
		outbox_close(outbox);
		outbox = open_outbox(*state, HOUR_MS);
	}
	outbox_close(outbox);
	assert_int_equal(segments(*state), 1);
}

/* ---- what may go -----------------------------------------------------------
 */

static void a_segment_goes_when_it_is_delivered_and_old(void **state)
{
	struct journal *journal = begin(*state, 1024, NULL);
	struct outbox *outbox = open_outbox(*state, HOUR_MS);
	struct outbox_journal *mine = only_journal(outbox);
	int64_t now = clock_wall_us(), later = now + INT64_C(3700000000);
	size_t before;

	kit_commit_events(journal, 1, 30);
	before = segments(*state);
	assert_true(before > 4);
	expect_events(mine, 1, 30);
	assert_int_equal(outbox_sweep(outbox, later), 0);
	assert_int_equal(segments(*state), before); /* not delivered */
	assert_int_equal(outbox_ack(mine, 15), 0);
	assert_int_equal(outbox_sweep(outbox, now), 0);
	assert_int_equal(segments(*state), before); /* not old */
	assert_int_equal(outbox_sweep(outbox, later), 0);
	assert_in_range(segments(*state), 2, before - 1);
	assert_int_equal(outbox_rewind(mine), 0);
	expect_events(mine, 16, 30);
	assert_int_equal(outbox_ack(mine, 30), 0);
	assert_int_equal(outbox_sweep(outbox, later), 0);
	assert_int_equal(segments(*state), 1); /* the open one stays */
	outbox_close(outbox);
	journal_close(journal);
}

static void delivered_segments_go_at_once_when_room_is_short(void **state)
{
	struct journal *journal = begin(*state, 1024, NULL);
	struct outbox *outbox;

	assert_int_equal(outbox_open(&outbox,
				     &(struct outbox_options){
					     .dir = *state,
					     .keep_delivered_ms = HOUR_MS,
					     .max_bytes = 4096 }),
			 0);
	kit_commit_events(journal, 1, 30);
	expect_events(only_journal(outbox), 1, 30);
	assert_int_equal(outbox_ack(only_journal(outbox), 30), 0);
	assert_int_equal(outbox_scan(outbox), 0);
	assert_int_equal(outbox_sweep(outbox, clock_wall_us()), 0);
	assert_int_equal(segments(*state), 1);
	outbox_close(outbox);
	journal_close(journal);
}

/* ---- a long life -----------------------------------------------------------
 */

#define CALLS 40u

struct life {
	const char *dir;
	bool open[CALLS]; /* the truth */
	uint32_t rev;
	uint64_t written, delivered;
	struct journal *journal;
	struct estate *writers;
	struct outbox *outbox;
	unsigned seed;
};

static void something_happens_to_a_call(struct life *life)
{
	unsigned n = (unsigned)rand_r(&life->seed) % CALLS;
	unsigned dice = (unsigned)rand_r(&life->seed) % 4;
	enum record_kind kind = !life->open[n] ? RECORD_CALL_STARTED
				: dice == 0    ? RECORD_CALL_CHECKPOINT
				: dice == 1    ? RECORD_CALL_EVENT
					       : RECORD_CALL_ENDED;
	struct record *record = kit_record(kind, n, ++life->rev);

	if (kind != RECORD_CALL_EVENT)
		life->open[n] = kind != RECORD_CALL_ENDED;
	assert_int_equal(journal_commit(life->journal, &record, 1), 0);
	assert_int_equal(estate_note(life->writers, record), 0);
	life->written++;
	free(record);
}

/* The drainer takes some, and perhaps acks some of those. */
static void the_drainer_works(struct life *life)
{
	struct outbox_journal *journal = only_journal(life->outbox);
	unsigned take = (unsigned)rand_r(&life->seed) % 20;
	struct journal_entry entry;
	uint64_t last = life->delivered;

	while (take-- > 0 && outbox_journal_next(journal, &entry) == 1) {
		assert_int_equal(entry.seq, last + 1);
		last = entry.seq;
		free(entry.record);
	}
	if (rand_r(&life->seed) % 4 == 0) {
		assert_int_equal(outbox_rewind(journal), 0); /* store refused */
		return;
	}
	assert_int_equal(outbox_ack(journal, last), 0);
	life->delivered = last;
}

static void the_drainer_is_killed(struct life *life)
{
	outbox_close(life->outbox);
	life->outbox = open_outbox(life->dir, 0);
}

static void expect_truth(const struct life *life, struct estate *estate)
{
	const struct record *record;
	size_t cursor = 0, open = 0;

	for (unsigned n = 0; n < CALLS; n++)
		open += life->open[n];
	assert_int_equal(estate_count(estate), open);
	while ((record = estate_next(estate, &cursor)))
		for (unsigned n = 0; n < CALLS; n++)
			if (kit_is_entity(record, n))
				assert_true(life->open[n]);
}

static void everything_comes_once_in_order_and_the_estate_is_true(void **state)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct life life = { .seed = seed, .dir = *state };
		struct outbox_journal *journal;
		struct journal_entry entry;

		assert_int_equal(estate_create(&life.writers), 0);
		life.journal = begin(life.dir, 3000, life.writers);
		life.outbox = open_outbox(life.dir, 0);
		for (int i = 0; i < 400; i++) {
			something_happens_to_a_call(&life);
			if (rand_r(&life.seed) % 8 == 0)
				the_drainer_works(&life);
			if (rand_r(&life.seed) % 16 == 0)
				assert_int_equal(outbox_sweep(life.outbox,
							      clock_wall_us()),
						 0);
			if (rand_r(&life.seed) % 32 == 0)
				the_drainer_is_killed(&life);
		}
		journal_close(life.journal);
		assert_int_equal(outbox_scan(life.outbox), 0);
		assert_int_equal(outbox_rewind(only_journal(life.outbox)), 0);
		if (seed % 2)
			the_drainer_is_killed(&life);
		journal = only_journal(life.outbox);
		while (outbox_journal_next(journal, &entry) == 1) {
			assert_int_equal(entry.seq, ++life.delivered);
			free(entry.record);
		}
		assert_int_equal(life.delivered, life.written);
		expect_truth(&life, outbox_journal_estate(journal));
		assert_int_equal(outbox_ack(journal, life.delivered), 0);
		assert_int_equal(outbox_settled(journal), 0);
		assert_int_equal(outbox_sweep(life.outbox, clock_wall_us() + 1),
				 0);
		assert_int_equal(outbox_stats(life.outbox).journals, 0);
		outbox_close(life.outbox);
		estate_destroy(life.writers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(what_was_acked_does_not_come_again),
		kit_test(a_torn_ack_is_ignored_and_the_next_goes_behind_it),
		kit_test(a_damaged_ack_does_not_hide_the_others),
		kit_test(ack_files_do_not_grow_for_ever),
		kit_test(a_rewind_brings_back_exactly_what_is_not_acked),
		kit_test(there_is_one_drainer),
		kit_test(a_tool_changes_nothing),
		kit_test(nothing_is_given_out_before_it_is_durable),
		kit_test(a_newer_journal_is_left_alone),
		kit_test(the_backlog_is_known_before_it_is_read),
		kit_test(journals_come_oldest_first),
		kit_test(half_made_journals_are_cleared_away),
		kit_test(a_dead_process_leaves_an_estate),
		kit_test(what_was_never_read_stays),
		kit_test(a_segment_goes_when_it_is_delivered_and_old),
		kit_test(delivered_segments_go_at_once_when_room_is_short),
		kit_test(everything_comes_once_in_order_and_the_estate_is_true),
	};

	return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
