/*
 * store_rules.h - what every store must do, whatever the database
 *
 * The rules of replay stand here once; store_sqlite_test and
 * store_postgres_test run them against their database. Each begins with empty
 * tables.
 */
#ifndef TESTS_SUPPORT_STORE_RULES_H
#define TESTS_SUPPORT_STORE_RULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "persistence/store.h"
#include "support/rows.h"

/* Writes `count` records and frees them. */
static inline int rules_write(struct store *store, struct record **records,
			      size_t count, struct db_error *err)
{
	int r = store_write(store, records, count, err);

	for (size_t i = 0; i < count; i++)
		free(records[i]);
	return r;
}

static inline void rules_must_write(struct store *store,
				    struct record **records, size_t count)
{
	struct db_error err = { .text = "" };

	if (rules_write(store, records, count, &err) < 0)
		fail_msg("%s %s: %s", db_family_name(err.family), err.reason,
			 err.text);
}

static inline json_t *rules_get(struct store *store, unsigned call)
{
	struct db_error err = { .text = "" };
	struct uuid id = rows_id(call);
	char text[UUID_TEXT_SIZE];
	json_t *row;

	uuid_format(&id, text);
	if (store_get_call(store, text, &row, &err) < 0)
		fail_msg("%s: %s", err.reason, err.text);
	return row;
}

static inline json_t *rules_list(struct store *store,
				 const struct store_call_filter *filter)
{
	struct db_error err = { .text = "" };
	json_t *rows;

	if (store_list_calls(store, filter, &rows, &err) < 0)
		fail_msg("%s: %s", err.reason, err.text);
	return rows;
}

/* Started, checkpoint, ended: delivered in any order, one at a time or in one
 * batch, each of them once or twice. */
static inline void rule_any_order_ends_in_the_same_row(struct store *store)
{
	static const unsigned orders[6][3] = { { 1, 2, 3 }, { 1, 3, 2 },
					       { 2, 1, 3 }, { 2, 3, 1 },
					       { 3, 1, 2 }, { 3, 2, 1 } };
	json_t *expected = NULL;

	for (unsigned i = 0; i < 24; i++) {
		unsigned call = 1000 + i, n = 0;
		struct record *batch[6];
		json_t *row;

		for (unsigned j = 0; j < (i / 12 ? 6 : 3); j++) {
			unsigned rev = orders[i % 6][j % 3];

			batch[n++] = rev == 1 ? rows_started(call)
				     : rev == 2
					     ? rows_call(RECORD_CALL_CHECKPOINT,
							 call, 2, "live", 50)
					     : rows_ended(call, 3);
		}
		if (i / 6 % 2)
			for (unsigned j = 0; j < n; j++)
				rules_must_write(store, &batch[j], 1);
		else
			rules_must_write(store, batch, n);
		row = rules_get(store, call);
		assert_non_null(row);
		assert_string_equal(
			json_string_value(json_object_get(row, "state")),
			"ended");
		assert_int_equal(
			json_integer_value(json_object_get(row, "rev")), 3);
		assert_int_equal(
			json_integer_value(json_object_get(row, "frames_in")),
			100);
		assert_int_equal(json_object_del(row, "call_id"), 0);
		if (!expected)
			expected = json_incref(row);
		if (!json_equal(expected, row))
			fail_msg("variant %u ends in another row", i);
		json_decref(row);
	}
	json_decref(expected);
}

static inline void rule_an_older_rev_changes_nothing(struct store *store)
{
	struct record *ended = rows_ended(1, 7);
	struct record *late =
		rows_call(RECORD_CALL_CHECKPOINT, 1, 6, "live", 9);
	struct record *same = rows_call(RECORD_CALL_ENDED, 1, 7, "ended", 9);
	json_t *row;

	rules_must_write(store, &ended, 1);
	rules_must_write(store, &late, 1);
	rules_must_write(store, &same, 1);
	row = rules_get(store, 1);
	assert_int_equal(json_integer_value(json_object_get(row, "rev")), 7);
	assert_int_equal(json_integer_value(json_object_get(row, "frames_in")),
			 100);
	json_decref(row);
}

