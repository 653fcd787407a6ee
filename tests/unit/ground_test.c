/* ground_test.c - the next segment lies ready, and costs nobody anything
 *
 * The thread is the real one, so each claim is waited for: it comes true in the
 * end, or the test fails after some seconds. */
#include "outbox_kit.h"

#include <stdatomic.h>

#include "persistence/disk.h"
#include "persistence/ground.h"
#include "persistence/journal_format.h"
#include "persistence/outbox.h"
#include "persistence/reserve.h"
#include "server/clock.h"

#define BYTES	 ((uint64_t)3 << 20)
#define PATIENCE 10000u /* ms */

static const char *_Atomic failing; /* the operation that does not work */
static _Atomic unsigned failed;

static int fault(const char *operation)
{
	const char *name = failing;

	if (!name || strcmp(operation, name) != 0)
		return 0;
	failed++;
	return -ENOSPC;
}

static bool is_late(uint64_t since_ms)
{
	(void)usleep(1000);
	return clock_mono_ms() - since_ms > PATIENCE;
}

static bool is_at(const char *path, struct stat *st)
{
	return stat(path, st) == 0;
}

static struct reserve *await_file(struct ground *ground)
{
	uint64_t since = clock_mono_ms();
	struct reserve *file;

	ground_want(ground);
	while (!(file = ground_take(ground)))
		assert_false(is_late(since));
	return file;
}

static struct journal *begin(const char *dir)
{
	struct journal *journal;

	assert_int_equal(journal_create(&journal,
					&(struct journal_options){
						.outbox_dir = dir,
						.role = "test",
						.segment_bytes = BYTES,
						.ahead = true }),
			 0);
	return journal;
}

static void commit_64k(struct journal *journal, uint64_t n)
{
	struct uuid id = kit_entity(n);
	char payload[65536] = { 0 };

	assert_int_equal(
		kit_commit(journal,
			   record_create(RECORD_CALL_EVENT, &id, &id, 0, KIT_US,
					 payload, sizeof(payload))),
		0);
}

/* As far as that segment; the last one's number is the answer. */
static uint32_t commit_until(struct journal *journal, const char *dir,
			     uint32_t segment)
{
	uint64_t since = clock_mono_ms();
	char name[SEGMENT_NAME_SIZE], tail[32];
	struct stat st;

	segment_name(segment, name);
	(void)snprintf(tail, sizeof(tail), "pend/%s", name);
	while (!is_at(kit_path(dir, tail), &st)) {
		commit_64k(journal, 1);
		assert_false(is_late(since));
	}
	return segment;
}

static void await_half(struct journal *journal, const char *dir,
		       struct stat *st)
{
	uint64_t since = clock_mono_ms();

	while (!is_at(kit_path(dir, "pend/" GROUND_NAME), st) ||
	       (uint64_t)st->st_size < BYTES + SEGMENT_DATA_AT) {
		commit_64k(journal, 1);
		assert_false(is_late(since));
	}
}

/* ---- the file --------------------------------------------------------------
 */

static void it_is_made_of_zeros_that_the_disk_has(void **state)
{
	struct ground *ground;
	struct reserve *file;
	struct stat st;
	char byte;
	int fd;

	assert_int_equal(ground_create(&ground, *state, BYTES), 0);
	assert_null(ground_take(ground)); /* nobody has wanted it */
	file = await_file(ground);
	assert_true(is_at(file->path, &st));
	assert_int_equal(st.st_size, BYTES);
	assert_true((uint64_t)st.st_blocks * 512 >= BYTES);
	assert_int_equal(disk_usage(AT_FDCWD, *state),
			 (uint64_t)st.st_blocks * 512);
	fd = open(file->path, O_RDONLY | O_CLOEXEC);
	for (uint64_t at = 0; at < BYTES; at += 4093) {
		assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
		assert_int_equal(byte, 0);
	}
	(void)close(fd);
	/* What was taken and left lying is not in the way. */
	assert_int_equal(await_file(ground)->bytes, BYTES);
	ground_destroy(ground);
}

static void it_goes_when_it_is_given_up(void **state)
{
	struct ground *ground;
	struct reserve *file;
	struct stat st;

	assert_int_equal(ground_create(&ground, *state, BYTES), 0);
	file = await_file(ground);
	assert_true(reserve_give_up(file));
	for (int i = 0; i < 50; i++) { /* at any point of its making */
		uint64_t since = clock_mono_ms();

		ground_want(ground);
		(void)usleep((useconds_t)i * 100);
		ground_give_up(ground);
		while (is_at(file->path, &st))
			assert_false(is_late(since));
		assert_null(ground_take(ground));
	}
	ground_want(ground);
	ground_destroy(ground);
	assert_int_equal(disk_usage(AT_FDCWD, *state), 0);
}

