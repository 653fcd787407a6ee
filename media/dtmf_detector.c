/*
 * dtmf_detector.c - hears the keys that a caller presses (see
 * dtmf_detector.h)
 *
 * Bytes come in portions, so that a message of any length needs no more memory
 * than a frame. Only Opus is taken in one piece: a packet is 120 ms at most.
 *
 * The receiver looks at blocks of 12.75 ms; two of them begin a key, and two
 * without it end it. A crackle of 10 ms can spoil two blocks, while a pause of
 * 40 ms, the shortest between two presses (ITU-T Q.24), takes three at least.
 * So the same key that is back within two blocks was never let go.
 */
#include "media/dtmf_detector.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <spandsp/telephony.h>
#include <spandsp/logging.h>
#include <spandsp/complex.h>
#include <spandsp/tone_detect.h>
#include <spandsp/tone_generate.h>
#include <spandsp/super_tone_rx.h>
#include <spandsp/dtmf.h>

#include "media/codec.h"
#include "media/convert.h"
#include "media/l16.h"

#define RATE_HZ	      8000u
#define BLOCK	      102u
#define PORTION_BYTES 320u
/* Of G.722 at most two samples a byte; of Opus 120 ms; and one that is due. */
#define PORTION_SAMPLES (RATE_HZ * 120 / 1000 + 8)

struct dtmf_detector {
	struct converter *converter;
	dtmf_rx_state_t *receiver;
	bool packets; /* Opus: not to be cut */

	size_t now;		 /* samples heard, to the end of this block */
	int sounding, last;	 /* keys; 0: none */
	size_t ended;		 /* when `last` did */
	dtmf_digit_fn *on_digit; /* of the feed that goes on */
	void *arg;
};

/* spandsp says so when a key begins and when it ends (0). */
static void on_change(void *user, int key, int level, int delay)
{
	struct dtmf_detector *detector = user;

	(void)level;
	(void)delay;
	if (key == 0) {
		detector->last = detector->sounding;
		detector->ended = detector->now;
	} else if (key != detector->last ||
		   detector->now - detector->ended > 2 * (size_t)BLOCK) {
		detector->last = 0;
		detector->on_digit((char)key, detector->arg);
	}
	detector->sounding = key;
}

int dtmf_detector_create(struct dtmf_detector **ret,
			 const struct audio_format *format)
{
	const struct audio_format heard = { .codec = codec_find("L16"),
					    .rate_hz = RATE_HZ };
	struct dtmf_detector *detector = calloc(1, sizeof(*detector));
	int r;

	if (!detector)
		return -ENOMEM;
	r = converter_create(&detector->converter, format, &heard);
	if (r < 0)
		goto fail;
	detector->packets = format->codec->id == CODEC_OPUS;
	detector->receiver = dtmf_rx_init(NULL, NULL, NULL);
	r = -ENOMEM;
	if (!detector->receiver)
		goto fail;
	dtmf_rx_set_realtime_callback(detector->receiver, on_change, detector);
	*ret = detector;
	return 0;
fail:
	dtmf_detector_destroy(detector);
	return r;
}

void dtmf_detector_destroy(struct dtmf_detector *detector)
{
	if (!detector)
		return;
	if (detector->receiver)
		(void)dtmf_rx_free(detector->receiver);
	converter_destroy(detector->converter);
	free(detector);
}

/* To the end of the receiver's block and no further, so that `now` is right. */
static void listen(struct dtmf_detector *detector, const int16_t *pcm,
		   size_t samples)
{
	while (samples > 0) {
		size_t slice = BLOCK - detector->now % BLOCK;

		if (slice > samples)
			slice = samples;
		detector->now += slice;
		(void)dtmf_rx(detector->receiver, pcm, (int)slice);
		pcm += slice;
		samples -= slice;
	}
}

int dtmf_detector_feed(struct dtmf_detector *detector, const uint8_t *in,
		       size_t bytes, dtmf_digit_fn *on_digit, void *arg)
{
	uint8_t linear[2 * PORTION_SAMPLES];
	int16_t pcm[PORTION_SAMPLES];

	detector->on_digit = on_digit;
	detector->arg = arg;
	while (bytes > 0) {
		size_t portion = detector->packets || bytes < PORTION_BYTES
					 ? bytes
					 : PORTION_BYTES;
		ssize_t made = converter_run(detector->converter, in, portion,
					     linear, sizeof(linear));

		if (made < 0)
			return (int)made;
		l16_load(linear, (size_t)made / 2, false, pcm);
		listen(detector, pcm, (size_t)made / 2);
		in += portion;
		bytes -= portion;
	}
	return 0;
}
