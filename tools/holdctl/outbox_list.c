/* outbox_list.c - holdctl outbox list and export, holdctl dead list */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/record.h"
#include "server/clock.h"
#include "tools/holdctl/holdctl.h"
#include "server/human.h"
#include "tools/holdctl/item.h"
#include "tools/holdctl/outbox_view.h"
#include "tools/holdctl/selection.h"
#include "tools/holdctl/table.h"

#define LIST_ROWS 100 /* for people; JSON has them all */

/* What is looked for, and what is done with it. */
struct search {
	const struct request *request;
	enum record_state state;
	struct selection selection;
	void (*found)(struct search *search, const struct outbox_item *item);
	struct table *table;
	int64_t now_us;
	uint64_t matches;  /* those past the limit included */
	uint64_t unusable; /* that an export cannot hold */
	unsigned limit;	   /* 0: none */
	bool failed;
};

static void add_row(struct search *search, const struct outbox_item *item)
{
	item_add_row(search->table, item, search->now_us);
}

static void add_letter(struct search *search, const struct outbox_item *item)
{
	const struct record *record = item->record;
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE], age[HUMAN_SIZE];
	struct letter letter;

	uuid_format(&record->id, id);
	uuid_format(&record->entity, entity);
	human_age(age_seconds(search->now_us, record->created_us), age);
	letter_read(&letter, item);
	table_add(search->table,
		  (const char *const[]){ id, record_kind_name(record->kind),
					 entity, age, letter.reason,
					 letter.sqlstate, letter.error });
	letter_finish(&letter);
}

static void print_line(struct search *search, const struct outbox_item *item)
{
	json_t *line = item_to_json(item, search->now_us);

	if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0)
		search->failed = true;
	putchar('\n');
	json_decref(line);
}

static void print_export(struct search *search, const struct outbox_item *item)
{
	char *line = item_export(item);

	if (line)
		puts(line);
	else
		search->unusable++;
	free(line);
}

static bool visit(const struct outbox_item *item, void *arg)
{
	struct search *search = arg;

	if (!selection_fits(&search->selection, item->record))
		return true;
	search->matches++;
	if (search->limit == 0 || search->matches <= search->limit)
		search->found(search, item);
	return !search->failed && !ferror(stdout);
}

static int take_state(struct search *search)
{
	const char *name = search->request->state;

	if (!name)
		return STATUS_FINE;
	search->state = record_state_parse(name);
	if (search->state != STATE_COUNT)
		return STATUS_FINE;
	return complain(STATUS_USAGE,
			"--state %s: needs pending, held, dropped, dead or "
			"delivered",
			name);
}

static int walk(struct search *search)
{
	const struct request *request = search->request;
	int status = take_state(search), r;

	if (status != STATUS_FINE)
		return status;
	search->now_us = clock_wall_us();
	if (request->limited)
		search->limit = request->limit;
	status = selection_init(&search->selection, request);
	if (status != STATUS_FINE)
		goto end;
	r = outbox_walk(request->settings, search->state, visit, search);
	if (r < 0)
		status = complain_unreadable(request, r);
	else if (search->failed)
		status = complain(STATUS_FAILED, "out of memory");
end:
	selection_finish(&search->selection);
	return status;
}

int outbox_export_run(const struct request *request)
{
	struct search search = { .request = request, .found = print_export };
	int status = walk(&search);

	if (status == STATUS_FINE && search.unusable)
		return complain(STATUS_FAILED,
				"%" PRIu64 " records have no JSON in them and "
				"were left out",
				search.unusable);
	return status;
}

static int list_for_people(struct search *search)
{
	int status = walk(search);

	if (status == STATUS_FINE && search->matches == 0)
		puts(search->state == STATE_PENDING ? "Nothing waits."
						    : "There are none.");
	else if (status == STATUS_FINE &&
		 table_print(search->table, stdout, table_width(stdout)) < 0)
		status = complain(STATUS_FAILED, "out of memory");
	if (search->limit && search->matches > search->limit)
		fprintf(stderr,
			"holdctl: %u of %" PRIu64 " shown; --limit 0 shows "
			"all\n",
			search->limit, search->matches);
	table_destroy(search->table);
	return status;
}

int outbox_list_run(const struct request *request)
{
	struct search search = { .request = request, .found = print_line };

	if (request->json)
		return walk(&search);
	search.found = add_row;
	search.limit = LIST_ROWS;
	search.table = table_create(item_columns, ITEM_COLUMNS);
	return list_for_people(&search);
}

int dead_list_run(const struct request *request)
{
	static const struct table_column columns[] = {
		{ .title = "ID" },
		{ .title = "KIND" },
		{ .title = "CALL", .elastic = true },
		{ .title = "DEAD FOR", .right = true },
		{ .title = "REASON" },
		{ .title = "SQLSTATE" },
		{ .title = "ERROR", .elastic = true },
	};
	struct search search = { .request = request,
				 .state = STATE_DEAD,
				 .found = print_line };

	if (request->json)
		return walk(&search);
	search.found = add_letter;
	search.limit = LIST_ROWS;
	search.table =
		table_create(columns, sizeof(columns) / sizeof(columns[0]));
	return list_for_people(&search);
}
