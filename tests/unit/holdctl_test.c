/* holdctl_test.c - holdctl reads a real journal, live or left behind
 *
 * A test writes a journal, runs a verb and looks at what it printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>

#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/record.h"
#include "server/clock.h"
#include "server/settings.h"
#include "server/uuid.h"
#include "tools/holdctl/arguments.h"
#include "tools/holdctl/holdctl.h"

/* Half a minute past, so that a slow machine shows the same. */
#define AGE_US	 ((2 * 3600 + 5 * 60 + 30) * INT64_C(1000000))
#define AGE_TEXT "2h05m"

#define HOUR_MS	 UINT64_C(3600000)

#define CALL_A	 "01980000-0000-7000-8000-00000000000a"
#define CALL_B	 "01990000-0000-7000-8000-00000000000b"

static const struct row {
	const char *id, *call;
	enum record_kind kind;
	uint32_t rev;
	const char *payload;
} rows[] = {
	{ "aa000000-0000-7000-8000-000000000001", CALL_A, RECORD_CALL_STARTED,
	  1, "{\"call_id\":\"" CALL_A "\",\"rev\":1}" },
	{ "ab000000-0000-7000-8000-000000000002", CALL_B, RECORD_CALL_STARTED,
	  1, "{\"call_id\":\"" CALL_B "\",\"rev\":1}" },
	{ "ac000000-0000-7000-8000-000000000003", CALL_A, RECORD_CALL_ENDED, 2,
	  "{\"call_id\":\"" CALL_A "\",\"rev\":2}" },
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static struct settings settings;
static struct journal *journal;
static struct estate *estate;
static char outbox_dir[300];

static struct record *make_record(const struct row *row)
{
	struct uuid id, call;

	assert_true(uuid_parse(row->id, &id));
	assert_true(uuid_parse(row->call, &call));
	return record_create(row->kind, &id, &call, row->rev,
			     clock_wall_us() - AGE_US, row->payload,
			     strlen(row->payload));
}

static int set_up(void **state)
{
	struct record *records[ROW_COUNT];
	struct journal_options options = { .outbox_dir = outbox_dir,
					   .role = "media",
					   .segment_bytes = 1 << 20 };

	(void)state;
	settings.outbox.segment_bytes = 1 << 20;
	settings.outbox.keep_delivered_ms = 60000;
	strcpy(settings.control.listen, "127.0.0.1:1"); /* nobody */
	strcpy(settings.data_dir, "/tmp/holdctl_test.XXXXXX");
	if (!mkdtemp(settings.data_dir))
		return -1;
	(void)snprintf(outbox_dir, sizeof(outbox_dir), "%s/outbox",
		       settings.data_dir);
	if (estate_create(&estate) < 0)
		return -1;
	options.open = estate;
	if (journal_create(&journal, &options) < 0)
		return -1;
	for (size_t i = 0; i < ROW_COUNT; i++)
		records[i] = make_record(&rows[i]);
	if (journal_commit(journal, records, ROW_COUNT) < 0)
		return -1;
	for (size_t i = 0; i < ROW_COUNT; i++)
		free(records[i]);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	journal = journal_close(journal);
	estate = estate_destroy(estate);
	return nftw(settings.data_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* What the verb wrote on stdout, for the caller to free. */
static char *output_of(int (*verb)(const struct request *),
		       struct request request, int expected_status)
{
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO), status;
	char *text;
	long length;

	assert_non_null(file);
	(void)fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	request.settings = &settings;
	status = verb(&request);
	(void)fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	length = ftell(file);
	rewind(file);
	text = calloc(1, (size_t)length + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)length, file), length);
	fclose(file);
	assert_int_equal(status, expected_status);
	return text;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void list_shows_each_waiting_record_on_a_line(void **state)
{
	char *text = output_of(outbox_list_run, (struct request){ 0 }, 0);
	char *rest = text, *line = strsep(&rest, "\n");

	(void)state;
	assert_int_equal(strncmp(line, "ID  ", 4), 0);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		line = strsep(&rest, "\n");
		assert_non_null(line);
		assert_int_equal(strncmp(line, rows[i].id, 36), 0);
		assert_non_null(strstr(line, rows[i].call));
		assert_non_null(strstr(line, record_kind_name(rows[i].kind)));
		assert_non_null(strstr(line, AGE_TEXT));
		assert_non_null(strstr(line, journal_name(journal)));
	}
	assert_string_equal(rest, "");
	free(text);
}

