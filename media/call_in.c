/*
 * call_in.c - one call: what its provider says (see call.h)
 *
 *   message --> the dialect's parse --> struct event --> on_event()
 *
 * Audio that comes before the start that says what it is waits until then, if
 * the dialect does such things, or is not known yet.
 */
#include "media/call.h"

#include <stdlib.h>
#include <string.h>

#include "media/call_record.h"
#include "media/dtmf_detector.h"
#include "media/early.h"
#include "media/l16.h"
#include "media/line.h"
#include "media/loop.h"
#include "media/pacer.h"
#include "server/log.h"

#define STOP_GRACE_MS	1000u  /* after `stop` the provider closes */
#define ORDER_LOUD	32u    /* a step between samples; below is silence */
#define ORDER_ROUGHER	4u     /* so much, and it is the wrong order */
#define LONGEST_MESSAGE 65536u /* while the dialect is not known */

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

static void record_track(struct call *call, enum track_side track,
			 uint64_t position, const uint8_t *audio,
			 uint64_t samples)
{
	unsigned channel = call->channel_of[track];

	if (!call->recording || channel == 0)
		return;
	/* What is given up, the recorder counts itself. */
	(void)recording_write(call->recording, channel - 1, position, audio,
			      samples);
}

static void record_audio(struct call *call, const struct event *event,
			 uint64_t position, uint64_t samples)
{
	record_track(call, event->media.track, position, event->media.audio,
		     samples);
	if (event->media.other)
		record_track(call,
			     event->media.track == TRACK_INBOUND
				     ? TRACK_OUTBOUND
				     : TRACK_INBOUND,
			     position, event->media.other, samples);
}

static void take_digit(struct call *call, char digit)
{
	const char text[2] = { digit, '\0' };
	size_t length = strlen(call->dtmf);

	if (length < DTMF_MAX)
		memcpy(call->dtmf + length, text, sizeof(text));
	call_record_event(call, "dtmf", json_pack("{s:s}", "digit", text));
	if (call->handler->on_dtmf)
		call->handler->on_dtmf(call, digit);
}

/* What came becomes what we hear. False: it cannot be read. */
static bool hear(struct call *call, struct event *event)
{
	struct sound_scratch *scratch = call->loop->sound;
	enum track_side other = event->media.track == TRACK_INBOUND
					? TRACK_OUTBOUND
					: TRACK_INBOUND;
	size_t bytes = event->media.bytes;
	ssize_t heard = sound_hear(&call->sound, event->media.track,
				   &event->media.audio, bytes, scratch);

	if (heard >= 0 && event->media.other)
		heard = sound_hear(&call->sound, other, &event->media.other,
				   bytes, scratch);
	if (heard < 0)
		return false;
	event->media.bytes = (size_t)heard;
	return true;
}

/* A packet that is none is as good as lost, and the call goes on. It had its
 * time, and what comes next does not move up. */
static uint64_t samples_of(struct call *call, const struct event *event)
{
	const struct track *track = &call->tracks.track[event->media.track];
	ssize_t samples = sound_samples(&call->sound, event->media.audio,
					event->media.bytes);

	if (samples >= 0)
		return (uint64_t)samples;
	return track->last_samples ? track->last_samples
				   : call->sound.heard.rate_hz / 50;
}

static void on_unreadable(struct call *call)
{
	call->frames_unreadable++;
	call->frames_lost++;
	call->loop->counts.lost++;
}

/* One message may have several; the handler may hang up at the first. */
static void on_key_heard(char digit, void *arg)
{
	struct call *call = arg;

	if (call->state == CALL_LIVE)
		take_digit(call, digit);
}

static void hear_keys(struct call *call, const struct event *event)
{
	if (call->keys && event->media.track == TRACK_INBOUND)
		(void)dtmf_detector_feed(call->keys, event->media.audio,
					 event->media.bytes, on_key_heard,
					 call);
}

/* A second of sound tells whether its byte order is the one we take it for, as
 * some providers do not say. In the other it is nothing but noise. */
static void check_order(struct call *call, const struct event *event)
{
	const struct audio_format *wire = &call->sound.wire_in;
	size_t samples = event->media.bytes / 2;
	struct order_check *order = &call->order;
	uint64_t taken, other;

	if (wire->codec->id != CODEC_L16 || order->samples >= wire->rate_hz)
		return;
	taken = l16_roughness(event->media.audio, samples, wire->big_endian);
	other = l16_roughness(event->media.audio, samples, !wire->big_endian);
	if (taken < ORDER_LOUD * samples || other < ORDER_LOUD * samples)
		return;
	order->taken += taken;
	order->other += other;
	order->samples += (uint32_t)samples;
	if (order->samples < wire->rate_hz ||
	    order->taken < ORDER_ROUGHER * order->other)
		return;
	log_warn("CALL_BYTE_ORDER",
		 "call=%s path=%s taken=%s err=\"noise as it is, speech in the "
		 "other; see the route's byte_order\"",
		 call->id_text, call->route->path,
		 wire->big_endian ? "big" : "little");
	call_record_event(call, "error",
			  json_pack("{s:s}", "what",
				    "the sound seems to be in the other byte "
				    "order"));
}

