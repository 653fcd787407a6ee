/*
 * full_disk_test.c - on a disk that is really full, live calls end in good
 * order
 *
 * Each test has a file system of its own, a few MiB large, which another file
 * fills to the last block. Mounting it needs root, or a kernel that gives out
 * user namespaces; without either, this program says so, loudly, and does
 * nothing.
 */
#include "outbox_kit.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "persistence/disk.h"
#include "persistence/outbox.h"
#include "persistence/queue.h"
#include "persistence/reserve.h"
#include "persistence/room.h"
#include "persistence/spooler.h"
#include "server/board.h"
#include "server/clock.h"

#define PATIENCE_MS 30000u
#define MIB	    ((uint64_t)1 << 20)

/* ---- the disk --------------------------------------------------------------
 */

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 &&
		       write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return written;
}

/* Mounts of ours are seen by nobody else, and go when we do. */
static bool may_mount(void)
{
	char map[64];

	(void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)getuid());
	if (unshare(CLONE_NEWNS) < 0 &&
	    (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	     !write_text("/proc/self/uid_map", map)))
		return false;
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int setup(void **state)
{
	if (kit_setup(state) < 0)
		return -1;
	return mount("tmpfs", *state, "tmpfs", 0, "size=8m,nr_inodes=64");
}

static int teardown(void **state)
{
	(void)umount2(*state, MNT_DETACH);
	return kit_teardown(state);
}

static uint64_t free_bytes(const char *dir)
{
	struct statvfs disk;

	assert_int_equal(statvfs(dir, &disk), 0);
	return (uint64_t)disk.f_bavail * disk.f_frsize;
}

/* Takes all that is left. */
static void fill(const char *dir)
{
	static const char block[4096] = { 1 };
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/filler", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		;
	assert_int_equal(errno, ENOSPC);
	(void)close(fd);
	assert_int_equal(free_bytes(dir), 0);
}

static void make_room(const char *dir)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/filler", dir);
	assert_int_equal(unlink(path), 0);
}

/* ---- the spooler -----------------------------------------------------------
 */

static struct queue *make_queue(void)
{
	struct queue *queue;

	assert_int_equal(queue_create(&queue, 65536), 0);
	return queue;
}

static struct spooler *start(const char *dir, struct queue *queue,
			     uint64_t reserve)
{
	struct spooler *spooler;

	assert_int_equal(spooler_start(&spooler,
				       &(struct spooler_options){
					       .queue = queue,
					       .outbox_dir = dir,
					       .role = "test",
					       .segment_bytes = 16 * MIB,
					       .max_bytes = UINT64_MAX,
					       .reserve = reserve }),
			 0);
	return spooler;
}

static void push(struct queue *queue, enum record_kind kind, uint64_t first,
		 uint64_t last)
{
	for (uint64_t n = first; n <= last; n++)
		assert_int_equal(queue_push(queue, kit_record(kind, n, 1)), 0);
}

static const struct board_spooler *place(void)
{
	return &board_flags()->spoolers[0];
}

static void await(const _Atomic uint32_t *number, uint32_t value)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;

	while (atomic_load(number) != value) {
		assert_true(clock_mono_ms() < until);
		(void)usleep(1000);
	}
}

static void await_durable(const struct queue *queue)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;

	while (queue_length(queue) > 0 || atomic_load(&place()->records) > 0) {
		assert_true(clock_mono_ms() < until);
		(void)usleep(1000);
	}
}

/* How many records of that kind are in the outbox. A journal that fell back on
 * the reserve repeats some of what it had before. */
static uint64_t count(const char *dir, enum record_kind kind)
{
	const struct outbox_options options = { .dir = dir, .read_only = true };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	size_t cursor = 0;
	uint64_t n = 0;

	assert_int_equal(outbox_open(&outbox, &options), 0);
	while ((journal = outbox_next_journal(outbox, &cursor)))
		while (outbox_journal_next(journal, &entry) == 1) {
			n += entry.record->kind == kind;
			free(entry.record);
		}
	assert_int_equal(outbox_stats(outbox).damage.gaps, 0);
	assert_int_equal(outbox_stats(outbox).damage.records, 0);
	outbox_close(outbox);
	return n;
}

/* In small groups, as calls do. */
static void push_slowly(struct queue *queue, uint64_t first, uint64_t last)
{
	for (uint64_t n = first; n <= last; n += 200) {
		push(queue, RECORD_CALL_EVENT, n, n + 199);
		await_durable(queue);
	}
}

static bool has_reserve(const char *dir)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/RESERVE.test-0", dir);
	return access(path, F_OK) == 0;
}

static void await_reserve(const char *dir)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;

	while (!has_reserve(dir)) {
		assert_true(clock_mono_ms() < until);
		(void)usleep(1000);
	}
}

