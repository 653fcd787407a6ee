/*
 * wire.c - WebSocket, the client's side of it (see wire.h)
 */
#include "tools/holdload/wire.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 6455, section 1.3 */
#define ACCEPT_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define RESPONSE_MAX 16384u

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

size_t wire_put(uint8_t *out, enum wire_opcode opcode, const void *payload,
		size_t length, uint32_t mask)
{
	size_t at = 2;

	out[0] = (uint8_t)(0x80 | opcode);
	if (length < 126) {
		out[1] = (uint8_t)(0x80 | length);
	} else if (length < 65536) {
		out[1] = 0x80 | 126;
		out[2] = (uint8_t)(length >> 8);
		out[3] = (uint8_t)length;
		at = 4;
	} else {
		out[1] = 0x80 | 127;
		for (int i = 0; i < 8; i++)
			out[2 + i] =
				(uint8_t)((uint64_t)length >> (56 - 8 * i));
		at = 10;
	}
	memcpy(out + at, &mask, 4);
	mask_copy(out + at + 4, payload, length, mask);
	return at + 4 + length;
}

ssize_t wire_take(const uint8_t *bytes, size_t length, size_t max,
		  struct wire_frame *frame)
{
	uint64_t payload;
	size_t at = 2;

	if (length < 2)
		return 0;
	if ((bytes[0] & 0x70) || (bytes[1] & 0x80))
		return -1; /* no extension was agreed; servers do not mask */
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
	if (length - at < payload)
		return 0;
	frame->opcode = (enum wire_opcode)(bytes[0] & 15);
	frame->final = bytes[0] & 0x80;
	frame->payload = bytes + at;
	frame->length = (size_t)payload;
	return (ssize_t)(at + payload);
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

static void expected_accept(const char *key, char out[32])
{
	char text[WIRE_KEY_SIZE + sizeof(ACCEPT_GUID)];
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	(void)snprintf(text, sizeof(text), "%s" ACCEPT_GUID, key);
	if (!EVP_Digest(text, strlen(text), hash, &length, EVP_sha1(), NULL))
		length = 0;
	(void)EVP_EncodeBlock((unsigned char *)out, hash, (int)length);
}

/* Does the header stand there with that value? */
static bool has_header(const char *head, const char *name, const char *value)
{
	const char *line = strstr(head, "\r\n");

	for (; line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
		const char *at = line + 2;
		size_t length = strlen(name);

		if (strncasecmp(at, name, length) != 0 || at[length] != ':')
			continue;
		at += length + 1;
		while (*at == ' ')
			at++;
		return strncmp(at, value, strlen(value)) == 0;
	}
	return false;
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
	char head[RESPONSE_MAX + 1], accept[32];
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);
	int said;

	if (!end)
		return length > RESPONSE_MAX ? -1 : 0;
	if ((size_t)(end - bytes) > RESPONSE_MAX - 4)
		return -1;
	memcpy(head, bytes, (size_t)(end - bytes) + 4);
	head[end - bytes + 4] = '\0';
	if (strncmp(head, "HTTP/1.1 ", 9) != 0)
		return -1;
	said = status_of(head + 9);
	if (said < 0)
		return -1;
	*status = said;
	expected_accept(key, accept);
	if (*status == 101 && !has_header(head, "Sec-WebSocket-Accept", accept))
		return -1;
	if (*status == 101 && subprotocol &&
	    !has_header(head, "Sec-WebSocket-Protocol", subprotocol))
		return -1;
	return end - bytes + 4;
}
