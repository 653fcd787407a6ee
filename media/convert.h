/*
 * convert.h - audio of one format into audio of another
 *
 *   bytes --decode--> samples --resample--> samples --encode--> bytes
 *
 * A converter is made once for a call and direction; one channel. What needs no
 * conversion is copied, G.711 to the other G.711 is one look into a table, and
 * stages that have nothing to do are left out. docs/codecs.md tells what each
 * pair costs in time, noise and delay.
 *
 * Frames may have any length, and may split a sample of two bytes: the odd byte
 * waits for its other half. A compressed stream that comes in is another
 * matter: for Opus one call takes exactly one packet, as its length is not in
 * it.
 *
 * *Opus out* comes as packets of 20 ms, one a call: give samples once, then
 * call converter_run() with no input until it returns 0.
 *
 * The resampler holds back what it needs to look ahead, less than a frame, and
 * leaves out as much at the beginning: what comes out lies at its right time,
 * only later (converter_delay_us()). converter_flush() gives the rest.
 *
 * Limits: 8000 to 48000 Hz; CONVERT_BYTES_MAX a call; a second of samples that
 * wait for Opus. Nothing is allocated after creation.
 *
 * Thread: belongs to one thread at a time.
 */
#ifndef MEDIA_CONVERT_H
#define MEDIA_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONVERT_BYTES_MAX  (1u << 20)
#define CONVERT_PACKET_MAX 1275u /* of Opus: one frame (RFC 6716, 3.2.1) */

struct codec;
struct converter;

struct audio_format {
	const struct codec *codec;
	unsigned rate_hz; /* as the stream says it: codec_rate_hz() */
	bool big_endian;  /* L16 only */
};

/* 0, -EINVAL (a rate or codec it cannot do) or -ENOMEM. */
int converter_create(struct converter **ret, const struct audio_format *from,
		     const struct audio_format *to);
void converter_destroy(struct converter *c); /* accepts NULL */

/* Is what comes out what went in? Then nobody needs to call it. */
bool converter_is_copy(const struct converter *c);

/* How many samples, at the source's rate, these bytes hold; for Opus, one
 * packet. -EBADMSG: it is none. */
ssize_t converter_samples(const struct converter *c, const uint8_t *in,
			  size_t bytes);

/* Room for anything that converter_run() may give for so many bytes; for 0
 * bytes, what one converter_flush() may give. */
size_t converter_room(const struct converter *c, size_t bytes);

/* Converts `bytes` bytes; returns how many bytes it has written, 0 if all of it
 * is held back for the next call. `in` and `out` do not overlap. Or
 *   -EMSGSIZE  more than CONVERT_BYTES_MAX
 *   -ENOBUFS   `room` is smaller than converter_room()
 *   -EAGAIN    fetch the waiting packets first, or give less (Opus out)
 *   -EBADMSG   not a packet, or one longer than 120 ms (Opus in)
 * after which the converter is as it was before the call. */
ssize_t converter_run(struct converter *c, const uint8_t *in, size_t bytes,
		      uint8_t *out, size_t room);

/* The end of a stream, or of a sentence: what was held back, rounded up to
 * whole bytes or packets with silence. Returns as converter_run() does. Call
 * until it returns 0; after that the converter begins anew, but for what a
 * compressed codec remembers, as the other end remembers it too. */
ssize_t converter_flush(struct converter *c, uint8_t *out, size_t room);

/* How much later a sound leaves than it came, without the time that a frame
 * of Opus takes to fill (20 ms). Microseconds. */
unsigned converter_delay_us(const struct converter *c);

#endif