static inline void rule_an_event_is_kept_once(struct store *store)
{
	struct record *batch[] = { rows_event(21, 1), rows_started(1),
				   rows_event(22, 1), rows_event(21, 1) };
	struct record *again[] = { rows_event(22, 1), rows_event(23, 1) };
	json_t *row, *events;

	rules_must_write(store, batch, 4);
	rules_must_write(store, again, 2);
	row = rules_get(store, 1);
	events = json_object_get(row, "events");
	assert_int_equal(json_array_size(events), 3);
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(json_array_get(events, 0), "data"),
			"digit")),
		"1");
	json_decref(row);
}

static inline void rule_a_row_reads_as_the_contract_says(struct store *store)
{
	static const char *const columns[] = {
		"call_id",
		"node_id",
		"provider",
		"stream_id",
		"provider_call_id",
		"account_id",
		"direction",
		"from_number",
		"to_number",
		"state",
		"started_at",
		"ended_at",
		"duration_ms",
		"end_reason",
		"codec",
		"sample_rate",
		"frames_in",
		"frames_out",
		"bytes_in",
		"bytes_out",
		"frames_lost",
		"max_gap_ms",
		"dtmf",
		"custom",
		"rev",
		"recording_path",
		"frames_late",
		"frames_dropped",
		"trace_id",
		"provider_status",
		"provider_duration_ms",
		"hangup_cause",
		"provider_error",
		"events",
	};
	struct record *ended = rows_ended(1, 2);
	json_t *row;

	rules_must_write(store, &ended, 1);
	row = rules_get(store, 1);
	assert_int_equal(json_object_size(row),
			 sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (!json_object_get(row, columns[i]))
			fail_msg("no %s", columns[i]);
	assert_string_equal(
		json_string_value(json_object_get(row, "started_at")),
		"2026-11-23T06:37:00.123456Z");
	assert_string_equal(json_string_value(json_object_get(row, "ended_at")),
			    "2026-11-23T06:38:00.000000Z");
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(row, "custom"), "name")),
			    "J\xc3\xbcrgen");
	assert_true(json_is_null(json_object_get(row, "from_number")));
	assert_true(json_is_integer(json_object_get(row, "duration_ms")));
	json_decref(row);
	assert_null(rules_get(store, 2));
}

static inline void rule_calls_are_listed_newest_first(struct store *store)
{
	struct store_call_filter filter = { .limit = 2 };
	char cursor[UUID_TEXT_SIZE] = "";
	unsigned expected = 5;
	size_t size;

	for (unsigned i = 1; i <= 5; i++) {
		struct record *record =
			i % 2 ? rows_ended(i, 2) : rows_started(i);

		rules_must_write(store, &record, 1);
	}
	do {
		json_t *rows = rules_list(store, &filter), *row;
		size_t i;

		size = json_array_size(rows);
		json_array_foreach (rows, i, row) {
			struct uuid id = rows_id(expected--);

			uuid_format(&id, cursor);
			assert_string_equal(json_string_value(json_object_get(
						    row, "call_id")),
					    cursor);
		}
		json_decref(rows);
		filter.before_call_id = cursor;
	} while (size == 2);
	assert_int_equal(expected, 0);

	filter = (struct store_call_filter){ .state = "live", .limit = 10 };
	{
		json_t *rows = rules_list(store, &filter);

		assert_int_equal(json_array_size(rows), 2);
		json_decref(rows);
	}
	filter = (struct store_call_filter){ .provider = "none", .limit = 10 };
	{
		json_t *rows = rules_list(store, &filter);

		assert_int_equal(json_array_size(rows), 0);
		json_decref(rows);
	}
}

/* All or nothing: the good ones of a refused batch are not there. */
static inline void rule_a_refused_batch_leaves_no_trace(struct store *store)
{
	static const char *const payloads[] = {
		"{\"call_id\":\"no uuid\",\"node_id\":\"n\",\"provider\":\"p\","
		"\"state\":\"live\",\"rev\":1,"
		"\"started_at\":\"2026-11-23T06:37:00Z\"}",
		"{\"node_id\":\"n\"}",
		"{\"call_id\":",
		"not json",
	};
	struct db_error err;

	for (size_t i = 0; i <= sizeof(payloads) / sizeof(payloads[0]); i++) {
		bool check = i == sizeof(payloads) / sizeof(payloads[0]);
		struct record *batch[] = {
			rows_started(1),
			check ? rows_call(RECORD_CALL_STARTED, 2, 1, "odd", 0)
			      : rows_make(RECORD_CALL_STARTED, 2, 1,
					  payloads[i]),
			rows_event(30, 1),
		};

		err = (struct db_error){ .family = DB_OK };
		assert_int_equal(rules_write(store, batch, 3, &err), -1);
		if (err.family != DB_POISON)
			fail_msg("payload %zu: %s %s %s", i,
				 db_family_name(err.family), err.reason,
				 err.text);
		if (check)
			assert_string_equal(err.reason, "CheckViolation");
		assert_null(rules_get(store, 1));
	}
}

