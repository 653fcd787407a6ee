/*
 * call.c - one call: its life, its end, its timeouts (see call.h)
 */
#include "media/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/admission.h"
#include "media/call_record.h"
#include "media/dtmf_detector.h"
#include "media/early.h"
#include "media/line.h"
#include "media/loop.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define HANGUP_GRACE_MS 1000u /* after our words the provider closes */
#define DECIDE_MS	1000u /* for words after the first samples */
#define CLOSE_GRACE_MS	2000u /* for a peer to take our close */

/* ---- a call's life ---------------------------------------------------------
 */

struct call *call_create(struct loop *loop, struct line *line,
			 struct admission *admission, const struct hello *hello)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	if (hello->call_id) {
		call->header = strdup(hello->call_id);
		if (!call->header) {
			free(call);
			return NULL;
		}
	}
	call->dialog.scratch = &loop->scratch;
	call->dialog.header = call->header;
	call->loop = loop;
	call->line = line;
	call->admission = admission;
	trace_ids(&admission->trace, call->log_ids);
	call->route = admission->route;
	call->provider = hello->provider;
	call->handler = handler_of(call->route->handler);
	call->accepted_ms = call->heard_ms = loop_now_ms(loop);
	call->next = loop->calls;
	if (call->next)
		call->next->prev = call;
	loop->calls = call;
	return call;
}

static void unlink_call(struct call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		call->loop->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
}

void call_destroy(struct call *call)
{
	if (!call)
		return;
	if (call->state == CALL_WAITING)
		call_decide(call);
	call_end(call, END_DISCONNECT, CLOSE_NORMAL, 0);
	unlink_call(call);
	json_decref(call->custom);
	free(call->stream_id);
	free(call->provider_call_id);
	free(call->account_id);
	free(call->from);
	free(call->to);
	free(call->header);
	free(call->recording_path);
	early_free(call->early);
	sound_close(&call->sound);
	dtmf_detector_destroy(call->keys);
	call_out_free(call);
	free(call);
}

void call_enter(struct call *call, enum call_state next)
{
	call->state = next;
}

/* A connection that never sent a start makes no row; it is counted. */
static void count_unstarted(const char *reason)
{
	char labels[64];

	(void)snprintf(labels, sizeof(labels), "reason=\"%s\"", reason);
	board_add(board_series(METRIC_CONNECTIONS_UNSTARTED_TOTAL, labels), 1);
}

static void end_waiting(struct call *call, enum end_reason reason)
{
	const char *why = reason == END_IDLE_TIMEOUT ? "start_timeout"
						     : end_reason_name(reason);

	count_unstarted(why);
	log_info("CALL_UNSTARTED", "path=%s reason=%s", call->route->path, why);
}

/* What the numbers of the row do not say. */
static void record_irregularities(struct call *call)
{
	if (!(call->seq_missing | call->frames_repeated | call->frames_late_in |
	      call->frames_early | call->frames_unreadable |
	      call->events_unkept))
		return;
	call_record_last_word(
		call, "gap",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "lost",
			  (json_int_t)call->frames_lost, "sequence_gaps",
			  (json_int_t)call->seq_missing, "repeated",
			  (json_int_t)call->frames_repeated, "late",
			  (json_int_t)call->frames_late_in, "early",
			  (json_int_t)call->frames_early, "unreadable",
			  (json_int_t)call->frames_unreadable, "events_unkept",
			  (json_int_t)call->events_unkept));
}

static void close_recording(struct call *call)
{
	uint64_t end = 0;

	if (!call->recording)
		return;
	for (unsigned i = 0; i < TRACKS_MAX; i++)
		if (call->tracks.track[i].end > end)
			end = call->tracks.track[i].end;
	if (!recording_intact(call->recording)) {
		free(call->recording_path);
		call->recording_path = NULL;
	}
	recording_close(call->recording, end);
	call->recording = NULL;
}

