/*
 * sound.h - a call's audio between the wire and the inside
 *
 *   wire --decode--> heard: recorder, handler, keys
 *                      |
 *                      +--resample--> said: pacer --encode--> wire
 *
 * Inside, audio is plain (codec.h): what comes compressed or in the other byte
 * order is decoded first, once for each track, as each remembers its own past.
 * What goes out may be of another format than what comes: it is brought to the
 * other rate before the pacer cuts it into messages, and encoded message by
 * message after that, so that each has the length that the provider wants.
 *
 * Nearly every call needs none of it; its converters are NULL and its audio is
 * never touched.
 *
 * Thread: belongs to one call. After sound_open() nothing is allocated.
 */
#ifndef MEDIA_SOUND_H
#define MEDIA_SOUND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "media/convert.h"
#include "media/provider.h"

/* The most that is said at a time, in bytes of `heard`. */
#define SOUND_SAID_MAX 32768u

/* Where converted audio goes, until the next of its kind; one a loop. It is
 * large for the sake of the longest messages, and touched only as far as they
 * are long. */
#define SOUND_ROOM ((size_t)4 * CONVERT_BYTES_MAX)
struct sound_scratch {
	uint8_t heard[TRACKS_MAX][SOUND_ROOM];
	uint8_t said[SOUND_ROOM], encoded[SOUND_ROOM];
	int16_t monitored[SOUND_ROOM / sizeof(int16_t)]; /* for listeners */
};

struct sound {
	struct audio_format wire_in, heard;
	struct audio_format said, wire_out;
	struct converter *decoders[TRACKS_MAX]; /* NULL: wire_in is heard */
	struct converter *resampler;		/* NULL: heard is said */
	struct converter *encoder;		/* NULL: said is wire_out */
};

/* 0, -EINVAL (a format that convert.h cannot do) or -ENOMEM. */
int sound_open(struct sound *sound, const struct audio_format *in,
	       const struct audio_format *out);
void sound_close(struct sound *sound); /* may be all zeros */

uint32_t sound_heard_bytes_per_s(const struct sound *sound);
uint32_t sound_said_bytes_per_s(const struct sound *sound);

/* How many samples a message holds; -EBADMSG: it is no packet of the codec. */
ssize_t sound_samples(const struct sound *sound, const uint8_t *audio,
		      size_t bytes);
/* A message as it came becomes what we hear: `*audio` stays where it is, or
 * points into the scratch. Returns its bytes, or -EBADMSG or -EMSGSIZE. */
ssize_t sound_hear(struct sound *sound, enum track_side track,
		   const uint8_t **audio, size_t bytes,
		   struct sound_scratch *scratch);
/* Of at most SOUND_SAID_MAX bytes that we would say, what goes to the pacer;
 * else the same. */
ssize_t sound_say(struct sound *sound, const uint8_t **audio, size_t bytes,
		  struct sound_scratch *scratch);
/* A message of the pacer's as it leaves; else the same. */
ssize_t sound_encode(struct sound *sound, const uint8_t **audio, size_t bytes,
		     struct sound_scratch *scratch);
/* What was said is not to be heard: nor what the resampler still holds. */
void sound_clear(struct sound *sound, struct sound_scratch *scratch);

#endif
