/* limits_test.c - how often one address may come, try and fail */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/auth/limits.h"

static const struct limit_rates rates = { .handshakes_per_second = 5,
					  .refusals_per_minute = 3 };

static struct address address(const char *text)
{
	struct address a;

	assert_true(address_parse(text, &a));
	return a;
}

static enum limit_answer ask(struct limits *limits, const char *from,
			     uint64_t now_ms)
{
	struct address a = address(from);
	uint32_t to_tell;

	return limits_ask(limits, &a, &rates, now_ms, &to_tell);
}

static void handshakes_are_limited_a_second_and_by_address(void **state)
{
	struct limits *limits;

	(void)state;
	assert_int_equal(limits_create(&limits, 1), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(limits, "192.0.2.1", 1000), LIMIT_PASSED);
	assert_int_equal(ask(limits, "192.0.2.1", 1000), LIMIT_HANDSHAKES);
	assert_int_equal(ask(limits, "192.0.2.2", 1000), LIMIT_PASSED);
	/* A fifth of a second is worth one. */
	assert_int_equal(ask(limits, "192.0.2.1", 1199), LIMIT_HANDSHAKES);
	assert_int_equal(ask(limits, "192.0.2.1", 1201), LIMIT_PASSED);
	assert_int_equal(ask(limits, "192.0.2.1", 1201), LIMIT_HANDSHAKES);
	/* Nobody saves up more than a second's worth. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(limits, "192.0.2.1", 900000),
				 LIMIT_PASSED);
	assert_int_equal(ask(limits, "192.0.2.1", 900000), LIMIT_HANDSHAKES);
	limits_destroy(limits);
}

static void refusals_are_limited_a_minute(void **state)
{
	struct address a = address("192.0.2.1");
	struct limits *limits;

	(void)state;
	assert_int_equal(limits_create(&limits, 1), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(limits, "192.0.2.1", 1000), LIMIT_PASSED);
		limits_note_refusal(limits, &a, &rates, 1000);
	}
	assert_int_equal(ask(limits, "192.0.2.1", 2000), LIMIT_REFUSALS);
	assert_int_equal(ask(limits, "192.0.2.2", 2000), LIMIT_PASSED);
	assert_int_equal(ask(limits, "192.0.2.1", 20000), LIMIT_REFUSALS);
	assert_int_equal(ask(limits, "192.0.2.1", 21001), LIMIT_PASSED);
	limits_destroy(limits);
}

static void a_rate_of_0_is_no_limit(void **state)
{
	static const struct limit_rates none = { 0 };
	struct address a = address("192.0.2.1");
	struct limits *limits;
	uint32_t to_tell;

	(void)state;
	assert_int_equal(limits_create(&limits, 1), 0);
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(limits_ask(limits, &a, &none, 1000, &to_tell),
				 LIMIT_PASSED);
		limits_note_refusal(limits, &a, &none, 1000);
	}
	limits_destroy(limits);
}

static void a_subscriber_of_ipv6_is_one_address(void **state)
{
	struct limits *limits;
	char text[48];

	(void)state;
	assert_int_equal(limits_create(&limits, 1), 0);
	for (unsigned i = 0; i < 5; i++) {
		(void)snprintf(text, sizeof(text), "2001:db8:0:7::%x", i);
		assert_int_equal(ask(limits, text, 1000), LIMIT_PASSED);
	}
	assert_int_equal(ask(limits, "2001:db8:0:7:ffff::1", 1000),
			 LIMIT_HANDSHAKES);
	assert_int_equal(ask(limits, "2001:db8:0:8::1", 1000), LIMIT_PASSED);
	limits_destroy(limits);
}

static void a_flood_is_told_now_and_then_with_its_size(void **state)
{
	struct address a = address("192.0.2.1");
	struct limits *limits;
	uint32_t to_tell, told = 0, lines = 0;

	(void)state;
	assert_int_equal(limits_create(&limits, 1), 0);
	/* 25 seconds of 100 a second, of which 5 pass. */
	for (unsigned i = 0; i < 2500; i++) {
		(void)limits_ask(limits, &a, &rates, 1000 + i * 10, &to_tell);
		told += to_tell;
		lines += to_tell > 0;
	}
	assert_int_equal(lines, 3);
	assert_in_range(told, 1800, 2000); /* the last seconds are untold */
	limits_destroy(limits);
}

/* Whoever has many addresses only ever drives out the one heard least of. */
static void the_table_is_bounded(void **state)
{
	struct limits *limits;
	char text[48];

	(void)state;
	assert_int_equal(limits_create(&limits, 7), 0);
	for (unsigned i = 0; i < 200000; i++) {
		(void)snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16,
			       i >> 8 & 255, i & 255);
		assert_int_equal(ask(limits, text, 1000 + i), LIMIT_PASSED);
	}
	limits_destroy(limits);
}

