/* codec_test.c - what is said of a codec is what the rest may count on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/codec.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void every_codec_has_its_facts(void **state)
{
	static const struct {
		const char *name, *recorded;
		unsigned sample_bytes;
	} rows[] = {
		{ "PCMU", "PCMU", 1 }, { "PCMA", "PCMA", 1 },
		{ "L16", "L16", 2 },   { "G722", "L16", 0 },
		{ "OPUS", "L16", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct codec *codec = codec_find(rows[i].name);

		assert_non_null(codec);
		assert_string_equal(codec->name, rows[i].name);
		assert_int_equal(codec->sample_bytes, rows[i].sample_bytes);
		assert_int_equal(codec_is_plain(codec),
				 rows[i].sample_bytes > 0);
		assert_string_equal(codec_recorded(codec)->name,
				    rows[i].recorded);
		assert_true(codec_is_plain(codec_recorded(codec)));
		assert_int_equal(codec->wav_subtype,
				 codec_recorded(codec)->wav_subtype);
	}
	assert_null(codec_find("AMR-WB"));
	assert_null(codec_find("pcmu"));
	assert_null(codec_find(""));
}

static void a_rate_that_is_said_is_the_rate_of_the_samples(void **state)
{
	static const struct {
		const char *name;
		unsigned said_hz, hz;
	} rows[] = {
		{ "PCMU", 8000, 8000 },	  { "L16", 24000, 24000 },
		{ "L16", 0, 0 },	  { "G722", 8000, 16000 },
		{ "G722", 16000, 16000 }, { "G722", 0, 16000 },
		{ "OPUS", 48000, 48000 }, { "OPUS", 0, 48000 },
		{ "OPUS", 8000, 8000 },	  { "OPUS", 11025, 12000 },
		{ "OPUS", 16000, 16000 }, { "OPUS", 24001, 48000 },
		{ "OPUS", 96000, 48000 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(codec_rate_hz(codec_find(rows[i].name),
					       rows[i].said_hz),
				 rows[i].hz);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_codec_has_its_facts),
		cmocka_unit_test(
			a_rate_that_is_said_is_the_rate_of_the_samples),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
