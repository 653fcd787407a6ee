/* room_test.c - which level follows from which numbers, and what from a level
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "persistence/room.h"

#define PLENTY	BOARD_ROOM_PLENTY
#define LOW	BOARD_ROOM_LOW
#define QUOTA	BOARD_ROOM_QUOTA
#define DISK	BOARD_ROOM_DISK
#define RESERVE BOARD_ROOM_RESERVE

#define FILES	1000

static void a_level_begins_at_its_bound_and_ends_beyond_it(void **state)
{
	static const struct room_limits limits = { .max_bytes = 1000,
						   .min_free_disk = 100,
						   .low_percent = 80 };
	static const struct {
		enum board_room before;
		struct room_use use;
		enum board_room after;
	} rows[] = {
		{ PLENTY, { 0, 9999, FILES, false }, PLENTY },
		/* The outbox fills up, and empties. */
		{ PLENTY, { 800, 9999, FILES, false }, PLENTY },
		{ PLENTY, { 801, 9999, FILES, false }, LOW },
		{ LOW, { 761, 9999, FILES, false }, LOW },
		{ LOW, { 760, 9999, FILES, false }, PLENTY },
		{ LOW, { 1000, 9999, FILES, false }, LOW },
		{ LOW, { 1001, 9999, FILES, false }, QUOTA },
		{ QUOTA, { 951, 9999, FILES, false }, QUOTA },
		{ QUOTA, { 950, 9999, FILES, false }, LOW },
		{ QUOTA, { 0, 9999, FILES, false }, PLENTY },
		/* The disk does. */
		{ PLENTY, { 0, 200, FILES, false }, PLENTY },
		{ PLENTY, { 0, 199, FILES, false }, LOW },
		{ LOW, { 0, 209, FILES, false }, LOW },
		{ LOW, { 0, 210, FILES, false }, PLENTY },
		{ LOW, { 0, 100, FILES, false }, LOW },
		{ LOW, { 0, 99, FILES, false }, DISK },
		{ DISK, { 0, 104, FILES, false }, DISK },
		{ DISK, { 0, 105, FILES, false }, LOW },
		/* It has bytes left, but no more files. */
		{ PLENTY, { 0, 9999, 3, false }, DISK },
		/* What is worse goes before. */
		{ QUOTA, { 1001, 99, FILES, false }, DISK },
		{ DISK, { 1001, 99, FILES, true }, RESERVE },
		{ PLENTY, { 0, 9999, FILES, true }, RESERVE },
		{ RESERVE, { 0, 9999, FILES, false }, PLENTY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("  row %zu\n", i);
		assert_int_equal(
			room_judge(&limits, &rows[i].use, rows[i].before),
			rows[i].after);
	}
}

static void huge_limits_do_not_overflow(void **state)
{
	static const struct room_limits limits = { .max_bytes = UINT64_MAX,
						   .low_percent = 99 };
	static const struct room_use use = { .bytes = (uint64_t)1 << 60,
					     .free = 1,
					     .free_files = UINT64_MAX };

	(void)state;
	assert_int_equal(room_judge(&limits, &use, LOW), PLENTY);
}

static void a_refusal_says_which_bound_and_which_error(void **state)
{
	static const struct {
		enum board_room room;
		int broken;
		const char *refusal, *detail;
	} rows[] = {
		{ PLENTY, 0, NULL, "" },
		{ LOW, 0, NULL, "" },
		{ QUOTA, 0, "outbox_full", "outbox.max_bytes is reached" },
		{ DISK, 0, "outbox_full",
		  "less than outbox.min_free_disk is free, or hardly an inode" },
		{ RESERVE, 0, "outbox_full",
		  "the disk is full, the reserve is in use" },
		{ PLENTY, EIO, "outbox_broken", "Input/output error" },
		{ QUOTA, EROFS, "outbox_broken", "Read-only file system" },
		{ QUOTA, 99999, "outbox_broken", "unknown error" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct board_spooler place = { 0 };

		print_message("  row %zu\n", i);
		atomic_store(&place.room, rows[i].room);
		atomic_store(&place.broken, (uint32_t)rows[i].broken);
		if (rows[i].refusal)
			assert_string_equal(room_refusal(&place),
					    rows[i].refusal);
		else
			assert_null(room_refusal(&place));
		assert_string_equal(room_detail(&place), rows[i].detail);
	}
}

static void the_worst_of_several_speaks_for_all(void **state)
{
	struct board_flags *flags = board_flags();

	(void)state;
	assert_null(room_refusal(room_worst(flags)));
	atomic_store(&flags->spoolers[3].room, LOW);
	atomic_store(&flags->spoolers[BOARD_SPOOLER_CONTROL].room, DISK);
	assert_ptr_equal(room_worst(flags),
			 &flags->spoolers[BOARD_SPOOLER_CONTROL]);
	atomic_store(&flags->spoolers[1].broken, EIO);
	assert_ptr_equal(room_worst(flags), &flags->spoolers[1]);
	/* Another one's luck changes nothing about it. */
	atomic_store(&flags->spoolers[2].broken, 0);
	assert_string_equal(room_refusal(room_worst(flags)), "outbox_broken");
	atomic_store(&flags->spoolers[1].broken, 0);
	assert_string_equal(room_refusal(room_worst(flags)), "outbox_full");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_level_begins_at_its_bound_and_ends_beyond_it),
		cmocka_unit_test(huge_limits_do_not_overflow),
		cmocka_unit_test(a_refusal_says_which_bound_and_which_error),
		cmocka_unit_test(the_worst_of_several_speaks_for_all),
	};

	return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
