/*
 * call_record.c - a call as rows: the payloads of its records (call_record.h)
 *
 * The keys are the columns of the tables `calls` and `call_events`.
 */
#include "media/call_record.h"

#include <stdlib.h>
#include <string.h>

#include "media/admission.h"
#include "media/loop.h"
#include "persistence/json_text.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

const char *end_reason_name(enum end_reason reason)
{
	static const char *const names[END_REASON_COUNT] = {
		[END_STOP] = "stop",
		[END_HANGUP] = "hangup",
		[END_DISCONNECT] = "disconnect",
		[END_IDLE_TIMEOUT] = "idle_timeout",
		[END_MAX_DURATION] = "max_duration",
		[END_PROTOCOL_ERROR] = "protocol_error",
		[END_SHUTDOWN] = "shutdown",
	};

	return names[reason];
}

const char *call_word(const struct call *call, const char *itself,
		      const char *key)
{
	return itself ? itself
		      : json_string_value(json_object_get(call->custom, key));
}

static json_t *row(const struct call *call, uint32_t rev)
{
	const char *trace = call->admission->trace.id;
	bool ended = call->state == CALL_ENDING;
	char started[CLOCK_ISO_SIZE], at[CLOCK_ISO_SIZE];

	clock_format_iso(call->started_us, started);
	clock_format_iso(call->ended_us, at);
	return json_pack(
		"{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?,"
		" s:s, s:s, s:s?, s:o, s:s?,"
		" s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:O?, s:s?, s:i,"
		" s:I, s:I, s:s?}",
		"call_id", call->id_text, "node_id",
		call->loop->settings->node_id, "provider", call->provider->name,
		"provider_call_id", call->provider_call_id, "stream_id",
		call->stream_id, "account_id", call->account_id, "direction",
		call_word(call, NULL, "direction"), "from_number",
		call_word(call, call->from, "from"), "to_number",
		call_word(call, call->to, "to"),

		"state", ended ? "ended" : "live", "started_at", started,
		"ended_at", ended ? at : NULL, "duration_ms",
		ended ? json_integer((call->ended_us - call->started_us) / 1000)
		      : json_null(),
		"end_reason", ended ? end_reason_name(call->end_reason) : NULL,

		"codec", call->sound.wire_in.codec->name, "sample_rate",
		(int)call->sound.heard.rate_hz, "frames_in",
		(json_int_t)call->frames_in, "frames_out",
		(json_int_t)call->frames_out, "bytes_in",
		(json_int_t)call->bytes_in, "bytes_out",
		(json_int_t)call->bytes_out, "frames_lost",
		(json_int_t)call->frames_lost, "max_gap_ms",
		(json_int_t)call->max_gap_ms, "dtmf", call->dtmf, "custom",
		call->custom, "recording_path", call->recording_path, "rev",
		(int)rev, "frames_late", (json_int_t)call->frames_late_out,
		"frames_dropped", (json_int_t)call->frames_dropped, "trace_id",
		*trace ? trace : NULL);
}

/* Takes `payload`. No memory for a record is the one thing that can lose it;
 * it is said with the call's id. */
static void hand_over(struct call *call, enum record_kind kind, uint32_t rev,
		      const struct uuid *id, json_t *payload)
{
	char *text = payload ? json_text_print(payload, JSON_COMPACT) : NULL;
	struct record *record = NULL;

	json_decref(payload);
	if (text)
		record = record_create(kind, id, &call->id, rev,
				       clock_wall_us(), text, strlen(text));
	free(text);
	if (record) {
		loop_submit(call->loop, record);
		return;
	}
	log_error("RECORD_LOST", "kind=%s call=%s err=\"no memory\"",
		  record_kind_name(kind), call->id_text);
	board_add(board_series(METRIC_RECORDS_LOST_TOTAL, ""), 1);
}

void call_record(struct call *call, enum record_kind kind)
{
	struct uuid id;

	uuid_make_v7(&id);
	/* An heir who knows all but the end writes one of its own, with the
	 * next rev: the true one goes further. */
	call->rev += record_closes(kind) ? 2 : 1;
	hand_over(call, kind, call->rev, &id, row(call, call->rev));
}

void call_record_event(struct call *call, const char *kind, json_t *data)
{
	if (call->events >= EVENTS_MAX) {
		call->events_unkept++;
		json_decref(data);
		return;
	}
	call_record_last_word(call, kind, data);
}

void call_record_last_word(struct call *call, const char *kind, json_t *data)
{
	char id_text[UUID_TEXT_SIZE], at[CLOCK_ISO_SIZE];
	struct uuid id;

	call->events++;
	uuid_make_v7(&id);
	uuid_format(&id, id_text);
	clock_format_iso(clock_wall_us(), at);
	if (!data)
		data = json_object();
	hand_over(call, RECORD_CALL_EVENT, 0, &id,
		  json_pack("{s:s, s:s, s:s, s:s, s:o}", "event_id", id_text,
			    "call_id", call->id_text, "at", at, "kind", kind,
			    "data", data));
}
