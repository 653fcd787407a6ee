/*
 * wire.c - WebSocket over plain buffers (see wire.h)
 */
#include "tools/holdload/wire.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* RFC 6455, section 1.3 */
#define ACCEPT_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define RESPONSE_MAX 16384u
#define MASKED	     0x80u

static void mask_copy(uint8_t *out, const uint8_t *in, size_t length,
		      uint32_t mask)
{
	uint64_t wide = (uint64_t)mask << 32 | mask, word;
	uint8_t bytes[4];
	size_t i = 0;

	for (; i + 8 <= length; i += 8) {
		memcpy(&word, in + i, 8);
		word ^= wide;
		memcpy(out + i, &word, 8);
	}
	memcpy(bytes, &mask, 4);
	for (; i < length; i++)
		out[i] = in[i] ^ bytes[i & 3];
}

/* Both lengths, and whether it is masked. */
static size_t put_header(uint8_t *out, enum wire_opcode opcode, size_t length,
			 uint8_t masked)
{
	out[0] = (uint8_t)(0x80 | opcode);
	if (length < 126) {
		out[1] = (uint8_t)(masked | length);
		return 2;
	}
	if (length < 65536) {
		out[1] = masked | 126;
		out[2] = (uint8_t)(length >> 8);
		out[3] = (uint8_t)length;
		return 4;
	}
	out[1] = masked | 127;
	for (int i = 0; i < 8; i++)
		out[2 + i] = (uint8_t)((uint64_t)length >> (56 - 8 * i));
	return 10;
}

size_t wire_put(uint8_t *out, enum wire_opcode opcode, const void *payload,
		size_t length, uint32_t mask)
{
	size_t at = put_header(out, opcode, length, MASKED);

	memcpy(out + at, &mask, 4);
	mask_copy(out + at + 4, payload, length, mask);
	return at + 4 + length;
}

size_t wire_put_bare(uint8_t *out, enum wire_opcode opcode, const void *payload,
		     size_t length)
{
	size_t at = put_header(out, opcode, length, 0);

	if (length > 0)
		memcpy(out + at, payload, length);
	return at + length;
}

/* The frame's two lengths: bytes of the header, 0 or -1 as wire_take() has it.
 */
static ssize_t take_header(const uint8_t *bytes, size_t length, size_t max,
			   uint8_t masked, struct wire_frame *frame)
{
	uint64_t payload;
	size_t at = 2;

	if (length < 2)
		return 0;
	if ((bytes[0] & 0x70) || (bytes[1] & MASKED) != masked)
		return -1; /* no extension was agreed */
	payload = bytes[1] & 0x7f;
	if (payload >= 126) {
		size_t wide = payload == 126 ? 2 : 8;

		if (length < 2 + wide)
			return 0;
		payload = 0;
		for (size_t i = 0; i < wide; i++)
			payload = payload << 8 | bytes[2 + i];
		at += wide;
	}
	if (payload > max)
		return -1;
	frame->opcode = (enum wire_opcode)(bytes[0] & 15);
	frame->final = bytes[0] & 0x80;
	frame->length = (size_t)payload;
	return (ssize_t)at;
}

ssize_t wire_take(const uint8_t *bytes, size_t length, size_t max,
		  struct wire_frame *frame)
{
	ssize_t at = take_header(bytes, length, max, 0, frame);

	if (at <= 0)
		return at;
	if (length - (size_t)at < frame->length)
		return 0;
	frame->payload = bytes + at;
	return at + (ssize_t)frame->length;
}

ssize_t wire_take_masked(uint8_t *bytes, size_t length, size_t max,
			 struct wire_frame *frame)
{
	ssize_t at = take_header(bytes, length, max, MASKED, frame);
	uint32_t mask;

	if (at <= 0)
		return at;
	if (length - (size_t)at < 4 + frame->length)
		return 0;
	memcpy(&mask, bytes + at, 4);
	at += 4;
	mask_copy(bytes + at, bytes + at, frame->length, mask);
	frame->payload = bytes + at;
	return at + (ssize_t)frame->length;
}

void wire_make_key(const uint8_t random[16], char key[WIRE_KEY_SIZE])
{
	(void)EVP_EncodeBlock((unsigned char *)key, random, 16);
}

size_t wire_request(char *out, size_t room, const struct wire_request *request)
{
	const char *subprotocol = request->subprotocol;
	int n = snprintf(out, room,
			 "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
			 "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
			 "Sec-WebSocket-Version: 13\r\n%s%s%s%s\r\n",
			 request->path, request->host, request->key,
			 subprotocol ? "Sec-WebSocket-Protocol: " : "",
			 subprotocol ? subprotocol : "",
			 subprotocol ? "\r\n" : "", request->headers);

	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

void wire_accept(struct span key, char out[WIRE_ACCEPT_SIZE])
{
	char text[WIRE_KEY_SIZE + sizeof(ACCEPT_GUID)];
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	int n = snprintf(text, sizeof(text), "%.*s" ACCEPT_GUID,
			 (int)key.length, key.text);

	if (n < 0 ||
	    !EVP_Digest(text, (size_t)n, hash, &length, EVP_sha1(), NULL))
		length = 0;
	(void)EVP_EncodeBlock((unsigned char *)out, hash, (int)length);
}

struct span wire_header(struct span head, const char *name)
{
	(void)span_cut(&head, '\n');
	while (head.text) {
		struct span line = span_cut(&head, '\n');
		struct span called = span_cut(&line, ':');

		if (line.length > 0 && line.text[line.length - 1] == '\r')
			line.length--;
		if (line.text && span_is_like(called, name))
			return span_trim(line);
	}
	return (struct span){ 0 };
}

/* Three digits, as RFC 9112 has it, so 0 to 999; else -1. */
static int status_of(const char *text)
{
	int status = 0;

	for (int i = 0; i < 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		status = status * 10 + (text[i] - '0');
	}
	return text[3] == ' ' || text[3] == '\r' ? status : -1;
}

ssize_t wire_response(const char *bytes, size_t length, const char *key,
		      const char *subprotocol, int *status)
{
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);
	char accept[WIRE_ACCEPT_SIZE];
	struct span head;
	int said;

	if (!end)
		return length > RESPONSE_MAX ? -1 : 0;
	head = (struct span){ bytes, (size_t)(end - bytes) + 2 };
	if (head.length > RESPONSE_MAX - 2 || head.length < 14 ||
	    !span_begins_like(head, "HTTP/1.1 "))
		return -1;
	said = status_of(bytes + 9);
	if (said < 0)
		return -1;
	*status = said;
	wire_accept((struct span){ key, strlen(key) }, accept);
	if (said == 101 &&
	    !span_is(wire_header(head, "Sec-WebSocket-Accept"), accept))
		return -1;
	if (said == 101 && subprotocol &&
	    !span_is(wire_header(head, "Sec-WebSocket-Protocol"), subprotocol))
		return -1;
	return end - bytes + 4;
}