static void a_disk_that_refuses_it_is_left_alone(void **state)
{
	static const char *const operations[] = { "create", "pwrite",
						  "fdatasync" };
	struct ground *ground;

	assert_int_equal(ground_create(&ground, *state, BYTES), 0);
	for (size_t i = 0; i < 3; i++) {
		uint64_t since = clock_mono_ms();

		failing = operations[i];
		failed = 0;
		disk_set_fault(fault);
		for (ground_want(ground); failed == 0; ground_want(ground))
			assert_false(is_late(since));
		disk_set_fault(NULL);
		assert_null(ground_take(ground));
	}
	assert_int_equal(await_file(ground)->bytes, BYTES);
	ground_destroy(ground);
}

static void more_than_a_quarter_of_the_disk_is_never_taken(void **state)
{
	struct ground *ground;

	assert_int_equal(ground_create(&ground, *state, UINT64_MAX / 8), 0);
	ground_want(ground);
	ground_work(ground);
	assert_null(ground_take(ground));
	assert_int_equal(disk_usage(AT_FDCWD, *state), 0);
	ground_destroy(ground);
}

/* ---- the journal -----------------------------------------------------------
 */

static void a_journal_goes_on_where_it_was_prepared(void **state)
{
	struct journal *journal = begin(*state);
	struct stat ground, segment = { 0 };
	uint32_t number = 1;

	do { /* once it was ready in time */
		char tail[32], name[SEGMENT_NAME_SIZE];

		await_half(journal, *state, &ground);
		number = commit_until(journal, *state, number + 1);
		segment_name(number, name);
		(void)snprintf(tail, sizeof(tail), "pend/%s", name);
		assert_true(is_at(kit_path(*state, tail), &segment));
	} while (segment.st_ino != ground.st_ino && number < 20);
	assert_int_equal(segment.st_ino, ground.st_ino);
	assert_int_equal(segment.st_size, BYTES + SEGMENT_DATA_AT);
	journal_close(journal);
	/* The zeros behind the last record are given back. */
	assert_false(is_at(kit_path(*state, "pend/" GROUND_NAME), &ground));
	assert_true(disk_usage(AT_FDCWD, *state) < number * BYTES);
}

static void on_a_full_disk_there_is_room_in_it(void **state)
{
	struct journal *journal = begin(*state);
	struct stat st;

	await_half(journal, *state, &st);
	failing = "create";
	disk_set_fault(fault);
	(void)commit_until(journal, *state, 2);
	disk_set_fault(NULL);
	journal_close(journal);
}

static void without_room_there_is_none(void **state)
{
	struct journal *journal = begin(*state);
	struct stat st;

	await_half(journal, *state, &st);
	journal_see_room(journal, false);
	for (uint64_t since = clock_mono_ms();
	     is_at(kit_path(*state, "pend/" GROUND_NAME), &st);)
		assert_false(is_late(since));
	(void)commit_until(journal, *state, 4);
	assert_false(is_at(kit_path(*state, "pend/" GROUND_NAME), &st));
	journal_see_room(journal, true);
	await_half(journal, *state, &st);
	journal_close(journal);
}

static void one_that_is_taken_away_is_not_missed(void **state)
{
	struct journal *journal = begin(*state);
	struct stat st;

	await_half(journal, *state, &st);
	(void)unlink(kit_path(*state, "pend/" GROUND_NAME));
	(void)commit_until(journal, *state, 3);
	journal_close(journal);
}

static void what_a_dead_writer_had_prepared_goes(void **state)
{
	struct journal *journal = begin(*state);
	struct outbox *outbox;
	struct stat st;
	int fd;

	commit_64k(journal, 1);
	journal_close(journal);
	fd = open(kit_path(*state, "pend/" GROUND_NAME),
		  O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(disk_write_zeros(fd, BYTES, 0), 0);
	(void)close(fd);
	assert_int_equal(
		outbox_open(&outbox, &(struct outbox_options){ .dir = *state }),
		0);
	assert_false(is_at(kit_path(*state, "pend/" GROUND_NAME), &st));
	outbox_close(outbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(it_is_made_of_zeros_that_the_disk_has),
		kit_test(it_goes_when_it_is_given_up),
		kit_test(a_disk_that_refuses_it_is_left_alone),
		kit_test(more_than_a_quarter_of_the_disk_is_never_taken),
		kit_test(a_journal_goes_on_where_it_was_prepared),
		kit_test(on_a_full_disk_there_is_room_in_it),
		kit_test(without_room_there_is_none),
		kit_test(one_that_is_taken_away_is_not_missed),
		kit_test(what_a_dead_writer_had_prepared_goes),
	};

	return cmocka_run_group_tests_name("ground", tests, NULL, NULL);
}
