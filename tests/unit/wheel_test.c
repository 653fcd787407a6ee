/* wheel_test.c - whoever is due comes once, in time, and nobody early
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tools/holdload/wheel.h"

#define MS    1000000ull
#define TURN  ((uint64_t)WHEEL_SLOTS * MS)
#define BEGAN (7 * MS + 123)

static struct wheel *fresh(void)
{
	struct wheel *wheel = malloc(sizeof(*wheel));

	assert_non_null(wheel);
	wheel_init(wheel, BEGAN);
	return wheel;
}

static void nobody_is_early_or_a_tick_late(void **state)
{
	static const uint64_t rows[] = {
		0, 1, MS - 1, MS, MS + 1, 20 * MS, TURN, 3 * TURN + 5,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wheel *wheel = fresh();
		struct wheel_entry entry = { 0 };
		uint64_t due = BEGAN + rows[i], now = BEGAN;

		wheel_set(wheel, &entry, due);
		while (wheel_take(wheel, now) == NULL)
			now += MS / 4;
		if (now < due || now > due + 5 * MS / 4)
			fail_msg("row %zu: due %llu, came %llu", i,
				 (unsigned long long)due,
				 (unsigned long long)now);
		assert_null(wheel_take(wheel, now + 10 * TURN));
		free(wheel);
	}
}

static void who_is_set_again_is_due_then_and_not_before(void **state)
{
	struct wheel *wheel = fresh();
	struct wheel_entry entry = { 0 };

	(void)state;
	wheel_set(wheel, &entry, BEGAN + 5 * MS);
	wheel_set(wheel, &entry, BEGAN + 9 * MS);
	assert_null(wheel_take(wheel, BEGAN + 8 * MS));
	assert_ptr_equal(wheel_take(wheel, BEGAN + 9 * MS), &entry);
	wheel_set(wheel, &entry, BEGAN + 1 * MS); /* long past: next */
	assert_ptr_equal(wheel_take(wheel, BEGAN + 10 * MS), &entry);
	free(wheel);
}

static void who_was_removed_does_not_come(void **state)
{
	struct wheel *wheel = fresh();
	struct wheel_entry entries[3] = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		wheel_set(wheel, &entries[i], BEGAN + 2 * MS);
	wheel_remove(&entries[1]);
	wheel_remove(&entries[1]);
	assert_ptr_not_equal(wheel_take(wheel, BEGAN + 2 * MS), &entries[1]);
	assert_ptr_not_equal(wheel_take(wheel, BEGAN + 2 * MS), &entries[1]);
	assert_null(wheel_take(wheel, BEGAN + 2 * MS));
	free(wheel);
}

/* As when the machine slept: all come, each once. */
static void after_a_long_pause_all_who_were_due_come(void **state)
{
	struct wheel *wheel = fresh();
	struct wheel_entry *entries = calloc(1000, sizeof(*entries));
	size_t count = 0;

	(void)state;
	assert_non_null(entries);
	for (size_t i = 0; i < 1000; i++)
		wheel_set(wheel, &entries[i], BEGAN + i * 11 * MS);
	while (wheel_take(wheel, BEGAN + 11000 * MS))
		count++;
	assert_int_equal(count, 1000);
	free(entries);
	free(wheel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_early_or_a_tick_late),
		cmocka_unit_test(who_is_set_again_is_due_then_and_not_before),
		cmocka_unit_test(who_was_removed_does_not_come),
		cmocka_unit_test(after_a_long_pause_all_who_were_due_come),
	};

	return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
