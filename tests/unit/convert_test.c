/* convert_test.c - bytes of one format become bytes of another, however they
 * come, or nothing happens */
#include "convert_kit.h"

#include <errno.h>

#include "support/allocations.h"

static const struct kit_format formats[] = {
	{ "PCMU", 8000, false },  { "PCMA", 8000, false },
	{ "L16", 8000, false },	  { "L16", 8000, true },
	{ "L16", 16000, false },  { "L16", 24000, true },
	{ "L16", 48000, false },  { "L16", 11025, false },
	{ "G722", 8000, false },  { "OPUS", 48000, false },
	{ "OPUS", 16000, false },
};

static bool is_opus(const struct kit_format *format)
{
	return strcmp(format->codec, "OPUS") == 0;
}

/* The call of ours to calloc() that fails; 0: none. */
static unsigned calloc_fails;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	if (calloc_fails > 0 && --calloc_fails == 0)
		return NULL;
	return __real_calloc(count, size);
}

/* Any bytes do for a codec without packets. */
static void fill(uint8_t *bytes, size_t length, unsigned seed)
{
	for (size_t i = 0; i < length; i++) {
		seed = seed * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(seed >> 24);
	}
}

static uint8_t noise[9601], whole[1u << 20], split[1u << 20];

/* One byte, then two, up to 700 in a call. */
static size_t run_in_pieces(struct converter *c, size_t step)
{
	size_t made = 0, piece = step;

	for (size_t at = 0; at < sizeof(noise); at += piece) {
		piece = (piece * 7 + step) % 701 + 1;
		if (piece > sizeof(noise) - at)
			piece = sizeof(noise) - at;
		made += kit_run(c, noise + at, piece, split + made);
	}
	return made + kit_flush(c, split + made);
}

static void compare_pieces(struct kit_format from, struct kit_format to,
			   size_t step)
{
	struct converter *once = kit_converter(from, to);
	struct converter *often = kit_converter(from, to);
	size_t made = kit_run(once, noise, sizeof(noise), whole);

	made += kit_flush(once, whole + made);
	assert_int_equal(run_in_pieces(often, step), made);
	assert_memory_equal(split, whole, made);
	converter_destroy(once);
	converter_destroy(often);
}

static void frames_may_have_any_length(void **state)
{
	(void)state;
	fill(noise, sizeof(noise), 1);
	for (size_t a = 0; a < ROWS(formats); a++)
		for (size_t b = 0; b < ROWS(formats); b++) {
			if (is_opus(&formats[a]) || is_opus(&formats[b]))
				continue;
			for (size_t step = 1; step < 700; step += 233)
				compare_pieces(formats[a], formats[b], step);
		}
}

static void a_stream_is_as_long_as_its_original(void **state)
{
	static const unsigned rates[] = { 8000,	 11025, 16000, 22050,
					  24000, 32000, 44100, 48000 };
	static const size_t lengths[] = { 1, 7, 160, 161, 4001, 9000 };

	(void)state;
	memset(noise, 0, sizeof(noise));
	for (size_t a = 0; a < ROWS(rates); a++)
		for (size_t b = 0; b < ROWS(rates); b++)
			for (size_t i = 0; i < ROWS(lengths); i++) {
				struct converter *c = kit_converter(
					(struct kit_format){ "PCMU", rates[a],
							     false },
					(struct kit_format){ "L16", rates[b],
							     false });
				size_t made =
					kit_run(c, noise, lengths[i], whole);
				size_t wanted =
					(lengths[i] * rates[b] + rates[a] - 1) /
					rates[a];

				made += kit_flush(c, whole + made);
				if (made != 2 * wanted)
					fail_msg("%zu of %u Hz to %u: %zu",
						 lengths[i], rates[a], rates[b],
						 made / 2);
				converter_destroy(c);
			}
}

