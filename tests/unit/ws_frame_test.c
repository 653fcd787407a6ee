/* ws_frame_test.c - frames as RFC 6455 has them, and as it forbids them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/ws_frame.h"

/* Reads one piece of `bytes`, which it changes. */
static enum ws_kind read_one(struct ws_reader *reader, uint8_t *bytes,
			     size_t length, struct ws_piece *piece)
{
	uint8_t *at = bytes;

	return ws_read(reader, &at, bytes + length, piece);
}

static void the_example_of_the_rfc_is_hello(void **state)
{
	/* RFC 6455, section 5.7: a single-frame masked text message. */
	uint8_t bytes[] = { 0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d,
			    0x7f, 0x9f, 0x4d, 0x51, 0x58 };
	struct ws_reader reader = { 0 };
	struct ws_piece piece;

	(void)state;
	assert_int_equal(read_one(&reader, bytes, sizeof(bytes), &piece),
			 WS_TEXT);
	assert_int_equal(piece.length, 5);
	assert_memory_equal(piece.bytes, "Hello", 5);
	assert_true(piece.whole);
	assert_ptr_equal(piece.bytes, bytes + 6);
}

static void a_mask_goes_on_over_any_cut(void **state)
{
	static const uint8_t key[4] = { 0x11, 0x22, 0x33, 0x44 };
	uint8_t frame[8 + 300], bytes[sizeof(frame)], heard[300];

	(void)state;
	memcpy(frame, (uint8_t[]){ 0x82, 0xfe, 300 >> 8, 300 & 0xff }, 4);
	memcpy(frame + 4, key, 4);
	for (size_t i = 0; i < 300; i++)
		frame[8 + i] = (uint8_t)(i ^ key[i % 4]);
	for (size_t cut = 1; cut < sizeof(frame); cut++) {
		struct ws_reader reader = { 0 };
		uint8_t *at = bytes;
		struct ws_piece piece;
		size_t length = 0;

		memcpy(bytes, frame, sizeof(frame));
		if (ws_read(&reader, &at, bytes + cut, &piece) == WS_BINARY) {
			memcpy(heard, piece.bytes, piece.length);
			length = piece.length;
			assert_false(piece.whole);
		}
		assert_ptr_equal(at, bytes + cut);
		assert_int_equal(
			ws_read(&reader, &at, bytes + sizeof(bytes), &piece),
			WS_BINARY);
		memcpy(heard + length, piece.bytes, piece.length);
		assert_int_equal(length + piece.length, 300);
		assert_true(piece.whole);
		for (size_t i = 0; i < 300; i++)
			assert_int_equal(heard[i], (uint8_t)i);
	}
}

static void what_is_forbidden_is_named(void **state)
{
	static const struct {
		uint8_t bytes[16];
		const char *why;
	} rows[] = {
		{ { 0x81, 0x01, 'a' }, "a frame without a mask" },
		{ { 0x91, 0x80, 1, 2, 3, 4 }, "a frame with reserved bits" },
		{ { 0x83, 0x80, 1, 2, 3, 4 }, "a frame of an unknown kind" },
		{ { 0x8b, 0x80, 1, 2, 3, 4 }, "a frame of an unknown kind" },
		{ { 0x80, 0x80, 1, 2, 3, 4 }, "a continuation of nothing" },
		{ { 0x09, 0x80, 1, 2, 3, 4 }, "a control frame in pieces" },
		{ { 0x88, 0xfe, 0, 126, 1, 2, 3, 4 },
		  "a control frame too long" },
		{ { 0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4 },
		  "a frame of impossible length" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ws_reader reader = { 0 };
		struct ws_piece piece;
		uint8_t bytes[16];

		memcpy(bytes, rows[i].bytes, sizeof(bytes));
		assert_int_equal(
			read_one(&reader, bytes, sizeof(bytes), &piece),
			WS_BROKEN);
		assert_string_equal(piece.why, rows[i].why);
	}
}

static void our_heads_are_the_shortest(void **state)
{
	static const struct {
		size_t length;
		uint8_t head[10];
		size_t size;
	} rows[] = {
		{ 0, { 0x81, 0 }, 2 },
		{ 125, { 0x81, 125 }, 2 },
		{ 126, { 0x81, 126, 0, 126 }, 4 },
		{ 65535, { 0x81, 126, 255, 255 }, 4 },
		{ 65536, { 0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0 }, 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[10];
		size_t size = ws_put_head(bytes + sizeof(bytes), rows[i].length,
					  WS_OP_TEXT);

		assert_int_equal(size, rows[i].size);
		assert_memory_equal(bytes + sizeof(bytes) - size, rows[i].head,
				    size);
	}
}

static void only_codes_that_may_be_sent_are_codes(void **state)
{
	static const struct {
		unsigned code;
		int expected;
	} rows[] = {
		{ 999, -1 },  { 1000, 1000 }, { 1003, 1003 }, { 1004, -1 },
		{ 1005, -1 }, { 1006, -1 },   { 1011, 1011 }, { 1014, 1014 },
		{ 1015, -1 }, { 2999, -1 },   { 3000, 3000 }, { 4999, 4999 },
		{ 5000, -1 },
	};
	struct ws_piece piece = { 0 };

	(void)state;
	assert_int_equal(ws_close_code(&piece), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[2] = { (uint8_t)(rows[i].code >> 8),
				     (uint8_t)rows[i].code };

		piece.bytes = bytes;
		piece.length = 1;
		assert_int_equal(ws_close_code(&piece), -1);
		piece.length = 2;
		assert_int_equal(ws_close_code(&piece), rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc_is_hello),
		cmocka_unit_test(a_mask_goes_on_over_any_cut),
		cmocka_unit_test(what_is_forbidden_is_named),
		cmocka_unit_test(our_heads_are_the_shortest),
		cmocka_unit_test(only_codes_that_may_be_sent_are_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
