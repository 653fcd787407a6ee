/* session_work.c - what the session loop does in the database
 * (see session_work.h) */
#include "persistence/session_work.h"

#include <stdio.h>

#include "persistence/store_nodes.h"
#include "persistence/store_sessions.h"
#include "server/board.h"
#include "server/log.h"

#define STEP 100u /* rows at once */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* ---- sessions --------------------------------------------------------------
 */

static void say_closed(const json_t *session)
{
	const char *reason = text_of(session, "close_reason");
	char labels[48];

	(void)snprintf(labels, sizeof(labels), "reason=\"%s\"", reason);
	board_add(board_series(METRIC_SESSIONS_CLOSED_TOTAL, labels), 1);
	log_info("SESSION_CLOSED",
		 "session=%s channel=%s reason=%s messages=%lld",
		 text_of(session, "session_id"), text_of(session, "channel"),
		 reason,
		 (long long)json_integer_value(
			 json_object_get(session, "message_count")));
}

/* How old the oldest record is that waits in our outbox. */
static uint64_t waiting_ms(void)
{
	int64_t seconds =
		board_get(board_series(METRIC_OUTBOX_OLDEST_SECONDS, ""));

	return seconds > 0 ? (uint64_t)seconds * 1000 : 0;
}

static int close_idle(struct store *store, struct session_step *step)
{
	json_t *sessions = NULL;
	int r = store_close_sessions(store, STEP, waiting_ms(), step->idle_ms,
				     &sessions, &step->err);

	for (size_t i = 0; r == 0 && i < json_array_size(sessions); i++)
		say_closed(json_array_get(sessions, i));
	step->more = json_array_size(sessions) == STEP;
	json_decref(sessions);
	return r;
}

void session_work_close(struct store *store, struct session_step *step)
{
	step->result = close_idle(store, step);
	if (step->result == 0)
		step->result = store_count_open_sessions(store, &step->left,
							 &step->err);
	if (step->result == 0)
		step->result =
			store_claim_summaries(store, STEP, step->again_ms,
					      &step->summaries, &step->err);
	if (step->result < 0)
		return;
	board_set(board_series(METRIC_SESSIONS_OPEN, ""), step->left);
	if (json_array_size(step->summaries) == STEP)
		step->more = true;
}

void session_work_told(struct store *store, struct session_step *step)
{
	json_t *ids = json_array();

	for (size_t i = 0; i < json_array_size(step->summaries); i++)
		(void)json_array_append(
			ids, json_object_get(json_array_get(step->summaries, i),
					     "close_id"));
	step->result = store_summaries_told(store, ids, &step->err);
	json_decref(ids);
}

/* ---- nodes -----------------------------------------------------------------
 */

static void say_lost(const json_t *call)
{
	board_add(board_series(METRIC_LOST_CALLS_ENDED_TOTAL, ""), 1);
	log_warn("NODE_LOST", "call=%s node=%s reason=interrupted",
		 text_of(call, "call_id"), text_of(call, "node_id"));
}

static int end_lost(struct store *store, struct session_step *step)
{
	json_t *calls = NULL;
	int r = store_end_lost_calls(store, step->node, step->lease_ms, STEP,
				     &calls, &step->err);

	for (size_t i = 0; r == 0 && i < json_array_size(calls); i++)
		say_lost(json_array_get(calls, i));
	step->more = json_array_size(calls) == STEP;
	json_decref(calls);
	return r;
}

void session_work_lease(struct store *store, struct session_step *step)
{
	step->result = store_node_seen(store, step->node, step->started_at,
				       &step->err);
	if (step->result == 0 && step->judges)
		step->result = end_lost(store, step);
	if (step->result == 0)
		step->result =
			store_count_live_calls(store, &step->left, &step->err);
}
