/* monitor.c - what others see and hear of a call while it lives (monitor.h) */
#include "media/monitor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "media/admission.h"
#include "media/call.h"
#include "media/call_record.h"
#include "media/codec.h"
#include "media/convert.h"
#include "media/loop.h"
#include "server/clock.h"
#include "server/live_calls.h"
#include "server/live_taps.h"
#include "server/log.h"

#define TELL_MS	   1000u
#define FULL_SCALE 32768.0

/* ---- how loud --------------------------------------------------------------
 */

static void add_loudness(struct loudness *loudness, const int16_t *pcm,
			 size_t samples)
{
	for (size_t i = 0; i < samples; i++)
		loudness->squares += (uint64_t)(pcm[i] * pcm[i]);
	loudness->samples += samples;
}

static float level_db(const struct loudness *loudness)
{
	double mean = loudness->samples ? (double)loudness->squares /
						  (double)loudness->samples
					: 0.0;
	double db = 10.0 * log10(mean / (FULL_SCALE * FULL_SCALE));

	return db < (double)LIVE_SILENCE ? LIVE_SILENCE : (float)db;
}

/* Of the time since it was told last, if all of it was measured. */
static void take_levels(struct monitor *monitor, struct live_call *live)
{
	live->level_in_db = live->level_out_db = LIVE_NO_LEVEL;
	if (monitor->is_measured) {
		live->level_in_db = level_db(&monitor->heard);
		live->level_out_db = level_db(&monitor->said);
	}
	monitor->heard = monitor->said = (struct loudness){ 0 };
	monitor->is_measured = monitor->is_on;
}

/* ---- its place in the table ------------------------------------------------
 */

static void describe(const struct call *call, struct live_call *live)
{
	*live = (struct live_call){
		.id = call->id,
		.started_us = call->started_us,
		.at_us = clock_wall_us(),
		.frames_in = call->frames_in,
		.frames_out = call->frames_out,
		.bytes_in = call->bytes_in,
		.bytes_out = call->bytes_out,
		.frames_lost = call->frames_lost,
		.frames_dropped = call->frames_dropped,
		.max_gap_ms = call->max_gap_ms,
		.frames_late_in = call->frames_late_in,
		.frames_late = call->frames_late_out,
		.rate_hz = call->sound.heard.rate_hz,
		.rev = call->rev,
		.level_in_db = LIVE_NO_LEVEL,
		.level_out_db = LIVE_NO_LEVEL,
		.paused = call->paused,
		.recorded = call->recording != NULL,
	};
#define COPY(to, from) live_call_text(live->to, sizeof(live->to), from)
	COPY(provider, call->provider->name);
	COPY(codec, call->sound.wire_in.codec->name);
	COPY(handler, call->handler->name);
	COPY(direction, call_word(call, NULL, "direction"));
	COPY(from, call_word(call, call->from, "from"));
	COPY(to, call_word(call, call->to, "to"));
	COPY(provider_call_id, call->provider_call_id);
	COPY(stream_id, call->stream_id);
	COPY(account_id, call->account_id);
	COPY(trace_id, call->admission->trace.id);
	COPY(dtmf, call->dtmf);
#undef COPY
}

static void tell(struct call *call, uint64_t now_ms)
{
	struct live_call live;

	describe(call, &live);
	take_levels(&call->monitor, &live);
	live_call_tell(call->monitor.place, &live);
	call->monitor.told_ms = now_ms;
}

/* ---- who looks and listens -------------------------------------------------
 */

static void turn_off(struct monitor *monitor)
{
	converter_destroy(monitor->heard_as);
	converter_destroy(monitor->said_as);
	monitor->heard_as = monitor->said_as = NULL;
	monitor->is_on = monitor->is_measured = false;
	monitor->heard = monitor->said = (struct loudness){ 0 };
}

