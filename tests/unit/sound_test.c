/* sound_test.c - a call's audio between the wire and the inside: which formats
 * it has on the way, and that what is plain is never touched. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media/codec.h"
#include "media/sound.h"

static struct sound_scratch scratch;

static struct audio_format format(const char *codec, unsigned rate_hz,
				  bool big_endian)
{
	return (struct audio_format){ .codec = codec_find(codec),
				      .rate_hz = rate_hz,
				      .big_endian = big_endian };
}

static struct sound open_as(struct audio_format in, struct audio_format out)
{
	struct sound sound;

	assert_int_equal(sound_open(&sound, &in, &out), 0);
	return sound;
}

static void assert_inside(const struct audio_format *format, const char *codec,
			  unsigned rate_hz)
{
	assert_string_equal(format->codec->name, codec);
	assert_int_equal(format->rate_hz, rate_hz);
	assert_false(format->big_endian);
}

static void what_is_plain_passes_untouched(void **state)
{
	struct audio_format formats[] = { format("PCMU", 8000, false),
					  format("PCMA", 8000, true),
					  format("L16", 22050, false) };
	const uint8_t audio[320] = { 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct sound sound = open_as(formats[i], formats[i]);
		const uint8_t *at = audio;

		assert_inside(&sound.heard, formats[i].codec->name,
			      formats[i].rate_hz);
		assert_int_equal(sound_hear(&sound, TRACK_INBOUND, &at,
					    sizeof(audio), &scratch),
				 sizeof(audio));
		assert_ptr_equal(at, audio);
		assert_int_equal(
			sound_say(&sound, &at, sizeof(audio), &scratch),
			sizeof(audio));
		assert_int_equal(
			sound_encode(&sound, &at, sizeof(audio), &scratch),
			sizeof(audio));
		assert_ptr_equal(at, audio);
		sound_close(&sound);
	}
}

static void the_other_byte_order_is_ours_inside(void **state)
{
	struct sound sound =
		open_as(format("L16", 16000, true), format("L16", 16000, true));
	const uint8_t wire[] = { 0x12, 0x34, 0x56, 0x78, 0x9a };
	const uint8_t inside[] = { 0x34, 0x12, 0x78, 0x56 };
	const uint8_t *at = wire;

	(void)state;
	assert_inside(&sound.heard, "L16", 16000);
	assert_int_equal(sound_samples(&sound, wire, sizeof(wire)), 2);
	/* Half a sample at the end never becomes part of the next message. */
	for (int twice = 0; twice < 2; twice++) {
		at = wire;
		assert_int_equal(sound_hear(&sound, TRACK_INBOUND, &at,
					    sizeof(wire), &scratch),
				 4);
		assert_memory_equal(at, inside, 4);
	}
	assert_int_equal(sound_encode(&sound, &at, 4, &scratch), 4);
	assert_memory_equal(at, wire, 4);
	sound_close(&sound);
}

static void g722_is_two_samples_a_byte(void **state)
{
	struct sound sound = open_as(format("G722", 8000, false),
				     format("PCMU", 8000, true));
	const uint8_t packed[160] = { 0 };
	const uint8_t *at = packed;

	(void)state;
	assert_inside(&sound.heard, "L16", 16000);
	assert_inside(&sound.said, "PCMU", 8000);
	assert_int_equal(sound_heard_bytes_per_s(&sound), 32000);
	assert_int_equal(sound_said_bytes_per_s(&sound), 8000);
	assert_int_equal(sound_samples(&sound, packed, 160), 320);
	assert_int_equal(sound_hear(&sound, TRACK_OUTBOUND, &at, 160, &scratch),
			 640);
	assert_ptr_not_equal(at, packed);
	sound_close(&sound);
}

