/*
 * audio.h - what the callers say: a file as 20 ms frames of text
 *
 * Read once, encoded once; all calls share it, read-only.
 */
#ifndef HOLDLOAD_AUDIO_H
#define HOLDLOAD_AUDIO_H

#include <stddef.h>

#define AUDIO_FRAME_BYTES 160 /* 20 ms of PCMU at 8000 Hz */
#define AUDIO_FRAME_TEXT  216 /* the same in base64 */
#define AUDIO_FRAME_MS	  20u

struct audio {
	char (*frames)[AUDIO_FRAME_TEXT]; /* owned */
	size_t count;
};

/* A WAV file of 8000 Hz, one channel; the last frame is filled with silence.
 * NULL: a spoken prompt if one is installed, else a tone. 0, or -1 after a
 * complaint on stderr. */
int audio_load(struct audio *audio, const char *path);
void audio_free(struct audio *audio);

/* ITU-T G.711, mu-law. */
unsigned char audio_ulaw(int sample);

#endif
