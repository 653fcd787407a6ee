/* record_test.c - a record keeps what it is given, and reads as a line of JSON
 */
#include "outbox_kit.h"

#include <jansson.h>

#include "server/clock.h"

#define ID     "01936f3a-7a5b-7c3d-9e1f-0123456789ab"
#define ENTITY "01936f3a-7a5b-7c3d-9e1f-ba9876543210"
#define LINE(kind, rev, at, payload)                                        \
	"{\"id\":\"" ID "\",\"kind\":\"" kind "\",\"entity\":\"" ENTITY     \
	"\",\"rev\":" rev ",\"created_at\":\"" at "\",\"payload\":" payload \
	"}"
#define AT "2026-11-23T06:17:00.123456Z"

static void kinds_have_names_that_lead_back(void **state)
{
	(void)state;
	for (unsigned i = 1; i < RECORD_KIND_COUNT; i++)
		assert_int_equal(record_kind_parse(
					 record_kind_name((enum record_kind)i)),
				 i);
	assert_int_equal(record_kind_parse("call.paused"), 0);
	assert_int_equal(record_kind_parse(""), 0);
	assert_string_equal(record_kind_name((enum record_kind)99), "unknown");
}

static void only_calls_are_opened_and_closed(void **state)
{
	(void)state;
	assert_true(record_opens(RECORD_CALL_STARTED));
	assert_true(record_opens(RECORD_CALL_CHECKPOINT));
	assert_true(record_closes(RECORD_CALL_ENDED));
	for (unsigned i = RECORD_CALL_EVENT; i < RECORD_KIND_COUNT; i++) {
		assert_false(record_opens((enum record_kind)i));
		assert_false(record_closes((enum record_kind)i));
	}
	assert_false(record_opens((enum record_kind)0));
	assert_false(record_closes((enum record_kind)99));
}

static void a_payload_has_a_bound_and_ends_with_nul(void **state)
{
	char *long_text = malloc(RECORD_PAYLOAD_MAX + 1);
	struct uuid id = kit_entity(1);
	struct record *record;

	(void)state;
	assert_non_null(long_text);
	memset(long_text, 'x', RECORD_PAYLOAD_MAX + 1);
	assert_null(record_create(RECORD_CALL_EVENT, &id, &id, 0, 0, long_text,
				  RECORD_PAYLOAD_MAX + 1));
	record = record_create(RECORD_CALL_EVENT, &id, &id, 0, 0, long_text,
			       RECORD_PAYLOAD_MAX);
	assert_non_null(record);
	assert_int_equal(record->length, RECORD_PAYLOAD_MAX);
	assert_int_equal(strlen(record->payload), RECORD_PAYLOAD_MAX);
	free(record);
	free(long_text);
}

static void a_line_reads_back_as_the_same_record(void **state)
{
	static const char payload[] =
		"{\"call_id\":\"7\",\"custom\":{\"who\":\"Z\\u00fcrich\\n\"},"
		"\"n\":18446744073,\"x\":0.5,\"nothing\":null}";
	struct uuid id = kit_entity(1), entity = kit_entity(2);
	struct record *record, *again;
	const char *reason;
	char *line, *line_again;

	(void)state;
	record = record_create(RECORD_CALL_ENDED, &id, &entity, 4294967295u,
			       KIT_US, payload, sizeof(payload) - 1);
	assert_non_null(record);
	line = record_to_json(record);
	assert_non_null(line);
	assert_null(strchr(line, '\n'));
	again = record_from_json(line, strlen(line), &reason);
	assert_non_null(again);
	assert_null(reason);
	assert_true(uuid_equal(&record->id, &again->id));
	assert_true(uuid_equal(&record->entity, &again->entity));
	assert_int_equal(record->kind, again->kind);
	assert_int_equal(record->rev, again->rev);
	assert_int_equal(record->created_us, again->created_us);
	line_again = record_to_json(again);
	assert_non_null(line_again);
	assert_string_equal(line, line_again);
	free(line);
	free(line_again);
	free(record);
	free(again);
}

static void a_payload_that_is_not_json_has_no_line(void **state)
{
	struct uuid id = kit_entity(1);
	struct record *record =
		record_create(RECORD_CALL_EVENT, &id, &id, 0, 0, "{\"a\":", 5);

	(void)state;
	assert_non_null(record);
	assert_null(record_to_json(record));
	free(record);
}

static void a_wrong_line_says_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *reason;
	} rows[] = {
		{ "", "not a JSON object" },
		{ "[1]", "not a JSON object" },
		{ "{\"id\":1", "not a JSON object" },
		{ "{}", "id is not a UUID" },
		{ "{\"id\":\"01936f3a\"}", "id is not a UUID" },
		{ LINE("call.paused", "1", AT, "{}"), "kind is not one" },
		{ LINE("call.ended", "-1", AT, "{}"), "rev is not" },
		{ LINE("call.ended", "4294967296", AT, "{}"), "rev is not" },
		{ LINE("call.ended", "\"1\"", AT, "{}"), "rev is not" },
		{ LINE("call.ended", "1", "2026-11-23", "{}"), "created_at" },
		{ LINE("call.ended", "1", AT, "[]"), "payload is not" },
		{ LINE("call.ended", "1", AT, "null"), "payload is not" },
		{ LINE("call.ended", "1", AT, "{\"a\":1,\"a\":2}"), "not a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *reason = NULL;

		assert_null(record_from_json(rows[i].line, strlen(rows[i].line),
					     &reason));
		assert_non_null(reason);
		if (!strstr(reason, rows[i].reason))
			fail_msg("row %zu: \"%s\"", i, reason);
	}
}

static void a_line_with_keys_of_tomorrow_is_taken(void **state)
{
	static const char line[] =
		"{\"id\":\"" ID
		"\",\"kind\":\"call.ended\",\"entity\":\"" ENTITY
		"\",\"rev\":3,\"created_at\":\"" AT
		"\",\"payload\":{},\"lease\":{}}";
	const char *reason;
	struct record *record =
		record_from_json(line, sizeof(line) - 1, &reason);

	(void)state;
	assert_non_null(record);
	assert_int_equal(record->rev, 3);
	free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_names_that_lead_back),
		cmocka_unit_test(only_calls_are_opened_and_closed),
		cmocka_unit_test(a_payload_has_a_bound_and_ends_with_nul),
		cmocka_unit_test(a_line_reads_back_as_the_same_record),
		cmocka_unit_test(a_payload_that_is_not_json_has_no_line),
		cmocka_unit_test(a_wrong_line_says_what_is_wrong),
		cmocka_unit_test(a_line_with_keys_of_tomorrow_is_taken),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
