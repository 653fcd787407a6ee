/* options_table_test.c - the table of options, and what must agree with it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/holdload/options.h"
#include "tools/holdload/options_table.h"
#include "tools/holdload/serve/options.h"

static void there_is_room_for_all_rows_and_each_has_its_own_name(void **state)
{
	const struct option_table *const tables[] = { &options_table,
						      &serve_options_table };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct option_row *row;
		size_t count = 0;

		for (; (row = option_at(tables[i], count)); count++)
			assert_ptr_equal(option_find(tables[i], row->name),
					 row);
		assert_true(count > 0 && count <= OPTIONS_MAX);
		assert_null(option_find(tables[i], "nothing-of-ours"));
	}
}

/* A whole file; the caller frees it. */
static char *read_whole(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = calloc(1, 1 << 18);

	assert_non_null(in);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 18) - 1, in) > 0);
	(void)fclose(in);
	return text;
}

/* As troff has it: "\-\-json\-calls". */
static void put_escaped(char *out, const char *name)
{
	out += sprintf(out, "\\-\\-");
	for (; *name; name++)
		out += sprintf(out, *name == '-' ? "\\-" : "%c", *name);
}

static void assert_has_all(const char *page, const struct option_table *table)
{
	const struct option_row *row;
	char name[80];

	for (size_t i = 0; (row = option_at(table, i)); i++) {
		put_escaped(name, row->name);
		if (!strstr(page, name))
			fail_msg("%s is not in docs/man/holdload.1", name);
	}
}

static void the_manual_page_has_every_option(void **state)
{
	char *page = read_whole("../docs/man/holdload.1");
	char *serve = strstr(page, ".SH SERVE");

	(void)state;
	assert_non_null(serve);
	assert_has_all(serve, &serve_options_table);
	*serve = '\0';
	assert_has_all(page, &options_table);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			there_is_room_for_all_rows_and_each_has_its_own_name),
		cmocka_unit_test(the_manual_page_has_every_option),
	};

	return cmocka_run_group_tests_name("options table", tests, NULL, NULL);
}
