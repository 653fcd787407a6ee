/*
 * lifeboat_test.c - what a killed process leaves behind is found
 *
 * The processes are real ones, and they die by SIGKILL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/journal_reader.h"
#include "persistence/lifeboat.h"
#include "persistence/outbox.h"
#include "support/rows.h"

#define BOATS 3u

static char dir[32];

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/holdline-boat-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return lifeboats_create(BOATS);
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf -- %s", dir);
	/* NOLINTNEXTLINE(cert-env33-c): a path of our own making */
	return system(command);
}

/* Begins as a media process does: with a rescue. */
static size_t begin_life(void)
{
	size_t rescued;

	assert_int_equal(lifeboats_rescue(0, BOATS, dir, &rescued), 0);
	return rescued;
}

/* In a process that is killed afterwards. */
static void live_and_be_killed(void (*life)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)begin_life();
		life();
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* What a drainer would find: the ids of calls, as a mask of their numbers. */
static uint64_t found(size_t *count)
{
	const struct outbox_options options = { .dir = dir, .read_only = true };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	uint64_t mask = 0;
	size_t cursor = 0;

	*count = 0;
	if (outbox_open(&outbox, &options) < 0)
		return 0;
	while ((journal = outbox_next_journal(outbox, &cursor))) {
		assert_false(outbox_journal_live(journal));
		while (outbox_journal_next(journal, &entry) == 1) {
			for (unsigned n = 0; n < 64; n++) {
				struct uuid id = rows_id(n);

				if (uuid_equal(&id, &entry.record->entity))
					mask |= (uint64_t)1 << n;
			}
			free(entry.record);
			(*count)++;
		}
	}
	outbox_close(outbox);
	return mask;
}

static void board(size_t boat, unsigned call)
{
	struct record *record = rows_started(call);

	lifeboat_board(lifeboat_at(boat), record);
	free(record);
}

static void start_three_calls(void)
{
	board(0, 1);
	board(1, 2);
	board(1, 3);
}

static void the_next_life_writes_what_the_last_one_could_not(void **state)
{
	size_t count;

	(void)state;
	live_and_be_killed(start_three_calls);
	assert_int_equal(begin_life(), 3);
	assert_int_equal(found(&count), 1 << 1 | 1 << 2 | 1 << 3);
	assert_int_equal(count, 3);
	assert_int_equal(begin_life(), 0); /* and only once */
}

static void make_two_of_three_durable(void)
{
	struct record *records[] = { rows_started(1), rows_started(2),
				     rows_started(3) };

	for (size_t i = 0; i < 3; i++)
		lifeboat_board(lifeboat_at(0), records[i]);
	for (size_t i = 0; i < 2; i++)
		lifeboat_leave(records[i]->boat, records[i]);
}

static void what_is_durable_has_left(void **state)
{
	size_t count;

	(void)state;
	live_and_be_killed(make_two_of_three_durable);
	assert_int_equal(begin_life(), 1);
	assert_int_equal(found(&count), 1 << 3);
}

static void leave_nothing(void)
{
}

static void nothing_left_makes_no_journal(void **state)
{
	size_t count;

	(void)state;
	live_and_be_killed(leave_nothing);
	assert_int_equal(begin_life(), 0);
	(void)found(&count);
	assert_int_equal(count, 0);
}

/* Round and round, with records of every length. */
static void go_round_many_times(void)
{
	for (unsigned n = 0; n < 20000; n++) {
		size_t length = 2 + n * 37 % 900;
		char payload[1000];
		struct record *record;

		memset(payload, ' ', length);
		payload[0] = '{';
		payload[length - 1] = '}';
		payload[length] = '\0';
		record = rows_make(RECORD_CALL_STARTED, n % 60, 1, payload);
		lifeboat_board(lifeboat_at(2), record);
		if (n < 19990)
			lifeboat_leave(record->boat, record);
		free(record);
	}
}

static void a_ring_that_went_round_gives_its_last(void **state)
{
	size_t count;

	(void)state;
	live_and_be_killed(go_round_many_times);
	assert_int_equal(begin_life(), 10);
	(void)found(&count);
	assert_int_equal(count, 10);
}

static void fill_it(void)
{
	for (unsigned n = 0; n < 4096; n++)
		board(0, 1);
}

static void a_full_boat_leaves_the_rest_ashore(void **state)
{
	size_t count, rescued;

	(void)state;
	live_and_be_killed(fill_it);
	rescued = begin_life();
	assert_in_range(rescued, 1000, 4095);
	(void)found(&count);
	assert_int_equal(count, rescued);
}

static int broken(const char *operation)
{
	(void)operation;
	return -ENOSPC;
}

static void a_broken_disk_is_asked_again(void **state)
{
	size_t rescued = 0, count;
	struct record *record = rows_started(9);

	(void)state;
	live_and_be_killed(start_three_calls);
	disk_set_fault(broken);
	assert_true(lifeboats_rescue(0, BOATS, dir, &rescued) < 0);
	disk_set_fault(NULL);
	/* Nothing of ours may go in front of theirs. */
	lifeboat_board(lifeboat_at(0), record);
	assert_null(record->boat);
	free(record);
	assert_int_equal(begin_life(), 3);
	assert_int_equal(found(&count), 1 << 1 | 1 << 2 | 1 << 3);
}

static void garbage_in_a_boat_is_not_believed(void **state)
{
	(void)state;
	live_and_be_killed(start_three_calls);
	memset((char *)lifeboat_at(0) + 128, 0xff, 64);
	assert_int_equal(begin_life(), 2);
}

static void without_boats_all_goes_on(void **state)
{
	struct record *record = rows_started(1);

	(void)state;
	(void)begin_life();
	lifeboat_board(lifeboat_at(BOATS), record);
	assert_null(record->boat);
	lifeboat_leave(record->boat, record);
	free(record);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_next_life_writes_what_the_last_one_could_not),
		TEST(what_is_durable_has_left),
		TEST(nothing_left_makes_no_journal),
		TEST(a_ring_that_went_round_gives_its_last),
		TEST(a_full_boat_leaves_the_rest_ashore),
		TEST(a_broken_disk_is_asked_again),
		TEST(garbage_in_a_boat_is_not_believed),
		TEST(without_boats_all_goes_on),
	};

	return cmocka_run_group_tests_name("lifeboat", tests, NULL, NULL);
}
