/* table_test.c - tables stand straight, on any terminal, whatever is in them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/human.h"
#include "tools/holdctl/table.h"

static const struct table_column columns[] = {
	{ .title = "NAME", .elastic = true },
	{ .title = "N", .right = true },
	{ .title = "NOTE", .elastic = true },
};

static void assert_table(const char *const (*rows)[3], size_t count,
			 size_t width, const char *expected)
{
	struct table *table = table_create(columns, 3);
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	for (size_t i = 0; i < count; i++)
		table_add(table, rows[i]);
	assert_int_equal(table_print(table, out, width), 0);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	assert_null(table_destroy(table));
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	static const char *const rows[][3] = {
		{ "a", "1", "short" },
		{ "longer", "12345", "x" },
	};

	(void)state;
	assert_table(rows, 2, 0,
		     "NAME        N  NOTE\n"
		     "a           1  short\n"
		     "longer  12345  x\n");
	assert_table(rows, 0, 0, "NAME  N  NOTE\n");
}

static void what_is_missing_shows_as_a_dash(void **state)
{
	static const char *const rows[][3] = { { NULL, "", "x" } };

	(void)state;
	assert_table(rows, 1, 0,
		     "NAME  N  NOTE\n"
		     "-     -  x\n");
}

static void a_narrow_terminal_cuts_elastic_columns_alone(void **state)
{
	static const char *const rows[][3] = {
		{ "0123456789abcdef", "1234567", "0123456789" },
	};

	(void)state;
	/* 37 wide as it is. */
	assert_table(rows, 1, 37,
		     "NAME                    N  NOTE\n"
		     "0123456789abcdef  1234567  0123456789\n");
	assert_table(rows, 1, 32,
		     "NAME               N  NOTE\n"
		     "0123456789…  1234567  0123456789\n");
	/* No further than eight characters, however narrow. */
	assert_table(rows, 1, 10,
		     "NAME            N  NOTE\n"
		     "0123456…  1234567  0123456…\n");
}

static void foreign_text_cannot_command_the_terminal(void **state)
{
	static const char *const rows[][3] = {
		{ "\x1b[31mred", "7\n",
		  "a\xc2\x9b"
		  "b" },
	};

	(void)state;
	assert_table(rows, 1, 0,
		     "NAME       N  NOTE\n"
		     "?[31mred  7?  a??b\n");
}

static void umlauts_count_as_one_character(void **state)
{
	static const char *const rows[][3] = {
		{ "Zürich", "1", "x" },
		{ "Bern", "1", "x" },
	};

	(void)state;
	assert_table(rows, 2, 0,
		     "NAME    N  NOTE\n"
		     "Zürich  1  x\n"
		     "Bern    1  x\n");
}

static void sizes_and_ages_read_well(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 1024 * 1024 - 1, "1.0 MiB" },
		{ 1ull << 30, "1.0 GiB" },
		{ 1ull << 50, "1024.0 TiB" },
	};
	static const struct {
		int64_t seconds;
		const char *text;
	} ages[] = {
		{ -5, "0s" },	     { 0, "0s" },	 { 59, "59s" },
		{ 60, "1m00s" },     { 3599, "59m59s" }, { 3600, "1h00m" },
		{ 86399, "23h59m" }, { 86400, "1d00h" }, { 1000000, "11d13h" },
	};
	char out[HUMAN_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_string_equal(human_bytes(sizes[i].bytes, out),
				    sizes[i].text);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		assert_string_equal(human_age(ages[i].seconds, out),
				    ages[i].text);
	assert_string_equal(human_time("2026-11-23T06:17:00.123456Z", out),
			    "2026-11-23 06:17:00");
	assert_string_equal(human_time(NULL, out), "-");
	assert_string_equal(human_time("yesterday", out), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(what_is_missing_shows_as_a_dash),
		cmocka_unit_test(a_narrow_terminal_cuts_elastic_columns_alone),
		cmocka_unit_test(foreign_text_cannot_command_the_terminal),
		cmocka_unit_test(umlauts_count_as_one_character),
		cmocka_unit_test(sizes_and_ages_read_well),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
