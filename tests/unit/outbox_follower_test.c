/* outbox_follower_test.c - a second reader is given all, whatever the first
 * does */
#include "outbox_kit.h"

#include "persistence/journal_format.h"
#include "persistence/outbox.h"

#define FOLLOWER OUTBOX_FOLLOWER_EVENTS

static struct journal *begin(const char *dir)
{
	const struct journal_options options = { .outbox_dir = dir,
						 .role = "test",
						 .segment_bytes = 1024 };
	struct journal *journal;

	assert_int_equal(journal_create(&journal, &options), 0);
	return journal;
}

static struct outbox *open_as(const char *dir, const char *follower,
			      const char *waits_for)
{
	const struct outbox_options options = { .dir = dir,
						.follower = follower,
						.waits_for = waits_for };
	struct outbox *outbox;

	assert_int_equal(outbox_open(&outbox, &options), 0);
	return outbox;
}

static struct outbox_journal *only_journal(struct outbox *outbox)
{
	size_t cursor = 0;

	return outbox_next_journal(outbox, &cursor);
}

/* Reads what there is; how many. */
static uint64_t read_all(struct outbox *outbox)
{
	struct journal_entry entry;
	uint64_t count = 0;

	while (outbox_journal_next(only_journal(outbox), &entry) == 1) {
		free(entry.record);
		count++;
	}
	return count;
}

static void finish(struct outbox *outbox, uint64_t last_seq)
{
	read_all(outbox);
	assert_int_equal(outbox_ack(only_journal(outbox), last_seq), 0);
	assert_int_equal(outbox_settled(only_journal(outbox)), 0);
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

static void both_are_given_all_and_each_goes_on_where_it_was(void **state)
{
	struct journal *journal = begin(*state);
	struct outbox *drainer = open_as(*state, NULL, FOLLOWER);
	struct outbox *follower = open_as(*state, FOLLOWER, NULL);
	struct outbox *another;
	const struct outbox_options options = { .dir = *state,
						.follower = FOLLOWER };

	kit_commit_events(journal, 1, 20);
	assert_int_equal(read_all(drainer), 20);
	assert_int_equal(outbox_ack(only_journal(drainer), 20), 0);
	assert_int_equal(read_all(follower), 20);
	assert_int_equal(outbox_ack(only_journal(follower), 5), 0);
	assert_int_equal(outbox_open(&another, &options), -EBUSY);
	outbox_close(follower);
	outbox_close(drainer);
	drainer = open_as(*state, NULL, FOLLOWER);
	follower = open_as(*state, FOLLOWER, NULL);
	assert_int_equal(read_all(drainer), 0);
	assert_int_equal(read_all(follower), 15);
	outbox_close(follower);
	outbox_close(drainer);
	journal_close(journal);
}

static void segments_stay_until_the_follower_has_had_them(void **state)
{
	struct journal *journal = begin(*state);
	struct outbox *drainer = open_as(*state, NULL, FOLLOWER);
	struct outbox *follower = open_as(*state, FOLLOWER, NULL);
	size_t all;

	kit_commit_events(journal, 1, 40);
	all = segments(*state);
	assert_true(all > 3);
	read_all(drainer);
	assert_int_equal(outbox_ack(only_journal(drainer), 40), 0);
	assert_int_equal(outbox_sweep(drainer, KIT_US), 0);
	assert_int_equal(segments(*state), all);
	assert_int_equal(outbox_sweep(follower, KIT_US), -EROFS);
	read_all(follower);
	assert_int_equal(outbox_ack(only_journal(follower), 40), 0);
	assert_int_equal(outbox_sweep(drainer, KIT_US), 0);
	assert_int_equal(segments(*state), 1);
	outbox_close(follower);
	outbox_close(drainer);
	journal_close(journal);
}

static void a_journal_stays_until_both_are_done(void **state)
{
	struct journal *journal = begin(*state);
	struct outbox *drainer, *follower;

	kit_commit_events(journal, 1, 5);
	journal_close(journal);
	drainer = open_as(*state, NULL, FOLLOWER);
	follower = open_as(*state, FOLLOWER, NULL);
	finish(drainer, 5);
	assert_int_equal(outbox_sweep(drainer, KIT_US), 0);
	assert_non_null(only_journal(drainer));
	finish(follower, 5);
	assert_int_equal(outbox_sweep(drainer, KIT_US), 0);
	assert_null(only_journal(drainer));
	assert_int_equal(outbox_scan(follower), 0);
	assert_null(only_journal(follower));
	outbox_close(follower);
	outbox_close(drainer);
}

static void nobody_waits_for_a_follower_that_is_not_wanted(void **state)
{
	struct journal *journal = begin(*state);
	struct outbox *drainer;

	kit_commit_events(journal, 1, 5);
	journal_close(journal);
	outbox_close(open_as(*state, FOLLOWER, NULL));
	drainer = open_as(*state, NULL, NULL);
	finish(drainer, 5);
	assert_int_equal(outbox_sweep(drainer, KIT_US), 0);
	assert_null(only_journal(drainer));
	outbox_close(drainer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(both_are_given_all_and_each_goes_on_where_it_was),
		kit_test(segments_stay_until_the_follower_has_had_them),
		kit_test(a_journal_stays_until_both_are_done),
		kit_test(nobody_waits_for_a_follower_that_is_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