static void the_same_format_is_a_copy(void **state)
{
	(void)state;
	fill(noise, sizeof(noise), 2);
	for (size_t i = 0; i < ROWS(formats); i++) {
		struct converter *c = kit_converter(formats[i], formats[i]);

		assert_true(converter_is_copy(c));
		assert_int_equal(converter_delay_us(c), 0);
		assert_int_equal(kit_run(c, noise, 701, whole), 701);
		assert_memory_equal(whole, noise, 701);
		assert_int_equal(kit_flush(c, whole), 0);
		converter_destroy(c);
	}
}

static void two_names_of_one_rate_are_the_same_format(void **state)
{
	static const struct kit_format rows[][2] = {
		{ { "G722", 8000, false }, { "G722", 16000, false } },
		{ { "OPUS", 0, false }, { "OPUS", 16000, false } },
		{ { "PCMU", 8000, false }, { "PCMU", 8000, true } },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct converter *c = kit_converter(rows[i][0], rows[i][1]);

		assert_true(converter_is_copy(c));
		converter_destroy(c);
	}
}

/* The other byte order, in place. An odd last byte stays as it is. */
static void swap(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2) {
		uint8_t first = bytes[i];

		bytes[i] = bytes[i + 1];
		bytes[i + 1] = first;
	}
}

static void the_other_byte_order_is_swapped_bytes(void **state)
{
	struct converter *c =
		kit_converter((struct kit_format){ "L16", 8000, true },
			      (struct kit_format){ "L16", 8000, false });

	(void)state;
	fill(noise, sizeof(noise), 3);
	assert_false(converter_is_copy(c));
	assert_int_equal(kit_run(c, noise, 9600, whole), 9600);
	swap(noise, 9600);
	assert_memory_equal(whole, noise, 9600);
	swap(whole, 3);
	assert_int_equal(whole[0], noise[1]);
	assert_int_equal(whole[2], noise[2]);
	converter_destroy(c);
}

/* ITU-T G.711, tables 3 and 4: what the one law becomes in the other lies at
 * most one step of it away. A-law has no zero: silence becomes the step next to
 * it. */
static void one_law_becomes_the_other(void **state)
{
	static const char *const names[] = { "PCMU", "PCMA" };
	uint8_t codes[256], other[256], linear[512], linear_other[512];
	int16_t a[256], b[256];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		codes[i] = (uint8_t)i;
	for (unsigned from = 0; from < 2; from++) {
		struct kit_format x = { names[from], 8000, false };
		struct kit_format y = { names[1 - from], 8000, false };
		struct kit_format l = { "L16", 8000, false };
		struct converter *across = kit_converter(x, y);
		struct converter *left = kit_converter(x, l);
		struct converter *right = kit_converter(y, l);

		assert_int_equal(kit_run(across, codes, 256, other), 256);
		assert_int_equal(kit_run(left, codes, 256, linear), 512);
		assert_int_equal(kit_run(right, other, 256, linear_other), 512);
		l16_load(linear, 256, false, a);
		l16_load(linear_other, 256, false, b);
		for (unsigned i = 0; i < 256; i++)
			if (abs(a[i] - b[i]) > 16 + abs(a[i]) / 16)
				fail_msg("%s %02x: %d became %d", x.codec, i,
					 a[i], b[i]);
		assert_int_equal(other[from ? 0xd5 : 0xff], from ? 0xfe : 0xd5);
		converter_destroy(across);
		converter_destroy(left);
		converter_destroy(right);
	}
}

static void what_was_said_in_g711_comes_back_as_it_was(void **state)
{
	static const char *const names[] = { "PCMU", "PCMA" };
	uint8_t codes[256], linear[512], back[256];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		codes[i] = (uint8_t)i;
	for (unsigned law = 0; law < 2; law++) {
		struct kit_format x = { names[law], 8000, false };
		struct kit_format l = { "L16", 8000, false };
		struct converter *in = kit_converter(x, l);
		struct converter *out = kit_converter(l, x);

		assert_int_equal(kit_run(in, codes, 256, linear), 512);
		assert_int_equal(kit_run(out, linear, 512, back), 256);
		/* mu-law has two zeros; the negative one becomes positive. */
		if (law == 0)
			codes[0x7f] = 0xff;
		assert_memory_equal(back, codes, 256);
		converter_destroy(in);
		converter_destroy(out);
		codes[0x7f] = 0x7f;
	}
}

