/*
 * g722_decoder.h - G.722 at 64 kbit/s into samples of 16 kHz
 *
 * spandsp decodes the two bands; we join them. Where it joins them itself the
 * sum of two loud bands wraps round from one end of the scale to the other,
 * which is a crack in a loud voice; the recommendation asks for saturation.
 *
 * Thread: belongs to one thread at a time.
 */
#ifndef MEDIA_G722_DECODER_H
#define MEDIA_G722_DECODER_H

#include <stddef.h>
#include <stdint.h>

struct g722_decoder;

struct g722_decoder *g722_decoder_create(void);		 /* NULL: no memory */
void g722_decoder_destroy(struct g722_decoder *decoder); /* accepts NULL */

/* Two samples a byte. Never fails: all bytes mean something. */
void g722_decoder_run(struct g722_decoder *decoder, const uint8_t *in,
		      size_t bytes, int16_t *pcm);

#endif
