/*
 * convert_pipe.c - the converter and the detector as programs, for tests that
 * ask others
 *
 *   convert_pipe CODEC RATE ORDER CODEC RATE ORDER [FRAME_BYTES] <in >out
 *   convert_pipe dtmf CODEC RATE ORDER [FRAME_BYTES] <in   digits as text
 *
 * ORDER is le or be. A packet of Opus has its length before it, two bytes,
 * big-endian.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/codec.h"
#include "media/convert.h"
#include "media/dtmf_detector.h"

static uint8_t in[CONVERT_BYTES_MAX], out[16u * CONVERT_BYTES_MAX];

static bool read_format(char **argv, struct audio_format *format)
{
	*format = (struct audio_format){
		.codec = codec_find(argv[0]),
		.rate_hz = (unsigned)strtoul(argv[1], NULL, 10),
		.big_endian = strcmp(argv[2], "be") == 0,
	};
	return format->codec != NULL;
}

/* The next frame or packet, 0 at the end. */
static size_t read_frame(bool packets, size_t frame)
{
	uint8_t length[2];

	if (!packets)
		return fread(in, 1, frame, stdin);
	if (fread(length, 1, 2, stdin) != 2)
		return 0;
	return fread(in, 1, (size_t)(length[0] << 8 | length[1]), stdin);
}

static bool write_frame(bool packets, ssize_t bytes)
{
	uint8_t length[2] = { (uint8_t)((size_t)bytes >> 8), (uint8_t)bytes };

	if (packets && bytes > 0 && fwrite(length, 1, 2, stdout) != 2)
		return false;
	return fwrite(out, 1, (size_t)bytes, stdout) == (size_t)bytes;
}

static int convert(const struct audio_format *from,
		   const struct audio_format *to, size_t frame)
{
	const bool packets_in = strcmp(from->codec->name, "OPUS") == 0;
	const bool packets_out = strcmp(to->codec->name, "OPUS") == 0;
	struct converter *c;
	ssize_t made;
	size_t bytes;

	if (converter_create(&c, from, to) < 0)
		return 2;
	while ((bytes = read_frame(packets_in, frame)) > 0) {
		made = converter_run(c, in, bytes, out, sizeof(out));
		for (; made > 0; made = packets_out
						? converter_run(c, NULL, 0, out,
								sizeof(out))
						: 0)
			if (!write_frame(packets_out, made))
				return 1;
		if (made < 0)
			return 1;
	}
	while ((made = converter_flush(c, out, sizeof(out))) > 0)
		if (!write_frame(packets_out, made))
			return 1;
	converter_destroy(c);
	return made < 0 ? 1 : 0;
}

static void print_digit(char digit, void *arg)
{
	(void)arg;
	(void)putchar(digit);
}

static int listen_to(const struct audio_format *from, size_t frame)
{
	const bool packets = strcmp(from->codec->name, "OPUS") == 0;
	struct dtmf_detector *detector;
	size_t bytes;
	int r = 0;

	if (dtmf_detector_create(&detector, from) < 0)
		return 2;
	while (r == 0 && (bytes = read_frame(packets, frame)) > 0)
		r = dtmf_detector_feed(detector, in, bytes, print_digit, NULL);
	dtmf_detector_destroy(detector);
	return r < 0 ? 1 : 0;
}

static size_t frame_bytes(int argc, char **argv, int at)
{
	size_t frame = argc > at ? strtoul(argv[at], NULL, 10) : 320;

	return frame > 0 && frame <= sizeof(in) ? frame : 320;
}

int main(int argc, char **argv)
{
	struct audio_format from, to;

	if (argc >= 5 && strcmp(argv[1], "dtmf") == 0 &&
	    read_format(argv + 2, &from))
		return listen_to(&from, frame_bytes(argc, argv, 5));
	if (argc >= 7 && read_format(argv + 1, &from) &&
	    read_format(argv + 4, &to))
		return convert(&from, &to, frame_bytes(argc, argv, 7));
	(void)fprintf(stderr, "see the top of convert_pipe.c\n");
	return 2;
}
