/*
 * operations_log_test.c - who did what: a line each, whole or not there
 */
#include "outbox_kit.h"

#include <jansson.h>

#include "persistence/disk.h"
#include "persistence/operations.h"
#include "persistence/operations_log.h"

static const char *path_of(const char *dir, const char *name)
{
	static char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int write_down(const char *dir, const char *who, int error)
{
	struct uuid ids[2] = { kit_entity(1), kit_entity(2) };

	return operations_log(
		dir,
		&(struct operation){ .verb = OPERATION_HOLD,
				     .ids = ids,
				     .count = 2,
				     .who = who },
		&(struct operation_result){ .done = 1, .missing = 1 }, error);
}

/* The `who` of each line that is JSON, one behind the other. */
static void expect_who(const char *dir, const char *name, const char *all)
{
	FILE *file = fopen(path_of(dir, name), "r");
	char seen[200] = "", *line = NULL;
	size_t room = 0;

	assert_non_null(file);
	while (getline(&line, &room, file) > 0) {
		json_t *json = json_loads(line, 0, NULL);

		if (json)
			strncat(seen,
				json_string_value(json_object_get(json, "who")),
				20);
		json_decref(json);
	}
	free(line);
	(void)fclose(file);
	assert_string_equal(seen, all);
}

static void each_has_a_line(void **state)
{
	assert_int_equal(write_down(*state, "ann", 0), 0);
	assert_int_equal(write_down(*state, "\"\n", -ENOSPC), 0);
	assert_int_equal(write_down(*state, "bob", 0), 0);
	expect_who(*state, "operations.log", "ann\"\nbob");
}

static void a_line_that_was_cut_short_spoils_no_other(void **state)
{
	const char *path = path_of(*state, "operations.log");
	struct stat st;

	assert_int_equal(write_down(*state, "ann", 0), 0);
	assert_int_equal(write_down(*state, "bob", 0), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 9), 0);
	assert_int_equal(write_down(*state, "cat", 0), 0);
	expect_who(*state, "operations.log", "anncat");
}

static int refuse_syncs(const char *operation)
{
	return strstr(operation, "sync") ? -EIO : 0;
}

static void what_could_not_be_written_is_not_half_there(void **state)
{
	assert_int_equal(write_down(*state, "ann", 0), 0);
	disk_set_fault(refuse_syncs);
	assert_int_equal(write_down(*state, "bob", 0), -EIO);
	disk_set_fault(NULL);
	expect_who(*state, "operations.log", "ann");
	assert_int_equal(write_down(*state, "cat", 0), 0);
	expect_who(*state, "operations.log", "anncat");
}

/* One is kept beside the new one. */
static void a_long_one_makes_room(void **state)
{
	const char *path = path_of(*state, "operations.log");

	assert_int_equal(write_down(*state, "ann", 0), 0);
	assert_int_equal(truncate(path, 16 * 1024 * 1024 + 1), 0);
	assert_int_equal(write_down(*state, "bob", 0), 0);
	assert_int_equal(write_down(*state, "cat", 0), 0);
	expect_who(*state, "operations.log", "cat");
	expect_who(*state, "operations.log.1", "annbob");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(each_has_a_line),
		kit_test(a_line_that_was_cut_short_spoils_no_other),
		kit_test(what_could_not_be_written_is_not_half_there),
		kit_test(a_long_one_makes_room),
	};

	return cmocka_run_group_tests_name("operations_log", tests, NULL, NULL);
}
