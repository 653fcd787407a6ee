/*
 * dtmf_detector.h - hears the keys that a caller presses
 *
 * For streams whose provider sends keys as sound and not as messages. Made once
 * for a stream; what comes in any format is brought to 8 kHz by a converter and
 * heard by spandsp's receiver (ITU-T Q.23, Q.24).
 *
 * A key that is held counts once. It is reported when it has sounded for some
 * 40 ms, so a shorter one may be missed; an interruption of 10 ms
 * does not make two of one. docs/codecs.md says which levels are heard.
 *
 * Thread: belongs to one thread at a time; feeding allocates nothing.
 */
#ifndef MEDIA_DTMF_DETECTOR_H
#define MEDIA_DTMF_DETECTOR_H

#include <stddef.h>
#include <stdint.h>

struct audio_format;
struct dtmf_detector;

/* `digit` is one of 0123456789*#ABCD. */
typedef void dtmf_digit_fn(char digit, void *arg);

/* 0, -EINVAL (a format that convert.h cannot read) or -ENOMEM. */
int dtmf_detector_create(struct dtmf_detector **ret,
			 const struct audio_format *format);
void dtmf_detector_destroy(struct dtmf_detector *detector); /* accepts NULL */

/* Listens to `bytes` bytes (for Opus: one packet) and calls `on_digit` for each
 * key that has become certain, within this call. 0, or what converter_run()
 * says of bad input. */
int dtmf_detector_feed(struct dtmf_detector *detector, const uint8_t *in,
		       size_t bytes, dtmf_digit_fn *on_digit, void *arg);

#endif