static void end_live(struct call *call, enum end_reason reason)
{
	char labels[64];

	call->end_reason = reason;
	call->ended_us =
		call->started_us +
		(int64_t)(loop_now_ms(call->loop) - call->started_ms) * 1000;
	if (call->handler->on_end)
		call->handler->on_end(call);
	call_out_stop(call);
	record_irregularities(call);
	close_recording(call);
	call_enter(call, CALL_ENDING);
	monitor_end(call);
	admission_end(call->admission);
	call_record(call, RECORD_CALL_ENDED);
	(void)snprintf(labels, sizeof(labels),
		       "provider=\"%s\",end_reason=\"%s\"",
		       call->provider->name, end_reason_name(reason));
	board_add(board_series(METRIC_CALLS_TOTAL, labels), 1);
	log_info("CALL_END",
		 "call=%s provider=%s reason=%s duration_ms=%" PRId64
		 " frames_in=%" PRIu64 " frames_lost=%" PRIu64,
		 call->id_text, call->provider->name, end_reason_name(reason),
		 (call->ended_us - call->started_us) / 1000, call->frames_in,
		 call->frames_lost);
}

void call_refuse(struct call *call)
{
	call_enter(call, CALL_ENDING);
	call->close_code = CLOSE_POLICY;
	call->close_at_ms = loop_now_ms(call->loop);
	line_close(call->line, CLOSE_POLICY);
}

/* In the dialect's own words, where it has some: the socket alone would look
 * like a fault to it. */
static bool say_hangup(struct call *call, enum end_reason reason)
{
	size_t length;

	if (reason == END_STOP || reason == END_DISCONNECT || !call->provider ||
	    !call->provider->build_hangup)
		return false;
	length = call->provider->build_hangup(
		loop_out(call->loop), call->loop->out_room, &call->dialog,
		reason == END_PROTOCOL_ERROR);
	return length > 0 && line_send(call->line, length, LINE_TEXT);
}

void call_end(struct call *call, enum end_reason reason, unsigned close_code,
	      uint32_t close_ms)
{
	if (call->state == CALL_ENDING)
		return;
	if (call->state == CALL_LIVE)
		end_live(call, reason);
	else
		end_waiting(call, reason);
	call_enter(call, CALL_ENDING);
	if (close_ms == 0 && say_hangup(call, reason))
		close_ms = HANGUP_GRACE_MS;
	call->close_code = close_code;
	call->close_at_ms = loop_now_ms(call->loop) + close_ms;
	if (close_ms == 0)
		line_close(call->line, close_code);
}

void call_fail(struct call *call, unsigned close_code, const char *what)
{
	if (call->state == CALL_ENDING)
		return;
	log_warn("CALL_ERROR", "call=%s path=%s close=%u err=\"%s\"",
		 call->state == CALL_LIVE ? call->id_text : "none",
		 call->route->path, close_code, what);
	if (call->state == CALL_LIVE) {
		call_record_last_word(call, "error",
				      json_pack("{s:s, s:i, s:I}", "what", what,
						"close_code", (int)close_code,
						"after_frames",
						(json_int_t)call->frames_in));
	}
	call_end(call, END_PROTOCOL_ERROR, close_code, 0);
}

/* ---- time ------------------------------------------------------------------
 */

static void check_live(struct call *call, uint64_t now_ms)
{
	const struct settings *s = call->loop->settings;

	if (monitor_check(call, now_ms))
		call_end(call, END_HANGUP, CLOSE_NORMAL, 0);
	else if (now_ms - call->heard_ms >= s->media.idle_timeout_ms)
		call_end(call, END_IDLE_TIMEOUT, CLOSE_POLICY, 0);
	else if (now_ms - call->started_ms >= s->media.max_call_duration_ms)
		call_end(call, END_MAX_DURATION, CLOSE_NORMAL, 0);
	else if (now_ms - call->checkpoint_ms >=
		 s->media.checkpoint_interval_ms) {
		call->checkpoint_ms = now_ms;
		loop_checkpoint(call->loop, call);
	}
}

void call_check(struct call *call, uint64_t now_ms)
{
	switch (call->state) {
	case CALL_WAITING:
		if (now_ms - call->accepted_ms >= DECIDE_MS)
			call_decide(call);
		if (call->state == CALL_WAITING &&
		    now_ms - call->accepted_ms >=
			    call->loop->settings->media.start_timeout_ms)
			call_end(call, END_IDLE_TIMEOUT, CLOSE_POLICY, 0);
		break;
	case CALL_LIVE: check_live(call, now_ms); break;
	case CALL_ENDING:
		if (now_ms >= call->close_at_ms + CLOSE_GRACE_MS)
			line_cut(call->line);
		else if (now_ms >= call->close_at_ms)
			line_close(call->line, call->close_code);
		break;
	}
}
