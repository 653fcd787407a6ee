/* caller_audio_test.c - what the load tool's callers say, in each codec */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/holdload/audio.h"

/* What libsndfile, another's reading of G.711, makes of the sample. */
static unsigned char judge(SNDFILE *file, FILE *bytes, short sample)
{
	assert_int_equal(sf_write_short(file, &sample, 1), 1);
	sf_write_sync(file);
	return (unsigned char)fgetc(bytes);
}

static void g711_is_that_of_others(void **state)
{
	static const struct {
		int subtype;
		unsigned char (*encode)(int sample);
	} rows[] = {
		{ SF_FORMAT_ULAW, audio_ulaw },
		{ SF_FORMAT_ALAW, audio_alaw },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[] = "/tmp/caller_audio.XXXXXX";
		int fd = mkstemp(path);
		SF_INFO info = { .samplerate = 8000,
				 .channels = 1,
				 .format = SF_FORMAT_RAW | rows[i].subtype };
		SNDFILE *file = sf_open_fd(fd, SFM_WRITE, &info, 1);
		FILE *bytes = fopen(path, "re");
		int most = 0;

		assert_non_null(file);
		assert_non_null(bytes);
		/* Both sides round at the edge of a step as they like. */
		for (int sample = -32768; sample < 32768; sample += 7) {
			int ours = rows[i].encode(sample) ^ 0xff;
			int theirs = judge(file, bytes, (short)sample) ^ 0xff;

			if (rows[i].subtype == SF_FORMAT_ALAW) {
				ours ^= 0xaa;
				theirs ^= 0xaa;
			}
			if (abs(ours - theirs) > most && sample != 0 &&
			    (ours & 0x80) == (theirs & 0x80))
				most = abs(ours - theirs);
		}
		assert_in_range(most, 0, 1);
		(void)sf_close(file);
		(void)fclose(bytes);
		(void)unlink(path);
	}
}

/* A second of 400 Hz in both channels, at that rate. */
static void make_file(const char *path, int rate)
{
	SF_INFO info = { .samplerate = rate,
			 .channels = 2,
			 .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
	SNDFILE *file = sf_open(path, SFM_WRITE, &info);

	assert_non_null(file);
	for (int i = 0; i < rate; i++) {
		short at = (short)(10000 * sin(2 * M_PI * 400 * i / rate));
		short both[2] = { at, at };

		assert_int_equal(sf_writef_short(file, both, 1), 1);
	}
	(void)sf_close(file);
}

static short sample_at(const struct audio *audio, size_t at, bool big_endian)
{
	const uint8_t *b = audio->bytes + 2 * at;

	return (short)(big_endian ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

static void a_file_of_any_rate_is_brought_to_that_of_the_calls(void **state)
{
	static const struct {
		int rate;
		struct audio_plan plan;
	} rows[] = {
		{ 44100, { { "L16", 8000 }, 20, false, false } },
		{ 8000, { { "L16", 24000 }, 20, false, true } },
		{ 8000, { { "L16", 8000 }, 100, true, false } },
		{ 48000, { { "L16", 16000 }, 20, true, true } },
	};
	char path[] = "/tmp/caller_audio.XXXXXX";

	(void)state;
	(void)close(mkstemp(path));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct audio_plan *plan = &rows[i].plan;
		unsigned rate = plan->format.rate_hz;
		struct audio audio = { 0 };

		make_file(path, rows[i].rate);
		assert_int_equal(audio_load(&audio, path, plan), 0);
		assert_in_range(audio.count, 1000 / plan->frame_ms - 1,
				1000 / plan->frame_ms + 1);
		assert_int_equal(audio.frame_size,
				 rate / 1000 * plan->frame_ms * 2);
		/* The ends have the filter's own sound. */
		for (size_t at = rate / 4; at < rate / 2; at++) {
			double due =
				10000 * sin(2 * M_PI * 400 * (double)at / rate);

			if (fabs(sample_at(&audio, at, plan->big_endian) -
				 due) > 250)
				fail_msg("row %zu, sample %zu", i, at);
		}
		assert_int_equal(audio.texts != NULL, plan->as_text);
		audio_free(&audio);
	}
	(void)unlink(path);
}

static void what_is_no_sound_is_refused(void **state)
{
	const struct audio_plan plan = { .format = { "PCMU", 8000 },
					 .frame_ms = 20 };
	struct audio audio = { 0 };

	(void)state;
	assert_int_equal(audio_load(&audio, "/dev/null", &plan), -1);
	assert_int_equal(audio_load(&audio, "/nowhere", &plan), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(g711_is_that_of_others),
		cmocka_unit_test(
			a_file_of_any_rate_is_brought_to_that_of_the_calls),
		cmocka_unit_test(what_is_no_sound_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
