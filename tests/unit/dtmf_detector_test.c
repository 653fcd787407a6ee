/*
 * dtmf_detector_test.c - each key once, at every level and in every format;
 * nothing else
 *
 * The tones are made here from the frequencies of ITU-T Q.23, so that no bug of
 * the library is on both sides.
 */
#include "convert_kit.h"

#include "media/dtmf_detector.h"
#include "support/allocations.h"

#define KEYS   "123A456B789C*0#D"
#define PCM_HZ 8000u

struct press {
	double low_dbm0, high_dbm0; /* level of each tone; 0 is 3.14 dB below
				       the loudest sine of G.711 */
	unsigned on_ms, off_ms;
	double detune; /* 1.0: as it should be */
};

static int16_t pcm[PCM_HZ * 30];
static size_t pcm_length;
static char heard[256];

static void remember(char digit, void *arg)
{
	size_t length = strlen(heard);

	(void)arg;
	assert_true(length + 1 < sizeof(heard));
	heard[length] = digit;
	heard[length + 1] = '\0';
}

static double amplitude(double dbm0)
{
	return 32767 * pow(10, (dbm0 - 3.14) / 20);
}

static void add(double low_hz, double high_hz, const struct press *press,
		unsigned ms)
{
	for (unsigned i = 0; i < PCM_HZ * ms / 1000; i++) {
		double value = amplitude(press->low_dbm0) *
				       sin(KIT_TURN * low_hz * i / PCM_HZ) +
			       amplitude(press->high_dbm0) *
				       sin(KIT_TURN * high_hz * i / PCM_HZ);

		assert_true(pcm_length < ROWS(pcm));
		pcm[pcm_length++] =
			(int16_t)lrint(fmax(-32768, fmin(32767, value)));
	}
}

static void silence(unsigned ms)
{
	static const struct press none = { -200, -200, 0, 0, 1 };

	add(1, 1, &none, ms);
}

static void press(const char *keys, const struct press *how)
{
	static const double low[] = { 697, 770, 852, 941 };
	static const double high[] = { 1209, 1336, 1477, 1633 };

	for (; *keys; keys++) {
		size_t at = (size_t)(strchr(KEYS, *keys) - KEYS);

		add(low[at / 4] * how->detune, high[at % 4] * how->detune, how,
		    how->on_ms);
		silence(how->off_ms);
	}
}

static void begin(void)
{
	pcm_length = 0;
	heard[0] = '\0';
	silence(100);
}

/* What is in pcm[], in frames of 20 ms of that format. */
static void listen_as(struct kit_format format)
{
	static uint8_t bytes[2 * ROWS(pcm)], converted[1u << 18];
	struct audio_format as = kit_format(format);
	struct converter *c = kit_converter(
		(struct kit_format){ "L16", PCM_HZ, false }, format);
	struct dtmf_detector *detector;

	silence(100);
	l16_store(pcm, pcm_length, false, bytes);
	assert_int_equal(dtmf_detector_create(&detector, &as), 0);
	for (size_t at = 0; at + 160 <= pcm_length; at += 160) {
		size_t n = kit_run(c, bytes + 2 * at, 320, converted);

		assert_int_equal(dtmf_detector_feed(detector, converted, n,
						    remember, NULL),
				 0);
	}
	dtmf_detector_destroy(detector);
	converter_destroy(c);
}

static void listen_to_pcm(void)
{
	listen_as((struct kit_format){ "L16", PCM_HZ, false });
}

