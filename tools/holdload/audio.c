/*
 * audio.c - what the callers say: a file as 20 ms frames of text (audio.h)
 */
#include "tools/holdload/audio.h"

#include <math.h>
#include <openssl/evp.h>
#include <sndfile.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE_HZ	    ((size_t)8000)
#define SAMPLES_MAX (3600 * RATE_HZ)
#define ULAW_BIAS   132 /* G.711: added before the segment is chosen */
#define ULAW_CLIP   32635

/* Debian's asterisk-core-sounds-en-wav. */
#define PROMPT "/usr/share/asterisk/sounds/en_US_f_Allison/vm-intro.wav"

unsigned char audio_ulaw(int sample)
{
	int sign = sample < 0 ? 0x80 : 0, segment;

	if (sample < 0)
		sample = -sample;
	if (sample > ULAW_CLIP)
		sample = ULAW_CLIP;
	sample += ULAW_BIAS;
	segment = 24 - __builtin_clz((unsigned)sample); /* 0..7 */
	return (unsigned char)~(sign | segment << 4 |
				(sample >> (segment + 3) & 15));
}

static int encode(struct audio *audio, const short *samples, size_t count)
{
	unsigned char frame[AUDIO_FRAME_BYTES], text[AUDIO_FRAME_TEXT + 1];

	audio->count = (count + AUDIO_FRAME_BYTES - 1) / AUDIO_FRAME_BYTES;
	audio->frames = calloc(audio->count, AUDIO_FRAME_TEXT);
	if (!audio->frames)
		return -1;
	for (size_t i = 0; i < audio->count; i++) {
		for (size_t j = 0; j < AUDIO_FRAME_BYTES; j++) {
			size_t at = i * AUDIO_FRAME_BYTES + j;

			frame[j] = audio_ulaw(at < count ? samples[at] : 0);
		}
		(void)EVP_EncodeBlock(text, frame, AUDIO_FRAME_BYTES);
		memcpy(audio->frames[i], text, AUDIO_FRAME_TEXT);
	}
	return 0;
}

static int make_tone(struct audio *audio)
{
	static short samples[2 * RATE_HZ];

	for (size_t i = 0; i < 2 * RATE_HZ; i++)
		samples[i] = (short)(8000 *
				     sin(2 * M_PI * 440 * (double)i / RATE_HZ));
	return encode(audio, samples, 2 * RATE_HZ);
}

static int load_file(struct audio *audio, const char *path)
{
	SF_INFO info = { 0 };
	SNDFILE *file = sf_open(path, SFM_READ, &info);
	short *samples = NULL;
	int r = -1;

	if (!file) {
		(void)fprintf(stderr, "holdload: --audio: %s: %s\n", path,
			      sf_strerror(NULL));
		return -1;
	}
	if (info.samplerate != (int)RATE_HZ || info.channels != 1) {
		(void)fprintf(
			stderr,
			"holdload: --audio: %s has %d Hz and %d channels; "
			"it needs 8000 Hz and one: sox IN.wav -r 8000 -c 1 "
			"OUT.wav\n",
			path, info.samplerate, info.channels);
	} else if (info.frames <= 0 || info.frames > (sf_count_t)SAMPLES_MAX) {
		(void)fprintf(
			stderr,
			"holdload: --audio: %s is empty or longer than an "
			"hour\n",
			path);
	} else {
		samples = calloc((size_t)info.frames, sizeof(*samples));
		if (samples &&
		    sf_read_short(file, samples, info.frames) == info.frames)
			r = encode(audio, samples, (size_t)info.frames);
	}
	free(samples);
	(void)sf_close(file);
	return r;
}

int audio_load(struct audio *audio, const char *path)
{
	if (path)
		return load_file(audio, path);
	return access(PROMPT, R_OK) == 0 ? load_file(audio, PROMPT)
					 : make_tone(audio);
}

void audio_free(struct audio *audio)
{
	free(audio->frames);
	audio->frames = NULL;
}
