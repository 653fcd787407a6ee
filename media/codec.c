/*
 * codec.c - what the bytes of a call's audio are (see codec.h)
 */
#include "media/codec.h"

#include <sndfile.h>
#include <string.h>

static const struct codec table[] = {
	/* ITU-T G.711: silence is positive zero. */
	{ .name = "PCMU",
	  .sample_bytes = 1,
	  .silence = 0xff,
	  .wav_subtype = SF_FORMAT_ULAW },
	{ .name = "PCMA",
	  .sample_bytes = 1,
	  .silence = 0xd5,
	  .wav_subtype = SF_FORMAT_ALAW },
	/* Signed, 16 bits, little-endian, as in a WAV file. */
	{ .name = "L16",
	  .sample_bytes = 2,
	  .silence = 0,
	  .wav_subtype = SF_FORMAT_PCM_16 },
};

const struct codec *codec_find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}
