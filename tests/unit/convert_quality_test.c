/*
 * convert_quality_test.c - what a converter adds to the sound, in decibels
 *
 * A tone is compared with the very tone that should come out: its frequency,
 * level *and place in time*. So noise, wrong gain and a shift all count.
 */
#include "convert_kit.h"

#define SECONDS_MAX 2
#define MARGIN_MS   50 /* at both ends: the tone begins and ends abruptly */

static int16_t before[48000 * SECONDS_MAX], after[48000 * SECONDS_MAX + 48000];

/* Power of the wanted tone over the power of everything else. */
static double snr_db(double hz, unsigned rate_hz, size_t samples)
{
	size_t margin = rate_hz * MARGIN_MS / 1000;
	double wanted = 0, rest = 0;

	for (size_t i = margin; i + margin < samples; i++) {
		double right = kit_tone_at(hz, rate_hz, i);
		double wrong = after[i] - right;

		wanted += right * right;
		rest += wrong * wrong;
	}
	return 10 * log10(wanted / (rest > 0 ? rest : 1e-9));
}

static size_t pass_tone(double hz, unsigned from_hz, unsigned to_hz)
{
	struct converter *c =
		kit_converter((struct kit_format){ "L16", from_hz, false },
			      (struct kit_format){ "L16", to_hz, false });
	size_t made;

	kit_tone(hz, from_hz, before, from_hz);
	made = kit_pcm(c, from_hz, before, from_hz, after,
		       sizeof(after) / sizeof(after[0]));
	assert_int_equal(made, to_hz);
	converter_destroy(c);
	return made;
}

static const unsigned rates[] = { 8000, 16000, 24000, 48000 };

/* Quantised to 16 bits, a tone of -6 dB lies 92 dB over the noise. G.711 keeps
 * some 38 dB, G.722 some 50: 80 is far below what any codec of a call adds.
 * 3400 Hz, the end of the telephone's band (ITU-T G.712), is 0.85 of the half
 * rate; there the filter begins to fall, and 50 dB is a level that is right to
 * 0.03 dB. */
static void tones_keep_their_level_time_and_purity(void **state)
{
	static const struct {
		double part; /* of half the lower rate */
		double snr_db;
	} rows[] = {
		{ 0.02, 80 }, { 0.075, 80 }, { 0.25, 80 },
		{ 0.33, 80 }, { 0.50, 80 },  { 0.61, 80 },
		{ 0.75, 80 }, { 0.80, 80 },  { 0.85, 50 },
	};

	(void)state;
	for (size_t a = 0; a < ROWS(rates); a++)
		for (size_t b = 0; b < ROWS(rates); b++)
			for (size_t i = 0; i < ROWS(rows) && a != b; i++) {
				unsigned low = rates[a < b ? a : b];
				double hz = rows[i].part * low / 2;
				size_t made = pass_tone(hz, rates[a], rates[b]);
				double db = snr_db(hz, rates[b], made);

				if (!(db >= rows[i].snr_db))
					fail_msg(
						"%u to %u Hz: %.0f Hz: %.1f dB",
						rates[a], rates[b], hz, db);
			}
}

static double level_db(size_t samples, size_t margin)
{
	double power = 0;

	for (size_t i = margin; i + margin < samples; i++)
		power += (double)after[i] * after[i];
	power /= (double)(samples - 2 * margin);
	return 10 * log10((power + 1e-9) / (KIT_PEAK * KIT_PEAK / 2));
}

/* A tone above half the new rate would come back as another, lower one. */
static void what_the_new_rate_cannot_carry_is_gone(void **state)
{
	(void)state;
	for (size_t a = 1; a < ROWS(rates); a++)
		for (size_t b = 0; b < a; b++)
			for (unsigned hz = rates[b] * 57 / 100;
			     hz < rates[a] / 2; hz += rates[b] / 23) {
				size_t made = pass_tone(hz, rates[a], rates[b]);
				double db = level_db(made, rates[b] / 20);

				if (!(db <= -80))
					fail_msg("%u to %u Hz: %u Hz: %.1f dB",
						 rates[a], rates[b], hz, db);
			}
}

/* There and back again through a codec, as `rate_hz` samples. */
static size_t pass_codec(struct kit_format codec, unsigned rate_hz)
{
	static uint8_t packed[1u << 20], back[1u << 20];
	struct kit_format linear = { "L16", rate_hz, false };
	struct converter *in = kit_converter(linear, codec);
	struct converter *out = kit_converter(codec, linear);
	size_t frame = rate_hz / 50, made = 0;
	uint8_t bytes[2 * 48000 / 50];

	for (size_t at = 0; at < rate_hz; at += frame) {
		size_t n;

		l16_store(before + at, frame, false, bytes);
		n = kit_run(in, bytes, 2 * frame, packed);
		made += kit_run(out, packed, n, back + made);
	}
	l16_load(back, made / 2, false, after);
	converter_destroy(in);
	converter_destroy(out);
	return made / 2;
}

