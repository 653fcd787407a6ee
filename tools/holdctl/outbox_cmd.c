/* outbox_cmd.c - holdctl outbox: what waits for the database */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "persistence/record.h"
#include "server/clock.h"
#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/human.h"
#include "tools/holdctl/outbox_view.h"
#include "tools/holdctl/table.h"

#define LIST_ROWS 100 /* for people; JSON has them all */

/* What `list` and `export` look for, and what they do with it. */
struct search {
	const struct request *request;
	enum record_kind kind; /* 0: any */
	void (*found)(struct search *search, const struct outbox_item *item);
	struct table *table;
	int64_t now_us;
	uint64_t matches; /* those past the limit included */
	unsigned limit;	  /* 0: none */
	bool failed;
};

static int complain_unreadable(const struct request *request, int r)
{
	return complain(STATUS_FAILED, "cannot read the outbox in %s: %s%s",
			request->settings->data_dir, strerror(-r),
			r == -ENOENT ? " (is that the server's data_dir?)"
				     : "");
}

static int64_t age_seconds(int64_t now_us, int64_t then_us)
{
	return now_us > then_us ? (now_us - then_us) / 1000000 : 0;
}

static void add_row(struct search *search, const struct outbox_item *item)
{
	const struct record *record = item->record;
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE], age[HUMAN_SIZE];
	char rev[16], bytes[16];

	uuid_format(&record->id, id);
	uuid_format(&record->entity, entity);
	(void)snprintf(rev, sizeof(rev), "%" PRIu32, record->rev);
	(void)snprintf(bytes, sizeof(bytes), "%" PRIu32, record->length);
	human_age(age_seconds(search->now_us, record->created_us), age);
	table_add(search->table,
		  (const char *const[]){ id, record_kind_name(record->kind),
					 entity, rev, age, bytes,
					 item->journal });
}

static void print_line(struct search *search, const struct outbox_item *item)
{
	const struct record *record = item->record;
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE];
	json_t *line;

	uuid_format(&record->id, id);
	uuid_format(&record->entity, entity);
	clock_format_iso(record->created_us, at);
	line = json_pack(
		"{s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:I, s:I}", "id", id,
		"kind", record_kind_name(record->kind), "call", entity, "rev",
		(json_int_t)record->rev, "created_at", at, "age_seconds",
		(json_int_t)age_seconds(search->now_us, record->created_us),
		"journal", item->journal, "seq", (json_int_t)item->seq, "bytes",
		(json_int_t)record->length);
	if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0)
		search->failed = true;
	putchar('\n');
	json_decref(line);
}

static void print_export(struct search *search, const struct outbox_item *item)
{
	char *line = record_to_json(item->record);

	if (line)
		puts(line);
	else
		search->failed = true;
	free(line);
}

/* Is `text`, an id, what the user meant by `wanted`, its beginning? */
static bool id_begins(const struct uuid *id, const char *wanted)
{
	char text[UUID_TEXT_SIZE];

	uuid_format(id, text);
	return strncasecmp(text, wanted, strlen(wanted)) == 0;
}

static bool visit(const struct outbox_item *item, void *arg)
{
	struct search *search = arg;
	const char *call = search->request->call;

	if (search->kind && item->record->kind != search->kind)
		return true;
	if (call && !id_begins(&item->record->entity, call))
		return true;
	search->matches++;
	if (search->limit == 0 || search->matches <= search->limit)
		search->found(search, item);
	return !search->failed;
}

static int search_outbox(struct search *search)
{
	const struct request *request = search->request;
	int r;

	if (request->kind) {
		search->kind = record_kind_parse(request->kind);
		if (search->kind == 0)
			return complain(STATUS_USAGE,
					"--kind %s: no such kind of record "
					"(call.started, call.ended, ...)",
					request->kind);
	}
	search->now_us = clock_wall_us();
	if (request->limited)
		search->limit = request->limit;
	r = outbox_walk(request->settings, visit, search);
	if (r < 0)
		return complain_unreadable(request, r);
	if (search->failed)
		return complain(STATUS_FAILED, "out of memory");
	return STATUS_FINE;
}

int outbox_export_run(const struct request *request)
{
	struct search search = { .request = request, .found = print_export };

	return search_outbox(&search);
}

static int list_for_people(const struct request *request)
{
	static const struct table_column columns[] = {
		{ .title = "ID" },
		{ .title = "KIND" },
		{ .title = "CALL", .elastic = true },
		{ .title = "REV", .right = true },
		{ .title = "AGE", .right = true },
		{ .title = "BYTES", .right = true },
		{ .title = "JOURNAL", .elastic = true },
	};
	struct search search = {
		.request = request,
		.found = add_row,
		.limit = LIST_ROWS,
		.table = table_create(columns,
				      sizeof(columns) / sizeof(columns[0])),
	};
	int status = search_outbox(&search);

	if (status == STATUS_FINE && search.matches == 0)
		puts("Nothing waits.");
	else if (status == STATUS_FINE &&
		 table_print(search.table, stdout, table_width(stdout)) < 0)
		status = complain(STATUS_FAILED, "out of memory");
	if (search.limit && search.matches > search.limit)
		fprintf(stderr,
			"holdctl: %u of %" PRIu64 " shown; --limit 0 shows "
			"all\n",
			search.limit, search.matches);
	table_destroy(search.table);
	return status;
}

int outbox_list_run(const struct request *request)
{
	struct search search = { .request = request, .found = print_line };

	return request->json ? search_outbox(&search)
			     : list_for_people(request);
}

