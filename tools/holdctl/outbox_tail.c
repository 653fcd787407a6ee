/*
 * outbox_tail.c - holdctl outbox tail: each record as it comes
 *
 * Holds a reader open in each journal and looks again after a moment. The first
 * round goes through all that is there and shows the last of it; from then on
 * every new record is shown, whether it waits or was delivered at once.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"
#include "persistence/record.h"
#include "server/clock.h"
#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/item.h"
#include "tools/holdctl/outbox_view.h"
#include "tools/holdctl/selection.h"
#include "tools/holdctl/table.h"

#define FIRST_ROWS  10u
#define LOOK_MS	    200L
#define FIRST_BOUND 10000u

struct tail {
	const struct request *request;
	struct selection selection;
	char dir[300];
	struct journal_cursor *cursors; /* owned, as many as were ever seen */
	size_t count;
	char **last; /* a ring: the lines of the first round */
	size_t last_size, last_count;
	bool following;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* ---- what is shown ---------------------------------------------------------
 */

static char *line_for_people(const struct outbox_item *item)
{
	const struct record *record = item->record;
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE];
	char *line;

	uuid_format(&record->id, id);
	uuid_format(&record->entity, entity);
	clock_format_iso(record->created_us, at);
	if (asprintf(&line, "%s  %s  %-15s  %s  rev %u", at, id,
		     record_kind_name(record->kind), entity, record->rev) < 0)
		return NULL;
	return line;
}

static char *line_of(const struct tail *tail, const struct outbox_item *item)
{
	json_t *json;
	char *line;

	if (!tail->request->json)
		return line_for_people(item);
	json = item_to_json(item, clock_wall_us());
	line = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return line;
}

/* Takes the line. */
static void show(struct tail *tail, char *line)
{
	size_t i;

	if (tail->following) {
		puts(line);
		free(line);
		return;
	}
	if (tail->last_size == 0) {
		free(line);
		return;
	}
	i = tail->last_count++ % tail->last_size;
	free(tail->last[i]);
	tail->last[i] = line;
}

static void show_last(struct tail *tail)
{
	size_t n = tail->last_count < tail->last_size ? tail->last_count
						      : tail->last_size;

	for (size_t i = tail->last_count - n; i < tail->last_count; i++)
		puts(tail->last[i % tail->last_size]);
	tail->following = true;
}

/* ---- reading ---------------------------------------------------------------
 */

static int read_on(struct tail *tail, struct journal_cursor *cursor)
{
	struct journal_entry entry;
	int r;

	cursor->live = cursor->live && journal_is_live(cursor->dir);
	while ((r = journal_cursor_next(cursor, &entry)) == 1) {
		struct outbox_item item = {
			.record = entry.record,
			.journal = cursor->name,
			.seq = entry.seq,
			.state = journal_cursor_was_delivered(cursor, entry.seq)
					 ? STATE_DELIVERED
					 : STATE_PENDING,
		};
		char *line = NULL;
		bool fits = selection_fits(&tail->selection, entry.record);

		if (fits)
			line = line_of(tail, &item);
		free(entry.record);
		if (line)
			show(tail, line);
		else if (fits)
			return -ENOMEM;
	}
	return r;
}

static bool is_known(const struct tail *tail, const char *name)
{
	for (size_t i = 0; i < tail->count; i++)
		if (strcmp(tail->cursors[i].name, name) == 0)
			return true;
	return false;
}

static int adopt(struct tail *tail, const char *name)
{
	struct journal_cursor *more = reallocarray(
		tail->cursors, tail->count + 1, sizeof(*tail->cursors));
	int r;

	if (!more)
		return -ENOMEM;
	tail->cursors = more;
	r = journal_cursor_open(&more[tail->count], tail->dir, name);
	if (r < 0) /* newer than us, or swept just now */
		return r == -ENOMEM ? r : 0;
	tail->count++;
	return 0;
}

static int look(struct tail *tail)
{
	char **names;
	size_t count;
	int r = journal_names(tail->dir, &names, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++)
		if (!is_known(tail, names[i]))
			r = adopt(tail, names[i]);
	journal_names_free(names, count);
	for (size_t i = 0; r == 0 && i < tail->count; i++) {
		r = read_on(tail, &tail->cursors[i]);
		if (r != -ENOMEM)
			r = 0; /* what one segment hides, the next may show */
	}
	return r;
}

static int follow(struct tail *tail)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	int r = look(tail);

	if (r == 0)
		show_last(tail);
	while (r == 0 && !interrupted && fflush(stdout) == 0) {
		(void)nanosleep(&pause, NULL);
		r = look(tail);
	}
	return r;
}

static void finish(struct tail *tail)
{
	for (size_t i = 0; i < tail->count; i++)
		journal_cursor_close(&tail->cursors[i]);
	free(tail->cursors);
	for (size_t i = 0; tail->last && i < tail->last_size; i++)
		free(tail->last[i]);
	free(tail->last);
	selection_finish(&tail->selection);
}

int outbox_tail_run(const struct request *request)
{
	struct tail tail = {
		.request = request,
		.last_size = request->limited ? request->limit : FIRST_ROWS,
	};
	int status, r;

	(void)snprintf(tail.dir, sizeof(tail.dir), "%s/outbox",
		       request->settings->data_dir);
	if (tail.last_size > FIRST_BOUND)
		return complain(STATUS_USAGE, "--limit: at most %u here",
				FIRST_BOUND);
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	status = selection_init(&tail.selection, request);
	if (status != STATUS_FINE)
		goto end;
	tail.last = calloc(tail.last_size + 1, sizeof(*tail.last));
	r = tail.last ? follow(&tail) : -ENOMEM;
	if (r < 0)
		status = complain_unreadable(request, r);
end:
	finish(&tail);
	return status;
}
