/*
 * call.c - one call: its state, its numbers, its records (see call.h)
 */
#include "media/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/admission.h"
#include "media/call_record.h"
#include "media/line.h"
#include "media/loop.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define CLOSE_NORMAL	  1000u /* RFC 6455, section 7.4.1 */
#define CLOSE_GOING_AWAY  1001u
#define CLOSE_PROTOCOL	  1002u
#define CLOSE_UNSUPPORTED 1003u
#define CLOSE_POLICY	  1008u
#define STOP_GRACE_MS	  1000u	 /* after `stop` the provider closes */
#define CLOSE_GRACE_MS	  2000u	 /* for a peer to take our close */
#define CUSTOM_BYTES_MAX  16384u /* of JSON, in the row */

/* ---- a call's life ---------------------------------------------------------
 */

struct call *call_create(struct loop *loop, struct line *line,
			 struct admission *admission)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->loop = loop;
	call->line = line;
	call->admission = admission;
	call->route = admission->route;
	call->provider = provider_find(call->route->provider);
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
	call_end(call, END_DISCONNECT, CLOSE_NORMAL, 0);
	unlink_call(call);
	json_decref(call->custom);
	free(call->stream_id);
	free(call->provider_call_id);
	free(call->account_id);
	free(call->from);
	free(call->to);
	free(call->recording_path);
	free(call);
}

static void enter(struct call *call, enum call_state next)
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
	if (!(call->seq_missing | call->frames_repeated | call->frames_late |
	      call->frames_early | call->frames_dropped | call->events_unkept))
		return;
	call->events = 0; /* this one is always kept */
	call_record_event(
		call, "gap",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "lost",
			  (json_int_t)call->frames_lost, "sequence_gaps",
			  (json_int_t)call->seq_missing, "repeated",
			  (json_int_t)call->frames_repeated, "late",
			  (json_int_t)call->frames_late, "early",
			  (json_int_t)call->frames_early, "dropped",
			  (json_int_t)call->frames_dropped, "events_unkept",
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
	record_irregularities(call);
	close_recording(call);
	enter(call, CALL_ENDING);
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

void call_end(struct call *call, enum end_reason reason, unsigned close_code,
	      uint32_t close_ms)
{
	if (call->state == CALL_ENDING)
		return;
	if (call->state == CALL_LIVE)
		end_live(call, reason);
	else
		end_waiting(call, reason);
	enter(call, CALL_ENDING);
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
		call->events = 0; /* this one is always kept */
		call_record_event(call, "error",
				  json_pack("{s:s, s:i, s:I}", "what", what,
					    "close_code", (int)close_code,
					    "after_frames",
					    (json_int_t)call->frames_in));
	}
	call_end(call, END_PROTOCOL_ERROR, close_code, 0);
}

/* ---- start -----------------------------------------------------------------
 */

/* NULL stays NULL: that the provider did not say so is no error. Nothing is cut
 * off: half a character would make the row unreadable. */
static bool keep_text(char **to, const struct text *text)
{
	if (!text->at)
		return true;
	*to = strndup(text->at, text->length);
	return *to != NULL;
}

/* More than a row should hold is left out and said, rather than cut. */
static void keep_custom(struct call *call, json_t *custom)
{
	if (!custom)
		return;
	if (json_dumpb(custom, NULL, 0, JSON_COMPACT) <= CUSTOM_BYTES_MAX) {
		call->custom = json_incref(custom);
		return;
	}
	log_warn("CALL_CUSTOM", "call=%s err=\"over %u bytes; left out\"",
		 call->id_text, CUSTOM_BYTES_MAX);
}

static void open_recording(struct call *call, const struct event *event)
{
	char path[512];

	if (!call->loop->recorder || !call->route->record ||
	    !call->loop->settings->recording.enabled)
		return;
	recorder_path(call->loop->recorder, call->id_text, call->started_us,
		      path, sizeof(path));
	for (unsigned i = 0; i < event->start.track_count; i++)
		call->channel_of[event->start.tracks[i]] = (uint8_t)(i + 1);
	call->recording_path = strdup(path);
	if (call->recording_path)
		call->recording =
			recording_open(call->loop->recorder, path, call->codec,
				       call->rate_hz, event->start.track_count);
	if (call->recording)
		return;
	log_error("RECORDING", "call=%s err=\"no memory; not recorded\"",
		  call->id_text);
	free(call->recording_path);
	call->recording_path = NULL;
}

