/*
 * id_index_test.c - where a record is, against a list that cannot be wrong
 *
 * Half of the ids end alike, so that they all want the same slot: those that
 * stepped aside must be found after any of them has gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/id_index.h"

#define IDS   600u
#define STEPS 60000u

static struct world {
	struct id_index index;
	struct uuid ids[IDS];
	uint64_t seqs[IDS]; /* what it must say; 0: not there */
	size_t there;
} world;

static int set_up(void **state)
{
	*state = &world;
	memset(&world, 0, sizeof(world));
	for (unsigned n = 0; n < IDS; n++) {
		world.ids[n].bytes[0] = (uint8_t)n;
		world.ids[n].bytes[1] = (uint8_t)(n >> 8);
		if (n % 2)
			for (int i = 8; i < 16; i++)
				world.ids[n].bytes[i] = (uint8_t)(n * 167 >> i);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	id_index_finish(&world.index);
	return 0;
}

static void expect_one(unsigned n)
{
	const struct id_place *place =
		id_index_find(&world.index, &world.ids[n]);

	if (world.seqs[n] == 0) {
		assert_null(place);
		return;
	}
	assert_non_null(place);
	assert_ptr_equal(place->where, &world.ids[n]);
	assert_int_equal(place->seq, world.seqs[n]);
}

static void expect_all(void)
{
	for (unsigned n = 0; n < IDS; n++)
		expect_one(n);
	assert_int_equal(world.index.count, world.there);
}

static void put(unsigned n, uint64_t seq)
{
	assert_int_equal(id_index_set(&world.index, &world.ids[n],
				      (struct id_place){ .where = &world.ids[n],
							 .seq = seq }),
			 0);
	world.there += world.seqs[n] == 0;
	world.seqs[n] = seq;
}

static void take(unsigned n)
{
	id_index_remove(&world.index, &world.ids[n]);
	world.there -= world.seqs[n] != 0;
	world.seqs[n] = 0;
}

static void an_empty_one_has_nothing(void **state)
{
	(void)state;
	expect_all();
	take(7);
	expect_all();
}

static void it_says_what_was_said_last(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (uint64_t step = 1; step <= STEPS; step++) {
		unsigned n = (unsigned)rand_r(&seed) % IDS;

		if (rand_r(&seed) % 3)
			put(n, step);
		else
			take(n);
		expect_one(n);
		if (step % 500 == 0)
			expect_all();
	}
}

static void whoever_goes_the_others_are_found(void **state)
{
	(void)state;
	for (unsigned n = 0; n < IDS; n++)
		put(n, n + 1);
	for (unsigned n = 0; n < IDS; n++) {
		take(n * 7 % IDS);
		expect_all();
	}
	assert_int_equal(world.there, 0);
}

/* A quarter stays free: a search for what is not there ends. */
static void it_is_never_full(void **state)
{
	(void)state;
	for (unsigned n = 0; n < IDS; n++) {
		put(n, 1);
		assert_true(world.index.count * 4 <= world.index.room * 3);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_one_has_nothing),
		TEST(it_says_what_was_said_last),
		TEST(whoever_goes_the_others_are_found),
		TEST(it_is_never_full),
	};

	return cmocka_run_group_tests_name("id_index", tests, NULL, NULL);
}