/* ---- the reserve -----------------------------------------------------------
 */

static void a_reserve_takes_its_room_and_no_more_than_a_share(void **state)
{
	static const struct {
		uint64_t wanted, bytes;
	} rows[] = {
		{ 0, 0 },
		{ 1 * MIB, 1 * MIB },
		{ 100 * MIB, 2 * MIB }, /* a quarter of 8 MiB */
	};
	struct reserve reserve;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t before = free_bytes(*state);

		print_message("  row %zu\n", i);
		assert_int_equal(reserve_init(&reserve, *state, "test", 0,
					      rows[i].wanted),
				 0);
		assert_int_equal(reserve_make(&reserve, before), 0);
		assert_int_equal(reserve.bytes, rows[i].bytes);
		assert_int_equal(before - free_bytes(*state), rows[i].bytes);
		assert_int_equal(disk_usage(AT_FDCWD, *state), 0);
		assert_int_equal(reserve_give_up(&reserve), rows[i].bytes > 0);
		assert_int_equal(free_bytes(*state), before);
	}
}

static void a_reserve_is_found_again_and_cut_to_size(void **state)
{
	struct reserve reserve;

	assert_int_equal(reserve_init(&reserve, *state, "test", 0, 2 * MIB), 0);
	assert_int_equal(reserve_make(&reserve, free_bytes(*state)), 0);
	fill(*state);
	assert_int_equal(reserve_init(&reserve, *state, "test", 0, 2 * MIB), 0);
	assert_int_equal(reserve.bytes, 2 * MIB);
	assert_int_equal(reserve_init(&reserve, *state, "test", 0, 1 * MIB), 0);
	assert_int_equal(reserve.bytes, 1 * MIB);
	assert_int_equal(free_bytes(*state), 1 * MIB);
	assert_int_equal(reserve_init(&reserve, *state, "test", 0, 0), 0);
	assert_false(has_reserve(*state));
}

static void a_reserve_that_somebody_removed_is_made_again(void **state)
{
	struct reserve reserve;

	assert_int_equal(reserve_init(&reserve, *state, "test", 0, 1 * MIB), 0);
	assert_int_equal(reserve_make(&reserve, free_bytes(*state)), 0);
	assert_int_equal(unlink(reserve.path), 0);
	assert_int_equal(reserve_make(&reserve, free_bytes(*state)), 0);
	assert_int_equal(reserve.bytes, 1 * MIB);
	assert_true(has_reserve(*state));
}

/* ---- a full disk -----------------------------------------------------------
 */

static void final_records_fit_on_a_full_disk(void **state)
{
	struct queue *queue = make_queue();
	struct spooler *spooler = start(*state, queue, 2 * MIB);

	push(queue, RECORD_CALL_STARTED, 1, 1000);
	await_durable(queue);
	assert_true(has_reserve(*state));
	fill(*state);
	push(queue, RECORD_CALL_ENDED, 1, 1000);
	push_slowly(queue, 1, 6000); /* beyond what the segment has left */
	await(&place()->room, BOARD_ROOM_RESERVE);
	assert_int_equal(atomic_load(&place()->broken), 0);
	assert_string_equal(room_refusal(place()), "outbox_full");
	/* Nothing was given back that somebody else could have taken. */
	assert_int_equal(free_bytes(*state), 0);
	assert_false(has_reserve(*state));
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(count(*state, RECORD_CALL_ENDED), 1000);
	assert_int_equal(count(*state, RECORD_CALL_EVENT), 6000);
	queue_destroy(queue);
}

static void with_room_again_the_reserve_is_made_anew(void **state)
{
	struct queue *queue = make_queue();
	struct spooler *spooler = start(*state, queue, 2 * MIB);
	uint64_t n = 0;

	for (int i = 0; i < 2; i++) {
		await(&place()->room, BOARD_ROOM_PLENTY);
		assert_true(has_reserve(*state));
		fill(*state);
		push_slowly(queue, n + 1, n + 12000);
		n += 12000;
		await(&place()->room, BOARD_ROOM_RESERVE);
		make_room(*state);
	}
	await(&place()->room, BOARD_ROOM_PLENTY);
	assert_null(room_refusal(place()));
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(count(*state, RECORD_CALL_EVENT), n);
	queue_destroy(queue);
}

static void what_exceeds_the_reserve_waits_in_memory(void **state)
{
	struct queue *queue = make_queue();
	struct spooler *spooler = start(*state, queue, MIB / 2);

	fill(*state);
	push(queue, RECORD_CALL_EVENT, 1, 20000);
	await(&place()->broken, ENOSPC);
	assert_string_equal(room_refusal(place()), "outbox_broken");
	make_room(*state);
	await(&place()->broken, 0);
	await_durable(queue);
	await(&place()->room, BOARD_ROOM_PLENTY);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(count(*state, RECORD_CALL_EVENT), 20000);
	queue_destroy(queue);
}

