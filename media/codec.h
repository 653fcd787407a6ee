/*
 * codec.h - what the bytes of a call's audio are
 *
 * Knows no socket, no JSON and no file: a table and a few lookups.
 *
 * A codec is *plain* when each of its samples has bytes of its own: such bytes
 * can be counted, skipped, replaced by silence and recorded as they come. The
 * others are compressed, each piece leans on the ones before it, and they must
 * be decoded first (convert.h); they are recorded as L16.
 *
 * Thread: any; the table is constant.
 */
#ifndef MEDIA_CODEC_H
#define MEDIA_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum codec_id { CODEC_PCMU, CODEC_PCMA, CODEC_L16, CODEC_G722, CODEC_OPUS };

struct codec {
	const char *name; /* as in the row: "PCMU" */
	enum codec_id id;
	unsigned sample_bytes; /* of one sample of one channel; 0: compressed */
	uint8_t silence;       /* every byte of silence; plain ones only */
	int wav_subtype;       /* libsndfile's SF_FORMAT_... of a recording */
};

/* By our name; NULL if unknown. */
const struct codec *codec_find(const char *name);

/* Can the bytes be counted, skipped and recorded as they are? */
bool codec_is_plain(const struct codec *codec);

/* How many samples a second there are in a stream that says `rate_hz` of
 * itself. The same, but for G.722: 16000, though its clock is written as 8000
 * by an error that RFC 3551, section 4.5.2, keeps for good. Opus leaves the
 * choice to the decoder (RFC 6716): what is said, or the next higher rate of
 * those it knows; 0, as RFC 7587 has it, is 48000. 0 stays 0 for the others. */
unsigned codec_rate_hz(const struct codec *codec, unsigned rate_hz);

/* What a call in this codec is recorded in: itself, or L16, at
 * codec_rate_hz(). Never NULL. */
const struct codec *codec_recorded(const struct codec *codec);

#endif
