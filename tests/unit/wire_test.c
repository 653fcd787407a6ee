/* wire_test.c - the client's reading of WebSocket, by the vectors of RFC 6455
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/holdload/wire.h"

/* The handshake of section 1.3. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define HEAD   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
#define ACCEPT "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

static void a_masked_frame_is_the_one_of_the_specification(void **state)
{
	/* Section 5.7: "Hello", masked with 37 fa 21 3d. */
	static const uint8_t expected[] = { 0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d,
					    0x7f, 0x9f, 0x4d, 0x51, 0x58 };
	uint8_t out[WIRE_HEADER_MAX + 5];

	(void)state;
	assert_int_equal(wire_put(out, WIRE_TEXT, "Hello", 5, 0x3d21fa37), 11);
	assert_memory_equal(out, expected, sizeof(expected));
}

static void each_length_has_its_header_and_masks_its_payload(void **state)
{
	static const struct {
		size_t length, header;
	} rows[] = {
		{ 0, 6 },   { 1, 6 },	  { 125, 6 },	 { 126, 8 },
		{ 382, 8 }, { 65535, 8 }, { 65536, 14 },
	};
	static uint8_t payload[65536], out[65536 + WIRE_HEADER_MAX];
	static const uint8_t mask[4] = { 1, 2, 3, 4 };

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(wire_put(out, WIRE_BINARY, payload,
					  rows[i].length, 0x04030201),
				 rows[i].header + rows[i].length);
		for (size_t j = 0; j < rows[i].length; j++)
			if ((out[rows[i].header + j] ^ mask[j & 3]) !=
			    payload[j])
				fail_msg("length %zu: byte %zu", rows[i].length,
					 j);
	}
}

static void a_frame_is_taken_when_it_is_whole_and_not_before(void **state)
{
	static const uint8_t bytes[] = { 0x81, 5,   'H',  'e', 'l',
					 'l',  'o', 0x8a, 0 };
	struct wire_frame frame;

	(void)state;
	for (size_t n = 0; n < 7; n++)
		assert_int_equal(wire_take(bytes, n, 100, &frame), 0);
	assert_int_equal(wire_take(bytes, 7, 100, &frame), 7);
	assert_int_equal(frame.opcode, WIRE_TEXT);
	assert_true(frame.final);
	assert_memory_equal(frame.payload, "Hello", 5);
	assert_int_equal(wire_take(bytes + 7, 2, 100, &frame), 2);
	assert_int_equal(frame.opcode, WIRE_PONG);
}

static void what_no_server_may_send_is_refused(void **state)
{
	static const uint8_t masked[] = {
		0x81, 0x85, 1, 2, 3, 4, 5, 6, 7, 8, 9
	};
	static const uint8_t reserved[] = { 0xc1, 1, 'x' };
	static const uint8_t huge[] = { 0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0 };
	struct wire_frame frame;

	(void)state;
	assert_int_equal(wire_take(masked, sizeof(masked), 100, &frame), -1);
	assert_int_equal(wire_take(reserved, sizeof(reserved), 100, &frame),
			 -1);
	assert_int_equal(wire_take(huge, sizeof(huge), 100, &frame), -1);
}

#define AGREED HEAD "Sec-WebSocket-Protocol: media\r\n" ACCEPT

static void a_request_asks_for_what_it_wants(void **state)
{
	static const struct wire_request request = { .host = "h:1",
						     .path = "/p?q=1",
						     .key = KEY,
						     .subprotocol = "media",
						     .headers = "A: b\r\n" };
	char out[512];
	size_t length = wire_request(out, sizeof(out), &request);

	(void)state;
	assert_int_equal(length, strlen(out));
	assert_string_equal(out,
			    "GET /p?q=1 HTTP/1.1\r\nHost: h:1\r\n"
			    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			    "Sec-WebSocket-Key: " KEY "\r\n"
			    "Sec-WebSocket-Version: 13\r\n"
			    "Sec-WebSocket-Protocol: media\r\nA: b\r\n\r\n");
	assert_int_equal(wire_request(out, length, &request), 0);
}

static void a_handshake_is_believed_only_with_the_right_key(void **state)
{
	static const struct {
		const char *subprotocol; /* that was asked for */
		const char *answer;
		ssize_t takes;
		int status;
	} rows[] = {
		{ NULL, HEAD ACCEPT, sizeof(HEAD ACCEPT) - 1, 101 },
		{ NULL, HEAD "\r\n", -1, 0 },
		{ NULL, HEAD "Sec-WebSocket-Accept: AAAA\r\n\r\n", -1, 0 },
		{ NULL, HEAD, 0, 0 },
		{ NULL, "HTTP/1.1 503 Service Unavailable\r\n\r\n", 36, 503 },
		{ NULL, "SSH-2.0-x\r\n\r\n", -1, 0 },
		{ "media", AGREED, sizeof(AGREED) - 1, 101 },
		{ "media", HEAD ACCEPT, -1, 0 },
		{ "audio", AGREED, -1, 0 },
		{ "media", "HTTP/1.1 503 Service Unavailable\r\n\r\n", 36,
		  503 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status = 0;
		ssize_t n =
			wire_response(rows[i].answer, strlen(rows[i].answer),
				      KEY, rows[i].subprotocol, &status);

		if (n != rows[i].takes || (n > 0 && status != rows[i].status))
			fail_msg("row %zu: %zd, %d", i, n, status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_masked_frame_is_the_one_of_the_specification),
		cmocka_unit_test(
			each_length_has_its_header_and_masks_its_payload),
		cmocka_unit_test(
			a_frame_is_taken_when_it_is_whole_and_not_before),
		cmocka_unit_test(what_no_server_may_send_is_refused),
		cmocka_unit_test(a_request_asks_for_what_it_wants),
		cmocka_unit_test(
			a_handshake_is_believed_only_with_the_right_key),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
