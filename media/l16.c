/*
 * l16.c - samples of 16 bits, to and from bytes (see l16.h)
 *
 * Written byte by byte, so that neither alignment nor the machine's own order
 * matters; compilers make vector moves of these loops.
 */
#include "media/l16.h"

#include <stdlib.h>

void l16_load(const uint8_t *bytes, size_t samples, bool big_endian,
	      int16_t *out)
{
	const size_t high = big_endian ? 0 : 1, low = 1 - high;

	for (size_t i = 0; i < samples; i++)
		out[i] = (int16_t)(uint16_t)(bytes[2 * i + high] << 8 |
					     bytes[2 * i + low]);
}

void l16_store(const int16_t *pcm, size_t samples, bool big_endian,
	       uint8_t *out)
{
	const size_t high = big_endian ? 0 : 1, low = 1 - high;

	for (size_t i = 0; i < samples; i++) {
		out[2 * i + high] = (uint8_t)((uint16_t)pcm[i] >> 8);
		out[2 * i + low] = (uint8_t)pcm[i];
	}
}

static int sample_at(const uint8_t *bytes, size_t i, size_t high)
{
	return (int16_t)(uint16_t)(bytes[2 * i + high] << 8 |
				   bytes[2 * i + 1 - high]);
}

uint64_t l16_roughness(const uint8_t *bytes, size_t samples, bool big_endian)
{
	const size_t high = big_endian ? 0 : 1;
	uint64_t sum = 0;

	for (size_t i = 1; i < samples; i++)
		sum += (uint64_t)abs(sample_at(bytes, i, high) -
				     sample_at(bytes, i - 1, high));
	return sum;
}
