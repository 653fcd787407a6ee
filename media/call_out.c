/*
 * call_out.c - one call: what we say (see call.h)
 *
 *   handler --> pacer --> the dialect's build_... --> line
 *
 * What may leave at once never touches the queue. What may not waits in the
 * pacer, and the call for its turn (turns.h).
 */
#include "media/call.h"

#include <string.h>

#include "media/call_record.h"
#include "media/line.h"
#include "media/loop.h"
#include "media/pacer.h"

#define MESSAGE_MS 1000u /* the most audio in one message */

/* ---- the pacer -------------------------------------------------------------
 */

/* What the dialect says in bytes, or in time, of which whole samples are taken;
 * else `otherwise`. */
static size_t size_of(const struct call *call, uint16_t bytes, uint16_t ms,
		      size_t otherwise)
{
	const struct audio_format *said = &call->sound.said;

	if (bytes)
		return bytes;
	return ms ? (size_t)ms * said->rate_hz / 1000 *
			       said->codec->sample_bytes
		  : otherwise;
}

/* A packet of Opus is 20 ms, whatever the dialect would take. */
static struct pacing pacing_of(const struct call *call)
{
	struct pacing pacing = call->provider->pacing;

	if (call->sound.wire_out.codec->id == CODEC_OPUS) {
		pacing.least = pacing.step = 0;
		pacing.least_ms = pacing.step_ms = pacing.most_ms = 20;
	}
	return pacing;
}

static struct pacer_options options_of(const struct call *call)
{
	const struct pacing p = pacing_of(call);
	const struct codec *codec = call->sound.said.codec;
	const struct settings *s = call->loop->settings;
	struct pacer_options o = {
		.bytes_per_s = sound_said_bytes_per_s(&call->sound),
		.silence = codec->silence,
		.clocked = p.clocked,
		.ahead_ms = p.ahead_ms && p.ahead_ms < s->media.send_ahead_ms
				    ? p.ahead_ms
				    : s->media.send_ahead_ms,
		.queue_ms = s->media.send_queue_ms,
		.age_ms = s->media.send_age_ms,
	};

	o.step = size_of(call, p.step, p.step_ms, codec->sample_bytes);
	o.least = size_of(call, p.least, p.least_ms, o.step);
	o.most = size_of(call, 0, p.most_ms ? p.most_ms : MESSAGE_MS, 0);
	return o;
}

/* NULL: the call is not live, or no memory. */
static struct pacer *pacer_of(struct call *call)
{
	struct pacer_options options;

	if (call->state != CALL_LIVE)
		return NULL;
	if (!call->pacer) {
		options = options_of(call);
		call->pacer = pacer_create(&options);
	}
	return call->pacer;
}

static void count_dropped(struct call *call, uint64_t frames)
{
	call->frames_dropped += frames;
	call->loop->counts.dropped += frames;
}

/* ---- audio -----------------------------------------------------------------
 */

/* The length of the message, or 0. */
static size_t build(const struct call *call, const uint8_t *audio, size_t bytes)
{
	const struct sound *sound = &call->sound;
	struct audio_out out = {
		.dialog = &call->dialog,
		.codec = sound->wire_out.codec,
		.rate_hz = sound->wire_out.rate_hz,
		.at = audio,
		.bytes = bytes,
		.number = call->frames_out + 1,
		.at_ms =
			call->said_bytes * 1000 / sound_said_bytes_per_s(sound),
	};

	return call->provider->build_media(loop_out(call->loop),
					   call->loop->out_room, &out);
}

static bool send_audio(struct call *call, const uint8_t *audio, size_t bytes)
{
	const uint8_t *plain = audio;
	ssize_t encoded =
		sound_encode(&call->sound, &audio, bytes, call->loop->sound);
	size_t length = encoded > 0 ? build(call, audio, (size_t)encoded) : 0;

	if (length == 0 ||
	    !line_send(call->line, length,
		       call->provider->binary_out ? LINE_BINARY | LINE_AUDIO
						  : LINE_TEXT | LINE_AUDIO)) {
		count_dropped(call, 1);
		return false;
	}
	call->frames_out++;
	call->bytes_out += (size_t)encoded;
	call->said_bytes += bytes;
	call->loop->counts.frames_out++;
	if (call->monitor.is_on)
		monitor_take_said(call, plain, bytes);
	return true;
}

static bool send_mark(struct call *call, const char *name)
{
	size_t length;

	if (!marks_add(&call->marks, name, strlen(name)))
		return false;
	length = call->provider->build_mark(loop_out(call->loop),
					    call->loop->out_room, &call->dialog,
					    name);
	if (length == 0 || !line_send(call->line, length, LINE_TEXT)) {
		marks_forget_newest(&call->marks);
		return false;
	}
	call_record_event(call, "mark",
			  json_pack("{s:s, s:s}", "name", name, "way", "sent"));
	return true;
}

/* It never came back, and never will. */
static void on_mark_dropped(void *arg, const char *name)
{
	struct call *call = arg;

	if (call->state != CALL_LIVE)
		return; /* the handler hung up over the one before */
	call_record_event(
		call, "mark",
		json_pack("{s:s, s:s}", "name", name, "way", "dropped"));
	if (call->handler->on_mark)
		call->handler->on_mark(call, name);
}

