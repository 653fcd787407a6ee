/*
 * sound.c - a call's audio between the wire and the inside (see sound.h)
 */
#include "media/sound.h"

#include <errno.h>

#include "media/codec.h"

static struct audio_format plain_of(const struct audio_format *wire)
{
	return (struct audio_format){
		.codec = codec_recorded(wire->codec),
		.rate_hz = codec_rate_hz(wire->codec, wire->rate_hz),
	};
}

/* One that would only copy is not kept. */
static int open_one(struct converter **ret, const struct audio_format *from,
		    const struct audio_format *to)
{
	int r = converter_create(ret, from, to);

	if (r == 0 && converter_is_copy(*ret)) {
		converter_destroy(*ret);
		*ret = NULL;
	}
	return r;
}

int sound_open(struct sound *sound, const struct audio_format *in,
	       const struct audio_format *out)
{
	int r = 0;

	*sound = (struct sound){ .wire_in = *in, .wire_out = *out };
	sound->heard = plain_of(in);
	sound->said = plain_of(out);
	for (unsigned i = 0; i < TRACKS_MAX && r == 0; i++)
		r = open_one(&sound->decoders[i], in, &sound->heard);
	if (r == 0)
		r = open_one(&sound->resampler, &sound->heard, &sound->said);
	if (r == 0)
		r = open_one(&sound->encoder, &sound->said, out);
	if (r < 0)
		sound_close(sound);
	return r;
}

void sound_close(struct sound *sound)
{
	for (unsigned i = 0; i < TRACKS_MAX; i++) {
		converter_destroy(sound->decoders[i]);
		sound->decoders[i] = NULL;
	}
	converter_destroy(sound->resampler);
	converter_destroy(sound->encoder);
	sound->resampler = sound->encoder = NULL;
}

static uint32_t bytes_per_s(const struct audio_format *format)
{
	return format->codec->sample_bytes * format->rate_hz;
}

uint32_t sound_heard_bytes_per_s(const struct sound *sound)
{
	return bytes_per_s(&sound->heard);
}

uint32_t sound_said_bytes_per_s(const struct sound *sound)
{
	return bytes_per_s(&sound->said);
}

ssize_t sound_samples(const struct sound *sound, const uint8_t *audio,
		      size_t bytes)
{
	const struct codec *codec = sound->wire_in.codec;

	if (codec_is_plain(codec))
		return (ssize_t)(bytes / codec->sample_bytes);
	return bytes ? converter_samples(sound->decoders[0], audio, bytes) : 0;
}

static ssize_t convert(struct converter *c, const uint8_t **audio, size_t bytes,
		       uint8_t *out)
{
	ssize_t made;

	if (!c || bytes == 0)
		return (ssize_t)bytes;
	made = converter_run(c, *audio, bytes, out, SOUND_ROOM);
	*audio = out;
	return made;
}

ssize_t sound_hear(struct sound *sound, enum track_side track,
		   const uint8_t **audio, size_t bytes,
		   struct sound_scratch *scratch)
{
	const struct codec *codec = sound->wire_in.codec;

	/* Half a sample at the end is nobody's, here as in plain audio. */
	if (codec_is_plain(codec))
		bytes -= bytes % codec->sample_bytes;
	return convert(sound->decoders[track], audio, bytes,
		       scratch->heard[track]);
}

ssize_t sound_say(struct sound *sound, const uint8_t **audio, size_t bytes,
		  struct sound_scratch *scratch)
{
	return convert(sound->resampler, audio, bytes, scratch->said);
}

ssize_t sound_encode(struct sound *sound, const uint8_t **audio, size_t bytes,
		     struct sound_scratch *scratch)
{
	return convert(sound->encoder, audio, bytes, scratch->encoded);
}

void sound_clear(struct sound *sound, struct sound_scratch *scratch)
{
	if (sound->resampler)
		(void)converter_flush(sound->resampler, scratch->said,
				      SOUND_ROOM);
}