static void turn_on(struct call *call)
{
	struct monitor *monitor = &call->monitor;
	const struct sound *sound = &call->sound;
	const struct audio_format plain = { .codec = codec_find("L16"),
					    .rate_hz = sound->heard.rate_hz };
	int r = converter_create(&monitor->heard_as, &sound->heard, &plain);

	if (r == 0)
		r = converter_create(&monitor->said_as,
				     monitor->hears_both ? &sound->heard
							 : &sound->said,
				     &plain);
	monitor->is_on = r == 0;
	if (r == 0)
		return;
	turn_off(monitor);
	log_warn("CALL_MONITOR", "call=%s err=\"%s; nobody can listen\"",
		 call->id_text, strerror(-r));
}

/* Bits that are new. */
static void begin_taps(struct call *call, uint64_t taps)
{
	for (unsigned i = 0; taps != 0; i++, taps >>= 1)
		if (taps & 1)
			live_tap_begin(i, call->monitor.key,
				       call->sound.heard.rate_hz);
}

static void follow_wishes(struct call *call, uint64_t now_ms)
{
	struct monitor *monitor = &call->monitor;
	uint64_t taps = live_call_taps(monitor->place);
	bool wanted = taps != 0 || live_call_is_watched(monitor->place, now_ms);

	if (wanted && !monitor->is_on)
		turn_on(call);
	else if (!wanted && monitor->is_on)
		turn_off(monitor);
	if (monitor->is_on)
		begin_taps(call, taps);
	monitor->taps = monitor->is_on ? taps : 0;
}

/* ---- its life --------------------------------------------------------------
 */

void monitor_begin(struct call *call, bool hears_both)
{
	struct live_call live;

	describe(call, &live);
	call->monitor = (struct monitor){
		.place = live_call_enter(call->loop->process, &live),
		.key = live_call_key(&call->id),
		.told_ms = loop_now_ms(call->loop),
		.hears_both = hears_both,
	};
}

bool monitor_check(struct call *call, uint64_t now_ms)
{
	struct monitor *monitor = &call->monitor;

	if (!monitor->place)
		return false;
	if (live_call_is_hung_up(monitor->place))
		return true;
	follow_wishes(call, now_ms);
	if (now_ms - monitor->told_ms >= TELL_MS)
		tell(call, now_ms);
	return false;
}

void monitor_end(struct call *call)
{
	struct monitor *monitor = &call->monitor;
	struct live_call live;

	turn_off(monitor);
	if (!monitor->place)
		return;
	describe(call, &live);
	live.ended_us = call->ended_us;
	live_call_text(live.end_reason, sizeof(live.end_reason),
		       end_reason_name(call->end_reason));
	live_call_leave(monitor->place, &live);
	monitor->place = NULL;
}

/* ---- frames ----------------------------------------------------------------
 */

static void take(struct call *call, enum live_side side, const uint8_t *audio,
		 size_t bytes)
{
	struct monitor *monitor = &call->monitor;
	struct sound_scratch *scratch = call->loop->sound;
	bool heard = side == LIVE_HEARD;
	ssize_t made = converter_run(
		heard ? monitor->heard_as : monitor->said_as, audio, bytes,
		(uint8_t *)scratch->monitored, sizeof(scratch->monitored));
	size_t samples = made > 0 ? (size_t)made / sizeof(int16_t) : 0;
	uint64_t taps = monitor->taps;

	add_loudness(heard ? &monitor->heard : &monitor->said,
		     scratch->monitored, samples);
	for (unsigned i = 0; taps != 0; i++, taps >>= 1)
		if (taps & 1)
			live_tap_write(i, monitor->key, side,
				       scratch->monitored, samples);
}

void monitor_take_heard(struct call *call, const struct event *event)
{
	enum live_side side =
		event->media.track == TRACK_INBOUND ? LIVE_HEARD : LIVE_SAID;

	take(call, side, event->media.audio, event->media.bytes);
	if (event->media.other)
		take(call, side == LIVE_HEARD ? LIVE_SAID : LIVE_HEARD,
		     event->media.other, event->media.bytes);
}

void monitor_take_said(struct call *call, const uint8_t *audio, size_t bytes)
{
	if (!call->monitor.hears_both)
		take(call, LIVE_SAID, audio, bytes);
}

void monitor_clear(struct call *call)
{
	uint64_t taps = call->monitor.taps;

	for (unsigned i = 0; taps != 0; i++, taps >>= 1)
		if (taps & 1)
			live_tap_clear(i, call->monitor.key);
}
