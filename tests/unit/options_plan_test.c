/* options_plan_test.c - what a plan's options mean when something is left out
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tools/holdload/options.h"
#include "tools/holdload/options_plan.h"
#include "tools/holdload/options_table.h"

static struct options options_to(const char *address)
{
	struct options options = { .address_count = 1 };
	struct sockaddr_in to = { .sin_family = AF_INET };

	assert_int_equal(inet_pton(AF_INET, address, &to.sin_addr), 1);
	memcpy(&options.addresses[0].name, &to, sizeof(to));
	return options;
}

static int take(struct options *options, const char *name, const char *text)
{
	static char kept[16];
	const struct option_row *row = option_find(&options_table, name);

	(void)snprintf(kept, sizeof(kept), "%s", text);
	return row->take(options, row, kept);
}

static void finish(struct options *options, const char *calls)
{
	assert_int_equal(take(options, "calls", calls), 0);
	assert_int_equal(options_finish_plan(options), 0);
}

static void the_loopback_has_an_address_for_each_20000_calls(void **state)
{
	static const struct {
		const char *to, *calls;
		unsigned sources;
	} rows[] = {
		{ "127.0.0.1", "20000", 0 },
		{ "127.0.0.1", "20001", 2 },
		{ "127.9.9.9", "100000", 5 },
		{ "192.0.2.1", "100000", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options options = options_to(rows[i].to);

		finish(&options, rows[i].calls);
		if (options.source_count != rows[i].sources)
			fail_msg("%s %s: %u", rows[i].to, rows[i].calls,
				 options.source_count);
	}
}

static void each_of_them_is_another(void **state)
{
	struct options options = options_to("127.0.0.1");
	const struct sockaddr_in *third;

	(void)state;
	finish(&options, "60000");
	third = (const void *)&options.sources[2].name;
	assert_int_equal(options.sources[2].size, sizeof(*third));
	assert_int_equal(ntohl(third->sin_addr.s_addr), INADDR_LOOPBACK + 2);
}

static void what_was_bound_stays(void **state)
{
	struct options options = options_to("127.0.0.1");

	(void)state;
	assert_int_equal(options_add_source(&options, "127.0.0.9"), 0);
	finish(&options, "100000");
	assert_int_equal(options.source_count, 1);
}

static void a_few_calls_need_one_thread_and_no_run_more_than_calls(void **state)
{
	struct options options = options_to("127.0.0.1");

	(void)state;
	finish(&options, "900");
	assert_int_equal(options.threads, 1);
	options = options_to("127.0.0.1");
	assert_int_equal(take(&options, "threads", "64"), 0);
	assert_int_equal(take(&options, "handshakes", "1"), 0);
	finish(&options, "3");
	assert_int_equal(options.threads, 3);
	assert_int_equal(options.handshakes, 3); /* each must come to one */
}

static void a_seed_that_was_given_is_kept_another_is_made(void **state)
{
	struct options options = options_to("127.0.0.1");
	uint64_t first;

	(void)state;
	assert_int_equal(take(&options, "seed", "77"), 0);
	finish(&options, "1");
	assert_int_equal(options.seed, 77);
	options = options_to("127.0.0.1");
	finish(&options, "1");
	first = options.seed;
	options = options_to("127.0.0.1");
	finish(&options, "1");
	assert_int_not_equal(options.seed, first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_loopback_has_an_address_for_each_20000_calls),
		cmocka_unit_test(each_of_them_is_another),
		cmocka_unit_test(what_was_bound_stays),
		cmocka_unit_test(
			a_few_calls_need_one_thread_and_no_run_more_than_calls),
		cmocka_unit_test(a_seed_that_was_given_is_kept_another_is_made),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
