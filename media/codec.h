/*
 * codec.h - what the bytes of a call's audio are
 *
 * Knows no socket, no JSON and no file: a table and a few lookups.
 *
 * Thread: any; the table is constant.
 */
#ifndef MEDIA_CODEC_H
#define MEDIA_CODEC_H

#include <stddef.h>
#include <stdint.h>

struct codec {
	const char *name;      /* as in the row: "PCMU" */
	unsigned sample_bytes; /* bytes of one sample of one channel */
	uint8_t silence;       /* every byte of silence */
	int wav_subtype;       /* libsndfile's SF_FORMAT_... */
};

/* By our name; NULL if unknown. */
const struct codec *codec_find(const char *name);

#endif
