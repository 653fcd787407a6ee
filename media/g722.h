/*
 * g722.h - G.722 at 64 kbit/s from and into samples of 16 kHz
 *
 * A byte holds two samples. spandsp encodes; an odd sample waits for the next.
 * It also decodes the two bands, but we join them. Where it joins them itself
 * the sum of two loud bands wraps round from one end of the scale to the other,
 * which is a crack in a loud voice; the recommendation asks for saturation.
 *
 * Thread: belongs to one thread at a time.
 */
#ifndef MEDIA_G722_H
#define MEDIA_G722_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct g722_decoder;

struct g722_decoder *g722_decoder_create(void);		 /* NULL: no memory */
void g722_decoder_destroy(struct g722_decoder *decoder); /* accepts NULL */

/* Two samples a byte. Never fails: all bytes mean something. */
void g722_decoder_run(struct g722_decoder *decoder, const uint8_t *in,
		      size_t bytes, int16_t *pcm);

struct g722_encoder;

struct g722_encoder *g722_encoder_create(void);		 /* NULL: no memory */
void g722_encoder_destroy(struct g722_encoder *encoder); /* accepts NULL */

/* Returns how many bytes it has written: one for two samples, counting the one
 * that waited. */
size_t g722_encoder_run(struct g722_encoder *encoder, const int16_t *pcm,
			size_t samples, uint8_t *out);

/* Does a sample wait for another one? */
bool g722_encoder_waits(const struct g722_encoder *encoder);

#endif
