/*
 * opus_codec.h - packets of Opus from and into samples
 *
 * One channel. The *packer* takes samples as they come and gives packets of
 * 20 ms; what does not fill one waits, up to a second of it. The *unpacker*
 * trusts no packet: its length in time is read before it is decoded.
 *
 * Rates: 8000, 12000, 16000, 24000, 48000. Nothing is allocated after creation.
 *
 * Thread: belongs to one thread at a time.
 */
#ifndef MEDIA_OPUS_CODEC_H
#define MEDIA_OPUS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OPUS_FRAME_BYTES_MAX	1275u /* RFC 6716, 3.2.1 */
#define OPUS_PACKET_SAMPLES_MAX 5760u /* 3.4: 120 ms, at 48000 Hz */

struct opus_packer;

/* 0, -ENOMEM, or -EINVAL for a rate of which Opus knows nothing. */
int opus_packer_create(struct opus_packer **ret, unsigned rate_hz);
void opus_packer_destroy(struct opus_packer *packer); /* accepts NULL */

/* How many samples opus_packer_put() has room for. */
size_t opus_packer_space(const struct opus_packer *packer);
void opus_packer_put(struct opus_packer *packer, const int16_t *pcm,
		     size_t samples);

/* One packet, of at most OPUS_FRAME_BYTES_MAX bytes; with `rest`, what does not
 * fill one is filled up with silence. Its length; 0: there is none. */
size_t opus_packer_take(struct opus_packer *packer, bool rest, uint8_t *out);

/* How much later than the samples the packets sound. Microseconds. */
unsigned opus_packer_delay_us(const struct opus_packer *packer);

struct opus_unpacker;

int opus_unpacker_create(struct opus_unpacker **ret, unsigned rate_hz);
void opus_unpacker_destroy(struct opus_unpacker *unpacker); /* accepts NULL */

/* How many samples a packet holds, or -EBADMSG: it is none. */
ssize_t opus_unpacker_count(const struct opus_unpacker *unpacker,
			    const uint8_t *in, size_t bytes);
/* Up to OPUS_PACKET_SAMPLES_MAX samples into `pcm`; how many, or -EBADMSG: not
 * a packet. The next one may be good. */
ssize_t opus_unpacker_run(struct opus_unpacker *unpacker, const uint8_t *in,
			  size_t bytes, int16_t *pcm);

#endif