/* A codec delays; its tone is found wherever it is. So a sine and a cosine of
 * the tone's frequency are fitted, and what they do not explain is noise. */
static double fitted_snr_db(double hz, unsigned rate_hz, size_t samples)
{
	size_t margin = rate_hz / 10;
	double xs = 0, xc = 0, ss = 0, cc = 0, sc = 0, rest = 0, tone = 0;
	double a, b, det;

	for (size_t i = margin; i + margin < samples; i++) {
		double angle = KIT_TURN * hz * (double)i / rate_hz;
		double s = sin(angle), c = cos(angle);

		xs += after[i] * s;
		xc += after[i] * c;
		ss += s * s;
		cc += c * c;
		sc += s * c;
	}
	det = ss * cc - sc * sc;
	a = (xs * cc - xc * sc) / det;
	b = (xc * ss - xs * sc) / det;
	for (size_t i = margin; i + margin < samples; i++) {
		double angle = KIT_TURN * hz * (double)i / rate_hz;
		double fit = a * sin(angle) + b * cos(angle);

		tone += fit * fit;
		rest += (after[i] - fit) * (after[i] - fit);
	}
	return 10 * log10(tone / rest);
}

/* The floors follow from the codecs: 8 bits with logarithmic steps, ADPCM of 6
 * and 2 bits in two bands, and for Opus, which keeps what is heard rather than
 * the wave, only that the tone is there and alone. */
static void tones_survive_every_codec(void **state)
{
	static const struct {
		struct kit_format codec;
		unsigned rate_hz;
		double hz, snr_db;
	} rows[] = {
		{ { "PCMU", 8000, false }, 8000, 310, 34 },
		{ { "PCMU", 8000, false }, 8000, 2510, 34 },
		{ { "PCMA", 8000, false }, 8000, 310, 34 },
		{ { "PCMA", 8000, false }, 8000, 2510, 34 },
		{ { "L16", 8000, true }, 8000, 2510, 88 },
		{ { "L16", 24000, false }, 8000, 2510, 80 },
		{ { "PCMU", 8000, false }, 16000, 1010, 34 },
		{ { "PCMA", 8000, false }, 48000, 1010, 34 },
		{ { "G722", 8000, false }, 16000, 310, 40 },
		{ { "G722", 8000, false }, 16000, 2510, 40 },
		{ { "G722", 16000, false }, 16000, 6010, 13 },
		{ { "G722", 8000, false }, 8000, 1010, 40 },
		{ { "OPUS", 48000, false }, 48000, 1010, 15 },
		{ { "OPUS", 48000, false }, 8000, 1010, 15 },
		{ { "OPUS", 16000, false }, 16000, 1010, 15 },
		{ { "OPUS", 8000, false }, 24000, 1010, 15 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned rate_hz = rows[i].rate_hz;
		size_t made;
		double db;

		kit_tone(rows[i].hz, rate_hz, before, rate_hz);
		made = pass_codec(rows[i].codec, rate_hz);
		assert_true(made > rate_hz * 9 / 10 && made <= rate_hz);
		db = fitted_snr_db(rows[i].hz, rate_hz, made);
		if (!(db >= rows[i].snr_db))
			fail_msg("row %zu, %s: %.0f Hz: %.1f dB", i,
				 rows[i].codec.codec, rows[i].hz, db);
	}
}

/* What comes out of an Opus call is as long as what went in, whatever the
 * sizes of the pieces. */
static void the_packets_of_opus_hold_20_ms_each(void **state)
{
	struct converter *c =
		kit_converter((struct kit_format){ "PCMU", 8000, false },
			      (struct kit_format){ "OPUS", 48000, false });
	uint8_t speech[8000], packet[CONVERT_PACKET_MAX];
	unsigned packets = 0;

	(void)state;
	memset(speech, 0xff, sizeof(speech));
	for (size_t at = 0; at < sizeof(speech); at += 800)
		for (size_t n = kit_run(c, speech + at, 800, packet); n > 0;
		     n = kit_run(c, NULL, 0, packet))
			packets++;
	assert_int_equal(packets, 49); /* the resampler holds some of it back */
	while (kit_flush(c, packet) > 0)
		packets++;
	assert_int_equal(packets, 50);
	converter_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tones_keep_their_level_time_and_purity),
		cmocka_unit_test(what_the_new_rate_cannot_carry_is_gone),
		cmocka_unit_test(tones_survive_every_codec),
		cmocka_unit_test(the_packets_of_opus_hold_20_ms_each),
	};

	return cmocka_run_group_tests_name("convert_quality", tests, NULL,
					   NULL);
}
