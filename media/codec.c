/*
 * codec.c - what the bytes of a call's audio are (see codec.h)
 */
#include "media/codec.h"

#include <sndfile.h>
#include <string.h>

#define G722_RATE_HZ 16000u

static const struct codec table[] = {
	/* ITU-T G.711: silence is positive zero. */
	{ .name = "PCMU",
	  .id = CODEC_PCMU,
	  .sample_bytes = 1,
	  .silence = 0xff,
	  .wav_subtype = SF_FORMAT_ULAW },
	{ .name = "PCMA",
	  .id = CODEC_PCMA,
	  .sample_bytes = 1,
	  .silence = 0xd5,
	  .wav_subtype = SF_FORMAT_ALAW },
	/* Signed, 16 bits, little-endian, as in a WAV file. */
	{ .name = "L16",
	  .id = CODEC_L16,
	  .sample_bytes = 2,
	  .silence = 0,
	  .wav_subtype = SF_FORMAT_PCM_16 },
	/* ITU-T G.722 at 64 kbit/s: a byte holds two samples. */
	{ .name = "G722", .id = CODEC_G722, .wav_subtype = SF_FORMAT_PCM_16 },
	/* RFC 6716, one packet a message. */
	{ .name = "OPUS", .id = CODEC_OPUS, .wav_subtype = SF_FORMAT_PCM_16 },
};

const struct codec *codec_find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

bool codec_is_plain(const struct codec *codec)
{
	return codec->sample_bytes > 0;
}

static unsigned opus_rate_hz(unsigned rate_hz)
{
	static const unsigned known[] = { 8000, 12000, 16000, 24000 };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (rate_hz > 0 && rate_hz <= known[i])
			return known[i];
	return 48000;
}

unsigned codec_rate_hz(const struct codec *codec, unsigned rate_hz)
{
	switch (codec->id) {
	case CODEC_G722: return G722_RATE_HZ;
	case CODEC_OPUS: return opus_rate_hz(rate_hz);
	default: return rate_hz;
	}
}

const struct codec *codec_recorded(const struct codec *codec)
{
	return codec_is_plain(codec) ? codec : codec_find("L16");
}