static void all_keys_are_heard_at_every_usual_level(void **state)
{
	/* ITU-T Q.24: what administrations ask for lies between about -3 and
	 * -25 dBm a tone, 40 ms long, the higher tone up to 4 dB (some: 8)
	 * above and 4 to 8 below, each within 1.5 % of its frequency. */
	static const struct press rows[] = {
		{ -3, -3, 70, 70, 1 },	    { -10, -10, 70, 70, 1 },
		{ -25, -25, 70, 70, 1 },    { -30, -30, 70, 70, 1 },
		{ -10, -10, 50, 50, 1 },    { -10, -10, 500, 100, 1 },
		{ -10, -7, 70, 70, 1 },	    { -10, -14, 70, 70, 1 },
		{ -20, -24, 60, 60, 1 },    { -12, -9, 100, 40, 1 },
		{ -10, -10, 70, 70, 1.01 }, { -10, -10, 70, 70, 0.99 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		begin();
		press(KEYS, &rows[i]);
		listen_to_pcm();
		if (strcmp(heard, KEYS) != 0)
			fail_msg("row %zu: heard \"%s\"", i, heard);
	}
}

static void what_is_no_key_is_not_heard(void **state)
{
	static const struct press rows[] = {
		{ -10, -10, 18, 70, 1 },  /* too short */
		{ -60, -60, 70, 70, 1 },  /* a whisper */
		{ -10, -200, 70, 70, 1 }, /* one tone alone */
		{ -200, -10, 70, 70, 1 },
		{ -10, -30, 70, 70, 1 }, /* twisted beyond 8 dB */
		{ -30, -10, 70, 70, 1 },
		{ -10, -10, 70, 70, 1.05 }, /* between the keys */
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		begin();
		press(KEYS, &rows[i]);
		listen_to_pcm();
		if (strcmp(heard, "") != 0)
			fail_msg("row %zu: heard \"%s\"", i, heard);
	}
}

static void a_key_that_is_held_counts_once(void **state)
{
	static const struct press held = { -10, -10, 8000, 60, 1 };
	static const struct press tapped = { -10, -10, 60, 60, 1 };

	(void)state;
	begin();
	press("5", &held);
	press("555", &tapped);
	press("#", &held);
	listen_to_pcm();
	assert_string_equal(heard, "5555#");
}

/* ITU-T Q.24: 10 ms are an interruption, 40 ms a pause; wherever they lie
 * among the receiver's blocks. */
static void a_crackle_makes_no_second_key_and_a_pause_does(void **state)
{
	static const struct {
		unsigned gap_ms;
		const char *heard;
	} rows[] = { { 5, "7" }, { 10, "7" }, { 40, "77" }, { 50, "77" } };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		for (unsigned ms = 61; ms < 90; ms++) {
			struct press part = { -10, -10, ms, rows[i].gap_ms, 1 };

			begin();
			press("77", &part);
			listen_to_pcm();
			if (strcmp(heard, rows[i].heard) != 0)
				fail_msg("%u and %u ms: heard \"%s\"", ms,
					 rows[i].gap_ms, heard);
		}
}

static void keys_are_heard_in_every_format(void **state)
{
	static const struct kit_format rows[] = {
		{ "PCMU", 8000, false },  { "PCMA", 8000, false },
		{ "L16", 8000, true },	  { "L16", 16000, false },
		{ "L16", 16000, true },	  { "L16", 24000, false },
		{ "L16", 48000, false },  { "L16", 44100, true },
		{ "G722", 8000, false },  { "OPUS", 48000, false },
		{ "OPUS", 16000, false }, { "OPUS", 8000, false },
	};
	static const struct press how = { -10, -8, 80, 80, 1 };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		begin();
		press(KEYS, &how);
		listen_as(rows[i]);
		if (strcmp(heard, KEYS) != 0)
			fail_msg("%s %u: heard \"%s\"", rows[i].codec,
				 rows[i].rate_hz, heard);
	}
}

static void the_size_of_a_message_does_not_matter(void **state)
{
	static const size_t sizes[] = { 1, 7, 160, 333, 2 * ROWS(pcm) };
	static const struct press how = { -10, -10, 60, 60, 1 };
	static uint8_t bytes[2 * ROWS(pcm)];
	struct audio_format format =
		kit_format((struct kit_format){ "L16", PCM_HZ, true });

	(void)state;
	for (size_t i = 0; i < ROWS(sizes); i++) {
		struct dtmf_detector *detector;

		begin();
		press(KEYS, &how);
		l16_store(pcm, pcm_length, true, bytes);
		assert_int_equal(dtmf_detector_create(&detector, &format), 0);
		for (size_t at = 0, n; at < 2 * pcm_length; at += n) {
			n = 2 * pcm_length - at;
			n = n < sizes[i] ? n : sizes[i];
			assert_int_equal(dtmf_detector_feed(detector,
							    bytes + at, n,
							    remember, NULL),
					 0);
		}
		assert_string_equal(heard, KEYS);
		dtmf_detector_destroy(detector);
	}
}

static void listening_allocates_nothing(void **state)
{
	static const struct press how = { -10, -10, 60, 60, 1 };
	static uint8_t bytes[2 * ROWS(pcm)];
	struct audio_format format =
		kit_format((struct kit_format){ "L16", 16000, false });
	struct dtmf_detector *detector;
	unsigned long before;
	void *volatile memory;

	(void)state;
	(void)allocations_count();
	memory = malloc(1);
	assert_true(allocations_count() > 0);
	free(memory);
	begin();
	press(KEYS, &how);
	l16_store(pcm, pcm_length, false, bytes);
	assert_int_equal(dtmf_detector_create(&detector, &format), 0);
	before = allocations_count();
	assert_int_equal(dtmf_detector_feed(detector, bytes, 2 * pcm_length,
					    remember, NULL),
			 0);
	assert_int_equal(allocations_count(), before);
	dtmf_detector_destroy(detector);
}

static void bad_formats_are_refused(void **state)
{
	const struct audio_format rows[] = {
		{ NULL, 8000, false },
		{ codec_find("PCMU"), 4000, false },
	};
	struct dtmf_detector *detector = NULL;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_true(dtmf_detector_create(&detector, &rows[i]) < 0);
	assert_null(detector);
	dtmf_detector_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys_are_heard_at_every_usual_level),
		cmocka_unit_test(what_is_no_key_is_not_heard),
		cmocka_unit_test(a_key_that_is_held_counts_once),
		cmocka_unit_test(
			a_crackle_makes_no_second_key_and_a_pause_does),
		cmocka_unit_test(keys_are_heard_in_every_format),
		cmocka_unit_test(the_size_of_a_message_does_not_matter),
		cmocka_unit_test(listening_allocates_nothing),
		cmocka_unit_test(bad_formats_are_refused),
	};

	return cmocka_run_group_tests_name("dtmf_detector", tests, NULL, NULL);
}
