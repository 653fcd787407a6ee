/*
 * l16.h - samples of 16 bits, to and from bytes
 *
 * L16 is little-endian in this house, as in a WAV file; RFC 3551 has it
 * big-endian, and so have some providers.
 *
 * Thread: any.
 */
#ifndef MEDIA_L16_H
#define MEDIA_L16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `samples` counts samples; the bytes are twice as many. */
void l16_load(const uint8_t *bytes, size_t samples, bool big_endian,
	      int16_t *out);
void l16_store(const int16_t *pcm, size_t samples, bool big_endian,
	       uint8_t *out);

/* The sum of all steps between neighbours. Sound that is read in the wrong byte
 * order is many times as rough as in the right one. */
uint64_t l16_roughness(const uint8_t *bytes, size_t samples, bool big_endian);

#endif
