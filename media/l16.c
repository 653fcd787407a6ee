/*
 * l16.c - samples of 16 bits, to and from bytes (see l16.h)
 *
 * Written byte by byte, so that neither alignment nor the machine's own order
 * matters; compilers make vector moves of these loops.
 */
#include "media/l16.h"

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

void l16_swap(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2) {
		uint8_t first = bytes[i];

		bytes[i] = bytes[i + 1];
		bytes[i + 1] = first;
	}
}
