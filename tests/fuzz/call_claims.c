/*
 * call_claims.c - what holds of every call, whatever is done to it (see
 * call_claims.h)
 */
#include "fuzz/call_claims.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "fuzz/call_recording.h"
#include "media/pacer.h"
#include "support/call_world.h"

#define MESSAGE_MS 1000u /* the most audio in one message */

static struct {
	enum call_state state;
	bool may_answer;
	unsigned started, ended, events;
	uint32_t rev;
	uint64_t audio_sent, audio_bytes;
	unsigned last_words; /* said after the end, but answers */
	/* Since the first audio, or the newest clear. */
	uint64_t pace_ms, pace_bytes;
} seen;

_Noreturn void claim_is_broken(const char *that, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: it does not hold that %s\n", file, line,
		      that);
	abort();
}

void claim_readable(const uint8_t *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		(void)*(const volatile uint8_t *)&at[i];
}

/* ---- records ---------------------------------------------------------------
 */

static uint64_t number(const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	CLAIM(json_is_integer(value));
	CLAIM(json_integer_value(value) >= 0);
	return (uint64_t)json_integer_value(value);
}

static void check_row(const json_t *row, bool ended)
{
	const struct call *call = world.call;
	const char *state = json_string_value(json_object_get(row, "state"));

	CLAIM(state && strcmp(state, ended ? "ended" : "live") == 0);
	CLAIM(json_is_string(json_object_get(row, "end_reason")) == ended);
	CLAIM(json_is_string(json_object_get(row, "ended_at")) == ended);
	CLAIM(number(row, "rev") == call->rev);
	CLAIM(number(row, "sample_rate") > 0);
	CLAIM(number(row, "frames_in") == call->frames_in);
	CLAIM(number(row, "frames_out") == call->frames_out);
	CLAIM(number(row, "bytes_in") == call->bytes_in);
	CLAIM(number(row, "bytes_out") == call->bytes_out);
	(void)number(row, "frames_lost");
	(void)number(row, "max_gap_ms");
	if (ended)
		(void)number(row, "duration_ms");
	CLAIM(strlen(call->dtmf) <= DTMF_MAX);
}

static void check_event(const json_t *row)
{
	const char *kind = json_string_value(json_object_get(row, "kind"));
	json_t *data = json_object_get(row, "data");
	const char *key;
	json_t *value;

	CLAIM(kind && json_is_object(data));
	if (strcmp(kind, "clear") == 0)
		CLAIM(number(data, "unsent_ms") <=
		      world.settings.media.send_queue_ms);
	json_object_foreach (data, key, value)
		if (json_is_integer(value))
			(void)number(data, key);
}

/* The end's rev leaves one out, for an heir who knows all but the end. */
static void on_record(const struct record *record)
{
	json_t *row = json_loadb(record->payload, record->length,
				 JSON_REJECT_DUPLICATES, NULL);

	CLAIM(row != NULL); /* without a NUL in it, too: no database takes it */
	CLAIM(seen.ended == 0);
	switch (record->kind) {
	case RECORD_CALL_STARTED:
		CLAIM(world.call->state == CALL_LIVE);
		CLAIM(seen.started++ == 0);
		break;
	case RECORD_CALL_CHECKPOINT:
		CLAIM(world.call->state == CALL_LIVE);
		break;
	case RECORD_CALL_ENDED:
		CLAIM(world.call->state == CALL_ENDING);
		seen.ended++;
		break;
	default: CLAIM(record->kind == RECORD_CALL_EVENT);
	}
	CLAIM(seen.started == 1);
	if (record->kind == RECORD_CALL_EVENT) {
		seen.events++;
		check_event(row);
	} else {
		CLAIM(record->rev == seen.rev + 1 + seen.ended);
		seen.rev = record->rev;
		check_row(row, seen.ended > 0);
	}
	json_decref(row);
}

/* ---- messages --------------------------------------------------------------
 */

static void check_text(const char *text, size_t length)
{
	json_t *json = json_stringn(text, length); /* NULL: it is no UTF-8 */

	CLAIM(length > 0);
	CLAIM(json != NULL);
	json_decref(json);
	if (text[0] != '{')
		return;
	json = json_loadb(text, length, 0, NULL);
	CLAIM(json != NULL);
	json_decref(json);
}