static void on_media(struct call *call, struct event *event)
{
	uint64_t samples = samples_of(call, event);
	struct placed placed = track_place(&call->tracks, event, samples,
					   call->sound.heard.rate_hz);

	call->heard_ms = loop_now_ms(call->loop);
	call->paused = false;
	call->frames_in++;
	call->bytes_in += event->media.bytes;
	call->loop->counts.frames_in++;
	switch (placed.verdict) {
	case TRACK_FOLLOWS: break;
	case TRACK_GAP: note_gap(call, &placed); break;
	case TRACK_REPEATED:
		call->frames_repeated++;
		call->loop->counts.late_in++;
		return;
	case TRACK_LATE:
		call->frames_late_in++;
		/* It had been counted as one of them. */
		call->frames_lost -= call->frames_lost > 0;
		call->loop->counts.late_in++;
		break;
	}
	check_order(call, event);
	if (!hear(call, event)) {
		on_unreadable(call);
		return;
	}
	record_audio(call, event, placed.position, samples);
	if (placed.verdict == TRACK_LATE)
		return;
	if (call->monitor.is_on)
		monitor_take_heard(call, event);
	hear_keys(call, event);
	if (call->state == CALL_LIVE && call->handler->on_media)
		call->handler->on_media(call, event);
}

/* They left something out on purpose: silence, and nothing is lost. */
static void on_hole(struct call *call, const struct event *event)
{
	struct placed placed = track_skip(&call->tracks, event->hole_ms,
					  call->sound.heard.rate_hz);

	call->paused = false;
	if (placed.gap_ms > 0)
		note_gap(call, &placed);
}

/* ---- the other events ------------------------------------------------------
 */

/* Who listens to the sound has heard it, or will. */
static void on_digit(struct call *call, const struct event *event)
{
	if (!call->keys)
		take_digit(call, event->digit.at[0]);
}

static void on_mark(struct call *call, const struct event *event)
{
	static const char *const ways[] = { [MARK_UNASKED] = "unasked",
					    [MARK_PLAYED] = "played",
					    [MARK_CLEARED] = "cleared" };
	const char *way = ways[marks_take(&call->marks, event->mark.at)];

	call_record_event(
		call, "mark",
		json_pack("{s:s, s:s}", "name", event->mark.at, "way", way));
	if (call->handler->on_mark)
		call->handler->on_mark(call, event->mark.at);
}

static void on_unknown(struct call *call, const struct event *event)
{
	char name[65];

	if (call->unknown_logged)
		return;
	call->unknown_logged = true;
	log_info("CALL_UNKNOWN_EVENT", "call=%s event=\"%s\"",
		 call->state == CALL_LIVE ? call->id_text : "none",
		 log_quoted(event->unknown.at, name, sizeof(name)));
}

static void on_complaint(struct call *call, const struct event *event)
{
	const char *what = event->complaint.at ? event->complaint.at : "none";
	char shown[101];

	log_warn("PROVIDER_ERROR", "call=%s err=\"%s\"", call->id_text,
		 log_quoted(what, shown, sizeof(shown)));
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
	       (call->stream_id_length != event->stream_id.length ||
		memcmp(call->stream_id, event->stream_id.at,
		       event->stream_id.length) != 0);
}

/* What a call that lives makes of it. */
static void on_live_event(struct call *call, struct event *event)
{
	check_seq(call, event);
	if (call->paused)
		call->heard_ms = loop_now_ms(call->loop);
	switch (event->kind) {
	case EVENT_PAUSED: call->paused = true; break;
	case EVENT_MEDIA: on_media(call, event); break;
	case EVENT_DTMF: on_digit(call, event); break;
	case EVENT_MARK: on_mark(call, event); break;
	case EVENT_HOLE: on_hole(call, event); break;
	case EVENT_FLOW: call_hold(call, event->hold_back); break;
	case EVENT_COMPLAINT: on_complaint(call, event); break;
	default: break;
	}
}

static void on_event(struct call *call, struct event *event)
{
	if (event->kind == EVENT_BAD) {
		call_fail(call, event->bad.close_code, event->bad.what);
		return;
	}
	if (is_other_stream(call, event)) {
		call_fail(call, CLOSE_PROTOCOL, "the id of another stream");
		return;
	}
	if (call->state == CALL_LIVE)
		on_live_event(call, event);
	else if (event->kind == EVENT_MEDIA)
		call->frames_early++; /* there is nothing it could belong to */
	switch (event->kind) {
	case EVENT_START: call_start(call, event); return;
	case EVENT_UNKNOWN: on_unknown(call, event); break;
	case EVENT_STOP:
		call_end(call, END_STOP, CLOSE_NORMAL, STOP_GRACE_MS);
		break;
	default: break;
	}
	call_answer(call, event);
}