static void filters_leave_what_was_asked_for(void **state)
{
	static const struct {
		struct request request;
		size_t lines; /* of JSON: one a record */
	} cases[] = {
		{ { 0 }, 3 },
		{ { .kind = "call.started" }, 2 },
		{ { .kind = "call.ended" }, 1 },
		{ { .kind = "call.event" }, 0 },
		{ { .call = CALL_A }, 2 },
		{ { .call = "0199" }, 1 },
		{ { .call = "0198", .kind = "call.ended" }, 1 },
		{ { .limited = true, .limit = 2 }, 2 },
		{ { .limited = true, .limit = 0 }, 3 },
		{ { .older_ms = 2 * HOUR_MS }, 3 },
		{ { .older_ms = 3 * HOUR_MS }, 0 },
		{ { .younger_ms = 3 * HOUR_MS }, 3 },
		{ { .younger_ms = 2 * HOUR_MS }, 0 },
		{ { .state = "pending" }, 3 },
		{ { .state = "held" }, 0 },
		{ { .state = "delivered" }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request request = cases[i].request;
		char *text;

		print_message("  row %zu\n", i);
		request.json = true;
		text = output_of(outbox_list_run, request, 0);
		assert_int_equal(count_lines(text), cases[i].lines);
		free(text);
		text = output_of(outbox_export_run, request, 0);
		assert_int_equal(count_lines(text), cases[i].lines);
		free(text);
	}
	free(output_of(outbox_list_run,
		       (struct request){ .kind = "call.sneezed" },
		       STATUS_USAGE));
	free(output_of(outbox_list_run, (struct request){ .state = "lost" },
		       STATUS_USAGE));
}

static void json_has_the_fields_scripts_need(void **state)
{
	char *text =
		output_of(outbox_list_run, (struct request){ .json = true }, 0);
	json_t *line = json_loads(strtok(text, "\n"), 0, NULL);

	(void)state;
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "id")),
			    rows[0].id);
	assert_string_equal(json_string_value(json_object_get(line, "kind")),
			    "call.started");
	assert_string_equal(json_string_value(json_object_get(line, "call")),
			    CALL_A);
	assert_string_equal(json_string_value(json_object_get(line, "journal")),
			    journal_name(journal));
	assert_int_equal(json_integer_value(json_object_get(line, "rev")), 1);
	assert_int_equal(json_integer_value(json_object_get(line, "bytes")),
			 strlen(rows[0].payload));
	json_decref(line);
	free(text);
}

static void an_export_can_be_read_back(void **state)
{
	char *text = output_of(outbox_export_run, (struct request){ 0 }, 0);
	char *rest = text, *line;

	(void)state;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		struct record *record;
		const char *reason = "";

		line = strsep(&rest, "\n");
		assert_non_null(line);
		record = record_from_json(line, strlen(line), &reason);
		if (!record)
			fail_msg("%s: %s", reason, line);
		assert_int_equal(record->kind, rows[i].kind);
		free(record);
	}
	free(text);
}

static void show_takes_the_beginning_of_an_id(void **state)
{
	static const struct {
		const char *id;
		int status;
	} cases[] = {
		{ "ab000000-0000-7000-8000-000000000002", STATUS_FINE },
		{ "AB000000-0000-7000-8000-000000000002", STATUS_FINE },
		{ "ab", STATUS_FINE },
		{ "a", STATUS_FAILED },	 /* three begin so */
		{ "ff", STATUS_FAILED }, /* none does */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request request = { .operands = &cases[i].id,
					   .operand_count = 1 };
		char *text =
			output_of(outbox_show_run, request, cases[i].status);

		if (cases[i].status == STATUS_FINE)
			assert_non_null(strstr(text, CALL_B));
		free(text);
	}
}

static void status_tells_live_from_left_behind(void **state)
{
	struct request request = { .json = true };
	char *text = output_of(outbox_status_run, request, 0);

	(void)state;
	assert_non_null(strstr(text, "\"pending\":3,"));
	assert_non_null(strstr(text, "\"live\":true"));
	assert_non_null(strstr(text, "\"orphaned_calls\":0"));
	free(text);

	journal = journal_close(journal); /* as if the process had died */
	text = output_of(outbox_status_run, request, 0);
	assert_non_null(strstr(text, "\"pending\":3,"));
	assert_non_null(strstr(text, "\"live\":false"));
	assert_non_null(strstr(text, "\"orphaned_calls\":1"));
	free(text);

	text = output_of(outbox_status_run, (struct request){ 0 }, 0);
	assert_non_null(strstr(text, "process died: 1 ("));
	free(text);
}

/* --- changing, with no server ------------------------------------------- */

static size_t listed(const char *state)
{
	char *text =
		output_of(outbox_list_run,
			  (struct request){ .json = true, .state = state }, 0);
	size_t lines = count_lines(text);

	free(text);
	return lines;
}

