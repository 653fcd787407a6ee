/*
 * ws_frame.c - WebSocket frames (see ws_frame.h; RFC 6455, section 5)
 */
#include "server/ws_frame.h"

#include <endian.h>
#include <string.h>

#define FINAL	 0x80u
#define RESERVED 0x70u
#define MASKED	 0x80u
#define LENGTH	 0x7fu
#define TWO	 126u /* bytes of length follow */
#define EIGHT	 127u

static bool is_control(unsigned opcode)
{
	return opcode >= WS_OP_CLOSE;
}

/* ---- the head --------------------------------------------------------------
 */

static size_t head_size(unsigned second)
{
	unsigned length = second & LENGTH;

	return 2u +
	       (length == TWO	  ? 2u
		: length == EIGHT ? 8u
				  : 0u) +
	       (second & MASKED ? 4u : 0u);
}

/* Adds what has come to the head. True: that is `size` bytes now. */
static bool gather(struct ws_reader *r, uint8_t **at, const uint8_t *end,
		   size_t size)
{
	size_t more = size - r->head_length;

	if (more > (size_t)(end - *at))
		more = (size_t)(end - *at);
	memcpy(r->head + r->head_length, *at, more);
	r->head_length += (uint8_t)more;
	*at += more;
	return r->head_length == size;
}

static uint64_t payload_length(const uint8_t *head)
{
	unsigned length = head[1] & LENGTH;
	uint64_t eight;

	if (length == TWO)
		return (uint64_t)head[2] << 8 | head[3];
	if (length < TWO)
		return length;
	memcpy(&eight, head + 2, sizeof(eight));
	return be64toh(eight);
}

/* What is wrong with the head, or NULL. */
static const char *check_head(const struct ws_reader *r)
{
	if (r->head[0] & RESERVED)
		return "a frame with reserved bits";
	if (!(r->head[1] & MASKED))
		return "a frame without a mask";
	if (r->left >> 63)
		return "a frame of impossible length";
	switch (r->opcode) {
	case WS_OP_CONTINUATION:
		return r->message ? NULL : "a continuation of nothing";
	case WS_OP_TEXT:
	case WS_OP_BINARY:
		return r->message ? "a message within another" : NULL;
	case WS_OP_CLOSE:
	case WS_OP_PING:
	case WS_OP_PONG:
		if (!r->final)
			return "a control frame in pieces";
		return r->left > WS_CONTROL_MAX ? "a control frame too long"
						: NULL;
	default: return "a frame of an unknown kind";
	}
}

/* True: the payload begins, or `why` says what is wrong. */
static bool take_head(struct ws_reader *r, uint8_t **at, const uint8_t *end,
		      const char **why)
{
	if (r->head_length < 2 && !gather(r, at, end, 2))
		return false;
	if (!gather(r, at, end, head_size(r->head[1])))
		return false;
	r->final = (r->head[0] & FINAL) != 0;
	r->opcode = r->head[0] & 0x0f;
	r->left = payload_length(r->head);
	*why = check_head(r);
	if (*why)
		return true;
	memcpy(r->key, r->head + r->head_length - 4, sizeof(r->key));
	if (r->opcode == WS_OP_TEXT || r->opcode == WS_OP_BINARY)
		r->message = r->opcode;
	r->in_payload = true;
	r->control_length = 0;
	return true;
}

/* ---- the payload -----------------------------------------------------------
 */

/* Eight bytes at a time, of which the compiler makes more. The key is left
 * turned to the byte behind. */
static void unmask(uint8_t *bytes, size_t length, uint8_t key[4])
{
	uint8_t turned[4];
	uint64_t wide, word;
	size_t i = 0;

	memcpy(&wide, key, 4);
	memcpy((uint8_t *)&wide + 4, key, 4);
	for (; length - i >= 8; i += 8) {
		memcpy(&word, bytes + i, 8);
		word ^= wide;
		memcpy(bytes + i, &word, 8);
	}
	for (; i < length; i++)
		bytes[i] ^= key[i % 4];
	for (i = 0; i < 4; i++)
		turned[i] = key[(length + i) % 4];
	memcpy(key, turned, sizeof(turned));
}

static void end_frame(struct ws_reader *r)
{
	r->in_payload = false;
	r->head_length = 0;
	if (r->final && !is_control(r->opcode))
		r->message = 0;
}

/* A control frame is handed out whole. */
static enum ws_kind take_control(struct ws_reader *r, uint8_t *bytes, size_t n,
				 struct ws_piece *piece)
{
	memcpy(r->control + r->control_length, bytes, n);
	r->control_length += (uint8_t)n;
	if (r->left > 0)
		return WS_NOTHING;
	end_frame(r);
	*piece = (struct ws_piece){ .bytes = r->control,
				    .length = r->control_length,
				    .whole = true };
	if (r->opcode == WS_OP_PING)
		return WS_PING;
	return r->opcode == WS_OP_PONG ? WS_PONG : WS_CLOSE;
}

enum ws_kind ws_read(struct ws_reader *r, uint8_t **at, uint8_t *end,
		     struct ws_piece *piece)
{
	const char *why = NULL;
	uint8_t *bytes, message;
	size_t n;

	if (!r->in_payload && !take_head(r, at, end, &why))
		return WS_NOTHING;
	if (why) {
		*piece = (struct ws_piece){ .why = why };
		return WS_BROKEN;
	}
	bytes = *at;
	n = r->left < (uint64_t)(end - bytes) ? (size_t)r->left
					      : (size_t)(end - bytes);
	if (n == 0 && r->left > 0)
		return WS_NOTHING;
	unmask(bytes, n, r->key);
	*at += n;
	r->left -= n;
	if (is_control(r->opcode))
		return take_control(r, bytes, n, piece);
	message = r->message;
	*piece = (struct ws_piece){ .bytes = bytes,
				    .length = n,
				    .whole = r->final && r->left == 0 };
	if (r->left == 0)
		end_frame(r);
	return message == WS_OP_TEXT ? WS_TEXT : WS_BINARY;
}

/* ---- what we say, and how it ends ------------------------------------------
 */

size_t ws_put_head(uint8_t *payload, size_t length, enum ws_opcode opcode)
{
	uint64_t eight = htobe64(length);
	size_t size = length < TWO ? 2 : length <= UINT16_MAX ? 4 : 10;
	uint8_t *head = payload - size;

	head[0] = (uint8_t)(FINAL | opcode);
	head[1] = (uint8_t)(size == 2 ? length : size == 4 ? TWO : EIGHT);
	if (size > 2)
		memcpy(head + 2, (uint8_t *)&eight + 10 - size, size - 2);
	return size;
}

int ws_close_code(const struct ws_piece *piece)
{
	unsigned code;

	if (piece->length == 0)
		return 0;
	if (piece->length == 1)
		return -1;
	code = (unsigned)piece->bytes[0] << 8 | piece->bytes[1];
	/* RFC 6455, 7.4: what is not defined, and what only stands for "there
	 * was none", is not said. */
	if (code < 1000 || code > 4999 || code == 1004 || code == 1005 ||
	    code == 1006 || (code > 1014 && code < 3000))
		return -1;
	return (int)code;
}
