/*
 * events_cmd.c - holdctl events: what events.webhook was told, and is to be
 *
 * All of it is asked of the running server: events are its business alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "persistence/event.h"
#include "server/clock.h"
#include "server/human.h"
#include "tools/holdctl/client.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/ids.h"
#include "tools/holdctl/table.h"

#define LIST_ROWS 50u
#define PAGE_ROWS 500u
#define IDS_MAX	  1000u /* of one request */
#define PATH_SIZE 256

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static int complain_of_server(enum client_result result, const char *why)
{
	return complain(result == CLIENT_UNREACHED || result == CLIENT_BUSY
				? STATUS_UNREACHED
				: STATUS_FAILED,
			"%s", why);
}

static int check_type(const struct request *request)
{
	if (!request->kind || event_type_parse(request->kind) != EVENT_NONE)
		return STATUS_FINE;
	return complain(STATUS_USAGE, "--kind %s: no type of an event",
			request->kind);
}

/* Since when, by --younger-than; else since ever. */
static void since_of(const struct request *request, char out[CLOCK_ISO_SIZE])
{
	int64_t age_us = (int64_t)request->younger_ms * 1000;

	clock_format_iso(age_us ? clock_wall_us() - age_us : 1, out);
}

static int get_page(const struct request *request, unsigned limit,
		    const char *cursor, json_t **page)
{
	char path[PATH_SIZE], since[CLOCK_ISO_SIZE], why[CLIENT_WHY_SIZE];
	enum client_result result;

	since_of(request, since);
	(void)snprintf(path, sizeof(path),
		       "/api/events?limit=%u&since=%s%s%s%s%s", limit, since,
		       request->kind ? "&type=" : "",
		       request->kind ? request->kind : "",
		       cursor ? "&cursor=" : "", cursor ? cursor : "");
	result = client_get(request->settings, path, page, why);
	return result == CLIENT_OK ? STATUS_FINE
				   : complain_of_server(result, why);
}

/* ---- status ----------------------------------------------------------------
 */