/* As if somebody had typed that: how many were done, as the JSON says. */
static long long done_by(verb_run *verb, struct request request, int status)
{
	char *text;
	json_t *line;
	long long done;

	request.json = true;
	text = output_of(verb, request, status);
	line = json_loads(text, 0, NULL);
	done = line ? json_integer_value(json_object_get(line, "done")) : -1;
	json_decref(line);
	free(text);
	return done;
}

static void use_stdin(const char *text)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	rewind(file);
	assert_true(dup2(fileno(file), STDIN_FILENO) >= 0);
	fclose(file);
	clearerr(stdin);
}

static void which_records_are_meant_must_be_said(void **state)
{
	static const char dash[] = "-", twice[] = "a", none[] = "ff",
			  wrong[] = "call";
	static const char *const operands[] = { dash, twice, none, wrong };
	struct request ask = { .operand_count = 1 };

	(void)state;
	journal = journal_close(journal);
	assert_int_equal(
		done_by(outbox_hold_run, (struct request){ 0 }, STATUS_USAGE),
		-1);
	ask.operands = &operands[0];
	use_stdin("");
	assert_int_equal(done_by(outbox_hold_run, ask, STATUS_FINE), 0);
	use_stdin("{\"id\":7}\n");
	assert_int_equal(done_by(outbox_hold_run, ask, STATUS_USAGE), -1);
	ask.operands = &operands[1];
	assert_int_equal(done_by(outbox_hold_run, ask, STATUS_FAILED), -1);
	ask.operands = &operands[2];
	assert_int_equal(done_by(outbox_hold_run, ask, STATUS_FAILED), -1);
	ask.operands = &operands[3];
	assert_int_equal(done_by(outbox_hold_run, ask, STATUS_USAGE), -1);
	assert_int_equal(listed("held"), 0);
}

static void records_move_and_repeating_it_moves_nothing(void **state)
{
	const char *one[] = { "ab" }, *all[] = { "-" };

	(void)state;
	journal = journal_close(journal);
	assert_int_equal(
		done_by(outbox_hold_run,
			(struct request){ .all = true, .dry_run = true }, 0),
		3);
	assert_int_equal(listed("held"), 0);
	assert_int_equal(
		done_by(outbox_hold_run,
			(struct request){ .operands = one, .operand_count = 1 },
			0),
		1);
	assert_int_equal(listed("pending"), 2);
	assert_int_equal(listed("held"), 1);
	assert_int_equal(done_by(outbox_drop_run,
				 (struct request){ .kind = "call.ended" }, 0),
			 1);
	assert_int_equal(listed("pending"), 1);
	assert_int_equal(listed("dropped"), 1);
	use_stdin("ab000000-0000-7000-8000-000000000002\n\n"
		  "{\"id\":\"aa000000-0000-7000-8000-000000000001\"}\n");
	assert_int_equal(
		done_by(outbox_hold_run,
			(struct request){ .operands = all, .operand_count = 1 },
			0),
		1);
	assert_int_equal(listed("held"), 2);
	assert_int_equal(
		done_by(outbox_release_run, (struct request){ .all = true }, 0),
		2);
	assert_int_equal(
		done_by(outbox_release_run, (struct request){ .all = true }, 0),
		0);
	assert_int_equal(listed("held"), 0);
}

static void an_export_is_imported_once(void **state)
{
	char *text = output_of(outbox_export_run, (struct request){ 0 }, 0);
	const char *dash[] = { "-" };
	struct request request = { .operands = dash, .operand_count = 1 };

	(void)state;
	journal = journal_close(journal);
	for (int i = 0; i < 3; i++) {
		use_stdin(text);
		assert_int_equal(done_by(outbox_import_run, request, 0),
				 i == 0);
		assert_int_equal(listed("pending"), 2 * ROW_COUNT);
	}
	use_stdin("nonsense\n");
	assert_int_equal(done_by(outbox_import_run, request, STATUS_FAILED),
			 -1);
	assert_int_equal(listed("pending"), 2 * ROW_COUNT);
	free(text);
}