static void
a_process_that_starts_on_a_full_disk_uses_what_was_kept(void **state)
{
	struct queue *queue = make_queue();
	struct spooler *spooler = start(*state, queue, 2 * MIB);

	push(queue, RECORD_CALL_EVENT, 1, 100);
	await_durable(queue);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	fill(*state);
	assert_true(has_reserve(*state));
	spooler = start(*state, queue, 2 * MIB);
	assert_int_equal(atomic_load(&place()->broken), 0);
	assert_int_equal(atomic_load(&place()->room), BOARD_ROOM_RESERVE);
	push(queue, RECORD_CALL_EVENT, 101, 1100);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(count(*state, RECORD_CALL_EVENT), 1100);
	queue_destroy(queue);
}

static void at_the_end_a_full_disk_takes_what_is_queued(void **state)
{
	struct queue *queue = make_queue();
	struct spooler *spooler = start(*state, queue, 2 * MIB);

	fill(*state);
	push(queue, RECORD_CALL_ENDED, 1, 4000);
	assert_int_equal(spooler_stop(spooler, 1), 0);
	assert_int_equal(count(*state, RECORD_CALL_ENDED), 4000);
	queue_destroy(queue);
}

static void without_files_to_be_made_it_goes_on_in_those_it_has(void **state)
{
	struct queue *queue = make_queue();
	struct spooler *spooler = start(*state, queue, 2 * MIB);
	char path[64];

	for (int i = 0; i < 64; i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "%s/file-%d", (char *)*state,
			       i);
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd >= 0)
			(void)close(fd);
	}
	await(&place()->room, BOARD_ROOM_DISK);
	push(queue, RECORD_CALL_EVENT, 1, 1000);
	await_durable(queue);
	assert_int_equal(atomic_load(&place()->broken), 0);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(count(*state, RECORD_CALL_EVENT), 1000);
	queue_destroy(queue);
}

static void a_disk_that_is_read_only_is_told_and_heals(void **state)
{
	struct queue *queue = make_queue();
	struct spooler *spooler;

	assert_int_equal(mount(NULL, *state, NULL, MS_REMOUNT | MS_RDONLY, ""),
			 0);
	spooler = start(*state, queue, 2 * MIB);
	assert_int_equal(atomic_load(&place()->broken), EROFS);
	assert_string_equal(room_detail(place()), "Read-only file system");
	push(queue, RECORD_CALL_EVENT, 1, 100);
	assert_int_equal(mount(NULL, *state, NULL, MS_REMOUNT, ""), 0);
	await(&place()->broken, 0);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(count(*state, RECORD_CALL_EVENT), 100);
	queue_destroy(queue);
}

/* The mount goes away under us; below it, the directory is another disk's. What
 * the new journal repeats is the last two groups: one record is surely in them,
 * a hundred may have become three on a busy machine. */
static void a_disk_that_is_gone_is_succeeded_by_what_is_below(void **state)
{
	struct queue *queue = make_queue();
	struct spooler *spooler = start(*state, queue, 2 * MIB);

	push(queue, RECORD_CALL_EVENT, 1, 1);
	await_durable(queue);
	assert_int_equal(umount2(*state, MNT_DETACH), 0);
	assert_int_equal(mount("tmpfs", *state, "tmpfs", 0, "size=8m"), 0);
	await_reserve(*state);
	push(queue, RECORD_CALL_EVENT, 2, 200);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(count(*state, RECORD_CALL_EVENT), 200);
	queue_destroy(queue);
}

#define disk_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		disk_test(a_reserve_takes_its_room_and_no_more_than_a_share),
		disk_test(a_reserve_is_found_again_and_cut_to_size),
		disk_test(a_reserve_that_somebody_removed_is_made_again),
		disk_test(final_records_fit_on_a_full_disk),
		disk_test(with_room_again_the_reserve_is_made_anew),
		disk_test(what_exceeds_the_reserve_waits_in_memory),
		disk_test(
			a_process_that_starts_on_a_full_disk_uses_what_was_kept),
		disk_test(at_the_end_a_full_disk_takes_what_is_queued),
		disk_test(without_files_to_be_made_it_goes_on_in_those_it_has),
		disk_test(a_disk_that_is_read_only_is_told_and_heals),
		disk_test(a_disk_that_is_gone_is_succeeded_by_what_is_below),
	};

	if (!may_mount()) {
		print_error("NOT TESTED: mounting a small disk needs root or "
			    "user namespaces\n");
		return 0;
	}
	return cmocka_run_group_tests_name("full_disk, as root", tests, NULL,
					   NULL);
}