/* ---- messages --------------------------------------------------------------
 */

/* The samples of two tracks take turns: each gets its half of the scratch. The
 * caller's is the one that handlers hear. */
static void take_apart(const struct call *call, struct event *event)
{
	size_t size = call->sound.wire_in.codec->sample_bytes;
	size_t count = event->media.bytes / size / 2;
	const uint8_t *from = event->media.audio;
	uint8_t *halves = call->dialog.scratch->audio;
	unsigned inbound = call->sides[0] == TRACK_INBOUND ? 0 : 1;

	for (size_t i = 0; i < count; i++) {
		memcpy(halves + i * size, from + 2 * i * size, size);
		memcpy(halves + (count + i) * size, from + (2 * i + 1) * size,
		       size);
	}
	event->media.track = TRACK_INBOUND;
	event->media.bytes = count * size;
	event->media.audio = halves + inbound * event->media.bytes;
	event->media.other = halves + (1 - inbound) * event->media.bytes;
}

static void on_samples(struct call *call, const char *samples, size_t bytes)
{
	struct event event;

	event_of_samples(&event, samples, bytes);
	if (call->state == CALL_LIVE) {
		event.media.track = call->sides[0];
		if (call->channels == 2 && bytes <= call->dialog.scratch->room)
			take_apart(call, &event);
	}
	on_event(call, &event);
}

static void play_early(struct call *call)
{
	struct early *early = call->early;
	const char *audio;
	size_t bytes;

	call->early = NULL;
	while (call->state == CALL_LIVE &&
	       (audio = early_next(early, &bytes)) != NULL)
		on_samples(call, audio, bytes);
	early_free(early);
}

static void begin_without_words(struct call *call)
{
	struct event event;

	if (!call->provider->start_without_words)
		return;
	call->provider->start_without_words(&event);
	on_event(call, &event);
}

void call_decide(struct call *call)
{
	if (call->provider || !call->early)
		return;
	call->provider = provider_of_opening(NULL, 0, true);
	begin_without_words(call);
	play_early(call);
}

/* Samples before any word do not show whose they are. */
static void on_unknown_binary(struct call *call, const char *message,
			      size_t length)
{
	if (early_keep(&call->early, message, length))
		return;
	call_decide(call);
	if (call->provider)
		on_samples(call, message, length);
	else
		call_fail(call, CLOSE_INTERNAL, "no memory");
}

static void on_binary(struct call *call, const char *message, size_t length)
{
	if (length == 0)
		return; /* "no more audio comes" */
	if (!call->provider) {
		on_unknown_binary(call, message, length);
		return;
	}
	if (!call->provider->binary_in) {
		call_fail(call, CLOSE_UNSUPPORTED, "a binary message");
		return;
	}
	if (call->state == CALL_WAITING && call->provider->early_audio) {
		call->frames_early +=
			!early_keep(&call->early, message, length);
		return;
	}
	if (call->state == CALL_WAITING)
		begin_without_words(call);
	on_samples(call, message, length);
}

static void on_text(struct call *call, const char *message, size_t length)
{
	struct event event;

	call->provider->parse(message, length, &call->dialog, &event);
	if (call->state != CALL_ENDING)
		on_event(call, &event);
	else if (event.kind != EVENT_BAD && event.kind != EVENT_START)
		call_answer(call, &event); /* "close", after our "disconnect" */
	if (call->state == CALL_LIVE && call->early)
		play_early(call);
	event_release(&event);
}

void call_on_message(struct call *call, const char *message, size_t length,
		     bool binary)
{
	if (call->state == CALL_ENDING && (binary || !call->provider))
		return;
	if (call->recording)
		recording_fetch_more(call->recording);
	if (!call->provider && !binary)
		call->provider = provider_of_opening(message, length, false);
	if (binary)
		on_binary(call, message, length);
	else
		on_text(call, message, length);
}

/* What lies behind it is for rarer things than a frame. */
void call_fetch(const struct call *call)
{
	const char *at = (const char *)call;

	for (size_t i = 0; i < offsetof(struct call, next); i += 64)
		__builtin_prefetch(at + i);
}

void call_fetch_more(const struct call *call)
{
	if (call->recording)
		recording_fetch(call->recording);
	__builtin_prefetch(call->stream_id);
	pacer_fetch(call->pacer);
}

uint32_t call_longest_message(const struct call *call)
{
	uint32_t set = call->loop->settings->media.max_message;

	if (set)
		return set;
	return call->provider ? call->provider->max_message : LONGEST_MESSAGE;
}
