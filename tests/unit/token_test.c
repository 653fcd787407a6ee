/* token_test.c - the admin token is made once, kept, and never guessed at */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/control/token.h"

static char dir[64], path[96];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/token_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/admin.token", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir); /* fails if anything else was left behind */
}

static void the_first_start_makes_it_and_the_next_reads_it(void **state)
{
	char first[TOKEN_SIZE], second[TOKEN_SIZE];
	struct stat st;

	(void)state;
	assert_int_equal(token_load(path, first), 0);
	assert_int_equal(strlen(first), 43); /* 32 bytes as base64url */
	assert_int_equal(strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789-_"),
			 43);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(token_load(path, second), 0);
	assert_string_equal(first, second);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(token_load(path, second), 0);
	assert_string_not_equal(first, second);
}

static void a_token_of_ones_own_is_taken_or_refused_whole(void **state)
{
	static const struct {
		const char *content, *token; /* token NULL: refused */
	} rows[] = {
		{ "0123456789abcdef0123456789abcdef\n",
		  "0123456789abcdef0123456789abcdef" },
		{ "0123456789abcdef0123456789abcdef\r\n",
		  "0123456789abcdef0123456789abcdef" },
		{ "0123456789abcdef0123456789abcdef",
		  "0123456789abcdef0123456789abcdef" },
		{ "", NULL },
		{ "\n", NULL },
		{ "short\n", NULL },
		{ "0123456789abcdef 0123456789abcdef\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char token[TOKEN_SIZE] = "";
		FILE *out = fopen(path, "we");
		int r;

		print_message("  row %zu\n", i);
		assert_non_null(out);
		fputs(rows[i].content, out);
		fclose(out);
		r = token_load(path, token);
		if (rows[i].token) {
			assert_int_equal(r, 0);
			assert_string_equal(token, rows[i].token);
		} else {
			assert_int_equal(r, -EINVAL);
		}
	}
}

static void a_place_that_cannot_be_written_is_an_error(void **state)
{
	char token[TOKEN_SIZE];

	(void)state;
	assert_int_equal(token_load("/nonexistent/admin.token", token),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_first_start_makes_it_and_the_next_reads_it, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_token_of_ones_own_is_taken_or_refused_whole, set_up,
			tear_down),
		cmocka_unit_test(a_place_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
