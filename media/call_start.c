/*
 * call_start.c - one call: its start (see call.h)
 *
 * What the start says becomes the call: who and where from, in which sound,
 * whether it is recorded. From here on there is a row.
 */
#include "media/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/admission.h"
#include "media/call_record.h"
#include "media/dtmf_detector.h"
#include "media/loop.h"
#include "server/clock.h"
#include "server/log.h"

#define CUSTOM_BYTES_MAX 16384u /* of JSON, in the row */

/* ---- its sound -------------------------------------------------------------
 */

static bool is_big_endian(const struct call *call)
{
	switch (call->route->byte_order) {
	case ROUTE_ORDER_BIG: return true;
	case ROUTE_ORDER_LITTLE: return false;
	default: return call->provider->l16_big_endian;
	}
}

/* What we send follows from what comes, unless the provider has it otherwise,
 * or the route. */
static struct audio_format format_out(const struct call *call,
				      const struct audio_format *in)
{
	const struct route *route = call->route;
	struct audio_format out = *in;

	if (call->provider->send_codec) {
		out.codec = codec_find(call->provider->send_codec);
		out.rate_hz = 8000;
	}
	if (route->send_codec[0]) {
		out.codec = codec_find(route->send_codec);
		out.rate_hz = route->send_rate_hz ? route->send_rate_hz : 8000;
	}
	return out;
}

/* False: the call has been ended. */
static bool open_sound(struct call *call, const struct event *event)
{
	char name[16] = "";
	struct audio_format in = { .rate_hz = event->start.rate_hz,
				   .big_endian = is_big_endian(call) },
			    out;
	int r = -EINVAL;

	if (event->start.codec.length < sizeof(name))
		memcpy(name, event->start.codec.at, event->start.codec.length);
	in.codec = codec_find(name);
	if (in.rate_hz == 0)
		in.rate_hz = call->route->sample_rate_hz
				     ? call->route->sample_rate_hz
				     : 8000;
	call->channels = event->start.channels == 2 ? 2 : 1;
	memcpy(call->sides, event->start.tracks, sizeof(call->sides));
	if (in.codec && (call->channels == 1 || codec_is_plain(in.codec))) {
		out = format_out(call, &in);
		r = sound_open(&call->sound, &in, &out);
	}
	if (r == -EINVAL)
		call_fail(call, CLOSE_UNSUPPORTED,
			  "a codec, or a rate, that we cannot do");
	else if (r < 0)
		call_fail(call, CLOSE_INTERNAL, "no memory");
	return r == 0;
}

/* Keys are heard in the sound where no message tells of them, or as the route
 * has it; never both. */
static void listen_for_keys(struct call *call)
{
	enum route_dtmf dtmf = call->route->dtmf;
	int r;

	if (dtmf == ROUTE_DTMF_EVENTS ||
	    (dtmf == ROUTE_DTMF_AUTO && !call->provider->no_digits))
		return;
	r = dtmf_detector_create(&call->keys, &call->sound.heard);
	if (r < 0)
		log_error("CALL_KEYS", "call=%s err=\"%s; keys are not heard\"",
			  call->id_text, strerror(-r));
}

/* ---- what it says of itself ------------------------------------------------
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

/* ---- it begins -------------------------------------------------------------
 */

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
		call->recording = recording_open(
			call->loop->recorder, path, call->sound.heard.codec,
			call->sound.heard.rate_hz, event->start.track_count);
	if (call->recording)
		return;
	log_error("RECORDING", "call=%s err=\"no memory; not recorded\"",
		  call->id_text);
	free(call->recording_path);
	call->recording_path = NULL;
}

static bool has_track(const struct event *event, enum track_side side)
{
	for (unsigned i = 0; i < event->start.track_count; i++)
		if (event->start.tracks[i] == side)
			return true;
	return false;
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
	call->stream_id_length = event->stream_id.length;
	keep_custom(call, event->start.custom);
	open_recording(call, event);
	listen_for_keys(call);
	call_enter(call, CALL_LIVE);
	call_record(call, RECORD_CALL_STARTED);
	monitor_begin(call, has_track(event, TRACK_OUTBOUND));
	log_info("CALL_START", "call=%s provider=%s path=%s provider_call=%s",
		 call->id_text, call->provider->name, call->route->path,
		 call->provider_call_id
			 ? log_word(call->provider_call_id, id, sizeof(id))
			 : "none");
	call_answer(call, event);
	if (call->handler->on_start)
		call->handler->on_start(call);
}

void call_start(struct call *call, const struct event *event)
{
	if (call->state == CALL_LIVE && call->provider->start_without_words)
		return; /* words for somebody else */
	if (call->state == CALL_LIVE) {
		call_fail(call, CLOSE_PROTOCOL, "a second start");
		return;
	}
	if (!open_sound(call, event))
		return;
	if (!admission_start(call->admission, call->provider, event,
			     call->header))
		call_refuse(call);
	else if (!keep_texts(call, event))
		call_fail(call, CLOSE_INTERNAL, "no memory");
	else
		begin(call, event);
}