/* Who may not call leaves no row, only what the log says already. */
static void refuse_start(struct call *call)
{
	enter(call, CALL_ENDING);
	call->close_at_ms = loop_now_ms(call->loop);
	line_close(call->line, CLOSE_POLICY);
}

static void on_start(struct call *call, const struct event *event)
{
	char codec[16] = "";

	if (call->state == CALL_LIVE && call->provider->start_without_words)
		return; /* words for somebody else */
	if (call->state == CALL_LIVE) {
		call_fail(call, CLOSE_PROTOCOL, "a second start");
		return;
	}
	if (event->start.codec.length < sizeof(codec))
		memcpy(codec, event->start.codec.at, event->start.codec.length);
	call->codec = codec_find(codec);
	if (!call->codec) {
		call_fail(call, CLOSE_UNSUPPORTED, "a codec we do not know");
		return;
	}
	if (!admission_start(call->admission, call->provider, event)) {
		refuse_start(call);
		return;
	}
	if (!keep_text(&call->stream_id, &event->stream_id) ||
	    !keep_text(&call->provider_call_id, &event->start.call_id) ||
	    !keep_text(&call->account_id, &event->start.account_id) ||
	    !keep_text(&call->from, &event->start.from) ||
	    !keep_text(&call->to, &event->start.to)) {
		call_fail(call, 1011, "no memory");
		return;
	}
	uuid_make_v7(&call->id);
	uuid_format(&call->id, call->id_text);
	call->rate_hz = event->start.rate_hz;
	call->started_us = clock_wall_us();
	call->started_ms = call->heard_ms = loop_now_ms(call->loop);
	/* Spread the checkpoints of calls that start together. */
	call->checkpoint_ms =
		call->started_ms - call->id.bytes[15] *
					   (uint64_t)call->loop->settings->media
						   .checkpoint_interval_ms /
					   256;
	keep_custom(call, event->start.custom);
	open_recording(call, event);
	enter(call, CALL_LIVE);
	call_record(call, RECORD_CALL_STARTED);
	log_info("CALL_START", "call=%s provider=%s path=%s provider_call=%s",
		 call->id_text, call->provider->name, call->route->path,
		 call->provider_call_id ? call->provider_call_id : "none");
	if (call->handler->on_start)
		call->handler->on_start(call);
}

/* ---- media -----------------------------------------------------------------
 */

static void note_gap(struct call *call, const struct placed *placed)
{
	call->frames_lost += placed->lost;
	call->loop->counts.lost += placed->lost;
	if (placed->gap_ms > call->max_gap_ms)
		call->max_gap_ms = placed->gap_ms;
	call_record_event(call, "gap",
			  json_pack("{s:I, s:I, s:I}", "lost",
				    (json_int_t)placed->lost, "gap_ms",
				    (json_int_t)placed->gap_ms, "at_sample",
				    (json_int_t)placed->position));
}

static void record_audio(struct call *call, const struct event *event,
			 uint64_t position, uint64_t samples)
{
	unsigned channel = call->channel_of[event->media.track];

	if (!call->recording || channel == 0)
		return;
	/* What is given up, the recorder counts itself. */
	(void)recording_write(call->recording, channel - 1, position,
			      event->media.audio, samples);
}

