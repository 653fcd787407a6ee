/*
 * one_time_test.c - tokens of ours: what opens a call, once; and the table of
 * what was used, under threads that all want the same
 */
#include "auth_kit.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>

#define NOW 1700000000000u
#define TTL 60000u

static struct once_table used;
static struct one_time_keys keys;

static void fresh(void)
{
	memset(&used, 0, sizeof(used));
	one_time_read_keys(&keys);
}

static const char *issue(const char *provider, const char *call_id)
{
	static char token[ONE_TIME_TOKEN_SIZE];

	assert_int_equal(one_time_issue(token, sizeof(token), provider, call_id,
					NOW, TTL),
			 0);
	assert_int_equal(strspn(token, "0123456789abcdef"),
			 ONE_TIME_TOKEN_SIZE - 1);
	return token;
}

static const char *take(const char *token, const char *provider,
			uint64_t now_ms)
{
	uint64_t tag;
	const char *wrong =
		one_time_take(token, provider, &keys, &used, now_ms, &tag);

	return wrong ? wrong : "passed";
}

static int publish_none(void **state)
{
	(void)state;
	return one_time_publish_keys(NULL, 0);
}

static void a_token_opens_one_call_once_and_for_a_while(void **state)
{
	const char *token = issue("plivo", "");

	(void)state;
	fresh();
	assert_string_equal(take(token, "plivo", NOW + TTL), "expired");
	assert_string_equal(take(token, "twilio", NOW), "mismatch");
	assert_string_equal(take(token, "plivo", NOW + TTL - 1), "passed");
	assert_string_equal(take(token, "plivo", NOW), "used_before");
	assert_string_equal(take(token, "plivo", NOW + TTL - 1), "used_before");
	assert_string_equal(take(issue("plivo", ""), "plivo", NOW), "passed");
}

static void a_token_that_is_not_ours_is_refused(void **state)
{
	char token[ONE_TIME_TOKEN_SIZE];

	(void)state;
	fresh();
	assert_string_equal(take("", "plivo", NOW), "malformed");
	assert_string_equal(take("0", "plivo", NOW), "malformed");
	memset(token, 'g', sizeof(token) - 1);
	token[sizeof(token) - 1] = '\0';
	assert_string_equal(take(token, "plivo", NOW), "malformed");
	/* Each of its digits matters. */
	for (size_t i = 0; i < ONE_TIME_TOKEN_SIZE - 1; i++) {
		memcpy(token, issue("plivo", ""), sizeof(token));
		token[i] = token[i] == '0' ? '1' : '0';
		assert_string_not_equal(take(token, "plivo", NOW), "passed");
	}
}

static void a_token_may_be_for_one_call(void **state)
{
	struct auth_memory memory = { .used = &used,
				      .keys = &keys,
				      .provider = "plivo" };
	struct auth_verdict verdict;

	(void)state;
	fresh();
	auth_judge_start(issue("plivo", "CA1"), "CA1", &memory, NOW, &verdict);
	assert_int_equal(verdict.status, 0);
	auth_judge_start(issue("plivo", "CA1"), "CA2", &memory, NOW, &verdict);
	assert_string_equal(verdict.reason, "another_call");
	auth_judge_start(issue("plivo", "CA1"), NULL, &memory, NOW, &verdict);
	assert_string_equal(verdict.reason, "another_call");
	auth_judge_start(issue("plivo", ""), NULL, &memory, NOW, &verdict);
	assert_int_equal(verdict.status, 0);
	auth_judge_start(NULL, "CA1", &memory, NOW, &verdict);
	assert_string_equal(verdict.reason, "missing");
	assert_int_equal(verdict.status, 401);
	assert_int_equal(verdict.check, AUTH_ONE_TIME);
}

static void nodes_with_one_secret_take_each_others_tokens(void **state)
{
	static const char *const old[] = { "the secret of yesterday" };
	static const char *const both[] = { "the secret of today",
					    "the secret of yesterday" };
	static const char *const none[] = { "another secret altogether" };
	char token[ONE_TIME_TOKEN_SIZE];

	(void)state;
	assert_int_equal(one_time_publish_keys(old, 1), 0);
	memcpy(token, issue("plivo", ""), sizeof(token));
	assert_int_equal(one_time_publish_keys(both, 2), 0);
	fresh();
	assert_string_equal(take(token, "plivo", NOW), "passed");
	/* The first one signs. */
	memcpy(token, issue("plivo", ""), sizeof(token));
	assert_int_equal(one_time_publish_keys(both, 1), 0);
	fresh();
	assert_string_equal(take(token, "plivo", NOW), "passed");
	assert_int_equal(one_time_publish_keys(none, 1), 0);
	fresh();
	assert_string_equal(take(token, "plivo", NOW), "mismatch");
	/* Without a secret the keys that are there stay. */
	memcpy(token, issue("plivo", ""), sizeof(token));
	assert_int_equal(one_time_publish_keys(NULL, 0), 0);
	fresh();
	assert_string_equal(take(token, "plivo", NOW), "passed");
}

