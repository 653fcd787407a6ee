/* turns_test.c - calls that wait for the clock, on a real libev loop
 *
 * The clock is ours; libev's timer only makes the wheel look at it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/turns.h"

#define PLAYERS 3

static struct turns turns;
static struct player {
	struct turn turn;
	unsigned came;
	uint64_t came_ms;
	uint64_t again_ms; /* waits again for so long; 0: does not */
	struct player *removes;
} players[PLAYERS];
static uint64_t now_ms;

static uint64_t clock_ms(void)
{
	return now_ms;
}

static void come(struct turn *turn, uint64_t at_ms)
{
	struct player *player = (struct player *)turn;

	player->came++;
	player->came_ms = at_ms;
	if (player->removes)
		turns_leave(&turns, &player->removes->turn);
	if (player->again_ms)
		turns_wait(&turns, turn, at_ms + player->again_ms);
}

static int begin(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PLAYERS; i++)
		players[i] = (struct player){ .came = 0 };
	now_ms = 1000;
	turns_init(&turns, ev_loop_new(0), clock_ms, come);
	return turns.ev ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	ev_loop_destroy(turns.ev);
	return 0;
}

static void at(uint64_t ms)
{
	now_ms = ms;
	(void)ev_run(turns.ev, EVRUN_ONCE);
}

static void who_waits_comes_at_his_time_or_a_little_later(void **state)
{
	(void)state;
	turns_wait(&turns, &players[0].turn, 1012);
	turns_wait(&turns, &players[0].turn, 1001); /* he waits already */
	at(1005);
	at(1010);
	assert_int_equal(players[0].came, 0);
	at(1015);
	assert_int_equal(players[0].came, 1);
	assert_false(turn_waits(&players[0].turn));
}

static void the_timer_runs_only_while_somebody_waits(void **state)
{
	(void)state;
	assert_false(ev_is_active(&turns.timer));
	turns_wait(&turns, &players[0].turn, 1001);
	assert_true(ev_is_active(&turns.timer));
	at(1005);
	assert_int_equal(players[0].came, 1);
	assert_false(ev_is_active(&turns.timer));
}

static void a_wheel_that_was_held_up_lets_all_of_them_come(void **state)
{
	(void)state;
	turns_wait(&turns, &players[0].turn, 1003);
	turns_wait(&turns, &players[1].turn, 1018);
	at(9000);
	assert_int_equal(players[0].came, 1);
	assert_int_equal(players[1].came, 1);
}

static void who_waits_again_does_not_come_twice_at_once(void **state)
{
	(void)state;
	players[0].again_ms = 1;
	turns_wait(&turns, &players[0].turn, 1001);
	at(1005);
	assert_int_equal(players[0].came, 1);
	at(1010);
	assert_int_equal(players[0].came, 2);
}

static void who_lies_beyond_the_wheel_comes_early(void **state)
{
	(void)state;
	turns_wait(&turns, &players[0].turn, 60000);
	at(1005);
	at(1010);
	at(1015);
	at(1020);
	assert_int_equal(players[0].came, 1);
}

/* One that comes ends another whose turn it is, too. */
static void who_has_left_does_not_come(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PLAYERS; i++) {
		players[i].removes = &players[(i + 1) % PLAYERS];
		turns_wait(&turns, &players[i].turn, 1001);
	}
	at(1005);
	assert_int_equal(players[0].came + players[1].came + players[2].came,
			 2);
	assert_false(ev_is_active(&turns.timer));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_waits_comes_at_his_time_or_a_little_later),
		TEST(the_timer_runs_only_while_somebody_waits),
		TEST(a_wheel_that_was_held_up_lets_all_of_them_come),
		TEST(who_waits_again_does_not_come_twice_at_once),
		TEST(who_lies_beyond_the_wheel_comes_early),
		TEST(who_has_left_does_not_come),
	};

	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