static void on_media(struct call *call, const struct event *event)
{
	uint64_t samples = event->media.bytes / call->codec->sample_bytes;
	struct placed placed =
		track_place(&call->tracks, event, samples, call->rate_hz);

	call->heard_ms = loop_now_ms(call->loop);
	call->frames_in++;
	call->bytes_in += event->media.bytes;
	call->loop->counts.frames_in++;
	switch (placed.verdict) {
	case TRACK_FOLLOWS: break;
	case TRACK_GAP: note_gap(call, &placed); break;
	case TRACK_REPEATED:
		call->frames_repeated++;
		call->loop->counts.late++;
		return;
	case TRACK_LATE:
		call->frames_late++;
		/* It had been counted as one of them. */
		call->frames_lost -= call->frames_lost > 0;
		call->loop->counts.late++;
		record_audio(call, event, placed.position, samples);
		return;
	}
	record_audio(call, event, placed.position, samples);
	if (call->handler->on_media)
		call->handler->on_media(call, event);
}

/* ---- the other events ------------------------------------------------------
 */

static void on_digit(struct call *call, const struct event *event)
{
	size_t length = strlen(call->dtmf);
	char digit[2] = { event->digit.at[0], '\0' };

	if (length < DTMF_MAX)
		memcpy(call->dtmf + length, digit, 2);
	call_record_event(call, "dtmf", json_pack("{s:s}", "digit", digit));
	if (call->handler->on_dtmf)
		call->handler->on_dtmf(call, digit[0]);
}

/* Marks come back in the order in which they were sent; on our clear all that
 * were pending do, and nobody heard what they stood for. */
static const char *mark_came_back(struct call *call)
{
	if (call->marks_pending == 0)
		return "unasked";
	call->marks_pending--;
	if (call->marks_cleared == 0)
		return "played";
	call->marks_cleared--;
	return "cleared";
}

static void on_mark(struct call *call, const struct event *event)
{
	call_record_event(call, "mark",
			  json_pack("{s:s, s:s}", "name", event->mark.at, "way",
				    mark_came_back(call)));
	if (call->handler->on_mark)
		call->handler->on_mark(call, event->mark.at);
}

static void on_unknown(struct call *call, const struct event *event)
{
	if (call->unknown_logged)
		return;
	call->unknown_logged = true;
	log_info("CALL_UNKNOWN_EVENT", "call=%s event=\"%.64s\"",
		 call->state == CALL_LIVE ? call->id_text : "none",
		 event->unknown.at);
}

static void on_complaint(struct call *call, const struct event *event)
{
	const char *what = event->complaint.at ? event->complaint.at : "none";

	log_warn("PROVIDER_ERROR", "call=%s err=\"%.100s\"", call->id_text,
		 what);
	call_record_event(
		call, "error",
		json_pack("{s:s, s:s}", "from", "provider", "what", what));
}

/* The provider counts its messages; a hole in the count is one we never got. */
static void check_seq(struct call *call, const struct event *event)
{
	if (!event->has_seq)
		return;
	if (call->seq_next && event->seq > call->seq_next)
		call->seq_missing += event->seq - call->seq_next;
	if (event->seq >= call->seq_next)
		call->seq_next = event->seq + 1;
}

static bool is_other_stream(const struct call *call, const struct event *event)
{
	return call->stream_id && event->stream_id.at &&
	       (strlen(call->stream_id) != event->stream_id.length ||
		memcmp(call->stream_id, event->stream_id.at,
		       event->stream_id.length) != 0);
}

static void on_event(struct call *call, const struct event *event)
{
	bool live = call->state == CALL_LIVE;

	if (event->kind == EVENT_BAD) {
		call_fail(call, event->bad.close_code, event->bad.what);
		return;
	}
	if (is_other_stream(call, event)) {
		call_fail(call, CLOSE_PROTOCOL, "the id of another stream");
		return;
	}
	if (live)
		check_seq(call, event);
	switch (event->kind) {
	case EVENT_START: on_start(call, event); break;
	case EVENT_UNKNOWN: on_unknown(call, event); break;
	case EVENT_MEDIA:
		/* Before the start there is nothing it could belong to. */
		if (live)
			on_media(call, event);
		else
			call->frames_early++;
		break;
	case EVENT_DTMF:
		if (live)
			on_digit(call, event);
		break;
	case EVENT_MARK:
		if (live)
			on_mark(call, event);
		break;
	case EVENT_COMPLAINT:
		if (live)
			on_complaint(call, event);
		break;
	case EVENT_STOP:
		call_end(call, END_STOP, CLOSE_NORMAL, STOP_GRACE_MS);
		break;
	default: break;
	}
}