static void our_own_machine_is_not_limited(void **state)
{
	struct address here = address("127.0.0.1");
	enum limit_answer answer = LIMIT_PASSED;
	struct limits *limits;
	uint32_t to_tell;

	(void)state;
	assert_int_equal(limits_create(&limits, 1), 0);
	for (int i = 0; i < 100; i++) {
		assert_true(
			limits_connect(limits, &here, &rates, 1000, &to_tell));
		assert_int_equal(ask(limits, "127.0.0.1", 1000), LIMIT_PASSED);
		limits_note_refusal(limits, &here, &rates, 1000);
		answer = ask(limits, "192.0.2.1", 1000);
	}
	assert_int_equal(answer, LIMIT_HANDSHAKES);
	limits_destroy(limits);
}

/* Who says nothing makes no handshakes, and yet takes a place. */
static void connections_are_limited_at_twice_the_rate(void **state)
{
	struct address a = address("192.0.2.1"), b = address("192.0.2.2");
	const struct limit_rates none = { 0 };
	struct limits *limits;
	uint32_t to_tell;

	(void)state;
	assert_int_equal(limits_create(&limits, 1), 0);
	for (int i = 0; i < 10; i++)
		assert_true(limits_connect(limits, &a, &rates, 1000, &to_tell));
	assert_false(limits_connect(limits, &a, &rates, 1000, &to_tell));
	assert_int_equal(to_tell, 1);
	assert_false(limits_connect(limits, &a, &rates, 1099, &to_tell));
	assert_int_equal(to_tell, 0);
	assert_true(limits_connect(limits, &a, &rates, 1101, &to_tell));
	assert_true(limits_connect(limits, &b, &rates, 1101, &to_tell));
	for (int i = 0; i < 100; i++)
		assert_true(limits_connect(limits, &b, &none, 1101, &to_tell));
	/* What was not counted then is not owed after a reload. */
	assert_true(limits_connect(limits, &b, &rates, 1301, &to_tell));
	limits_destroy(limits);
}

static void so_many_may_be_open_at_once(void **state)
{
	const struct limit_rates few = { .connections = 2 };
	struct address a = address("2001:db8::1"), b = address("2001:db8::2");
	struct address c = address("2001:db8:0:1::1");
	struct limits *limits;
	uint32_t to_tell;

	(void)state;
	assert_int_equal(limits_create(&limits, 1), 0);
	assert_true(limits_connect(limits, &a, &few, 1000, &to_tell));
	assert_true(limits_connect(limits, &b, &few, 1000, &to_tell));
	assert_false(limits_connect(limits, &a, &few, 90000, &to_tell));
	assert_true(limits_connect(limits, &c, &few, 90000, &to_tell));
	limits_disconnect(limits, &b, &few, 90000);
	assert_true(limits_connect(limits, &a, &few, 90000, &to_tell));
	assert_false(limits_connect(limits, &a, &few, 90000, &to_tell));
	/* One too many changes nothing. */
	for (int i = 0; i < 3; i++)
		limits_disconnect(limits, &c, &few, 90000);
	assert_true(limits_connect(limits, &c, &few, 90000, &to_tell));
	assert_true(limits_connect(limits, &c, &few, 90000, &to_tell));
	assert_false(limits_connect(limits, &c, &few, 90000, &to_tell));
	limits_destroy(limits);
}

static void what_was_forgiven_does_not_count(void **state)
{
	struct address a = address("192.0.2.1");
	struct limits *limits;

	(void)state;
	assert_int_equal(limits_create(&limits, 1), 0);
	for (int i = 0; i < 3; i++)
		limits_note_refusal(limits, &a, &rates, 1000);
	assert_int_equal(ask(limits, "192.0.2.1", 1000), LIMIT_REFUSALS);
	limits_forgive(limits, &a, &rates, 1000);
	assert_int_equal(ask(limits, "192.0.2.1", 1000), LIMIT_PASSED);
	/* Nobody can save up pardons. */
	for (int i = 0; i < 10; i++)
		limits_forgive(limits, &a, &rates, 1000);
	for (int i = 0; i < 3; i++)
		limits_note_refusal(limits, &a, &rates, 1000);
	assert_int_equal(ask(limits, "192.0.2.1", 1000), LIMIT_REFUSALS);
	limits_destroy(limits);
}

static void processes_share_what_an_address_may(void **state)
{
	const struct limit_rates none = { 0 };

	(void)state;
	assert_int_equal(limits_share(&rates, 1).handshakes_per_second, 5);
	assert_int_equal(limits_share(&rates, 4).handshakes_per_second, 2);
	assert_int_equal(limits_share(&rates, 16).refusals_per_minute, 1);
	assert_int_equal(limits_share(&none, 4).refusals_per_minute, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			handshakes_are_limited_a_second_and_by_address),
		cmocka_unit_test(refusals_are_limited_a_minute),
		cmocka_unit_test(a_rate_of_0_is_no_limit),
		cmocka_unit_test(a_subscriber_of_ipv6_is_one_address),
		cmocka_unit_test(a_flood_is_told_now_and_then_with_its_size),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(our_own_machine_is_not_limited),
		cmocka_unit_test(connections_are_limited_at_twice_the_rate),
		cmocka_unit_test(so_many_may_be_open_at_once),
		cmocka_unit_test(what_was_forgiven_does_not_count),
		cmocka_unit_test(processes_share_what_an_address_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
