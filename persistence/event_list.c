/* event_list.c - the events that are still on the disk (see event_list.h) */
#include "persistence/event_list.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/event_log.h"
#include "persistence/id_index.h"
#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"
#include "persistence/record.h"

#define PART_EVENTS 500u

static bool has_id(const struct event_wish *wish, const struct uuid *id)
{
	for (size_t i = 0; i < wish->id_count; i++)
		if (uuid_equal(&wish->ids[i], id))
			return true;
	return false;
}

static bool is_wished(const struct event_wish *wish, const struct record *event)
{
	return event->kind == RECORD_EVENT &&
	       (wish->type == EVENT_NONE ||
		event_type_of(event) == wish->type) &&
	       event->created_us >= wish->since_us &&
	       (!wish->ids || has_id(wish, &event->id));
}

/* Shows those that are wished, in the order in which they were written. The
 * visitor takes the event; what is not 0 ends the walk. */
typedef int event_visit(void *arg, struct record *event, bool pending);

static int walk_journal(const char *dir, const char *name,
			const struct event_wish *wish, event_visit *visit,
			void *arg)
{
	struct journal_cursor cursor;
	struct journal_entry entry;
	int r = 0;

	if (journal_cursor_open(&cursor, dir, name) < 0)
		return 0;
	while (r == 0 && journal_cursor_next(&cursor, &entry) == 1) {
		if (is_wished(wish, entry.record))
			r = visit(arg, entry.record,
				  !journal_cursor_was_delivered(&cursor,
								entry.seq));
		else
			free(entry.record);
	}
	journal_cursor_close(&cursor);
	return r;
}

static int walk(const char *dir, const struct event_wish *wish,
		event_visit *visit, void *arg)
{
	size_t count = 0;
	char **names;
	int r = journal_names(dir, &names, &count);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = walk_journal(dir, names[i], wish, visit, arg);
	journal_names_free(names, count);
	return r;
}

/* ---- a page ----------------------------------------------------------------
 */

struct listing {
	struct event_page *page;
	const struct event_place *before;
	size_t limit;
};

static int compare(const struct record *event, int64_t at_us,
		   const struct uuid *id)
{
	if (event->created_us != at_us)
		return event->created_us < at_us ? -1 : 1;
	return memcmp(event->id.bytes, id->bytes, sizeof(id->bytes));
}

/* Puts the event where it belongs, and what falls off the end away. */
static int keep(void *arg, struct record *event, bool pending)
{
	const struct listing *listing = arg;
	const struct event_place *before = listing->before;
	struct event_page *page = listing->page;
	struct event_listed listed = { .event = event, .pending = pending };
	size_t at = 0;

	while (at < page->count && compare(page->events[at].event,
					   event->created_us, &event->id) > 0)
		at++;
	if ((before && compare(event, before->at_us, &before->id) >= 0) ||
	    at == listing->limit) {
		free(event);
		return 0;
	}
	/* Told twice, or replayed: what was written last counts. */
	if (at < page->count &&
	    uuid_equal(&page->events[at].event->id, &event->id)) {
		free(page->events[at].event);
		page->events[at] = listed;
		return 0;
	}
	if (page->count == listing->limit)
		free(page->events[--page->count].event);
	memmove(page->events + at + 1, page->events + at,
		(page->count - at) * sizeof(page->events[0]));
	page->events[at] = listed;
	page->count++;
	return 0;
}

int event_list(const char *events_dir, const struct event_wish *wish,
	       const struct event_place *before, size_t limit,
	       struct event_page *page)
{
	struct listing listing = { .page = page,
				   .before = before,
				   .limit = limit };

	assert(limit > 0 && limit <= EVENT_PAGE_MAX);
	page->count = 0;
	return walk(events_dir, wish, keep, &listing);
}

void event_page_finish(struct event_page *page)
{
	while (page->count > 0)
		free(page->events[--page->count].event);
}

/* ---- once more -------------------------------------------------------------
 */

struct replay {
	struct event_log *log;
	size_t limit, replayed;
	struct record *part[PART_EVENTS];
	size_t count;
	struct id_index seen;
};

static int append_part(struct replay *replay)
{
	int r = event_log_append(replay->log, replay->part, replay->count);

	if (r == 0)
		replay->replayed += replay->count;
	while (replay->count > 0)
		free(replay->part[--replay->count]);
	return r;
}

/* 1: that is enough. What we append ourselves is pending, so we do not meet it
 * again. */
static int add(void *arg, struct record *event, bool pending)
{
	struct replay *replay = arg;
	int r;

	if (pending || id_index_find(&replay->seen, &event->id)) {
		free(event);
		return 0;
	}
	if (replay->replayed + replay->count == replay->limit) {
		free(event);
		return 1;
	}
	r = id_index_set(&replay->seen, &event->id,
			 (struct id_place){ .where = replay });
	if (r < 0) {
		free(event);
		return r;
	}
	replay->part[replay->count++] = event;
	return replay->count == PART_EVENTS ? append_part(replay) : 0;
}

int event_replay(const char *events_dir, const struct event_wish *wish,
		 size_t limit, struct event_log *log, bool *more)
{
	struct replay replay = { .log = log, .limit = limit };
	int r = walk(events_dir, wish, add, &replay), last;

	*more = r == 1;
	last = append_part(&replay);
	id_index_finish(&replay.seen);
	if (r < 0 || last < 0)
		return r < 0 ? r : last;
	return (int)replay.replayed;
}