static void a_flush_begins_anew(void **state)
{
	struct converter *c =
		kit_converter((struct kit_format){ "L16", 8000, false },
			      (struct kit_format){ "L16", 24000, true });
	size_t made, again;

	(void)state;
	fill(noise, sizeof(noise), 4);
	made = kit_run(c, noise, 3001, whole); /* ends in half a sample */
	made += kit_flush(c, whole + made);
	again = kit_run(c, noise, 3001, split);
	again += kit_flush(c, split + again);
	assert_int_equal(made, 2 * 3 * 1500);
	assert_int_equal(again, made);
	assert_memory_equal(split, whole, made);
	converter_destroy(c);
}

static void formats_that_cannot_be_are_refused(void **state)
{
	const struct audio_format good = { codec_find("PCMU"), 8000, false };
	const struct audio_format rows[] = {
		{ NULL, 8000, false },
		{ codec_find("PCMU"), 0, false },
		{ codec_find("PCMU"), 7999, false },
		{ codec_find("L16"), 48001, false },
		{ codec_find("L16"), 4000000000u, false },
	};
	struct converter *c = NULL;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(converter_create(&c, &rows[i], &good),
				 -EINVAL);
		assert_int_equal(converter_create(&c, &good, &rows[i]),
				 -EINVAL);
		assert_null(c);
	}
}

/* Leaks are the sanitizer's to find. */
static void without_memory_there_is_no_converter(void **state)
{
	(void)state;
	for (size_t a = 0; a < ROWS(formats); a++)
		for (size_t b = 0; b < ROWS(formats); b++) {
			struct audio_format from = kit_format(formats[a]);
			struct audio_format to = kit_format(formats[b]);
			struct converter *c = NULL;
			unsigned failures = 0;

			for (unsigned fail = 1; !c; fail++) {
				calloc_fails = fail;
				if (converter_create(&c, &from, &to) < 0)
					failures++;
				else
					assert_non_null(c);
			}
			calloc_fails = 0;
			assert_true(failures > 0);
			converter_destroy(c);
		}
}

static void what_does_not_fit_changes_nothing(void **state)
{
	struct kit_format pcmu = { "PCMU", 8000, false };
	struct converter *c =
		kit_converter(pcmu, (struct kit_format){ "L16", 16000, false });
	struct converter *opus = kit_converter(
		pcmu, (struct kit_format){ "OPUS", 16000, false });
	size_t room = converter_room(c, 160), packets = 0;

	(void)state;
	memset(noise, 0x55, sizeof(noise));
	assert_int_equal(converter_run(c, noise, 160, whole, room - 1),
			 -ENOBUFS);
	assert_int_equal(converter_run(c, noise, CONVERT_BYTES_MAX + 1, whole,
				       sizeof(whole)),
			 -EMSGSIZE);
	assert_int_equal(converter_flush(c, whole, 0), -ENOBUFS);
	assert_int_equal(kit_run(c, noise, 160, whole) + kit_flush(c, whole),
			 640);
	assert_int_equal(converter_run(opus, noise, 8001, whole, sizeof(whole)),
			 -EAGAIN);
	assert_true(kit_run(opus, noise, 7500, whole) > 0);
	assert_int_equal(converter_run(opus, noise, 7500, whole, sizeof(whole)),
			 -EAGAIN);
	while (kit_flush(opus, whole) > 0)
		packets++;
	assert_int_equal(packets, 46); /* 937.5 ms, one packet was taken */
	converter_destroy(c);
	converter_destroy(opus);
}

