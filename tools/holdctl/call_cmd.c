/* call_cmd.c - holdctl call: calls as the database has them */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "persistence/db_error.h"
#include "persistence/store.h"
#include "server/settings.h"
#include "server/uuid.h"
#include "tools/holdctl/call_server.h"
#include "tools/holdctl/database.h"
#include "tools/holdctl/holdctl.h"
#include "server/human.h"
#include "tools/holdctl/table.h"

#define LIST_ROWS 50
#define ALL_ROWS  1000000u

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static const char *duration_of(const json_t *call, char out[HUMAN_SIZE])
{
	const json_t *duration = json_object_get(call, "duration_ms");
	json_int_t ms = json_integer_value(duration);

	if (!json_is_integer(duration))
		return "-";
	if (ms < 60000)
		(void)snprintf(out, HUMAN_SIZE, "%.1fs", (double)ms / 1000.0);
	else
		human_age(ms / 1000, out);
	return out;
}

static void add_call(struct table *table, const json_t *call)
{
	char started[HUMAN_SIZE], duration[HUMAN_SIZE], frames[24];

	(void)snprintf(frames, sizeof(frames), "%" JSON_INTEGER_FORMAT,
		       json_integer_value(json_object_get(call, "frames_in")));
	table_add(table,
		  (const char *const[]){
			  text_of(call, "call_id"), text_of(call, "state"),
			  human_time(text_of(call, "started_at"), started),
			  duration_of(call, duration), frames,
			  text_of(call, "end_reason"),
			  text_of(call, "provider"),
			  text_of(call, "from_number"),
			  text_of(call, "to_number") });
}

static int print_calls(const json_t *calls)
{
	static const struct table_column columns[] = {
		{ .title = "CALL" },
		{ .title = "STATE" },
		{ .title = "STARTED (UTC)" },
		{ .title = "LASTED", .right = true },
		{ .title = "FRAMES", .right = true },
		{ .title = "ENDED BY" },
		{ .title = "PROVIDER" },
		{ .title = "FROM", .elastic = true },
		{ .title = "TO", .elastic = true },
	};
	struct table *table;
	int r;

	if (json_array_size(calls) == 0) {
		puts("No calls.");
		return STATUS_FINE;
	}
	table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < json_array_size(calls); i++)
		add_call(table, json_array_get(calls, i));
	r = table_print(table, stdout, table_width(stdout));
	table_destroy(table);
	return r < 0 ? complain(STATUS_FAILED, "out of memory") : STATUS_FINE;
}

static void print_lines(const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_dumpf(json_array_get(rows, i), stdout, JSON_COMPACT);
		putchar('\n');
	}
}

int call_list_run(const struct request *request)
{
	struct store_call_filter filter = {
		.state = request->state,
		.provider = request->provider,
		.before_call_id = request->before,
		.limit = request->limited ? request->limit : LIST_ROWS,
	};
	struct store *store;
	struct db_error err = { 0 };
	struct uuid id;
	json_t *calls = NULL;
	int status = STATUS_FINE;

	if (filter.before_call_id && !uuid_parse(filter.before_call_id, &id))
		return complain(STATUS_USAGE, "--before %s: not a call's id",
				filter.before_call_id);
	if (filter.limit == 0)
		filter.limit = ALL_ROWS;
	store = database_open(request->settings, true);
	if (!store)
		return STATUS_USAGE;
	if ((store_ready(store, &err) < 0 ||
	     store_list_calls(store, &filter, &calls, &err) < 0) &&
	    !call_server_list(request->settings, &filter, &calls))
		status = database_complain(request->settings, &err);
	else if (request->json)
		print_lines(calls);
	else
		status = print_calls(calls);
	json_decref(calls);
	store_destroy(store);
	return status;
}

static int complain_unknown(const char *id)
{
	return complain(STATUS_FAILED,
			"no call has the id %s (one whose record still waits: "
			"holdctl outbox list --call %s)",
			id, id);
}

/* The greatest id that begins with `wanted`; false if none can. */
static bool greatest_id(const char *wanted, char out[UUID_TEXT_SIZE])
{
	struct uuid id;
	size_t length = strlen(wanted);

	if (length >= UUID_TEXT_SIZE)
		return false;
	memcpy(out, "ffffffff-ffff-ffff-ffff-ffffffffffff", UUID_TEXT_SIZE);
	for (size_t i = 0; i < length; i++)
		out[i] = (char)tolower((unsigned char)wanted[i]);
	return uuid_parse(out, &id);
}