/* Each track has a past of its own. */
static void tracks_do_not_disturb_each_other(void **state)
{
	struct sound one = open_as(format("G722", 8000, false),
				   format("G722", 8000, false));
	struct sound two = open_as(format("G722", 8000, false),
				   format("G722", 8000, false));
	uint8_t packed[160], noise[160];

	(void)state;
	for (unsigned frame = 0; frame < 10; frame++) {
		const uint8_t *alone = packed, *beside = packed, *other = noise;

		for (unsigned i = 0; i < sizeof(packed); i++) {
			packed[i] = (uint8_t)(frame * 31 + i * 7);
			noise[i] = (uint8_t)(i * i + frame);
		}
		assert_int_equal(
			sound_hear(&one, TRACK_INBOUND, &alone, 160, &scratch),
			640);
		memcpy(scratch.said, alone, 640);
		assert_int_equal(
			sound_hear(&two, TRACK_OUTBOUND, &other, 160, &scratch),
			640);
		assert_int_equal(
			sound_hear(&two, TRACK_INBOUND, &beside, 160, &scratch),
			640);
		assert_memory_equal(beside, scratch.said, 640);
	}
	sound_close(&one);
	sound_close(&two);
}

static void opus_is_packets_of_20_ms(void **state)
{
	struct sound sound = open_as(format("OPUS", 48000, false),
				     format("OPUS", 48000, false));
	static const uint8_t silence[1920], garbage[] = { 0xff, 0xff };
	const uint8_t *at = silence;
	uint8_t packet[CONVERT_PACKET_MAX];
	ssize_t length;

	(void)state;
	assert_inside(&sound.heard, "L16", 48000);
	length = sound_encode(&sound, &at, sizeof(silence), &scratch);
	assert_in_range(length, 1, CONVERT_PACKET_MAX);
	memcpy(packet, at, (size_t)length);
	at = packet;
	assert_int_equal(sound_samples(&sound, packet, (size_t)length), 960);
	assert_int_equal(sound_hear(&sound, TRACK_INBOUND, &at, (size_t)length,
				    &scratch),
			 1920);
	at = garbage;
	assert_int_equal(sound_samples(&sound, garbage, sizeof(garbage)),
			 -EBADMSG);
	assert_int_equal(sound_hear(&sound, TRACK_INBOUND, &at, sizeof(garbage),
				    &scratch),
			 -EBADMSG);
	assert_int_equal(sound_samples(&sound, garbage, 0), 0);
	assert_int_equal(sound_hear(&sound, TRACK_INBOUND, &at, 0, &scratch),
			 0);
	sound_close(&sound);
}

/* What was thrown away does not come out later. */
static void clear_empties_the_resampler(void **state)
{
	struct sound sound = open_as(format("L16", 8000, false),
				     format("L16", 16000, false));
	uint8_t loud[320], quiet[320] = { 0 };
	const uint8_t *at = loud;

	(void)state;
	memset(loud, 0x5a, sizeof(loud));
	assert_in_range(sound_say(&sound, &at, sizeof(loud), &scratch), 1, 640);
	sound_clear(&sound, &scratch);
	at = quiet;
	for (ssize_t i = sound_say(&sound, &at, sizeof(quiet), &scratch);
	     i-- > 0;)
		assert_int_equal(at[i], 0);
	sound_close(&sound);
}

static void what_cannot_be_done_is_refused(void **state)
{
	struct audio_format good = format("PCMU", 8000, false);
	struct audio_format bad[] = { format("L16", 7999, false),
				      format("L16", 48001, false),
				      format("L16", 0, false),
				      format("GSM", 8000, false) };
	struct sound sound;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(sound_open(&sound, &bad[i], &good), -EINVAL);
		assert_int_equal(sound_open(&sound, &good, &bad[i]), -EINVAL);
	}
	assert_null(bad[3].codec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_plain_passes_untouched),
		cmocka_unit_test(the_other_byte_order_is_ours_inside),
		cmocka_unit_test(g722_is_two_samples_a_byte),
		cmocka_unit_test(tracks_do_not_disturb_each_other),
		cmocka_unit_test(opus_is_packets_of_20_ms),
		cmocka_unit_test(clear_empties_the_resampler),
		cmocka_unit_test(what_cannot_be_done_is_refused),
	};

	return cmocka_run_group_tests_name("sound", tests, NULL, NULL);
}
