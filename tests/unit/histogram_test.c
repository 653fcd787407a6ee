/* histogram_test.c - three digits from a microsecond to minutes; merging adds
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tools/holdload/histogram.h"

static struct histogram *filled(uint64_t from, uint64_t to)
{
	struct histogram *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	for (uint64_t v = from; v <= to; v++)
		histogram_add(h, v);
	return h;
}

static void assert_three_digits(uint64_t found, double exact)
{
	if ((double)found < exact || (double)found > exact * 1.001 + 1)
		fail_msg("%f: %llu", exact, (unsigned long long)found);
}

static void quantiles_are_right_to_a_thousandth(void **state)
{
	static const double parts[] = { 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0 };
	struct histogram *h = filled(1, 100000);

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_three_digits(histogram_quantile(h, parts[i]),
				    parts[i] * 100000);
	assert_int_equal(h->max, 100000);
	assert_true(histogram_mean(h) > 50000 && histogram_mean(h) < 50001);
	free(h);
}

/* A larger value beside it keeps the maximum from being the answer. */
static void any_value_up_to_minutes_is_known_to_three_digits(void **state)
{
	const uint64_t most = (uint64_t)15 * 60 * 1000000;
	struct histogram *h = calloc(1, sizeof(*h));

	(void)state;
	assert_non_null(h);
	for (uint64_t v = 1; v <= most; v += v / 7 + 1) {
		*h = (struct histogram){ 0 };
		histogram_add(h, v);
		histogram_add(h, 2 * most);
		assert_three_digits(histogram_quantile(h, 0.5), (double)v);
		assert_int_equal(histogram_quantile(h, 1), 2 * most);
	}
	free(h);
}

static void one_bad_value_of_ten_thousand_is_the_p9999(void **state)
{
	struct histogram *h = filled(1, 1);

	(void)state;
	for (int i = 0; i < 9998; i++)
		histogram_add(h, 1);
	histogram_add(h, 5000);
	assert_int_equal(histogram_quantile(h, 0.9999), 1);
	histogram_add(h, 5000);
	assert_three_digits(histogram_quantile(h, 0.9999), 5000);
	free(h);
}

static void small_values_are_exact(void **state)
{
	struct histogram *h = filled(0, 1023);

	(void)state;
	assert_int_equal(histogram_quantile(h, 0.5), 511);
	assert_int_equal(histogram_quantile(h, 1), 1023);
	free(h);
}

static void merging_is_as_if_one_had_counted_all(void **state)
{
	struct histogram *low = filled(1, 500), *high = filled(501, 1000);
	struct histogram *all = filled(1, 1000);

	(void)state;
	histogram_merge(low, high);
	assert_memory_equal(low, all, sizeof(*all));
	free(low);
	free(high);
	free(all);
}

static void an_empty_one_and_the_largest_value_are_no_trouble(void **state)
{
	struct histogram *h = calloc(1, sizeof(*h));

	(void)state;
	assert_non_null(h);
	assert_int_equal(histogram_quantile(h, 0.99), 0);
	histogram_add(h, UINT64_MAX);
	assert_true(histogram_quantile(h, 0.99) > 0);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_right_to_a_thousandth),
		cmocka_unit_test(
			any_value_up_to_minutes_is_known_to_three_digits),
		cmocka_unit_test(one_bad_value_of_ten_thousand_is_the_p9999),
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(merging_is_as_if_one_had_counted_all),
		cmocka_unit_test(
			an_empty_one_and_the_largest_value_are_no_trouble),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