/* How many of `calls` have an id that begins like the first `length`
 * characters of `begin`; the last of them is copied. */
static size_t count_matches(const json_t *calls, const char *begin,
			    size_t length, char id[UUID_TEXT_SIZE])
{
	size_t matches = 0;

	for (size_t i = 0; i < json_array_size(calls); i++) {
		const char *found =
			text_of(json_array_get(calls, i), "call_id");

		if (!found || strncmp(found, begin, length) != 0)
			continue;
		(void)snprintf(id, UUID_TEXT_SIZE, "%s", found);
		matches++;
	}
	return matches;
}

/* Writes the full id of the operand. Ids sort by time, so that the newest call
 * below the greatest id that begins like it begins like it too, if any does. */
static int complete_id(const struct request *request, struct store *store,
		       char id[UUID_TEXT_SIZE])
{
	char bound[UUID_TEXT_SIZE];
	struct store_call_filter filter = { .before_call_id = bound,
					    .limit = 2 };
	struct db_error err = { 0 };
	const char *wanted = request->operands[0];
	size_t length = strlen(wanted), matches;
	json_t *calls = NULL;

	if (!greatest_id(wanted, bound))
		return complain(STATUS_FAILED, "%s: not a call's id", wanted);
	if (length == UUID_TEXT_SIZE - 1) { /* nothing to complete */
		memcpy(id, bound, UUID_TEXT_SIZE);
		return STATUS_FINE;
	}
	if (store_list_calls(store, &filter, &calls, &err) < 0)
		return database_complain(request->settings, &err);
	matches = count_matches(calls, bound, length, id);
	json_decref(calls);
	if (matches == 0)
		return complain_unknown(wanted);
	if (matches > 1)
		return complain(STATUS_FAILED,
				"%s begins more than one id: write more of it",
				wanted);
	return STATUS_FINE;
}

static void print_field(const char *key, const json_t *value)
{
	char *text = json_is_string(value) ? strdup(json_string_value(value))
					   : json_dumps(value, JSON_ENCODE_ANY);

	if (text)
		human_defuse(text);
	printf("%-20s %s\n", key,
	       json_is_null(value) || !text || !text[0] ? "-" : text);
	free(text);
}

static int print_events(const json_t *events)
{
	static const struct table_column columns[] = {
		{ .title = "AT (UTC)" },
		{ .title = "EVENT" },
		{ .title = "DATA", .elastic = true },
	};
	struct table *table;
	int r;

	if (json_array_size(events) == 0)
		return STATUS_FINE;
	table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < json_array_size(events); i++) {
		const json_t *event = json_array_get(events, i);
		char at[HUMAN_SIZE];
		char *data = json_dumps(json_object_get(event, "data"),
					JSON_COMPACT | JSON_ENCODE_ANY);

		table_add(table, (const char *const[]){
					 human_time(text_of(event, "at"), at),
					 text_of(event, "kind"), data });
		free(data);
	}
	putchar('\n');
	r = table_print(table, stdout, table_width(stdout));
	table_destroy(table);
	return r < 0 ? complain(STATUS_FAILED, "out of memory") : STATUS_FINE;
}

static int print_call(json_t *call, bool as_json)
{
	void *field;

	if (as_json) {
		json_dumpf(call, stdout, JSON_COMPACT);
		putchar('\n');
		return STATUS_FINE;
	}
	for (field = json_object_iter(call); field;
	     field = json_object_iter_next(call, field)) {
		const char *key = json_object_iter_key(field);

		if (strcmp(key, "events") != 0)
			print_field(key, json_object_iter_value(field));
	}
	return print_events(json_object_get(call, "events"));
}

int call_show_run(const struct request *request)
{
	struct store *store = database_open(request->settings, true);
	struct db_error err = { 0 };
	char id[UUID_TEXT_SIZE] = "";
	json_t *call = NULL;
	int status;

	if (!store)
		return STATUS_USAGE;
	if (store_ready(store, &err) < 0) {
		status = call_server_get(request->settings,
					 request->operands[0], &call)
				 ? print_call(call, request->json)
				 : database_complain(request->settings, &err);
		goto end;
	}
	status = complete_id(request, store, id);
	if (status != STATUS_FINE)
		goto end;
	if (store_get_call(store, id, &call, &err) < 0)
		status = database_complain(request->settings, &err);
	else if (!call)
		status = complain_unknown(id);
	else
		status = print_call(call, request->json);
end:
	json_decref(call);
	store_destroy(store);
	return status;
}