static void flip(const char *path, long at)
{
	FILE *file = fopen(path, "r+b");
	int byte;

	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	byte = fgetc(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_int_not_equal(fputc(byte ^ 1, file), EOF);
	fclose(file);
}

static void damage_is_named_and_repaired(void **state)
{
	char path[500], name[64], *text;
	const long at = 4096 + 72 + 40; /* behind the snapshot's end */

	(void)state;
	(void)snprintf(name, sizeof(name), "%s", journal_name(journal));
	(void)snprintf(path, sizeof(path), "%s/%s/pend/00000001.seg",
		       outbox_dir, name);
	free(output_of(outbox_verify_run, (struct request){ 0 }, STATUS_FINE));
	journal = journal_close(journal);
	flip(path, at);
	text = output_of(outbox_verify_run, (struct request){ 0 },
			 STATUS_FAILED);
	assert_non_null(strstr(text, name));
	assert_non_null(strstr(text, "segment 1: "));
	free(text);
	free(output_of(outbox_repair_run, (struct request){ .dry_run = true },
		       0));
	free(output_of(outbox_verify_run, (struct request){ 0 },
		       STATUS_FAILED));
	text = output_of(outbox_repair_run, (struct request){ 0 }, 0);
	assert_non_null(strstr(text, name));
	free(text);
	free(output_of(outbox_verify_run, (struct request){ 0 }, STATUS_FINE));
	assert_int_equal(listed("pending"), ROW_COUNT - 1);
	(void)snprintf(path, sizeof(path), "%s/quarantine/%s", outbox_dir,
		       name);
	assert_int_equal(access(path, F_OK), 0);
}

static void a_pause_is_seen_in_the_files(void **state)
{
	char *text;

	(void)state;
	journal = journal_close(journal);
	free(output_of(outbox_pause_run, (struct request){ 0 }, 0));
	text = output_of(outbox_status_run, (struct request){ 0 }, 0);
	assert_non_null(strstr(text, "paused by "));
	free(text);
	free(output_of(outbox_resume_run, (struct request){ 0 }, 0));
	text = output_of(outbox_status_run, (struct request){ .json = true },
			 0);
	assert_non_null(strstr(text, "\"paused\":false"));
	free(text);
	free(output_of(outbox_kick_run, (struct request){ 0 },
		       STATUS_UNREACHED));
}

static void a_wrong_directory_is_an_error_and_not_an_empty_outbox(void **state)
{
	struct settings right = settings;

	(void)state;
	strcpy(settings.data_dir, "/nonexistent");
	free(output_of(outbox_list_run, (struct request){ 0 }, STATUS_FAILED));
	free(output_of(outbox_status_run, (struct request){ 0 },
		       STATUS_FAILED));
	settings = right;
}

static void the_command_line_is_taken_apart(void **state)
{
	static const struct {
		const char *argv[8];
		int status;
		size_t words, settings;
	} cases[] = {
		{ { "holdctl", "status" }, 0, 1, 0 },
		{ { "holdctl", "--json", "-c", "f", "outbox", "list" },
		  0,
		  2,
		  0 },
		{ { "holdctl", "outbox", "list", "--kind=call.ended" },
		  0,
		  2,
		  0 },
		{ { "holdctl", "--data_dir", "/x", "status" }, 0, 1, 2 },
		{ { "holdctl", "--data_dir=/x", "status" }, 0, 1, 1 },
		{ { "holdctl", "call", "list", "--limit", "0" }, 0, 2, 0 },
		{ { "holdctl", "call", "list", "--limit", "-1" }, 2, 0, 0 },
		{ { "holdctl", "call", "list", "--limit", "many" }, 2, 0, 0 },
		{ { "holdctl", "call", "list", "--limit" }, 2, 0, 0 },
		{ { "holdctl", "-c" }, 2, 0, 0 },
		{ { "holdctl", "-x" }, 2, 0, 0 },
		{ { "holdctl", "a", "b", "-", "d" }, 0, 4, 0 },
		{ { "holdctl", "x", "--all", "--older-than", "5min", "y" },
		  0,
		  2,
		  0 },
		{ { "holdctl", "x", "--older-than", "soon" }, 2, 0, 0 },
		{ { "holdctl", "x", "--older-than", "0s" }, 2, 0, 0 },
		{ { "holdctl", "x", "--dry-run=1" }, 0, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *argv[8] = { NULL }, *owned[8] = { NULL };
		struct arguments args;
		int argc = 0;

		print_message("  row %zu\n", i);
		for (; argc < 8 && cases[i].argv[argc]; argc++)
			argv[argc] = owned[argc] = strdup(cases[i].argv[argc]);
		assert_int_equal(arguments_parse(&args, argc, argv),
				 cases[i].status);
		if (cases[i].status == 0) {
			assert_int_equal(args.word_count, cases[i].words);
			assert_int_equal(args.setting_count, cases[i].settings);
		}
		while (argc > 0)
			free(owned[--argc]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			list_shows_each_waiting_record_on_a_line, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			filters_leave_what_was_asked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			json_has_the_fields_scripts_need, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_export_can_be_read_back,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			show_takes_the_beginning_of_an_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			status_tells_live_from_left_behind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			which_records_are_meant_must_be_said, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			records_move_and_repeating_it_moves_nothing, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(an_export_is_imported_once,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(damage_is_named_and_repaired,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pause_is_seen_in_the_files,
						set_up, tear_down),
		cmocka_unit_test(
			a_wrong_directory_is_an_error_and_not_an_empty_outbox),
		cmocka_unit_test(the_command_line_is_taken_apart),
	};

	return cmocka_run_group_tests_name("holdctl", tests, NULL, NULL);
}