static void begin_without_words(struct call *call)
{
	struct event event;

	if (!call->provider->start_without_words)
		return;
	call->provider->start_without_words(&event);
	on_event(call, &event);
}

void call_on_message(struct call *call, const char *message, size_t length,
		     bool binary)
{
	struct event event;

	if (call->state == CALL_ENDING)
		return;
	if (binary && length == 0)
		return; /* "no more audio comes" */
	if (binary && !call->provider->binary_in) {
		call_fail(call, CLOSE_UNSUPPORTED, "a binary message");
		return;
	}
	if (binary && call->state == CALL_WAITING)
		begin_without_words(call);
	if (binary)
		event_of_samples(&event, message, length);
	else
		call->provider->parse(message, length, &call->loop->scratch,
				      &event);
	on_event(call, &event);
	event_release(&event);
}

/* ---- time ------------------------------------------------------------------
 */

static void check_live(struct call *call, uint64_t now_ms)
{
	const struct settings *s = call->loop->settings;

	if (now_ms - call->heard_ms >= s->media.idle_timeout_ms)
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
		if (now_ms - call->accepted_ms >=
		    call->loop->settings->media.start_timeout_ms)
			call_end(call, END_IDLE_TIMEOUT, CLOSE_POLICY, 0);
		break;
	case CALL_LIVE: check_live(call, now_ms); break;
	case CALL_ENDING:
		if (now_ms >= call->close_at_ms + CLOSE_GRACE_MS)
			line_cut(call->line);
		else if (now_ms >= call->close_at_ms)
			line_close(call->line, CLOSE_NORMAL);
		break;
	}
}

/* ---- to the caller ---------------------------------------------------------
 */

bool call_send_media(struct call *call, const uint8_t *audio, size_t bytes)
{
	struct audio_out out = { .stream_id = call->stream_id,
				 .codec = call->codec,
				 .rate_hz = call->rate_hz,
				 .at = audio,
				 .bytes = bytes,
				 .number = call->frames_out + 1 };
	size_t length;

	if (call->state != CALL_LIVE)
		return false;
	out.at_ms = call->bytes_out * 1000 /
		    ((uint64_t)call->codec->sample_bytes * call->rate_hz);
	length = call->provider->build_media(loop_out(call->loop),
					     call->loop->out_room, &out);
	if (length == 0 ||
	    !line_send(call->line, length, call->provider->binary_out)) {
		call->frames_dropped++;
		call->loop->counts.dropped++;
		return false;
	}
	call->frames_out++;
	call->bytes_out += bytes;
	call->loop->counts.frames_out++;
	return true;
}

bool call_send_mark(struct call *call, const char *name)
{
	size_t length;

	if (call->state != CALL_LIVE)
		return false;
	length = call->provider->build_mark(loop_out(call->loop),
					    call->loop->out_room,
					    call->stream_id, name);
	if (length == 0 || !line_send(call->line, length, false))
		return false;
	call->marks_pending++;
	call_record_event(call, "mark",
			  json_pack("{s:s, s:s}", "name", name, "way", "sent"));
	return true;
}

bool call_send_clear(struct call *call)
{
	size_t length, dropped;

	if (call->state != CALL_LIVE)
		return false;
	dropped = line_drop_queued(call->line);
	length = call->provider->build_clear(
		loop_out(call->loop), call->loop->out_room, call->stream_id);
	if (length == 0 || !line_send(call->line, length, false))
		return false;
	call->marks_cleared = call->marks_pending;
	call_record_event(call, "clear",
			  json_pack("{s:I, s:I}", "unsent", (json_int_t)dropped,
				    "marks_pending",
				    (json_int_t)call->marks_pending));
	if (call->provider->clear_loses_marks)
		call->marks_pending = call->marks_cleared = 0;
	return true;
}
