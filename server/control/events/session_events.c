/* session_events.c - the ends of messaging sessions as events
 * (see session_events.h) */
#include "server/control/events/session_events.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "persistence/event.h"
#include "persistence/event_log.h"
#include "persistence/record.h"
#include "server/clock.h"

static bool read_id(const json_t *row, const char *key, struct uuid *id)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text && uuid_parse(text, id);
}

static struct record *make_event(const json_t *summary, const char *node_id)
{
	const char *closed =
		json_string_value(json_object_get(summary, "closed_at"));
	struct uuid close_id, session_id;
	int64_t at_us;

	if (!read_id(summary, "close_id", &close_id) ||
	    !read_id(summary, "session_id", &session_id) || !closed ||
	    clock_parse_iso(closed, &at_us) < 0)
		return NULL;
	return event_make(EVENT_SESSION_CLOSED, &close_id, &session_id, at_us,
			  node_id, json_deep_copy(summary));
}

int session_events_tell(const json_t *summaries, void *arg)
{
	const struct session_events *told = arg;
	size_t size = json_array_size(summaries), count = 0;
	struct record **events = calloc(size, sizeof(struct record *));
	int r = 0;

	for (size_t i = 0; events && i < size; i++, count++) {
		events[i] =
			make_event(json_array_get(summaries, i), told->node_id);
		if (!events[i])
			break;
	}
	r = count == size ? event_log_append(told->log, events, count)
			  : -ENOMEM;
	for (size_t i = 0; i < count; i++)
		free(events[i]);
	free(events);
	return r;
}
