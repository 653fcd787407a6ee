/* outbox_status.c - holdctl outbox status: the journals, one by one */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <jansson.h>

#include "server/clock.h"
#include "tools/holdctl/holdctl.h"
#include "server/human.h"
#include "tools/holdctl/item.h"
#include "tools/holdctl/outbox_view.h"
#include "tools/holdctl/table.h"

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
		"{s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:o}", "pending",
		(json_int_t)sum->pending, "held", (json_int_t)sum->held,
		"dropped", (json_int_t)sum->dropped, "dead",
		(json_int_t)sum->dead, "paused", sum->paused, "bytes",
		(json_int_t)sum->bytes, "oldest_seconds",
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
	if (sum->paused)
		printf("The drain is paused%s%s: holdctl outbox resume.\n",
		       sum->paused_by[0] ? " by " : "", sum->paused_by);
	if (sum->held)
		printf("Held by an operator: %" PRIu64
		       " (outbox list --state held).\n",
		       sum->held);
	if (sum->dropped)
		printf("Dropped, and not forgotten yet: %" PRIu64
		       " (outbox list --state dropped).\n",
		       sum->dropped);
	if (sum->dead)
		printf("Refused by the database: %" PRIu64
		       " (holdctl dead list).\n",
		       sum->dead);
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
