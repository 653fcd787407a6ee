/*
 * ws_frame_fuzz.c - however a stream is cut, the same messages come of it
 *
 * The first byte says into how large pieces the stream is cut. What the reader
 * makes of the pieces must be what it makes of the whole: the same messages,
 * byte for byte, the same pings, the same complaint at the same place.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ws_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that was told, one word after the other. */
struct story {
	uint8_t *bytes;
	size_t length;
	int open; /* kind of the message under way; 0: none */
	bool broken;
};

static void tell(struct story *story, const void *bytes, size_t length)
{
	memcpy(story->bytes + story->length, bytes, length);
	story->length += length;
}

static void tell_piece(struct story *story, enum ws_kind kind,
		       const struct ws_piece *piece)
{
	const char mark[2] = { '<', (char)('0' + kind) };
	bool is_data = kind == WS_TEXT || kind == WS_BINARY;

	if (kind == WS_BROKEN) {
		story->broken = true;
		tell(story, piece->why, strlen(piece->why));
		return;
	}
	/* A control frame may come between two pieces of a message; where a
	 * message is cut depends on how it was read. */
	if (!is_data || story->open == 0)
		tell(story, mark, sizeof(mark));
	else if (story->open != (int)kind)
		abort();
	tell(story, piece->bytes, piece->length);
	if (piece->whole)
		tell(story, ">", 1);
	if (is_data)
		story->open = piece->whole ? 0 : (int)kind;
	if (!is_data && piece->length > WS_CONTROL_MAX)
		abort();
}

static void read_all(struct story *story, const uint8_t *data, size_t size,
		     size_t step)
{
	struct ws_reader reader = { 0 };
	uint8_t *copy = malloc(size + 1);

	memcpy(copy, data, size);
	for (size_t from = 0; from < size && !story->broken;) {
		size_t n = step < size - from ? step : size - from;
		uint8_t *at = copy + from, *end = at + n;
		struct ws_piece piece;
		enum ws_kind kind;

		while (!story->broken &&
		       (kind = ws_read(&reader, &at, end, &piece)) !=
			       WS_NOTHING) {
			if (at > end)
				abort();
			tell_piece(story, kind, &piece);
		}
		if (!story->broken && at != end)
			abort(); /* something was left over */
		from += n;
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story whole = { 0 }, cut = { 0 };
	size_t room = 4 * size + 128;

	if (size < 2)
		return 0;
	whole.bytes = malloc(room);
	cut.bytes = malloc(room);
	read_all(&whole, data + 1, size - 1, size);
	read_all(&cut, data + 1, size - 1, data[0] % 64 + 1);
	if (whole.length != cut.length || whole.broken != cut.broken ||
	    memcmp(whole.bytes, cut.bytes, cut.length) != 0) {
		(void)fprintf(stderr, "whole: %.*s\ncut:   %.*s\n",
			      (int)whole.length, (const char *)whole.bytes,
			      (int)cut.length, (const char *)cut.bytes);
		abort();
	}
	free(whole.bytes);
	free(cut.bytes);
	return 0;
}
