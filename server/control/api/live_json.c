/* live_json.c - a live call as JSON (see live_json.h) */
#include "server/control/api/live_json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/clock.h"
#include "server/live_calls.h"
#include "server/uuid.h"

/* "" was not said. */
static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static int64_t lasted_ms(const struct live_call *call)
{
	int64_t until_us = call->ended_us ? call->ended_us : clock_wall_us();
	int64_t lasted_us = until_us - call->started_us;

	return lasted_us > 0 ? lasted_us / 1000 : 0;
}

/* What both have. */
static json_t *common(const struct live_call *call, const char *node_id)
{
	char id[UUID_TEXT_SIZE], started[CLOCK_ISO_SIZE];

	uuid_format(&call->id, id);
	clock_format_iso(call->started_us, started);
	return json_pack(
		"{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s, s:I,"
		" s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s?, s:s}",
		"call_id", id, "node_id", node_id, "provider", call->provider,
		"provider_call_id", or_null(call->provider_call_id),
		"stream_id", or_null(call->stream_id), "account_id",
		or_null(call->account_id), "direction",
		or_null(call->direction), "from_number", or_null(call->from),
		"to_number", or_null(call->to), "started_at", started,
		"duration_ms", (json_int_t)lasted_ms(call), "codec",
		call->codec, "sample_rate", (int)call->rate_hz, "frames_in",
		(json_int_t)call->frames_in, "frames_out",
		(json_int_t)call->frames_out, "bytes_in",
		(json_int_t)call->bytes_in, "bytes_out",
		(json_int_t)call->bytes_out, "frames_lost",
		(json_int_t)call->frames_lost, "max_gap_ms",
		(json_int_t)call->max_gap_ms, "frames_late",
		(json_int_t)call->frames_late, "frames_dropped",
		(json_int_t)call->frames_dropped, "trace_id",
		or_null(call->trace_id), "dtmf", call->dtmf);
}

/* Takes both; NULL if either is. */
static json_t *joined(json_t *whole, json_t *more)
{
	int r = whole && more ? json_object_update(whole, more) : -1;

	json_decref(more);
	if (r == 0)
		return whole;
	json_decref(whole);
	return NULL;
}

static json_t *level(float db)
{
	return db == LIVE_NO_LEVEL ? json_null()
				   : json_real(round((double)db * 10.0) / 10.0);
}

json_t *live_json(const struct live_call *call, const char *node_id)
{
	char at[CLOCK_ISO_SIZE];

	clock_format_iso(call->at_us, at);
	return joined(common(call, node_id),
		      json_pack("{s:s, s:I, s:b, s:b, s:o, s:o, s:s}",
				"handler", call->handler, "frames_late_in",
				(json_int_t)call->frames_late_in, "paused",
				(int)call->paused, "recorded",
				(int)call->recorded, "level_in_db",
				level(call->level_in_db), "level_out_db",
				level(call->level_out_db), "updated_at", at));
}

json_t *live_json_row(const struct live_call *call, const char *node_id)
{
	char ended[CLOCK_ISO_SIZE];
	bool lives = call->ended_us == 0;

	clock_format_iso(call->ended_us, ended);
	return joined(
		common(call, node_id),
		json_pack("{s:s, s:s?, s:s?, s:n, s:n, s:i, s:n, s:n, s:n, s:n,"
			  " s:o}",
			  "state", lives ? "live" : "ended", "ended_at",
			  lives ? NULL : ended, "end_reason",
			  or_null(call->end_reason), "custom", "recording_path",
			  "rev", (int)call->rev, "provider_status",
			  "provider_duration_ms", "hangup_cause",
			  "provider_error", "duration_ms",
			  lives ? json_null() : json_integer(lasted_ms(call))));
}

json_t *live_json_page(const struct live_filter *filter,
		       json_t *(*describe)(const struct live_call *call,
					   const char *node_id),
		       const char *node_id, uint32_t *total)
{
	struct live_filter wider = *filter;
	struct live_call *calls;
	char next[UUID_TEXT_SIZE];
	json_t *list;
	uint32_t count;

	wider.limit++; /* is there another page? */
	calls = calloc(wider.limit, sizeof(*calls));
	if (!calls)
		return NULL;
	list = json_array();
	count = live_calls_list(&wider, clock_mono_ms(), calls, total);
	for (uint32_t i = 0; i < count && i < filter->limit; i++)
		(void)json_array_append_new(list, describe(&calls[i], node_id));
	if (count == wider.limit)
		uuid_format(&calls[filter->limit - 1].id, next);
	free(calls);
	return json_pack("{s:o, s:s?}", "calls", list, "next_cursor",
			 count == wider.limit ? next : NULL);
}