/* `show`: the records whose id begins so. The first is kept as text. */
struct lookup {
	const char *wanted;
	char *line, *journal;
	unsigned matches;
};

static bool look(const struct outbox_item *item, void *arg)
{
	struct lookup *lookup = arg;

	if (!id_begins(&item->record->id, lookup->wanted))
		return true;
	if (++lookup->matches == 1) {
		lookup->line = record_to_json(item->record);
		lookup->journal = strdup(item->journal);
	}
	return lookup->matches < 2;
}

static int print_record(const struct lookup *lookup, bool as_json)
{
	json_t *record;
	char *text;

	if (!lookup->line || !lookup->journal)
		return complain(STATUS_FAILED, "out of memory");
	if (as_json) {
		puts(lookup->line);
		return STATUS_FINE;
	}
	record = json_loads(lookup->line, 0, NULL);
	/* ASCII alone: a payload holds what strangers sent, and some of
	 * Unicode commands a terminal. */
	text = record ? json_dumps(record, JSON_INDENT(2) | JSON_ENSURE_ASCII)
		      : NULL;
	json_decref(record);
	if (!text)
		return complain(STATUS_FAILED, "the record cannot be shown");
	printf("%s\njournal: %s\n", text, lookup->journal);
	free(text);
	return STATUS_FINE;
}

int outbox_show_run(const struct request *request)
{
	struct lookup lookup = { .wanted = request->operand };
	int status;
	int r = outbox_walk(request->settings, look, &lookup);

	if (r < 0)
		status = complain_unreadable(request, r);
	else if (lookup.matches == 0)
		status = complain(STATUS_FAILED,
				  "no waiting record has the id %s (delivered "
				  "ones are in the database: holdctl call "
				  "show)",
				  request->operand);
	else if (lookup.matches > 1)
		status =
			complain(STATUS_FAILED,
				 "%s begins more than one id: write more of it",
				 request->operand);
	else
		status = print_record(&lookup, request->json);
	free(lookup.line);
	free(lookup.journal);
	return status;
}

static void print_summary_json(const struct outbox_summary *sum, int64_t now_us)
{
	json_t *journals = json_array();
	json_t *all;

	for (size_t i = 0; i < sum->journal_count; i++) {
		const struct journal_view *view = &sum->journals[i];

		json_array_append_new(
			journals,
			json_pack(
				"{s:s, s:b, s:I, s:I, s:I}", "name", view->name,
				"live", view->live, "pending",
				(json_int_t)view->pending, "open_calls",
				(json_int_t)view->open, "oldest_seconds",
				(json_int_t)(view->oldest_us
						     ? age_seconds(
							       now_us,
							       view->oldest_us)
						     : 0)));
	}
	all = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:o}", "pending",
		(json_int_t)sum->pending, "bytes", (json_int_t)sum->bytes,
		"oldest_seconds",
		(json_int_t)(sum->oldest_us
				     ? age_seconds(now_us, sum->oldest_us)
				     : 0),
		"orphaned_calls", (json_int_t)sum->orphans, "damaged_records",
		(json_int_t)sum->damaged, "journals", journals);
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

static void add_journal(struct table *table, const struct journal_view *view,
			int64_t now_us)
{
	char pending[24], open[24], age[HUMAN_SIZE] = "-";

	(void)snprintf(pending, sizeof(pending), "%" PRIu64, view->pending);
	(void)snprintf(open, sizeof(open), "%" PRIu64, view->open);
	if (view->oldest_us)
		human_age(age_seconds(now_us, view->oldest_us), age);
	table_add(table, (const char *const[]){
				 view->name, view->live ? "live" : "finished",
				 pending, age, open });
}

static int print_summary(const struct outbox_summary *sum, int64_t now_us)
{
	static const struct table_column columns[] = {
		{ .title = "JOURNAL" },
		{ .title = "STATE" },
		{ .title = "PENDING", .right = true },
		{ .title = "OLDEST", .right = true },
		{ .title = "OPEN CALLS", .right = true },
	};
	struct table *table =
		table_create(columns, sizeof(columns) / sizeof(columns[0]));
	char bytes[HUMAN_SIZE];
	int r;

	for (size_t i = 0; i < sum->journal_count; i++)
		add_journal(table, &sum->journals[i], now_us);
	r = table_print(table, stdout, table_width(stdout));
	table_destroy(table);
	printf("\n%" PRIu64 " records wait; the outbox takes %s on disk.\n",
	       sum->pending, human_bytes(sum->bytes, bytes));
	if (sum->orphans)
		printf("Calls that were open when their process died: %" PRIu64
		       " (the server ends them as interrupted).\n",
		       sum->orphans);
	if (sum->damaged)
		printf("Records damaged on disk and skipped: %" PRIu64 "\n",
		       sum->damaged);
	return r < 0 ? complain(STATUS_FAILED, "out of memory") : STATUS_FINE;
}

int outbox_status_run(const struct request *request)
{
	struct outbox_summary *sum = calloc(1, sizeof(*sum));
	int64_t now_us = clock_wall_us();
	int status = STATUS_FINE;
	int r;

	if (!sum)
		return complain(STATUS_FAILED, "out of memory");
	r = outbox_summarise(request->settings, sum);
	if (r < 0)
		status = complain_unreadable(request, r);
	else if (request->json)
		print_summary_json(sum, now_us);
	else
		status = print_summary(sum, now_us);
	free(sum);
	return status;
}
