/* outbox_view.c - walks the records of an outbox (see outbox_view.h) */
#include "tools/holdctl/outbox_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/estate.h"
#include "persistence/journal_cursor.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "server/settings.h"
#include "server/human.h"
#include "tools/holdctl/ids.h"

static const char *const state_names[STATE_COUNT] = {
	[STATE_PENDING] = "pending",	 [STATE_HELD] = "held",
	[STATE_DROPPED] = "dropped",	 [STATE_DEAD] = "dead",
	[STATE_DELIVERED] = "delivered",
};

const char *record_state_name(enum record_state state)
{
	return state_names[state];
}

enum record_state record_state_parse(const char *name)
{
	enum record_state state = 0;

	while (state < STATE_COUNT && strcmp(state_names[state], name) != 0)
		state++;
	return state;
}

/* The journals, or those of the state's shelf. */
static void path_of(const struct settings *settings, enum record_state state,
		    char out[320])
{
	bool shelf = state != STATE_PENDING && state != STATE_DELIVERED;

	(void)snprintf(out, 320, "%s/outbox%s%s", settings->data_dir,
		       shelf ? "/" : "", shelf ? state_names[state] : "");
}

/* ---- what was delivered, and what lies on the shelves ----------------------
 */

static int walk_cursor(struct journal_cursor *cursor, enum record_state state,
		       outbox_visit *visit, void *arg)
{
	bool done = state == STATE_DELIVERED, more = true;
	struct journal_entry entry;
	int r = 0;

	while (more && (r = journal_cursor_next(cursor, &entry)) == 1) {
		struct outbox_item item = {
			.record = entry.record,
			.journal = cursor->name,
			.seq = entry.seq,
			.state = state,
		};

		if (journal_cursor_was_delivered(cursor, entry.seq) == done)
			more = visit(&item, arg);
		free(entry.record);
	}
	return more ? r : 1;
}

/* 1 when the visitor has seen enough. */
static int walk_name(const char *dir, const char *name, enum record_state state,
		     outbox_visit *visit, void *arg)
{
	struct journal_cursor cursor;
	int r = journal_cursor_open(&cursor, dir, name);

	if (r == -EPROTONOSUPPORT || r == -ENOENT)
		return 0; /* newer than us, or swept just now */
	if (r < 0)
		return r;
	r = walk_cursor(&cursor, state, visit, arg);
	journal_cursor_close(&cursor);
	return r;
}

static int walk_done(const struct settings *settings, enum record_state state,
		     outbox_visit *visit, void *arg)
{
	char dir[320], **names;
	size_t count;
	int r;

	path_of(settings, state, dir);
	r = journal_names(dir, &names, &count);
	if (r == -ENOENT && state != STATE_DELIVERED)
		return 0; /* a shelf is made when it is needed */
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = walk_name(dir, names[i], state, visit, arg);
	journal_names_free(names, count);
	return r < 0 ? r : 0;
}

/* ---- what waits ------------------------------------------------------------
 */

struct aside {
	struct id_list ids;
	int error;
};

static bool note_aside(const struct outbox_item *item, void *arg)
{
	struct aside *aside = arg;

	aside->error = id_list_add(&aside->ids, &item->record->id);
	return aside->error == 0;
}

/* What is on a shelf is passed over by the drainer, though it still stands in
 * its journal. */
static int list_aside(const struct settings *settings, struct id_list *ids)
{
	struct aside aside = { 0 };
	int r = walk_done(settings, STATE_HELD, note_aside, &aside);

	if (r == 0 && aside.error == 0)
		r = walk_done(settings, STATE_DROPPED, note_aside, &aside);
	*ids = aside.ids;
	id_list_sort(ids);
	return r < 0 ? r : aside.error;
}

static int open_view(struct outbox **outbox, const struct settings *settings)
{
	char dir[320];
	struct outbox_options options = { .dir = dir, .read_only = true };
	int r;

	path_of(settings, STATE_PENDING, dir);
	r = outbox_open(outbox, &options);
	if (r < 0)
		return r;
	r = outbox_scan(*outbox);
	if (r < 0)
		*outbox = outbox_close(*outbox);
	return r;
}