static void on_send(const char *message, size_t length, unsigned kind)
{
	const struct call *call = world.call;
	bool binary = (kind & LINE_BINARY) != 0;

	CLAIM(call->provider != NULL);
	CLAIM(!binary || call->provider->binary_out);
	CLAIM(!binary || kind & LINE_AUDIO);
	if (!binary)
		check_text(message, length);
	if (kind & LINE_AUDIO) {
		CLAIM(call->state == CALL_LIVE);
		if (seen.audio_sent == 0)
			seen.pace_ms = world.now_ms;
		seen.audio_sent++;
		seen.audio_bytes += length;
	} else if (call->state == CALL_ENDING && !seen.may_answer) {
		CLAIM(call->provider->build_hangup != NULL);
		CLAIM(seen.last_words++ == 0);
	}
}

/* ---- the call itself -------------------------------------------------------
 */

static void check_waiting(const struct call *call)
{
	CLAIM(call->marks.count <= MARKS_MAX);
	if (!call->pacer || pacer_is_empty(call->pacer))
		return;
	CLAIM(call->state == CALL_LIVE);
	CLAIM(turn_waits(&call->turn));
}

static void check_pace(const struct call *call)
{
	const struct settings *s = &world.settings;
	const struct pacing *p;
	uint64_t said_ms, may_ms = world.now_ms - seen.pace_ms + MESSAGE_MS;

	if (seen.audio_sent == 0)
		return;
	p = &call->provider->pacing;
	if (p->clocked)
		may_ms += PACER_CATCH_UP_MS;
	else if (p->ahead_ms && p->ahead_ms < s->media.send_ahead_ms)
		may_ms += p->ahead_ms;
	else
		may_ms += s->media.send_ahead_ms;
	said_ms = (call->said_bytes - seen.pace_bytes) * 1000 /
		  sound_said_bytes_per_s(&call->sound);
	CLAIM(said_ms <= may_ms);
}

void claims_cleared(void)
{
	seen.pace_ms = world.now_ms;
	seen.pace_bytes = world.call->said_bytes;
}

static void check_counts(const struct call *call)
{
	const struct loop_counts *counts = &world.loop.counts;

	CLAIM(call->frames_out == seen.audio_sent);
	if (call->provider && call->provider->binary_out)
		CLAIM(call->bytes_out == seen.audio_bytes);
	CLAIM(counts->frames_out == call->frames_out);
	CLAIM(counts->frames_in == call->frames_in);
	CLAIM(counts->dropped == call->frames_dropped);
	/* The last words are kept beyond it: an error, and what was missing. */
	CLAIM(seen.events <= EVENTS_MAX + 2);
	if (call->state == CALL_LIVE) /* and none has been lost */
		CLAIM(call->events == seen.events);
}

void claims_check(void)
{
	const struct call *call = world.call;

	CLAIM(call->state >= seen.state);
	seen.state = call->state;
	switch (call->state) {
	case CALL_WAITING: CLAIM(seen.started == 0); break;
	case CALL_LIVE: CLAIM(seen.started == 1 && seen.ended == 0); break;
	case CALL_ENDING: CLAIM(seen.started == seen.ended); break;
	}
	CLAIM(call->state == CALL_ENDING || !world.line.close_code);
	CLAIM(call->state == CALL_ENDING || !world.line.cut);
	CLAIM(world.line.close_code == 0 ||
	      (world.line.close_code >= 1000 && world.line.close_code <= 1011));
	CLAIM(call_recordings_open() == (call->recording != NULL));
	check_waiting(call);
	check_pace(call);
	check_counts(call);
}

static void count_mark(void *arg, const char *mark)
{
	unsigned *count = arg;

	CLAIM(mark != NULL);
	(*count)++;
}

void claims_weigh_queue(void)
{
	unsigned marks = 0;

	if (world.call->pacer)
		CLAIM(pacer_clear(world.call->pacer, count_mark, &marks) <=
		      world.settings.media.send_queue_ms);
	CLAIM(marks <= PACER_MARKS_MAX);
}

void claims_begin(void)
{
	memset(&seen, 0, sizeof(seen));
	world.on_record = on_record;
	world.on_send = on_send;
}

void claims_expect(bool may_answer)
{
	seen.may_answer = may_answer;
}

void claims_finish(void)
{
	CLAIM(seen.started == seen.ended);
	CLAIM(seen.started > 0 || seen.events == 0);
	CLAIM(call_recordings_open() == 0);
	CLAIM(world.loop.turns.count == 0);
}
