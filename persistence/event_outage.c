/* event_outage.c - the database is down, and back (see event_outage.h) */
#include "persistence/event_outage.h"

#include <errno.h>
#include <stdlib.h>

#include "persistence/db_health.h"
#include "persistence/event.h"
#include "persistence/event_log.h"
#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"
#include "persistence/record.h"
#include "server/board.h"
#include "server/clock.h"

/* ---- what was told ---------------------------------------------------------
 */

static void note(struct event_outage *outage, const struct record *event)
{
	enum event_type type = event_type_of(event);

	if (type == EVENT_DATABASE_DOWN)
		*outage = (struct event_outage){
			.told = true,
			.id = event->entity,
			.since_us = event->created_us,
		};
	else if (type == EVENT_DATABASE_RECOVERED)
		outage->told = false;
}

static void read_journal(struct event_outage *outage, const char *dir,
			 const char *name)
{
	struct journal_cursor cursor;
	struct journal_entry entry;

	if (journal_cursor_open(&cursor, dir, name) < 0)
		return;
	while (journal_cursor_next(&cursor, &entry) == 1) {
		note(outage, entry.record);
		free(entry.record);
	}
	journal_cursor_close(&cursor);
}

void event_outage_load(struct event_outage *outage, const char *events_dir)
{
	size_t count = 0;
	char **names;

	*outage = (struct event_outage){ .told = false };
	if (journal_names(events_dir, &names, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		read_journal(outage, events_dir, names[i]);
	journal_names_free(names, count);
}

/* ---- what is to be told ----------------------------------------------------
 */

static int tell(enum event_type type, const struct event_outage *outage,
		struct event_log *log, const char *node_id, int64_t at_us,
		json_t *data)
{
	struct record *event = event_make(type, &outage->id, &outage->id, at_us,
					  node_id, data);
	int r = event ? event_log_append(log, &event, 1) : -ENOMEM;

	free(event);
	return r;
}

static int tell_down(struct event_outage *outage, struct event_log *log,
		     const char *node_id)
{
	struct event_outage begun = {
		.told = true,
		.since_us = atomic_load(&board_flags()->db_since_us),
	};
	char reason[BOARD_TEXT_SIZE], id[UUID_TEXT_SIZE];
	int r;

	board_text_get(&board_flags()->db_reason, reason);
	uuid_make_v7(&begun.id);
	uuid_format(&begun.id, id);
	r = tell(EVENT_DATABASE_DOWN, &begun, log, node_id, begun.since_us,
		 json_pack("{s:s, s:s}", "outage", id, "reason", reason));
	if (r == 0)
		*outage = begun;
	return r;
}

static int tell_recovered(struct event_outage *outage, struct event_log *log,
			  const char *node_id)
{
	int64_t now_us = clock_wall_us(),
		down_us = now_us > outage->since_us ? now_us - outage->since_us
						    : 0;
	char id[UUID_TEXT_SIZE], since[CLOCK_ISO_SIZE];
	int r;

	uuid_format(&outage->id, id);
	clock_format_iso(outage->since_us, since);
	r = tell(EVENT_DATABASE_RECOVERED, outage, log, node_id, now_us,
		 json_pack("{s:s, s:s, s:I}", "outage", id, "since", since,
			   "down_for_ms", (json_int_t)(down_us / 1000)));
	if (r == 0)
		outage->told = false;
	return r;
}

int event_outage_look(struct event_outage *outage, struct event_log *log,
		      const char *node_id)
{
	switch (db_health_shown()) {
	case BOARD_DB_DOWN:
	case BOARD_DB_PAUSED:
		return outage->told ? 0 : tell_down(outage, log, node_id);
	case BOARD_DB_UP:
		return outage->told ? tell_recovered(outage, log, node_id) : 0;
	default: return 0; /* nobody has asked it yet */
	}
}