/* Everything that is due, and then the call waits for the rest's turn. */
static void run_pacer(struct call *call, uint64_t now_ms)
{
	struct pacer *pacer = call->pacer;
	struct piece piece;

	while ((piece = pacer_next(pacer, now_ms)).kind != PIECE_NONE) {
		if (piece.kind == PIECE_MARK) {
			if (!send_mark(call, piece.mark))
				on_mark_dropped(call, piece.mark);
			continue;
		}
		(void)send_audio(call, piece.audio, piece.bytes);
		call->frames_late_out += piece.late;
		call->loop->counts.late_out += piece.late;
	}
	count_dropped(call, pacer_take_aged(pacer));
	if (!pacer_is_empty(pacer))
		turns_wait(&call->loop->turns, &call->turn,
			   pacer_due_ms(pacer, now_ms));
}

void call_on_turn(struct turn *turn, uint64_t now_ms)
{
	struct call *call =
		(struct call *)((char *)turn - offsetof(struct call, turn));

	run_pacer(call, now_ms);
}

static bool pace(struct call *call, const uint8_t *audio, size_t bytes)
{
	uint64_t now_ms = loop_now_ms(call->loop);

	if (pacer_pass(call->pacer, now_ms, bytes))
		return send_audio(call, audio, bytes);
	if (!pacer_add_audio(call->pacer, now_ms, audio, bytes)) {
		count_dropped(call, 1);
		return false;
	}
	run_pacer(call, now_ms);
	return true;
}

/* Bit by bit: what is brought to a higher rate needs room for it. */
static bool resample_and_pace(struct call *call, const uint8_t *audio,
			      size_t bytes)
{
	while (bytes > 0) {
		size_t part = bytes < SOUND_SAID_MAX ? bytes : SOUND_SAID_MAX;
		const uint8_t *at = audio;
		ssize_t made =
			sound_say(&call->sound, &at, part, call->loop->sound);

		if (made < 0 || !pace(call, at, (size_t)made))
			return false;
		audio += part;
		bytes -= part;
	}
	return true;
}

bool call_send_media(struct call *call, const uint8_t *audio, size_t bytes)
{
	if (!pacer_of(call))
		return false;
	return call->sound.resampler ? resample_and_pace(call, audio, bytes)
				     : pace(call, audio, bytes);
}

/* ---- the rest --------------------------------------------------------------
 */

void call_answer(struct call *call, const struct event *event)
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

bool call_send_mark(struct call *call, const char *name)
{
	struct pacer *pacer = pacer_of(call);

	if (!pacer || !call->provider->build_mark)
		return false;
	if (pacer_is_empty(pacer))
		return send_mark(call, name);
	return pacer_add_mark(pacer, loop_now_ms(call->loop), name);
}

static void keep_mark(void *arg, const char *name)
{
	(void)marks_add(arg, name, strlen(name)); /* else: no memory */
}

/* False: the provider goes on. */
static bool say_clear(struct call *call)
{
	size_t length = call->provider->build_clear(
		loop_out(call->loop), call->loop->out_room, &call->dialog);

	return length > 0 && line_send(call->line, length, LINE_TEXT);
}

/* The handler is told last: what it says then is new, and stays. */
bool call_send_clear(struct call *call)
{
	struct pacer *pacer = pacer_of(call);
	size_t dropped, pending = call->marks.count;
	struct marks gone = { 0 };
	uint64_t unsent_ms;
	bool said;

	if (!pacer || !call->provider->build_clear)
		return false;
	dropped = line_drop_audio(call->line);
	unsent_ms = pacer_clear(pacer, keep_mark, &gone);
	sound_clear(&call->sound, call->loop->sound);
	monitor_clear(call);
	turns_leave(&call->loop->turns, &call->turn);
	said = say_clear(call);
	if (said) {
		call_record_event(call, "clear",
				  json_pack("{s:I, s:I, s:I}", "unsent",
					    (json_int_t)dropped, "unsent_ms",
					    (json_int_t)unsent_ms,
					    "marks_pending",
					    (json_int_t)pending));
		if (call->provider->clear_loses_marks)
			marks_move(&gone, &call->marks);
		else
			marks_clear(&call->marks);
	}
	marks_lose(&gone, on_mark_dropped, call);
	return said;
}

bool call_send_digit(struct call *call, char digit)
{
	size_t length;

	if (call->state != CALL_LIVE || !call->provider->build_dtmf)
		return false;
	length = call->provider->build_dtmf(loop_out(call->loop),
					    call->loop->out_room, &call->dialog,
					    digit);
	return length > 0 && line_send(call->line, length, LINE_TEXT);
}

void call_hold(struct call *call, bool hold)
{
	struct pacer *pacer = pacer_of(call);

	if (!pacer)
		return;
	pacer_hold(pacer, hold);
	run_pacer(call, loop_now_ms(call->loop));
}

void call_out_stop(struct call *call)
{
	turns_leave(&call->loop->turns, &call->turn);
	if (call->pacer)
		(void)pacer_clear(call->pacer, NULL, NULL);
}

void call_out_free(struct call *call)
{
	call_out_stop(call);
	pacer_destroy(call->pacer);
	marks_lose(&call->marks, NULL, NULL);
}
