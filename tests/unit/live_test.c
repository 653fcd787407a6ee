/* live_test.c - a stream is live once, on all processes of a node */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#include "server/auth/live.h"

#define INBOUND	 1u
#define OUTBOUND 2u

static struct live_table *table;

static int make_table(void **state)
{
	(void)state;
	table = calloc(1, sizeof(*table));
	return table ? 0 : -1;
}

static int free_table(void **state)
{
	(void)state;
	free(table);
	return 0;
}

static bool take(struct live_claim *claim, unsigned process, const void *name,
		 size_t size, unsigned tracks)
{
	uint8_t digest[LIVE_NAME_SIZE];

	(void)crypto_generichash(digest, sizeof(digest), name, size, NULL, 0);
	return live_take(table, claim, process, digest, tracks);
}

static void a_stream_is_live_once_until_it_is_released(void **state)
{
	struct live_claim first, second, other;

	(void)state;
	assert_true(take(&first, 0, "CA1", 3, INBOUND));
	assert_false(take(&second, 1, "CA1", 3, INBOUND));
	assert_true(take(&other, 1, "CA2", 3, INBOUND));
	/* Who was refused holds nothing that he could release. */
	live_release(&second);
	assert_false(take(&second, 1, "CA1", 3, INBOUND));
	live_release(&first);
	live_release(&first);
	assert_true(take(&second, 1, "CA1", 3, INBOUND));
	live_release(&second);
	live_release(&other);
}

static void tracks_may_come_apart_but_none_of_them_twice(void **state)
{
	static const struct {
		unsigned first, second;
		bool both;
	} rows[] = {
		{ INBOUND, OUTBOUND, true },
		{ OUTBOUND, INBOUND, true },
		{ INBOUND, INBOUND, false },
		{ INBOUND, LIVE_ALL_TRACKS, false },
		{ LIVE_ALL_TRACKS, OUTBOUND, false },
		{ LIVE_ALL_TRACKS, LIVE_ALL_TRACKS, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct live_claim first, second;

		assert_true(take(&first, 0, "CA1", 3, rows[i].first));
		if (take(&second, 0, "CA1", 3, rows[i].second) != rows[i].both)
			fail_msg("row %zu", i);
		live_release(&first);
		live_release(&second);
	}
}

static void what_a_dead_process_held_is_taken_back(void **state)
{
	struct live_claim dead, alive, next;

	(void)state;
	assert_true(take(&dead, 15, "CA1", 3, INBOUND));
	assert_true(take(&alive, 1, "CA2", 3, INBOUND));
	live_take_back(table, 15);
	assert_true(take(&next, 15, "CA1", 3, INBOUND));
	live_release(&next);
	assert_false(take(&next, 15, "CA2", 3, INBOUND));
	live_release(&alive);
}

static void many_streams_find_their_places(void **state)
{
	enum { MANY = 20000 };
	struct live_claim *claims = calloc(MANY, sizeof(*claims)), again;

	(void)state;
	assert_non_null(claims);
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < MANY; i++)
			assert_true(
				take(&claims[i], 0, &i, sizeof(i), INBOUND));
		for (unsigned i = 0; i < MANY; i++)
			assert_false(take(&again, 1, &i, sizeof(i), INBOUND));
		for (unsigned i = 0; i < MANY; i++)
			live_release(&claims[i]);
	}
	free(claims);
}

/* A call that is refused for our room alone would be the worse evil. */
static void a_full_bucket_lets_them_live_without_a_word(void **state)
{
	struct live_claim claims[LIVE_WORDS], more;
	uint8_t name[LIVE_NAME_SIZE] = { 0 };

	(void)state;
	for (uint8_t i = 0; i < LIVE_WORDS; i++) {
		name[0] = i;
		assert_true(live_take(table, &claims[i], 0, name, INBOUND));
		assert_non_null(claims[i].word);
	}
	name[0] = LIVE_WORDS;
	assert_true(live_take(table, &more, 0, name, INBOUND));
	assert_null(more.word);
	live_release(&more);
	for (int i = 0; i < LIVE_WORDS; i++)
		live_release(&claims[i]);
}

enum { RACERS = 4, RACES = 2000 };
static pthread_barrier_t start;
static _Atomic int winners;
static _Atomic bool twice;

static void *race(void *arg)
{
	unsigned process = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < RACES; i++) {
		struct live_claim claim;

		pthread_barrier_wait(&start);
		if (take(&claim, process, &i, sizeof(i), INBOUND))
			atomic_fetch_add(&winners, 1);
		pthread_barrier_wait(&start);
		/* Two that saw each other may both have lost. */
		if (atomic_load(&winners) > 1)
			atomic_store(&twice, true);
		pthread_barrier_wait(&start);
		atomic_store(&winners, 0);
		live_release(&claim);
	}
	return NULL;
}

static void of_those_that_come_at_once_one_lives_at_most(void **state)
{
	pthread_t threads[RACERS];

	(void)state;
	pthread_barrier_init(&start, NULL, RACERS);
	for (uintptr_t i = 0; i < RACERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, race, (void *)i), 0);
	for (int i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
	assert_false(atomic_load(&twice));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_is_live_once_until_it_is_released),
		cmocka_unit_test(tracks_may_come_apart_but_none_of_them_twice),
		cmocka_unit_test(what_a_dead_process_held_is_taken_back),
		cmocka_unit_test(many_streams_find_their_places),
		cmocka_unit_test(a_full_bucket_lets_them_live_without_a_word),
		cmocka_unit_test(of_those_that_come_at_once_one_lives_at_most),
	};

	return cmocka_run_group_tests_name("live", tests, make_table,
					   free_table);
}
