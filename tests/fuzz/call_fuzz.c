/*
 * call_fuzz.c - whatever is done to a call, it stays one
 *
 * Drives a whole call: its dialect, its handler, its sound, its pacer and its
 * records, between a loop and a line that are ours (support/call_world.h).
 * After each thing done, call_claims.h looks whether all that must hold does.
 *
 * The input is what happens, in this order (call_script.h has the bytes):
 *
 *   how it is routed | message | message | time | we speak | they close | ...
 *
 * A mutation keeps that shape often enough to get beyond the start message.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/call_claims.h"
#include "fuzz/call_puppet.h"
#include "fuzz/call_recording.h"
#include "fuzz/call_script.h"
#include "server/log.h"
#include "server/uuid.h"
#include "support/call_world.h"

#define CLOSE_GOING_AWAY 1001u /* RFC 6455, section 7.4.1 */
#define CLOSE_TOO_BIG	 1009u
#define NOW_US		 1767261600000000
#define AGAIN_MAX	 ((size_t)128 * 1024) /* bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room,
			       unsigned seed);

/* ---- the same bytes make the same call -------------------------------------
 */

void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...);
void __wrap_uuid_make_v7(struct uuid *id);
int64_t __wrap_clock_wall_us(void);

void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...)
{
	(void)level, (void)format;
	CLAIM(strcmp(tag, "RECORD_LOST") != 0);
}

void __wrap_uuid_make_v7(struct uuid *id)
{
	memset(id->bytes, 0x77, sizeof(id->bytes));
}

int64_t __wrap_clock_wall_us(void)
{
	return NOW_US;
}

/* ---- its route -------------------------------------------------------------
 */

static void set_sizes(uint8_t bits)
{
	if (bits & SIZES_SHORT_QUEUE) {
		world.settings.media.send_ahead_ms = 100;
		world.settings.media.send_queue_ms = 500;
		world.settings.media.send_age_ms = 300;
	}
	if (bits & SIZES_LITTLE_OUT)
		world.loop.out_room = 700;
	if (bits & SIZES_LITTLE_SCRATCH)
		world.loop.scratch.room = 400;
	if (bits & SIZES_SHORT_MESSAGES)
		world.settings.media.max_message = 2000;
	if (bits & SIZES_SHORT_LIFE) {
		world.settings.media.max_call_duration_ms = 20000;
		world.settings.media.checkpoint_interval_ms = 1000;
	}
}

static void set_sound(uint8_t in, uint8_t out)
{
	static const unsigned rates_hz[] = { 0,	    8000,  11025, 16000,
					     24000, 44100, 48000 };
	static const char *const codecs[] = { "",    "",    "PCMU", "PCMA",
					      "L16", "L16", "G722", "OPUS" };
	size_t rates = sizeof(rates_hz) / sizeof(rates_hz[0]);

	world.route.dtmf = in % 3;
	world.route.byte_order = in / 3 % 3;
	world.route.sample_rate_hz = rates_hz[in / 9 % rates];
	(void)strcpy(world.route.send_codec, codecs[out % 8]);
	world.route.send_rate_hz = rates_hz[out / 8 % rates];
}

static const struct provider *choose_provider(uint8_t byte)
{
	size_t count = 0;

	while (provider_at(count))
		count++;
	return provider_at(byte % (count + 1)); /* NULL: auto */
}

static void begin(const uint8_t head[SCRIPT_HEAD])
{
	bool puppet = head[1] % 3 == 2;

	world_prepare();
	claims_begin();
	set_sizes(head[2]);
	set_sound(head[3], head[4]);
	world.route.handler = head[1] % 3 == 1 ? ROUTE_ECHO : ROUTE_RECORD;
	world.route.record = world.settings.recording.enabled = true;
	if (head[1] & 0x80)
		world.loop.recorder = call_recorder(head[2] & BAD_DISK);
	world_begin(choose_provider(head[0]),
		    head[1] & 0x40 ? "of the handshake" : NULL);
	if (head[2] & MAY_NOT_CALL)
		world.admission.call_tag = 1; /* of another call's token */
	if (puppet)
		world.call->handler = puppet_new();
}

/* ---- what is done to it ----------------------------------------------------
 */

/* As the line does it; a copy that ends where the message does. */
static void message(const struct step *step)
{
	bool binary = step->op == OP_BINARY;
	char *copy = malloc(step->bytes + !step->bytes);

	CLAIM(copy != NULL);
	memcpy(copy, step->at, step->bytes);
	if (step->bytes > call_longest_message(world.call))
		call_fail(world.call, CLOSE_TOO_BIG, "too big");
	else
		call_on_message(world.call, copy, step->bytes, binary);
	free(copy);
}

/* Time as a loop that keeps up has it. */
static void pass(unsigned ticks)
{
	while (ticks-- > 0) {
		world.now_ms += TURN_MS;
		world_turn();
		claims_check();
	}
}

/* Time as it passes while nobody looks. */
static void jump(unsigned ms)
{
	world.now_ms += ms;
	world_turn();
	claims_check();
	call_check(world.call, world.now_ms);
}

static void speak(uint8_t how_much)
{
	static uint8_t audio[64 * 1024];
	size_t bytes =
		how_much < 200 ? how_much * 40u : (how_much - 199u) * 1024;

	if (audio[1] == 0)
		for (size_t i = 0; i < sizeof(audio); i++)
			audio[i] = (uint8_t)(i * i / 7 + 1);
	(void)call_send_media(world.call, audio, bytes);
}

/* Floods, from inputs that are short; but sound takes its time to convert. */
static void again(const struct step *newest, size_t times)
{
	if (times > AGAIN_MAX / (newest->bytes + 1))
		times = AGAIN_MAX / (newest->bytes + 1);
	while (newest->at && times-- > 0) {
		message(newest);
		claims_check();
	}
}

static void act(const struct step *step, const struct step *newest)
{
	static const char digits[] = "0123456789*#ABCD";
	uint8_t n = step->n;

	switch (step->op) {
	case OP_PASS: pass(n % 64); break;
	case OP_JUMP: jump(n * 250u); break;
	case OP_MEDIA: speak(n); break;
	case OP_MARK: (void)call_send_mark(world.call, puppet_mark(n)); break;
	case OP_CLEAR:
		(void)call_send_clear(world.call);
		claims_cleared();
		break;
	case OP_DIGIT: (void)call_send_digit(world.call, digits[n % 16]); break;
	case OP_HOLD: call_hold(world.call, n & 1); break;
	case OP_LINE: world.line.choked = n & 1; break;
	case OP_PUPPET: puppet_teach(n); break;
	case OP_END:
		call_end(world.call, n & 1 ? END_SHUTDOWN : END_HANGUP,
			 CLOSE_GOING_AWAY, n & 2 ? 500 : 0);
		break;
	case OP_AGAIN: again(newest, n); break;
	default: message(step); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct step step, newest = { .at = NULL };

	if (size < SCRIPT_HEAD)
		return 0;
	begin(data);
	data += SCRIPT_HEAD;
	size -= SCRIPT_HEAD;
	while (!world.line.cut && script_next(&data, &size, &step)) {
		if (step.op <= OP_BINARY)
			newest = step;
		claims_expect(newest.op == OP_TEXT &&
			      (step.op == OP_TEXT || step.op == OP_AGAIN));
		puppet_rest();
		act(&step, &newest);
		claims_check();
	}
	claims_expect(false);
	claims_weigh_queue();
	world_hang_up();
	claims_finish();
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room,
			       unsigned seed)
{
	return script_mutate(data, size, room, seed);
}