static void too_little_room_is_said(void **state)
{
	char token[ONE_TIME_TOKEN_SIZE - 1];

	(void)state;
	assert_int_equal(
		one_time_issue(token, sizeof(token), "plivo", "", NOW, TTL),
		-ENOSPC);
}

/* ---- the table -------------------------------------------------------------
 */

static void make_id(uint8_t id[16], uint64_t place, uint64_t hash)
{
	memcpy(id, &hash, 8);
	memcpy(id + 8, &place, 8);
}

static void a_full_bucket_refuses_until_something_expires(void **state)
{
	uint8_t id[16];

	(void)state;
	memset(&used, 0, sizeof(used));
	for (uint64_t i = 0; i < ONCE_WORDS; i++) {
		make_id(id, 3, 2 * i + 3);
		assert_int_equal(once_use(&used, id, 100, 110 + i), ONCE_FIRST);
	}
	make_id(id, 3, 1001);
	assert_int_equal(once_use(&used, id, 100, 200), ONCE_FULL);
	assert_int_equal(once_use(&used, id, 110, 200), ONCE_FULL);
	assert_int_equal(once_use(&used, id, 111, 200), ONCE_FIRST);
	make_id(id, 3, 1003);
	assert_int_equal(once_use(&used, id, 111, 200), ONCE_FULL);
	/* Another bucket has room. */
	make_id(id, 4, 1003);
	assert_int_equal(once_use(&used, id, 100, 200), ONCE_FIRST);
}

static void expiry_goes_round_with_its_24_bits(void **state)
{
	const uint64_t edge = (1u << 24) - 2;
	uint8_t id[16];

	(void)state;
	memset(&used, 0, sizeof(used));
	make_id(id, 1, 5);
	assert_int_equal(once_use(&used, id, edge, edge + 10), ONCE_FIRST);
	assert_int_equal(once_use(&used, id, edge + 10, edge + 20), ONCE_AGAIN);
	assert_int_equal(once_use(&used, id, edge + 11, edge + 20), ONCE_FIRST);
}

#define ROUNDS 2000
#define RACERS 4

static _Atomic unsigned firsts[ROUNDS];
static pthread_barrier_t all;

/* In step, so that all of them want the same id in the same second. Each round
 * some words expire, so that free places come and go below the others. */
static void *race(void *arg)
{
	uint8_t id[16];

	for (uint64_t i = 0; i < ROUNDS; i++) {
		(void)pthread_barrier_wait(&all);
		make_id(id, 1, i * 0x9e3779b97f4a7c15u);
		if (once_use(&used, id, i, i + i % 7) == ONCE_FIRST)
			atomic_fetch_add(&firsts[i], 1);
	}
	return arg;
}

static void of_many_who_want_the_same_at_most_one_gets_it(void **state)
{
	pthread_t threads[RACERS];
	unsigned got = 0;

	(void)state;
	memset(&used, 0, sizeof(used));
	assert_int_equal(pthread_barrier_init(&all, NULL, RACERS), 0);
	for (int i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, NULL),
				 0);
	for (int i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&all);
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_in_range(firsts[i], 0, 1);
		got += firsts[i];
	}
	/* Where all saw each other, all were refused: that is rare. */
	assert_in_range(got, ROUNDS / 2, ROUNDS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			a_token_opens_one_call_once_and_for_a_while,
			publish_none),
		cmocka_unit_test(a_token_that_is_not_ours_is_refused),
		cmocka_unit_test(a_token_may_be_for_one_call),
		cmocka_unit_test(nodes_with_one_secret_take_each_others_tokens),
		cmocka_unit_test(too_little_room_is_said),
		cmocka_unit_test(a_full_bucket_refuses_until_something_expires),
		cmocka_unit_test(expiry_goes_round_with_its_24_bits),
		cmocka_unit_test(of_many_who_want_the_same_at_most_one_gets_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
