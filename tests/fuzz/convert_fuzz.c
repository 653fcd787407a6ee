/*
 * convert_fuzz.c - no stranger's bytes make a converter write beyond its room,
 * or deaf to the next good ones
 *
 * The first two bytes choose the formats; then come messages, each with its
 * length before it in two bytes, big-endian. The same messages go to the
 * detector of keys. Buffers have exactly the size that was asked for, so that
 * the sanitizer sees the first byte too many.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/codec.h"
#include "media/convert.h"
#include "media/dtmf_detector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *codec;
	unsigned rate_hz;
	bool big_endian;
} formats[] = {
	{ "PCMU", 8000, false },  { "PCMA", 8000, false },
	{ "L16", 8000, false },	  { "L16", 16000, true },
	{ "L16", 24000, false },  { "L16", 48000, false },
	{ "L16", 44100, false },  { "L16", 8001, false },
	{ "G722", 8000, false },  { "OPUS", 8000, false },
	{ "OPUS", 16000, false }, { "OPUS", 48000, false },
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static struct audio_format format_of(uint8_t byte)
{
	size_t i = byte % FORMATS;

	return (struct audio_format){ .codec = codec_find(formats[i].codec),
				      .rate_hz = formats[i].rate_hz,
				      .big_endian = formats[i].big_endian };
}

static void check(ssize_t made, size_t room)
{
	if (made < 0 && made != -EBADMSG && made != -EAGAIN)
		abort();
	if (made > 0 && (size_t)made > room)
		abort();
}

static void flush(struct converter *c)
{
	size_t room = converter_room(c, 0);
	uint8_t *out = malloc(room);
	ssize_t made;

	do {
		made = converter_flush(c, out, room);
		check(made, room);
	} while (made > 0);
	free(out);
}

static void run(struct converter *c, const uint8_t *in, size_t bytes)
{
	size_t room = converter_room(c, bytes);
	uint8_t *out = malloc(room);
	ssize_t made = converter_run(c, in, bytes, out, room);

	check(made, room);
	free(out);
	if (made == -EAGAIN || bytes == 0)
		flush(c);
}

static void hear(char digit, void *arg)
{
	(void)arg;
	if (digit == '\0' || !strchr("0123456789*#ABCD", digit))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audio_format from, to;
	struct converter *c;
	struct dtmf_detector *detector;

	if (size < 2)
		return 0;
	from = format_of(data[0]);
	to = format_of(data[1]);
	if (converter_create(&c, &from, &to) < 0 ||
	    dtmf_detector_create(&detector, &from) < 0)
		abort();
	data += 2;
	size -= 2;
	while (size >= 2) {
		size_t bytes = (size_t)(data[0] << 8 | data[1]);
		uint8_t *exact;

		data += 2;
		size -= 2;
		if (bytes > size)
			bytes = size;
		exact = malloc(bytes);
		if (bytes > 0)
			memcpy(exact, data, bytes);
		run(c, exact, bytes);
		check(dtmf_detector_feed(detector, exact, bytes, hear, NULL),
		      0);
		free(exact);
		data += bytes;
		size -= bytes;
	}
	flush(c);
	converter_destroy(c);
	dtmf_detector_destroy(detector);
	return 0;
}
