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

#include "media/admission.h"
#include "media/call_record.h"
#include "media/line.h"
#include "media/loop.h"
#include "server/clock.h"
#include "server/log.h"

#define CLOSE_NORMAL	  1000u /* RFC 6455, section 7.4.1 */
#define CLOSE_PROTOCOL	  1002u
#define CLOSE_UNSUPPORTED 1003u
#define CLOSE_INTERNAL	  1011u
#define STOP_GRACE_MS	  1000u	 /* after `stop` the provider closes */
#define CUSTOM_BYTES_MAX  16384u /* of JSON, in the row */
#define LONGEST_MESSAGE	  65536u /* while the dialect is not known */
#define EARLY_MAX	  65536u /* bytes of audio, with their lengths */

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

/* What is said back to an event that was taken. */
static void answer(struct call *call, const struct event *event)
{
	size_t length;

	if (!call->provider->answer)
		return;
	length = call->provider->answer(loop_out(call->loop),
					call->loop->out_room, &call->dialog,
					event);
	if (length > 0)
		(void)line_send(call->line, length, LINE_TEXT);
}

/* What is wrong with it, or NULL. */
static const char *read_format(struct call *call, const struct event *event)
{
	char codec[16] = "";

	if (event->start.codec.length < sizeof(codec))
		memcpy(codec, event->start.codec.at, event->start.codec.length);
	call->codec = codec_find(codec);
	call->rate_hz = event->start.rate_hz;
	call->channels = event->start.channels == 2 ? 2 : 1;
	memcpy(call->sides, event->start.tracks, sizeof(call->sides));
	return call->codec ? NULL : "a codec we do not know";
}

/* False: no memory. */
static bool keep_texts(struct call *call, const struct event *event)
{
	struct text id = event->start.call_id;

	if (!id.at && call->header)
		id = (struct text){ call->header, strlen(call->header) };
	return keep_text(&call->stream_id, &event->stream_id) &&
	       keep_text(&call->provider_call_id, &id) &&
	       keep_text(&call->account_id, &event->start.account_id) &&
	       keep_text(&call->from, &event->start.from) &&
	       keep_text(&call->to, &event->start.to);
}

static void begin_times(struct call *call)
{
	uint64_t every_ms = call->loop->settings->media.checkpoint_interval_ms;

	call->started_us = clock_wall_us();
	call->started_ms = call->heard_ms = loop_now_ms(call->loop);
	/* Spread the checkpoints of calls that start together. */
	call->checkpoint_ms =
		call->started_ms - call->id.bytes[15] * every_ms / 256;
}

static void begin(struct call *call, const struct event *event)
{
	char id[128];

	uuid_make_v7(&call->id);
	uuid_format(&call->id, call->id_text);
	begin_times(call);
	call->dialog.stream_id = call->stream_id;
	keep_custom(call, event->start.custom);
	open_recording(call, event);
	call_enter(call, CALL_LIVE);
	call_record(call, RECORD_CALL_STARTED);
	log_info("CALL_START", "call=%s provider=%s path=%s provider_call=%s",
		 call->id_text, call->provider->name, call->route->path,
		 call->provider_call_id
			 ? log_word(call->provider_call_id, id, sizeof(id))
			 : "none");
	answer(call, event);
	if (call->handler->on_start)
		call->handler->on_start(call);
}

static void on_start(struct call *call, const struct event *event)
{
	const char *wrong;

	if (call->state == CALL_LIVE && call->provider->start_without_words)
		return; /* words for somebody else */
	if (call->state == CALL_LIVE) {
		call_fail(call, CLOSE_PROTOCOL, "a second start");
		return;
	}
	wrong = read_format(call, event);
	if (wrong)
		call_fail(call, CLOSE_UNSUPPORTED, wrong);
	else if (!admission_start(call->admission, call->provider, event,
				  call->header))
		call_refuse(call);
	else if (!keep_texts(call, event))
		call_fail(call, CLOSE_INTERNAL, "no memory");
	else
		begin(call, event);
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

/* They left something out on purpose: silence, and nothing is lost. */
static void on_hole(struct call *call, const struct event *event)
{
	struct placed placed =
		track_skip(&call->tracks, event->hole_ms, call->rate_hz);

	if (placed.gap_ms > 0)
		note_gap(call, &placed);
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
	       (strlen(call->stream_id) != event->stream_id.length ||
		memcmp(call->stream_id, event->stream_id.at,
		       event->stream_id.length) != 0);
}

/* What a call that lives makes of it. */
static void on_live_event(struct call *call, const struct event *event)
{
	check_seq(call, event);
	switch (event->kind) {
	case EVENT_MEDIA: on_media(call, event); break;
	case EVENT_DTMF: on_digit(call, event); break;
	case EVENT_MARK: on_mark(call, event); break;
	case EVENT_HOLE: on_hole(call, event); break;
	case EVENT_FLOW: call_hold(call, event->hold_back); break;
	case EVENT_COMPLAINT: on_complaint(call, event); break;
	default: break;
	}
}

static void on_event(struct call *call, const struct event *event)
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
	case EVENT_START: on_start(call, event); return;
	case EVENT_UNKNOWN: on_unknown(call, event); break;
	case EVENT_STOP:
		call_end(call, END_STOP, CLOSE_NORMAL, STOP_GRACE_MS);
		break;
	default: break;
	}
	answer(call, event);
}

/* ---- messages --------------------------------------------------------------
 */

/* The samples of two tracks take turns: each gets its half of the scratch. The
 * caller's is the one that handlers hear. */
static void take_apart(const struct call *call, struct event *event)
{
	size_t size = call->codec->sample_bytes;
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

/* Messages of audio, each behind its length. */
struct early {
	size_t used;
	uint8_t bytes[EARLY_MAX];
};

/* False: there is no room for it, or no memory. */
static bool keep_early(struct call *call, const char *samples, size_t bytes)
{
	uint32_t length = (uint32_t)bytes;
	struct early *early = call->early;

	if (!early)
		early = call->early = calloc(1, sizeof(*early));
	if (!early || bytes > EARLY_MAX ||
	    early->used + sizeof(length) + bytes > EARLY_MAX)
		return false;
	memcpy(early->bytes + early->used, &length, sizeof(length));
	memcpy(early->bytes + early->used + sizeof(length), samples, bytes);
	early->used += sizeof(length) + bytes;
	return true;
}

static void play_early(struct call *call)
{
	struct early *early = call->early;
	size_t at = 0;

	call->early = NULL;
	while (at < early->used && call->state == CALL_LIVE) {
		uint32_t length;

		memcpy(&length, early->bytes + at, sizeof(length));
		at += sizeof(length);
		on_samples(call, (const char *)early->bytes + at, length);
		at += length;
	}
	free(early);
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
	if (keep_early(call, message, length))
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
		call->frames_early += !keep_early(call, message, length);
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
		answer(call, &event); /* "close", after our "disconnect" */
	if (call->state == CALL_LIVE && call->early)
		play_early(call);
	event_release(&event);
}

void call_on_message(struct call *call, const char *message, size_t length,
		     bool binary)
{
	if (call->state == CALL_ENDING && (binary || !call->provider))
		return;
	if (!call->provider && !binary)
		call->provider = provider_of_opening(message, length, false);
	if (binary)
		on_binary(call, message, length);
	else
		on_text(call, message, length);
}

uint32_t call_longest_message(const struct call *call)
{
	uint32_t set = call->loop->settings->media.max_message;

	if (set)
		return set;
	return call->provider ? call->provider->max_message : LONGEST_MESSAGE;
}
