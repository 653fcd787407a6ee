/*
 * ack_log_test.c - what is delivered or taken stays so, in whatever file it is
 *
 * The log of an outbox's journal is tested with the outbox (outbox_test.c);
 * here are the single ones that shelves take, and the change of files.
 */
#include "outbox_kit.h"

#include "persistence/ack_log.h"
#include "persistence/disk.h"

#define MANY UINT64_C(40000) /* entries: more than one file has */

static void open_log(struct ack_log *log, const char *dir, bool read_only)
{
	assert_int_equal(ack_log_open(log, dir, ACK_LOG_DRAINER, read_only), 0);
}

static void reopen(struct ack_log *log, const char *dir)
{
	ack_log_close(log);
	open_log(log, dir, false);
}

static void single_ones_are_told_apart(void **state)
{
	static const uint64_t taken[] = { 9, 3, 1000, 5, 3, 4 };
	struct ack_log log;

	open_log(&log, *state, false);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		assert_int_equal(ack_log_taken(&log, taken[i]), 0);
	for (int life = 0; life < 3; life++) {
		for (uint64_t seq = 1; seq <= 1001; seq++) {
			bool has = seq == 9 || seq == 1000 ||
				   (seq >= 3 && seq <= 5);

			assert_int_equal(ack_log_has(&log, seq), has);
		}
		assert_int_equal(log.seq, 0);
		reopen(&log, *state);
	}
	ack_log_close(&log);
}

static void what_stands_in_a_row_is_no_single_one(void **state)
{
	struct ack_log log;

	open_log(&log, *state, false);
	for (uint64_t seq = 100; seq > 1; seq--)
		assert_int_equal(ack_log_taken(&log, seq), 0);
	assert_int_equal(log.seq, 0);
	assert_int_equal(ack_log_taken(&log, 1), 0);
	for (int life = 0; life < 2; life++) {
		assert_int_equal(log.seq, 100);
		assert_int_equal(log.taken_count, 0);
		reopen(&log, *state);
	}
	ack_log_close(&log);
}

static size_t files(const char *dir)
{
	char path[PATH_MAX];
	size_t count = 0;
	DIR *list;

	(void)snprintf(path, sizeof(path), "%s/ack", dir);
	list = opendir(path);
	assert_non_null(list);
	for (struct dirent *file; (file = readdir(list));)
		count += file->d_name[0] != '.';
	(void)closedir(list);
	return count;
}

/* Every other one, so that none is absorbed. */
static void a_new_file_has_all_that_the_old_one_had(void **state)
{
	struct ack_log log;
	uint32_t number;

	open_log(&log, *state, false);
	for (uint64_t n = 1; n <= MANY; n++)
		assert_int_equal(ack_log_taken(&log, 2 * n), 0);
	for (uint64_t n = 1; n <= 4 * MANY;
	     n++) /* again: says it, adds nothing */
		assert_int_equal(ack_log_taken(&log, 2), 0);
	number = log.number;
	assert_true(number > 1);
	reopen(&log, *state);
	assert_int_equal(log.number, number);
	assert_int_equal(log.taken_count, MANY);
	for (uint64_t seq = 1; seq <= 2 * MANY; seq++)
		assert_int_equal(ack_log_has(&log, seq), seq % 2 == 0);
	assert_int_equal(files(*state), 1);
	ack_log_close(&log);
}

/* The old one stays until the new one is known to be on the disk. */
static int refuse_syncs(const char *operation)
{
	return strcmp(operation, "fdatasync") == 0 ? -EIO : 0;
}

static void no_file_goes_before_the_next_is_durable(void **state)
{
	struct ack_log log;

	open_log(&log, *state, false);
	disk_set_fault(refuse_syncs);
	for (uint64_t n = 0; n < MANY; n++)
		assert_int_equal(ack_log_taken(&log, 2), 0);
	disk_set_fault(NULL);
	assert_int_equal(files(*state), 2);
	ack_log_close(&log);
}

static void a_tool_writes_nothing(void **state)
{
	struct ack_log log;

	open_log(&log, *state, false);
	assert_int_equal(ack_log_taken(&log, 2), 0);
	ack_log_close(&log);
	open_log(&log, *state, true);
	assert_true(ack_log_has(&log, 2));
	assert_int_equal(ack_log_taken(&log, 4), -EROFS);
	assert_int_equal(ack_log_delivered(&log, 4), -EROFS);
	reopen(&log, *state);
	assert_false(ack_log_has(&log, 4));
	ack_log_close(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(single_ones_are_told_apart),
		kit_test(what_stands_in_a_row_is_no_single_one),
		kit_test(a_new_file_has_all_that_the_old_one_had),
		kit_test(no_file_goes_before_the_next_is_durable),
		kit_test(a_tool_writes_nothing),
	};

	return cmocka_run_group_tests_name("ack_log", tests, NULL, NULL);
}
