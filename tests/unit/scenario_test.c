/* scenario_test.c - options out of a file, and what is said of those that are
 * none */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/holdload/scenario.h"

struct wanted {
	const char *path, *list[4];
	size_t listed;
	unsigned calls;
	uint64_t time_ms;
	bool echo;
};

static int take_list(void *options, const struct option_row *row, char *text)
{
	struct wanted *wanted = options;

	(void)row;
	wanted->list[wanted->listed++ % 4] = text;
	return 0;
}

#define AT(field) OPTION_AT(struct wanted, field)

static const struct option_row rows[] = {
	{ "path", "FILE", "", .take = option_take_text, AT(path) },
	{ "calls", "N", "", .take = option_take_count, AT(calls), .least = 1,
	  .most = 10 },
	{ "time", "T", "", .take = option_take_time, AT(time_ms) },
	{ "echo", NULL, "", .take = option_take_switch, AT(echo) },
	{ "fail-if", "E", "", .take = take_list, .repeats = true },
	{ "help", NULL, "", .take = option_take_switch, AT(echo),
	  .on_line_only = true },
};
static const struct option_section section = OPTION_SECTION("all", rows);
static const struct option_section *const sections[] = { &section };
static const struct option_table table = OPTION_TABLE(sections);

/* What the file says, and what is complained of it. */
static int read_text(const char *text, struct wanted *wanted, char said[512])
{
	char path[] = "/tmp/scenario_test.XXXXXX",
	     log[] = "/tmp/scenario_log.XXXXXX";
	int fd = mkstemp(path), said_to = mkstemp(log);
	int before = dup(STDERR_FILENO), r;
	ssize_t length;

	assert_true(fd >= 0 && said_to >= 0 && before >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(dup2(said_to, STDERR_FILENO), STDERR_FILENO);
	r = scenario_read(path, &table, wanted);
	(void)dup2(before, STDERR_FILENO);
	length = pread(said_to, said, 511, 0);
	said[length > 0 ? length : 0] = '\0';
	(void)close(before);
	(void)close(said_to);
	(void)close(fd);
	(void)unlink(path);
	(void)unlink(log);
	return r;
}

static void keys_are_options(void **state)
{
	struct wanted wanted = { 0 };
	char said[512];

	(void)state;
	assert_int_equal(read_text("# by night\npath: a b.wav\ncalls: 7\n"
				   "time: 2min\necho: true\nfail-if:\n"
				   "  - lost>0\n  - 'echo_p99>40ms'\n",
				   &wanted, said),
			 0);
	assert_string_equal(said, "");
	assert_string_equal(wanted.path, "a b.wav");
	assert_int_equal(wanted.calls, 7);
	assert_int_equal(wanted.time_ms, 120000);
	assert_true(wanted.echo);
	assert_int_equal(wanted.listed, 2);
	assert_string_equal(wanted.list[0], "lost>0");
	assert_string_equal(wanted.list[1], "echo_p99>40ms");
}

static void what_may_be_repeated_may_stand_alone(void **state)
{
	struct wanted wanted = { .echo = true };
	char said[512];

	(void)state;
	assert_int_equal(
		read_text("fail-if: lost>0\necho: false\n", &wanted, said), 0);
	assert_int_equal(wanted.listed, 1);
	assert_true(wanted.echo); /* as it was */
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *said;
	} rows_wrong[] = {
		{ "echo: true\ncalls: 11\n",
		  ":2: calls: a number from 1 to 10" },
		{ "calls: [1, 2]\n", ":1: calls[0]: is no key" },
		{ "a:\n  b: 1\n", ":2: a.b: is no key" },
		{ "fail-if: [{a: b}]\n", ":1: fail-if[0].a: is no key" },
		{ "help: true\n", ":1: help: is no key" },
		{ "echo: yes\n", ":1: echo: is true or false" },
		{ "calls\n", ":1: expected" },
		{ "calls: 1\n\tx: 2\n", ":2: " },
		{ "time: soon\n", ":1: time: write it like" },
	};
	struct wanted wanted = { 0 };
	char said[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows_wrong) / sizeof(rows_wrong[0]);
	     i++) {
		assert_int_equal(read_text(rows_wrong[i].text, &wanted, said),
				 2);
		if (!strstr(said, rows_wrong[i].said))
			fail_msg("%s: %s", rows_wrong[i].text, said);
	}
	assert_int_equal(scenario_read("/nowhere/x.yaml", &table, &wanted), 2);
	assert_int_equal(scenario_read("/", &table, &wanted), 2);
}

static void the_command_line_prevails(void **state)
{
	static const char *const lines[][3] = { { "x", "--calls", "3" },
						{ "x", "--calls", "0" } };
	struct wanted wanted = { .calls = 9 };
	char *argv[4] = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 3; j++)
			argv[j] = strdup(lines[i][j]);
		assert_int_equal(options_take_all(&table, &wanted, 3, argv),
				 i == 0 ? 0 : 2);
		for (size_t j = 0; j < 3; j++)
			free(argv[j]);
	}
	assert_int_equal(wanted.calls, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_options),
		cmocka_unit_test(what_may_be_repeated_may_stand_alone),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(the_command_line_prevails),
	};

	return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
