/*
 * tongues.c - what Twilio and Vonage would send (see callers.h)
 */
#include <stdint.h>
#include <stdio.h>

#include "bench/instructions/callers.h"
#include "media/base64.h"

#define ULAW_BYTES 160u /* 20 ms */
#define L16_BYTES  640u /* 20 ms at 16 kHz */

/* ---- Twilio: JSON, audio in base64 ------------------------------------------
 */

static size_t twilio_media(char *at, size_t caller, unsigned n)
{
	char payload[BASE64_ENCODED(ULAW_BYTES) + 1];
	uint8_t audio[ULAW_BYTES];

	for (size_t i = 0; i < ULAW_BYTES; i++)
		audio[i] = (uint8_t)(i * 7 + n);
	payload[base64_encode(audio, sizeof(audio), payload)] = '\0';
	return (size_t)snprintf(
		at, MESSAGE_BYTES,
		"{\"event\":\"media\",\"sequenceNumber\":\"%u\",\"media\":{"
		"\"track\":\"inbound\",\"chunk\":\"%u\",\"timestamp\":\"%u\","
		"\"payload\":\"%s\"},\"streamSid\":\"MZ%032zx\"}",
		n + 1, n, (n - 1) * 20, payload, caller);
}

static size_t twilio_start(char *at, size_t caller)
{
	return (size_t)snprintf(
		at, MESSAGE_BYTES,
		"{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{"
		"\"accountSid\":\"AC%032x\",\"streamSid\":\"MZ%032zx\","
		"\"callSid\":\"CA%032zx\",\"tracks\":[\"inbound\"],"
		"\"customParameters\":{\"customer\":\"42\"},"
		"\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","
		"\"sampleRate\":8000,\"channels\":1}},"
		"\"streamSid\":\"MZ%032zx\"}",
		1u, caller, caller, caller);
}

static size_t twilio_say(char *at, size_t caller, unsigned n)
{
	return n > 0 ? twilio_media(at, caller, n) : twilio_start(at, caller);
}

const struct tongue tongue_twilio = {
	.say = twilio_say,
	.stop = "{\"event\":\"stop\",\"sequenceNumber\":\"9\",\"stop\":{}}",
};

/* ---- Vonage: JSON, audio in binary messages ---------------------------------
 */

/* A triangle, as loud as speech: after a second of it nobody looks any more
 * whether it is in the other byte order. */
static size_t vonage_audio(char *at, unsigned n)
{
	for (size_t i = 0; i < L16_BYTES / 2; i++) {
		size_t x = (i + n * (size_t)16) % 64;
		size_t sample = (x < 32 ? x : 64 - x) * 1001;

		at[2 * i] = (char)(sample & 0xff);
		at[2 * i + 1] = (char)(sample >> 8);
	}
	return L16_BYTES;
}

static size_t vonage_say(char *at, size_t caller, unsigned n)
{
	if (n > 0)
		return vonage_audio(at, n);
	return (size_t)snprintf(at, MESSAGE_BYTES,
				"{\"event\":\"websocket:connected\","
				"\"content-type\":\"audio/l16;rate=16000\","
				"\"customer\":\"%zu\"}",
				caller);
}

const struct tongue tongue_vonage = { .say = vonage_say, .binary = true };
