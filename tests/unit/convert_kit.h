/*
 * convert_kit.h - for tests of converters: making one by its formats' names,
 * running a whole stream through it, tones
 */
#ifndef TESTS_UNIT_CONVERT_KIT_H
#define TESTS_UNIT_CONVERT_KIT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media/codec.h"
#include "media/convert.h"
#include "media/l16.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

struct kit_format {
	const char *codec;
	unsigned rate_hz;
	bool big_endian;
};

static inline struct audio_format kit_format(struct kit_format named)
{
	return (struct audio_format){ .codec = codec_find(named.codec),
				      .rate_hz = named.rate_hz,
				      .big_endian = named.big_endian };
}

static inline struct converter *kit_converter(struct kit_format from,
					      struct kit_format to)
{
	struct audio_format a = kit_format(from), b = kit_format(to);
	struct converter *c = NULL;

	if (converter_create(&c, &a, &b) < 0)
		fail_msg("no converter from %s %u to %s %u", from.codec,
			 from.rate_hz, to.codec, to.rate_hz);
	return c;
}

/* One call, into room of exactly the promised size, so that a sanitizer sees
 * a byte too many. Appends to `out`. */
static inline size_t kit_run(struct converter *c, const uint8_t *in,
			     size_t bytes, uint8_t *out)
{
	size_t room = converter_room(c, bytes);
	uint8_t *exact = malloc(room + 1);
	ssize_t r;

	assert_non_null(exact);
	r = converter_run(c, in, bytes, exact, room);
	if (r < 0 || (size_t)r > room)
		fail_msg("%zu bytes gave %zd", bytes, r);
	memcpy(out, exact, (size_t)r);
	free(exact);
	return (size_t)r;
}

static inline size_t kit_flush(struct converter *c, uint8_t *out)
{
	size_t room = converter_room(c, 0);
	uint8_t *exact = malloc(room + 1);
	ssize_t r;

	assert_non_null(exact);
	r = converter_flush(c, exact, room);
	if (r < 0 || (size_t)r > room)
		fail_msg("flush gave %zd", r);
	memcpy(out, exact, (size_t)r);
	free(exact);
	return (size_t)r;
}

/* Samples through a converter that begins and ends with L16 in our order; how
 * many came out. Frames of 20 ms. */
static inline size_t kit_pcm(struct converter *c, unsigned rate_hz,
			     const int16_t *in, size_t samples, int16_t *out,
			     size_t out_max)
{
	size_t frame = rate_hz / 50, made = 0;
	uint8_t *bytes = malloc(2 * samples + 2);
	uint8_t *back = malloc(2 * out_max + 65536);

	assert_non_null(bytes);
	assert_non_null(back);
	l16_store(in, samples, false, bytes);
	for (size_t at = 0; at < samples; at += frame) {
		size_t n = samples - at < frame ? samples - at : frame;

		made += kit_run(c, bytes + 2 * at, 2 * n, back + made);
		assert_true(made <= 2 * out_max);
	}
	made += kit_flush(c, back + made);
	assert_true(made <= 2 * out_max);
	l16_load(back, made / 2, false, out);
	free(bytes);
	free(back);
	return made / 2;
}

/* Peak 0.5 of full scale (-6 dB): loud, and clear of any clipping. */
#define KIT_PEAK 16384.0
#define KIT_TURN 6.283185307179586

static inline double kit_tone_at(double hz, unsigned rate_hz, size_t at)
{
	return KIT_PEAK * sin(KIT_TURN * hz * (double)at / rate_hz);
}

static inline void kit_tone(double hz, unsigned rate_hz, int16_t *out,
			    size_t samples)
{
	for (size_t i = 0; i < samples; i++)
		out[i] = (int16_t)lrint(kit_tone_at(hz, rate_hz, i));
}

#endif