int events_status_run(const struct request *request)
{
	char age[HUMAN_SIZE];
	json_t *page = NULL;
	int status = get_page(request, 1, NULL, &page);
	json_int_t pending = number_of(page, "pending");

	if (status != STATUS_FINE)
		return status;
	if (request->json) {
		(void)json_object_del(page, "events");
		(void)json_object_del(page, "next_cursor");
		json_dumpf(page, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (!json_is_true(json_object_get(page, "enabled"))) {
		puts("There is no events.webhook: nobody is told.");
	} else {
		printf("%" JSON_INTEGER_FORMAT " event%s wait%s", pending,
		       pending == 1 ? "" : "s", pending == 1 ? "s" : "");
		if (pending > 0)
			printf(", the oldest for %s",
			       human_age(number_of(page, "oldest_seconds"),
					 age));
		puts(".");
	}
	json_decref(page);
	return STATUS_FINE;
}

/* ---- list ------------------------------------------------------------------
 */

static void show(struct table *table, const json_t *event)
{
	char at[HUMAN_SIZE];
	bool pending = json_is_true(json_object_get(event, "pending"));
	const json_t *data = json_object_get(event, "data");

	if (!table) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	table_add(table, (const char *const[]){
				 text_of(event, "id"), text_of(event, "type"),
				 human_time(text_of(event, "at"), at),
				 pending ? "waits" : "done",
				 text_of(data, "call_id") });
}

/* Page after page, up to `limit` rows (0: all of them). */
static int show_all(const struct request *request, unsigned limit,
		    struct table *table)
{
	char *cursor = NULL;
	unsigned shown = 0;
	int status;

	do {
		unsigned rows = limit && limit - shown < PAGE_ROWS
					? limit - shown
					: PAGE_ROWS;
		json_t *page = NULL, *events;
		const char *next;

		status = get_page(request, rows, cursor, &page);
		events = json_object_get(page, "events");
		for (size_t i = 0; i < json_array_size(events); i++, shown++)
			show(table, json_array_get(events, i));
		free(cursor);
		next = json_string_value(json_object_get(page, "next_cursor"));
		cursor = next ? strdup(next) : NULL;
		json_decref(page);
	} while (status == STATUS_FINE && cursor && (!limit || shown < limit));
	free(cursor);
	return status;
}

int events_list_run(const struct request *request)
{
	static const struct table_column columns[] = {
		{ .title = "EVENT" },	   { .title = "TYPE" },
		{ .title = "WHEN (UTC)" }, { .title = "STATE" },
		{ .title = "CALL" },
	};
	struct table *table = NULL;
	int status = check_type(request);

	if (status != STATUS_FINE)
		return status;
	if (!request->json)
		table = table_create(columns,
				     sizeof(columns) / sizeof(columns[0]));
	status = show_all(request,
			  request->limited ? request->limit : LIST_ROWS, table);
	if (status == STATUS_FINE && table &&
	    table_print(table, stdout, table_width(stdout)) < 0)
		status = complain(STATUS_FAILED, "out of memory");
	table_destroy(table);
	return status;
}

/* ---- replay ----------------------------------------------------------------
 */

static int read_ids(const struct request *request, struct id_list *list)
{
	int status = STATUS_FINE;

	for (size_t i = 0; i < request->operand_count && status == STATUS_FINE;
	     i++) {
		const char *operand = request->operands[i];
		struct uuid id;

		if (strcmp(operand, "-") == 0)
			status = id_list_read(list, stdin);
		else if (!uuid_parse(operand, &id))
			status = complain(STATUS_USAGE, "%s: not an event's id",
					  operand);
		else if (id_list_add(list, &id) < 0)
			status = complain(STATUS_FAILED, "out of memory");
	}
	return status;
}

/* Some of the ids; none of them: all since a time. */
static json_t *make_body(const struct request *request, const struct uuid *ids,
			 size_t count)
{
	char text[UUID_TEXT_SIZE], since[CLOCK_ISO_SIZE];
	json_t *list = count > 0 ? json_array() : NULL;

	for (size_t i = 0; i < count; i++) {
		uuid_format(&ids[i], text);
		(void)json_array_append_new(list, json_string(text));
	}
	since_of(request, since);
	return json_pack("{s:o*, s:s, s:s*}", "ids", list, "since", since,
			 "type", request->kind);
}

static int ask_replay(const struct request *request, const struct uuid *ids,
		      size_t count, json_int_t *replayed, bool *more)
{
	json_t *body = make_body(request, ids, count), *answer = NULL;
	char why[CLIENT_WHY_SIZE];
	enum client_result result = client_post(
		request->settings, "/api/events/replay", body, &answer, why);

	json_decref(body);
	if (result != CLIENT_OK)
		return complain_of_server(result, why);
	*replayed += number_of(answer, "replayed");
	*more = json_is_true(json_object_get(answer, "more"));
	json_decref(answer);
	return STATUS_FINE;
}

static int replay_ids(const struct request *request, const struct id_list *list,
		      json_int_t *replayed, bool *more)
{
	int status = STATUS_FINE;

	for (size_t i = 0; i < list->count && status == STATUS_FINE;
	     i += IDS_MAX)
		status = ask_replay(request, list->ids + i,
				    list->count - i < IDS_MAX ? list->count - i
							      : IDS_MAX,
				    replayed, more);
	return status;
}

int events_replay_run(const struct request *request)
{
	struct id_list list = { .count = 0 };
	json_int_t replayed = 0;
	bool more = false;
	int status = check_type(request);

	if (status != STATUS_FINE)
		return status;
	if (request->operand_count == 0 && !request->all &&
	    request->younger_ms == 0)
		return complain(STATUS_USAGE,
				"which ones? ids, --younger-than AGE or --all");
	status = read_ids(request, &list);
	if (status == STATUS_FINE && request->operand_count > 0)
		status = replay_ids(request, &list, &replayed, &more);
	else if (status == STATUS_FINE)
		status = ask_replay(request, NULL, 0, &replayed, &more);
	id_list_finish(&list);
	if (status != STATUS_FINE)
		return status;
	printf("%" JSON_INTEGER_FORMAT " event%s will be sent once more%s.\n",
	       replayed, replayed == 1 ? "" : "s",
	       more ? "; there are more than go at once" : "");
	return STATUS_FINE;
}