static void
a_packet_that_is_none_is_refused_and_the_next_one_is_heard(void **state)
{
	/* RFC 6716, 3.1 and 3.2.5: the first byte names the length of a frame,
	 * and code 3 has a count of frames behind it. */
	static const struct {
		uint8_t bytes[8];
		size_t length;
	} rows[] = {
		{ { 0xfb, 0x00 }, 2 },	     /* no frames */
		{ { 0x1b, 0x3f, 0x01 }, 3 }, /* 63 times 60 ms */
		{ { 0x1b, 0x03 }, 2 },	     /* 180 ms */
		{ { 0xfb, 0x31, 1, 2 }, 4 }, /* 49 times 2.5... 20 ms */
		{ { 0xff }, 1 },	     /* cut off */
		{ { 0xfa, 0xfc }, 2 },	     /* a length without its bytes */
	};
	struct kit_format linear = { "L16", 48000, false };
	struct kit_format opus = { "OPUS", 48000, false };
	struct converter *out = kit_converter(linear, opus);
	struct converter *in = kit_converter(opus, linear);
	uint8_t packet[CONVERT_PACKET_MAX];
	size_t bytes;

	(void)state;
	memset(whole, 0, 1920);
	bytes = kit_run(out, whole, 1920, packet);
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (converter_run(in, rows[i].bytes, rows[i].length, whole,
				  sizeof(whole)) != -EBADMSG)
			fail_msg("row %zu was taken", i);
		assert_int_equal(kit_run(in, packet, bytes, whole), 1920);
	}
	assert_int_equal(
		converter_run(in, whole, 1u << 17, split, sizeof(split)),
		-EBADMSG);
	converter_destroy(in);
	converter_destroy(out);
}

/* 20 ms of each format into each other one, again and again. */
static void a_frame_allocates_nothing(void **state)
{
	static uint8_t frame[ROWS(formats)][CONVERT_PACKET_MAX + 1920];
	size_t length[ROWS(formats)];
	unsigned long before = allocations_count();

	void *volatile memory = malloc(100);

	(void)state;
	free(memory);
	assert_true(allocations_count() > before);
	for (size_t a = 0; a < ROWS(formats); a++) {
		struct converter *c = kit_converter(
			(struct kit_format){ "L16", 48000, false }, formats[a]);

		memset(whole, 0, 1920);
		length[a] = kit_run(c, whole, 1920, frame[a]);
		if (length[a] == 0)
			length[a] = kit_flush(c, frame[a]);
		converter_destroy(c);
	}
	for (size_t a = 0; a < ROWS(formats); a++)
		for (size_t b = 0; b < ROWS(formats); b++) {
			struct converter *c =
				kit_converter(formats[a], formats[b]);

			before = allocations_count();
			for (unsigned i = 0; i < 20; i++)
				assert_true(converter_run(c, frame[a],
							  length[a], whole,
							  sizeof(whole)) >= 0);
			while (converter_flush(c, whole, sizeof(whole)) > 0)
				;
			if (allocations_count() != before)
				fail_msg("%s to %s allocated", formats[a].codec,
					 formats[b].codec);
			converter_destroy(c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_may_have_any_length),
		cmocka_unit_test(a_stream_is_as_long_as_its_original),
		cmocka_unit_test(the_same_format_is_a_copy),
		cmocka_unit_test(two_names_of_one_rate_are_the_same_format),
		cmocka_unit_test(the_other_byte_order_is_swapped_bytes),
		cmocka_unit_test(one_law_becomes_the_other),
		cmocka_unit_test(what_was_said_in_g711_comes_back_as_it_was),
		cmocka_unit_test(a_flush_begins_anew),
		cmocka_unit_test(formats_that_cannot_be_are_refused),
		cmocka_unit_test(without_memory_there_is_no_converter),
		cmocka_unit_test(what_does_not_fit_changes_nothing),
		cmocka_unit_test(
			a_packet_that_is_none_is_refused_and_the_next_one_is_heard),
		cmocka_unit_test(a_frame_allocates_nothing),
	};

	return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
