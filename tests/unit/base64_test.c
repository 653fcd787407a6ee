/* base64_test.c - audio comes out of its text as it went in, or not at all */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "media/base64.h"

static void every_length_goes_round(void **state)
{
	uint8_t bytes[400], back[BASE64_DECODED_MAX(BASE64_ENCODED(400))];
	char text[BASE64_ENCODED(400)];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13);
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		size_t written = base64_encode(bytes, length, text);

		assert_int_equal(written, BASE64_ENCODED(length));
		assert_int_equal(base64_decode(text, written, back), length);
		assert_memory_equal(back, bytes, length);
	}
}

static void the_standard_vectors_hold(void **state)
{
	/* RFC 4648, section 10 */
	static const struct {
		const char *plain, *text;
	} rows[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	char text[16];
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = strlen(rows[i].plain);

		assert_int_equal(base64_encode((const uint8_t *)rows[i].plain,
					       length, text),
				 strlen(rows[i].text));
		assert_memory_equal(text, rows[i].text, strlen(rows[i].text));
		assert_int_equal(base64_decode(rows[i].text,
					       strlen(rows[i].text), bytes),
				 length);
		assert_memory_equal(bytes, rows[i].plain, length);
	}
}

static void missing_padding_is_forgiven_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		int bytes;
	} rows[] = {
		{ "Zg", 1 },	 { "Zm8", 2 },	      { "Zg=", -1 },
		{ "Z", -1 },	 { "Zg===", -1 },     { "====", -1 },
		{ "Zm9v=", -1 }, { "Zm9v Zm9v", -1 }, { "Zm\n9v", -1 },
		{ "Zm-v", -1 },	 { "Zm_v", -1 },      { "Zg==Zg==", -1 },
		{ "Zh==", -1 },	 { "Zm9=", -1 },      { "\x80m9v", -1 },
		{ "=", -1 },	 { "A=B=", -1 },
	};
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (base64_decode(rows[i].text, strlen(rows[i].text), bytes) !=
		    rows[i].bytes)
			fail_msg("row %zu: \"%s\"", i, rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_goes_round),
		cmocka_unit_test(the_standard_vectors_hold),
		cmocka_unit_test(missing_padding_is_forgiven_and_nothing_else),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
