/* alert_message.c - what alerts.webhook is sent (see alert_message.h) */
#include "server/control/events/alert_message.h"

#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "persistence/alerts.h"
#include "server/clock.h"

/* A whole number where it is one. */
static json_t *window_seconds(uint64_t ms)
{
	if (ms % 1000 == 0)
		return json_integer((json_int_t)(ms / 1000));
	return json_real((double)ms / 1000);
}

char *alert_message_body(const struct alert *alert, const char *node_id)
{
	char since[CLOCK_ISO_SIZE], at[CLOCK_ISO_SIZE];
	json_t *body;
	char *text;

	clock_format_iso(alert->since_us, since);
	clock_format_iso(alert->at_us, at);
	body = json_pack("{ss ss ss sI so ss ss ss ss}", "id", alert->id,
			 "event", "db_alert", "state",
			 alert->firing ? "firing" : "resolved", "count",
			 (json_int_t)alert->count, "window_seconds",
			 window_seconds(alert->window_ms), "node_id", node_id,
			 "reason", alert->reason, "since", since, "at", at);
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	return text;
}
