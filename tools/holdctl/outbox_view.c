/* outbox_view.c - walks the waiting records without touching anything */
#include "tools/holdctl/outbox_view.h"

#include <stdio.h>
#include <stdlib.h>

#include "persistence/estate.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "server/settings.h"

static int open_view(struct outbox **outbox, const struct settings *settings)
{
	char dir[300];
	struct outbox_options options = { .dir = dir, .read_only = true };
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/outbox", settings->data_dir);
	r = outbox_open(outbox, &options);
	if (r < 0)
		return r;
	r = outbox_scan(*outbox);
	if (r < 0)
		*outbox = outbox_close(*outbox);
	return r;
}

/* 1 when the visitor has seen enough, 0 at the journal's end, or -errno. */
static int walk_journal(struct outbox_journal *journal, outbox_visit *visit,
			void *arg)
{
	struct journal_entry entry;
	int r;

	while ((r = outbox_journal_next(journal, &entry)) == 1) {
		struct outbox_item item = {
			.record = entry.record,
			.journal = outbox_journal_name(journal),
			.seq = entry.seq,
		};
		bool more = visit(&item, arg);

		free(entry.record);
		if (!more)
			return 1;
	}
	return r;
}

int outbox_walk(const struct settings *settings, outbox_visit *visit, void *arg)
{
	struct outbox_journal *journal;
	struct outbox *outbox;
	size_t cursor = 0;
	int r = open_view(&outbox, settings);

	if (r < 0)
		return r;
	while (r == 0 && (journal = outbox_next_journal(outbox, &cursor)))
		r = walk_journal(journal, visit, arg);
	outbox_close(outbox);
	return r < 0 ? r : 0;
}

static bool count_record(const struct outbox_item *item, void *arg)
{
	struct journal_view *view = arg;
	int64_t created_us = item->record->created_us;

	view->pending++;
	if (view->oldest_us == 0 || created_us < view->oldest_us)
		view->oldest_us = created_us;
	return true;
}

static void add_up(struct outbox_summary *sum, const struct journal_view *view)
{
	sum->pending += view->pending;
	if (!view->live)
		sum->orphans += view->open;
	if (view->oldest_us &&
	    (sum->oldest_us == 0 || view->oldest_us < sum->oldest_us))
		sum->oldest_us = view->oldest_us;
	if (sum->journal_count < JOURNALS_SHOWN_MAX)
		sum->journals[sum->journal_count++] = *view;
}

int outbox_summarise(const struct settings *settings,
		     struct outbox_summary *summary)
{
	struct outbox_journal *journal;
	struct outbox *outbox;
	size_t cursor = 0;
	int r = open_view(&outbox, settings);

	if (r < 0)
		return r;
	*summary = (struct outbox_summary){ 0 };
	while ((journal = outbox_next_journal(outbox, &cursor))) {
		struct journal_view view = {
			.live = outbox_journal_live(journal),
		};

		(void)snprintf(view.name, sizeof(view.name), "%s",
			       outbox_journal_name(journal));
		r = walk_journal(journal, count_record, &view);
		if (r < 0)
			break;
		view.open = estate_count(outbox_journal_estate(journal));
		add_up(summary, &view);
	}
	summary->bytes = outbox_stats(outbox).bytes;
	summary->damaged = outbox_stats(outbox).damage.records;
	outbox_close(outbox);
	return r;
}
