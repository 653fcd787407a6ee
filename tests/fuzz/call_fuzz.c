/*
 * call_fuzz.c - whatever is said in a call, it lives and ends by its rules
 *
 * The input is a whole call: what kind of route it has, then what happens, one
 * thing after another: the provider says something, time passes, we say
 * something, the line takes no more. Call, dialects, sound, pacer and records
 * are the real ones; loop and line are ours. After each step the rules are
 * looked at: a state never goes back, a call that lived has one first and one
 * last record whose revs grow and whose rows can be read, one that did not has
 * none, and no audio leaves a call that is over.
 *
 * calls_of_transcripts.py makes such inputs of the sample calls.
 */
#include <ev.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/admission.h"
#include "media/call.h"
#include "media/call_record.h"
#include "media/line.h"
#include "media/loop.h"
#include "persistence/record.h"
#include "server/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what)               \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

struct line {
	bool closed, choked;
	uint64_t audio; /* messages of it that were taken */
};

static struct {
	struct loop loop;
	struct settings settings;
	struct route route;
	struct admission admission;
	struct line line;
	struct call *call;
	enum call_state state; /* the newest that was seen */
	uint64_t now_ms;
	unsigned started, ended;
	uint32_t rev;
} world;
static struct sound_scratch sound_scratch;
static uint8_t scratch[1 << 20];
static char out[256 * 1024];

/* ---- the loop and the line -------------------------------------------------
 */

uint64_t loop_now_ms(const struct loop *loop)
{
	(void)loop;
	return world.now_ms;
}

static uint64_t now_ms(void)
{
	return world.now_ms;
}

void loop_submit(struct loop *loop, struct record *record)
{
	json_t *payload = json_loadb(record->payload, record->length, 0, NULL);

	(void)loop;
	MUST(payload);
	json_decref(payload);
	MUST(world.ended == 0);
	world.started += record->kind == RECORD_CALL_STARTED;
	world.ended += record->kind == RECORD_CALL_ENDED;
	MUST(world.started == 1 && world.ended <= 1);
	if (record->kind != RECORD_CALL_EVENT) {
		MUST(record->rev > world.rev);
		world.rev = record->rev;
	}
	free(record);
}

void loop_checkpoint(struct loop *loop, struct call *call)
{
	(void)loop;
	call_record(call, RECORD_CALL_CHECKPOINT);
}

char *loop_out(const struct loop *loop)
{
	(void)loop;
	return out;
}

bool line_send(struct line *line, size_t length, unsigned kind)
{
	MUST(length > 0 && length <= sizeof(out));
	MUST(!(kind & LINE_AUDIO) || world.call->state == CALL_LIVE);
	if (line->closed || line->choked)
		return false;
	line->audio += (kind & LINE_AUDIO) != 0;
	return true;
}

size_t line_drop_audio(struct line *line)
{
	(void)line;
	return 0;
}

void line_close(struct line *line, unsigned close_code)
{
	MUST(close_code >= 1000 && close_code < 1012);
	line->closed = true;
}

void line_cut(struct line *line)
{
	line->closed = true;
}

/* ---- what happens ----------------------------------------------------------
 */

struct script {
	const uint8_t *at, *end;
};

