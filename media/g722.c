/*
 * g722.c - G.722 at 64 kbit/s from and into samples of 16 kHz (see g722.h)
 *
 * Decoding: in the mode that the recommendation's tests use, the library gives
 * the samples of both bands, each 8000 a second and doubled: the lower, then
 * the higher. The filter behind it is the one of ITU-T G.722, 4.4 (24
 * coefficients, the same from both ends, so that twelve of them make one of the
 * two samples, and the same twelve backwards the other).
 */
#include "media/g722.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <spandsp/telephony.h>
#include <spandsp/g722.h>
#include <spandsp/private/g722.h>

#define BITRATE 64000
#define TAPS	12u
/* The coefficients are fractions of 8192; two filters are summed, and the bands
 * have 15 bits where a sample has 16. */
#define SHIFT 11

struct g722_decoder {
	g722_decode_state_t *bands;
	int sums[TAPS], differences[TAPS]; /* of the bands; the newest first */
};

struct g722_decoder *g722_decoder_create(void)
{
	struct g722_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	decoder->bands = g722_decode_init(NULL, BITRATE, 0);
	if (!decoder->bands) {
		free(decoder);
		return NULL;
	}
	decoder->bands->itu_test_mode = true;
	return decoder;
}

void g722_decoder_destroy(struct g722_decoder *decoder)
{
	if (!decoder)
		return;
	(void)g722_decode_free(decoder->bands);
	free(decoder);
}

static void push(int history[TAPS], int newest)
{
	memmove(history + 1, history, (TAPS - 1) * sizeof(*history));
	history[0] = newest;
}

static int16_t saturate(int value)
{
	if (value > INT16_MAX)
		return INT16_MAX;
	return value < INT16_MIN ? INT16_MIN : (int16_t)value;
}

static void join(struct g722_decoder *decoder, int low, int high, int16_t *out)
{
	static const int taps[TAPS] = { 3,    -11,  12,	 32,   -210, 951,
					3876, -805, 362, -156, 53,   -11 };
	int first = 0, second = 0;

	push(decoder->differences, low - high);
	push(decoder->sums, low + high);
	for (unsigned i = 0; i < TAPS; i++) {
		first += taps[i] * decoder->differences[i];
		second += taps[TAPS - 1 - i] * decoder->sums[i];
	}
	out[0] = saturate(first >> SHIFT);
	out[1] = saturate(second >> SHIFT);
}

void g722_decoder_run(struct g722_decoder *decoder, const uint8_t *in,
		      size_t bytes, int16_t *pcm)
{
	for (size_t i = 0; i < bytes; i++) {
		int16_t bands[2] = { 0, 0 };

		(void)g722_decode(decoder->bands, bands, in + i, 1);
		join(decoder, bands[0] / 2, bands[1] / 2, pcm + 2 * i);
	}
}

/* ---- the other way ---------------------------------------------------------
 */

struct g722_encoder {
	g722_encode_state_t *state;
	int16_t odd; /* the sample that waits */
	bool waits;
};

struct g722_encoder *g722_encoder_create(void)
{
	struct g722_encoder *encoder = calloc(1, sizeof(*encoder));

	if (!encoder)
		return NULL;
	encoder->state = g722_encode_init(NULL, BITRATE, 0);
	if (encoder->state)
		return encoder;
	free(encoder);
	return NULL;
}

void g722_encoder_destroy(struct g722_encoder *encoder)
{
	if (!encoder)
		return;
	(void)g722_encode_free(encoder->state);
	free(encoder);
}

bool g722_encoder_waits(const struct g722_encoder *encoder)
{
	return encoder->waits;
}

size_t g722_encoder_run(struct g722_encoder *encoder, const int16_t *pcm,
			size_t samples, uint8_t *out)
{
	size_t bytes = 0;

	if (encoder->waits && samples > 0) {
		int16_t pair[2] = { encoder->odd, pcm[0] };

		bytes = (size_t)g722_encode(encoder->state, out, pair, 2);
		encoder->waits = false;
		pcm++;
		samples--;
	}
	bytes += (size_t)g722_encode(encoder->state, out + bytes, pcm,
				     (int)(samples - samples % 2));
	if (samples % 2 == 1) {
		encoder->odd = pcm[samples - 1];
		encoder->waits = true;
	}
	return bytes;
}
