/*
 * journal_repeat_test.c - what a journal repeats may itself be cut short
 *
 * After a failed sync a journal goes on in a new segment and repeats its last
 * groups there (journal.c, rule 4). The process may die in the middle of that.
 * And a reader that is short of descriptors must not take what it cannot see
 * for what is not there.
 */
#include "outbox_kit.h"

#include <sys/resource.h>

#include "persistence/disk.h"
#include "persistence/journal_format.h"
#include "persistence/journal_reader.h"

#define BIG_SEGMENT ((uint64_t)16 << 20)
#define FIRST	    "pend/00000001.seg"
#define SECOND	    "pend/00000002.seg"
#define EVENTS	    20u /* the second segment repeats 13 to 20, and has 21 */

static int fail_one_sync(const char *operation)
{
	if (strcmp(operation, "fdatasync") != 0)
		return 0;
	disk_set_fault(NULL);
	return -EIO;
}

static struct journal *begin(const char *dir, uint64_t segment_bytes)
{
	struct journal *journal;

	assert_int_equal(
		journal_create(&journal,
			       &(struct journal_options){
				       .outbox_dir = dir,
				       .role = "test",
				       .segment_bytes = segment_bytes }),
		0);
	return journal;
}

static size_t event_size(const struct bytes *segment)
{
	const struct entry_header *first =
		(const void *)(segment->at + SEGMENT_DATA_AT + entry_size(0));

	return entry_size(first->length);
}

/* Its process died when so many of the repeated events had been written. */
static void write_cut_short(const char *dir, size_t repeated)
{
	struct journal *journal = begin(dir, BIG_SEGMENT);
	struct bytes first;
	size_t size;

	kit_commit_events(journal, 1, EVENTS);
	disk_set_fault(fail_one_sync);
	kit_commit_events(journal, EVENTS + 1, 1);
	journal_close(journal);
	first = kit_read(kit_path(dir, FIRST));
	size = event_size(&first);
	/* Event 21 counts as never committed: so it is not in the first. */
	kit_write(kit_path(dir, FIRST), first.at,
		  SEGMENT_DATA_AT + entry_size(0) + EVENTS * size);
	free(first.at);
	assert_int_equal(truncate(kit_path(dir, SECOND),
				  (off_t)(SEGMENT_DATA_AT + entry_size(0) +
					  repeated * size)),
			 0);
}

static void expect_all_from(const char *dir, uint64_t seek, uint64_t last)
{
	struct journal_reader *reader;
	struct journal_entry entry;
	struct journal_damage damage;
	uint64_t seq = 0;

	assert_int_equal(journal_reader_open(&reader, kit_path(dir, "")), 0);
	assert_int_equal(journal_reader_seek(reader, seek), 0);
	while (journal_reader_next(reader, UINT64_MAX, true, &entry) == 1) {
		if (seq == 0)
			assert_true(entry.seq <= seek);
		else
			assert_int_equal(entry.seq, seq + 1);
		seq = entry.seq;
		assert_true(kit_is_entity(entry.record, seq));
		free(entry.record);
	}
	assert_int_equal(seq, last);
	damage = journal_reader_damage(reader);
	assert_int_equal(damage.records + damage.gaps, 0);
	journal_reader_close(reader);
}

static void reading_does_not_begin_in_what_was_cut_short(void **state)
{
	for (size_t repeated = 0; repeated <= 8; repeated++) {
		char dir[PATH_MAX];

		(void)snprintf(dir, sizeof(dir), "%s/%zu", (char *)*state,
			       repeated);
		write_cut_short(dir, repeated);
		for (uint64_t seek = 1; seek <= EVENTS; seek++)
			expect_all_from(dir, seek, EVENTS);
	}
}

/* What the first segment has lost is in the second, and what the second did
 * not come to is in the first. */
static void a_hole_is_mended_from_what_was_cut_short(void **state)
{
	struct bytes first;
	size_t size;

	write_cut_short(*state, 4); /* 13 to 16 */
	first = kit_read(kit_path(*state, FIRST));
	size = event_size(&first);
	/* 14 to 16 are gone. */
	memset(first.at + SEGMENT_DATA_AT + entry_size(0) + 13 * size, 0,
	       3 * size);
	kit_write(kit_path(*state, FIRST), first.at, first.length);
	free(first.at);
	expect_all_from(*state, 1, EVENTS);
}

static void what_no_segment_has_is_counted(void **state)
{
	struct journal_reader *reader;
	struct journal_entry entry;
	struct bytes first;
	unsigned count = 0;
	size_t size;

	write_cut_short(*state, 4);
	first = kit_read(kit_path(*state, FIRST));
	size = event_size(&first);
	/* 16 to 18 are gone; the repetition ends with 16. */
	memset(first.at + SEGMENT_DATA_AT + entry_size(0) + 15 * size, 0,
	       3 * size);
	kit_write(kit_path(*state, FIRST), first.at, first.length);
	free(first.at);
	assert_int_equal(journal_reader_open(&reader, kit_path(*state, "")), 0);
	while (journal_reader_next(reader, UINT64_MAX, true, &entry) == 1) {
		count++;
		free(entry.record);
	}
	assert_int_equal(count, EVENTS - 2);
	assert_int_equal(journal_reader_damage(reader).records, 2);
	journal_reader_close(reader);
}

/* ---- short of descriptors ---------------------------------------------------
 */

static struct rlimit no_more_files(void)
{
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return before;
}

static void whoever_cannot_look_does_not_bury_the_living(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT);
	char path[PATH_MAX];
	struct rlimit before;
	bool live;

	(void)snprintf(path, sizeof(path), "%s", kit_path(*state, ""));
	before = no_more_files();
	live = journal_is_live(path);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(live);
	journal_close(journal);
	assert_false(journal_is_live(path));
}

static void segments_that_cannot_be_listed_are_not_the_end(void **state)
{
	struct journal *journal = begin(*state, 1024);
	struct journal_reader *reader;
	struct journal_entry entry;
	uint64_t last = 0, refused = 0;
	struct rlimit before;
	int r;

	kit_commit_events(journal, 1, EVENTS);
	journal_close(journal);
	assert_int_equal(journal_reader_open(&reader, kit_path(*state, "")), 0);
	do {
		before = no_more_files();
		r = journal_reader_next(reader, UINT64_MAX, true, &entry);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (r < 0) {
			assert_int_equal(r, -EMFILE);
			refused++;
			r = journal_reader_next(reader, UINT64_MAX, true,
						&entry);
		}
		if (r == 1) {
			last = entry.seq;
			free(entry.record);
		}
	} while (r == 1);
	assert_int_equal(last, EVENTS);
	assert_true(refused > 2);
	journal_reader_close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(reading_does_not_begin_in_what_was_cut_short),
		kit_test(a_hole_is_mended_from_what_was_cut_short),
		kit_test(what_no_segment_has_is_counted),
		kit_test(whoever_cannot_look_does_not_bury_the_living),
		kit_test(segments_that_cannot_be_listed_are_not_the_end),
	};

	return cmocka_run_group_tests_name("journal_repeat", tests, NULL, NULL);
}