/* 1 when the visitor has seen enough, 0 at the journal's end, or -errno. */
static int walk_journal(struct outbox_journal *journal,
			const struct id_list *aside, outbox_visit *visit,
			void *arg)
{
	struct journal_entry entry;
	int r;

	while ((r = outbox_journal_next(journal, &entry)) == 1) {
		struct outbox_item item = {
			.record = entry.record,
			.journal = outbox_journal_name(journal),
			.seq = entry.seq,
			.state = STATE_PENDING,
		};
		bool more = id_list_has(aside, &entry.record->id) ||
			    visit(&item, arg);

		free(entry.record);
		if (!more)
			return 1;
	}
	return r;
}

static int walk_pending(const struct settings *settings, outbox_visit *visit,
			void *arg)
{
	struct outbox_journal *journal;
	struct id_list aside = { 0 };
	struct outbox *outbox = NULL;
	size_t cursor = 0;
	int r = list_aside(settings, &aside);

	if (r == 0)
		r = open_view(&outbox, settings);
	while (r == 0 && (journal = outbox_next_journal(outbox, &cursor)))
		r = walk_journal(journal, &aside, visit, arg);
	outbox_close(outbox);
	id_list_finish(&aside);
	return r < 0 ? r : 0;
}

int outbox_walk(const struct settings *settings, enum record_state state,
		outbox_visit *visit, void *arg)
{
	if (state == STATE_PENDING)
		return walk_pending(settings, visit, arg);
	return walk_done(settings, state, visit, arg);
}

/* ---- the whole -------------------------------------------------------------
 */

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

static int summarise_journals(struct outbox *outbox,
			      const struct id_list *aside,
			      struct outbox_summary *summary)
{
	struct outbox_journal *journal;
	size_t cursor = 0;
	int r = 0;

	while (r >= 0 && (journal = outbox_next_journal(outbox, &cursor))) {
		struct journal_view view = {
			.live = outbox_journal_live(journal),
		};

		(void)snprintf(view.name, sizeof(view.name), "%s",
			       outbox_journal_name(journal));
		r = walk_journal(journal, aside, count_record, &view);
		view.open = estate_count(outbox_journal_estate(journal));
		add_up(summary, &view);
	}
	summary->bytes = outbox_stats(outbox).bytes;
	summary->damaged = outbox_stats(outbox).damage.records;
	return r;
}

static bool count_item(const struct outbox_item *item, void *arg)
{
	(void)item;
	++*(uint64_t *)arg;
	return true;
}

/* The file is there while the drain is paused; who did it stands in it. */
static void look_for_pause(const struct settings *settings,
			   struct outbox_summary *summary)
{
	char path[320];
	FILE *in;

	(void)snprintf(path, sizeof(path), "%s/outbox/PAUSED",
		       settings->data_dir);
	in = fopen(path, "re");
	if (!in)
		return;
	summary->paused = true;
	if (!fgets(summary->paused_by, sizeof(summary->paused_by), in))
		summary->paused_by[0] = '\0';
	human_defuse(summary->paused_by);
	fclose(in);
}

int outbox_summarise(const struct settings *settings,
		     struct outbox_summary *summary)
{
	struct id_list aside = { 0 };
	struct outbox *outbox = NULL;
	int r;

	*summary = (struct outbox_summary){ 0 };
	r = open_view(&outbox, settings);
	if (r < 0)
		return r;
	r = list_aside(settings, &aside);
	if (r == 0)
		r = summarise_journals(outbox, &aside, summary);
	outbox_close(outbox);
	id_list_finish(&aside);
	if (r == 0)
		r = walk_done(settings, STATE_HELD, count_item, &summary->held);
	if (r == 0)
		r = walk_done(settings, STATE_DROPPED, count_item,
			      &summary->dropped);
	if (r == 0)
		r = walk_done(settings, STATE_DEAD, count_item, &summary->dead);
	look_for_pause(settings, summary);
	return r;
}
