/*
 * audio.h - what the callers say: a file as frames, in the codec of the calls
 *
 * Read, brought to the rate and encoded once; all calls share it, read-only.
 */
#ifndef HOLDLOAD_AUDIO_H
#define HOLDLOAD_AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIO_FRAME_MS	  20u
#define AUDIO_FORMAT_SIZE 24

struct audio_format {
	const char *codec; /* PCMU, PCMA (ITU-T G.711) or L16 (16 bits) */
	unsigned rate_hz;
};

/* "PCMU", "L16/16000": a rate of 8000 goes without saying for G.711. */
void audio_format_name(const struct audio_format *format,
		       char out[AUDIO_FORMAT_SIZE]);
/* Of one sample of one channel. */
size_t audio_sample_bytes(const struct audio_format *format);
/* Each byte of silence. */
uint8_t audio_silence(const struct audio_format *format);
size_t audio_frame_bytes(const struct audio_format *format, unsigned ms);

struct audio {
	/* Owned: `count` frames of `frame_size`, and one more of silence. */
	uint8_t *bytes;
	char *texts; /* owned: the same in base64, of `text_size` each;
			NULL: not asked for */
	size_t frame_size, text_size, count;
	unsigned frame_ms;
};

struct audio_plan {
	struct audio_format format;
	unsigned frame_ms;
	bool big_endian; /* samples of L16; else little-endian */
	bool as_text;
};

/* A WAV file (or what else libsndfile reads) of up to an hour; channels are
 * mixed into one, the last frame is filled with silence. NULL: a spoken prompt
 * if one is installed, else a tone. 0, or -1 after a complaint on stderr. */
int audio_load(struct audio *audio, const char *path,
	       const struct audio_plan *plan);
void audio_free(struct audio *audio);

/* ITU-T G.711. */
unsigned char audio_ulaw(int sample);
unsigned char audio_alaw(int sample);

#endif