/* A row of calls whose provider has an id for it: "CA" and the number. */
static inline struct record *rules_call_of(const char *provider, unsigned call,
					   unsigned rev, const char *state)
{
	struct uuid entity = rows_id(call);
	char id[UUID_TEXT_SIZE], payload[512];

	uuid_format(&entity, id);
	(void)snprintf(payload, sizeof(payload),
		       "{\"call_id\":\"%s\",\"node_id\":\"n1\","
		       "\"provider\":\"%s\",\"provider_call_id\":\"CA%u\","
		       "\"state\":\"%s\","
		       "\"started_at\":\"2026-11-23T06:37:00.123456Z\","
		       "\"rev\":%u}",
		       id, provider, call / 2 * 2, state, rev);
	return rows_make(RECORD_CALL_CHECKPOINT, call, rev, payload);
}

static inline struct record *rules_status(unsigned call, unsigned stage)
{
	struct uuid status_id = rows_id(call * 16 + stage);
	char id[UUID_TEXT_SIZE], payload[512];
	static const char *const said[] = {
		"\"error\":\"stream lost\"", "\"status\":\"ringing\"",
		"\"status\":\"answered\",\"duration_ms\":1",
		("\"status\":\"completed\",\"duration_ms\":5000,"
		 "\"hangup_cause\":\"normal\"")
	};

	uuid_format(&status_id, id);
	(void)snprintf(payload, sizeof(payload),
		       "{\"status_id\":\"%s\",\"provider\":\"twilio\","
		       "\"provider_call_id\":\"CA%u\",\"at\":"
		       "\"2026-11-23T06:37:%02u.000000Z\",\"stage\":%u,%s}",
		       id, call, 59 - stage, stage, said[stage]);
	return rows_make(RECORD_CALL_STATUS, call, 0, payload);
}

static inline void rules_expect_text(struct store *store, unsigned call,
				     const char *key, const char *expected)
{
	json_t *row = rules_get(store, call);
	const char *text = json_string_value(json_object_get(row, key));

	if (!text != !expected ||
	    (text && expected && strcmp(text, expected) != 0))
		fail_msg("call %u: %s is %s", call, key, text ? text : "null");
	json_decref(row);
}

/* Two revs of the call and four of its statuses: in any order that turns a
 * list of them round, one at a time or together, each of them twice. */
static inline void
rule_what_the_provider_says_completes_its_call(struct store *store)
{
	for (unsigned i = 0; i < 24; i++) {
		unsigned call = 2000 + 2 * i, n = 0;
		struct record *batch[14], *other;

		for (unsigned k = 0; k < 12; k++) {
			unsigned which =
				i % 2 ? (i / 2 + k) % 6 : 5 - (i / 2 + k) % 6;

			batch[n++] =
				which < 4 ? rules_status(call, which)
					  : rules_call_of("twilio", call,
							  which - 3,
							  which == 5 ? "ended"
								     : "live");
			if (i < 12) {
				rules_must_write(store, batch, n);
				n = 0;
			}
		}
		if (n > 0)
			rules_must_write(store, batch, n);
		/* The same id at another provider is another call. */
		other = rules_call_of("plivo", call + 1, 1, "ended");
		rules_must_write(store, &other, 1);
		rules_expect_text(store, call, "state", "ended");
		rules_expect_text(store, call, "provider_status", "completed");
		rules_expect_text(store, call, "hangup_cause", "normal");
		rules_expect_text(store, call, "provider_error", "stream lost");
		rules_expect_text(store, call + 1, "provider_status", NULL);
	}
}

/* A call that waits for nothing still ends when it is told to. */
static inline void rule_an_interrupted_store_stays_so(struct store *store)
{
	struct record *record = rows_started(1);
	struct db_error err;

	store_interrupt(store);
	assert_int_equal(rules_write(store, &record, 1, &err), -1);
	assert_int_equal(err.family, DB_TRANSIENT);
	assert_string_equal(err.reason, "Interrupted");
}

#endif