static unsigned take(struct script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

/* A length of two bytes, then as many as there are. */
static const uint8_t *take_bytes(struct script *script, size_t *length)
{
	const uint8_t *bytes;

	*length = take(script);
	*length |= (size_t)take(script) << 8;
	if (*length > (size_t)(script->end - script->at))
		*length = (size_t)(script->end - script->at);
	bytes = script->at;
	script->at += *length;
	return bytes;
}

/* In memory of its own, so that nothing can be read beyond it. */
static void they_say(struct script *script, bool binary)
{
	size_t length;
	const uint8_t *bytes = take_bytes(script, &length);
	char *message = malloc(length + 1);

	MUST(message);
	memcpy(message, bytes, length);
	message[length] = '\0'; /* as the line's buffer has it */
	if (length <= call_longest_message(world.call))
		call_on_message(world.call, message, length, binary);
	free(message);
}

static void we_say(struct script *script)
{
	static uint8_t audio[8192];
	size_t length = (size_t)20 * take(script);

	for (size_t i = 0; i < length; i++)
		audio[i] = (uint8_t)(i * 37);
	(void)call_send_media(world.call, audio, length);
}

static void time_passes(uint64_t ms)
{
	world.now_ms += ms;
	if (turn_waits(&world.call->turn)) {
		turns_leave(&world.loop.turns, &world.call->turn);
		call_on_turn(&world.call->turn, world.now_ms);
	}
	call_check(world.call, world.now_ms);
}

static void happen(struct script *script)
{
	static const char *const names[] = { "a", "b", "\"\\\n", "" };

	switch (take(script) % 12) {
	case 0:
	case 1: they_say(script, false); break;
	case 2: they_say(script, true); break;
	case 3: time_passes(take(script)); break;
	case 4: time_passes(100ull * take(script)); break;
	case 5: we_say(script); break;
	case 6:
		(void)call_send_mark(world.call, names[take(script) % 4]);
		break;
	case 7: (void)call_send_clear(world.call); break;
	case 8:
		(void)call_send_digit(world.call, "0*D"[take(script) % 3]);
		break;
	case 9: call_hold(world.call, take(script) % 2); break;
	case 10: world.line.choked = take(script) % 2; break;
	default: call_decide(world.call); break;
	}
}

static void look(void)
{
	MUST(world.call->state >= world.state);
	world.state = world.call->state;
	MUST(world.started == (world.state == CALL_LIVE || world.ended));
	MUST(world.state != CALL_LIVE || world.ended == 0);
	MUST(world.call->frames_out == world.line.audio);
	MUST(strlen(world.call->dtmf) <= DTMF_MAX);
	MUST(world.call->events <= EVENTS_MAX);
}

/* ---- one call --------------------------------------------------------------
 */

static void begin(struct script *script)
{
	static const char *const sends[] = { "", "PCMA", "L16", "G722",
					     "OPUS" };
	unsigned provider = take(script), kind = take(script);
	struct hello hello = { .provider = provider_at(provider),
			       .call_id =
				       kind & 1 ? "of the handshake" : NULL };

	memset(&world, 0, sizeof(world));
	world.route.handler = kind & 2 ? ROUTE_ECHO : ROUTE_RECORD;
	world.route.dtmf = (enum route_dtmf)(kind / 4 % 3);
	world.route.byte_order = (enum route_order)(kind / 12 % 3);
	(void)strcpy(world.route.send_codec, sends[take(script) % 5]);
	world.route.send_rate_hz = 8000 + 100 * take(script);
	world.settings.media.start_timeout_ms = 10000;
	world.settings.media.idle_timeout_ms = 30000;
	world.settings.media.max_call_duration_ms = 3600000;
	world.settings.media.checkpoint_interval_ms = 15000;
	world.settings.media.send_ahead_ms = kind & 64 ? 30000 : 100;
	world.settings.media.send_queue_ms = 5000;
	world.settings.media.send_age_ms = 2000;
	world.loop.settings = &world.settings;
	world.loop.scratch = (struct scratch){ scratch, sizeof(scratch) };
	world.loop.sound = &sound_scratch;
	world.loop.out_room = sizeof(out);
	world.now_ms = 100000;
	turns_init(&world.loop.turns, ev_default_loop(0), now_ms, call_on_turn);
	world.admission = (struct admission){ .loop = &world.loop,
					      .route = &world.route,
					      .parameter = "holdline_token" };
	world.call =
		call_create(&world.loop, &world.line, &world.admission, &hello);
	MUST(world.call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = { data, data + size };

	log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	begin(&script);
	while (script.at < script.end) {
		happen(&script);
		look();
	}
	call_destroy(world.call);
	MUST(world.ended == world.started && !world.loop.calls);
	MUST(world.loop.turns.count == 0);
	return 0;
}
