/*
 * erase_cmd.c - holdctl erase: calls and numbers that are to be forgotten
 *
 * Only a running server erases: it goes on with it for as long as it takes.
 */
#include <stdio.h>
#include <jansson.h>

#include "server/human.h"
#include "tools/holdctl/client.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/table.h"

#define LIST_ROWS 50u
#define ROWS_MAX  500u

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static void print_json(const json_t *row)
{
	(void)json_dumpf(row, stdout, JSON_COMPACT);
	(void)putchar('\n');
}

static int erase(const struct request *request, const char *key)
{
	json_t *body = json_pack("{s:s}", key, request->operands[0]);
	json_t *row = NULL;
	char why[CLIENT_WHY_SIZE];
	enum client_result result;

	if (!body)
		return complain(STATUS_USAGE, "%s is no %s",
				request->operands[0], key);
	result = client_post(request->settings, "/api/erasures", body, &row,
			     why);
	json_decref(body);
	if (result != CLIENT_OK)
		return client_complain(result, why);
	if (request->json)
		print_json(row);
	else
		printf("Erasing, as %s; see: holdctl erase list\n",
		       text_of(row, "erasure_id"));
	json_decref(row);
	return STATUS_FINE;
}

int erase_call_run(const struct request *request)
{
	return erase(request, "call_id");
}

int erase_number_run(const struct request *request)
{
	return erase(request, "number");
}

/* ---- the list -------------------------------------------------------------
 */

struct count {
	char text[24];
};

static struct count count_of(const json_t *row, const char *key)
{
	struct count count;

	(void)snprintf(count.text, sizeof(count.text), "%" JSON_INTEGER_FORMAT,
		       json_integer_value(json_object_get(row, key)));
	return count;
}

static void add_row(struct table *table, const json_t *row)
{
	char time[HUMAN_SIZE];

	table_add(table, (const char *const[]){
				 text_of(row, "erasure_id"),
				 text_of(row, "what"), text_of(row, "state"),
				 human_time(text_of(row, "requested_at"), time),
				 count_of(row, "calls").text,
				 count_of(row, "recordings").text,
				 count_of(row, "messages").text,
				 text_of(row, "requested_by") });
}

static int print_rows(const json_t *rows)
{
	static const struct table_column columns[] = {
		{ .title = "ERASURE" },
		{ .title = "WHAT" },
		{ .title = "STATE" },
		{ .title = "ASKED" },
		{ .title = "CALLS", .right = true },
		{ .title = "RECORDINGS", .right = true },
		{ .title = "MESSAGES", .right = true },
		{ .title = "BY" },
	};
	struct table *table = table_create(columns, 8);
	int r;

	for (size_t i = 0; i < json_array_size(rows); i++)
		add_row(table, json_array_get(rows, i));
	r = table_print(table, stdout, table_width(stdout));
	table_destroy(table);
	return r < 0 ? complain(STATUS_FAILED, "out of memory") : STATUS_FINE;
}

int erase_list_run(const struct request *request)
{
	unsigned limit = request->limited ? request->limit : LIST_ROWS;
	char path[64], why[CLIENT_WHY_SIZE];
	enum client_result result;
	json_t *answer = NULL;
	const json_t *rows;
	int status = STATUS_FINE;

	if (limit == 0 || limit > ROWS_MAX)
		limit = ROWS_MAX;
	(void)snprintf(path, sizeof(path), "/api/erasures?limit=%u", limit);
	result = client_get(request->settings, path, &answer, why);
	if (result != CLIENT_OK)
		return client_complain(result, why);
	rows = json_object_get(answer, "erasures");
	if (!request->json)
		status = print_rows(rows);
	for (size_t i = 0; request->json && i < json_array_size(rows); i++)
		print_json(json_array_get(rows, i));
	json_decref(answer);
	return status;
}
