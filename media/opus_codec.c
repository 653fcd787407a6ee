/*
 * opus_codec.c - packets of Opus from and into samples (see opus_codec.h)
 *
 * No forward error correction and no silence without packets: both are for
 * networks that lose, and a WebSocket does not.
 */
#include "media/opus_codec.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <opus/opus.h>

/* 48 frames of 2.5 ms are the most that 120 ms hold, with their lengths. */
#define PACKET_BYTES_MAX (48 * (OPUS_FRAME_BYTES_MAX + 2) + 2)
#define FRAMES_HZ	 50u
#define FRAME_MAX	 (48000u / FRAMES_HZ)
/* Speech in wide band, with an encoder that costs a third of the dearest. */
#define BITRATE	   32000
#define COMPLEXITY 5

struct opus_packer {
	OpusEncoder *encoder;
	unsigned rate_hz;
	/* A second of samples; those from `first` on wait. */
	int16_t *waiting;
	size_t first, waits;
};

struct opus_unpacker {
	OpusDecoder *decoder;
	unsigned rate_hz;
};

static int to_errno(int error)
{
	return error == OPUS_ALLOC_FAIL ? -ENOMEM : -EINVAL;
}

int opus_packer_create(struct opus_packer **ret, unsigned rate_hz)
{
	struct opus_packer *packer = calloc(1, sizeof(*packer));
	int error = OPUS_ALLOC_FAIL;

	if (!packer)
		return -ENOMEM;
	packer->rate_hz = rate_hz;
	packer->waiting = calloc(rate_hz, sizeof(*packer->waiting));
	if (!packer->waiting)
		goto fail;
	packer->encoder = opus_encoder_create((opus_int32)rate_hz, 1,
					      OPUS_APPLICATION_VOIP, &error);
	if (!packer->encoder)
		goto fail;
	error = opus_encoder_ctl(packer->encoder, OPUS_SET_BITRATE(BITRATE));
	if (error != OPUS_OK)
		goto fail;
	error = opus_encoder_ctl(packer->encoder,
				 OPUS_SET_COMPLEXITY(COMPLEXITY));
	if (error != OPUS_OK)
		goto fail;
	*ret = packer;
	return 0;
fail:
	opus_packer_destroy(packer);
	return to_errno(error);
}

void opus_packer_destroy(struct opus_packer *packer)
{
	if (!packer)
		return;
	if (packer->encoder)
		opus_encoder_destroy(packer->encoder);
	free(packer->waiting);
	free(packer);
}

size_t opus_packer_space(const struct opus_packer *packer)
{
	return packer->rate_hz - packer->waits;
}

void opus_packer_put(struct opus_packer *packer, const int16_t *pcm,
		     size_t samples)
{
	assert(samples <= opus_packer_space(packer));
	if (packer->first + packer->waits + samples > packer->rate_hz) {
		memmove(packer->waiting, packer->waiting + packer->first,
			packer->waits * sizeof(*pcm));
		packer->first = 0;
	}
	memcpy(packer->waiting + packer->first + packer->waits, pcm,
	       samples * sizeof(*pcm));
	packer->waits += samples;
}

size_t opus_packer_take(struct opus_packer *packer, bool rest, uint8_t *out)
{
	int16_t frame[FRAME_MAX] = { 0 };
	size_t whole = packer->rate_hz / FRAMES_HZ;
	size_t samples = packer->waits < whole ? packer->waits : whole;
	opus_int32 bytes;

	if (samples == 0 || (samples < whole && !rest))
		return 0;
	memcpy(frame, packer->waiting + packer->first,
	       samples * sizeof(*frame));
	packer->first += samples;
	packer->waits -= samples;
	bytes = opus_encode(packer->encoder, frame, (int)whole, out,
			    OPUS_FRAME_BYTES_MAX);
	assert(bytes > 0); /* all that it could refuse is fixed above */
	return (size_t)bytes;
}

unsigned opus_packer_delay_us(const struct opus_packer *packer)
{
	opus_int32 samples = 0;

	if (opus_encoder_ctl(packer->encoder, OPUS_GET_LOOKAHEAD(&samples)) !=
	    OPUS_OK)
		return 0;
	return (unsigned)((uint64_t)samples * 1000000 / packer->rate_hz);
}

int opus_unpacker_create(struct opus_unpacker **ret, unsigned rate_hz)
{
	struct opus_unpacker *unpacker = calloc(1, sizeof(*unpacker));
	int error = OPUS_OK;

	if (!unpacker)
		return -ENOMEM;
	unpacker->rate_hz = rate_hz;
	unpacker->decoder = opus_decoder_create((opus_int32)rate_hz, 1, &error);
	if (!unpacker->decoder) {
		free(unpacker);
		return to_errno(error);
	}
	*ret = unpacker;
	return 0;
}

void opus_unpacker_destroy(struct opus_unpacker *unpacker)
{
	if (!unpacker)
		return;
	opus_decoder_destroy(unpacker->decoder);
	free(unpacker);
}

static int longest_packet(const struct opus_unpacker *unpacker)
{
	return (int)(unpacker->rate_hz / 1000 * 120);
}

ssize_t opus_unpacker_count(const struct opus_unpacker *unpacker,
			    const uint8_t *in, size_t bytes)
{
	int samples;

	if (bytes == 0 || bytes > PACKET_BYTES_MAX)
		return -EBADMSG;
	samples = opus_packet_get_nb_samples(in, (opus_int32)bytes,
					     (opus_int32)unpacker->rate_hz);
	if (samples <= 0 || samples > longest_packet(unpacker))
		return -EBADMSG;
	return samples;
}

ssize_t opus_unpacker_run(struct opus_unpacker *unpacker, const uint8_t *in,
			  size_t bytes, int16_t *pcm)
{
	int samples;

	if (opus_unpacker_count(unpacker, in, bytes) < 0)
		return -EBADMSG;
	samples = opus_decode(unpacker->decoder, in, (opus_int32)bytes, pcm,
			      longest_packet(unpacker), 0);
	return samples < 0 ? -EBADMSG : samples;
}
