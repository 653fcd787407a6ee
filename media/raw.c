/* raw.c - a route that says back every message as it came (see raw.h) */
#include "media/raw.h"

#include <stdlib.h>
#include <string.h>

#include "media/line_internal.h"
#include "media/provider.h"

static bool add(struct raw *raw, const void *in, size_t length)
{
	size_t room = raw->room ? raw->room : 4096;
	unsigned char *more;

	while (room < raw->length + length)
		room *= 2;
	if (room != raw->room) {
		more = realloc(raw->bytes, LINE_PRE + room);
		if (!more)
			return false;
		raw->bytes = more;
		raw->room = room;
	}
	if (length > 0)
		memcpy(raw->bytes + LINE_PRE + raw->length, in, length);
	raw->length += length;
	return true;
}

static void answer(struct raw *raw, struct line *line, bool binary)
{
	size_t length = raw->length;

	raw->length = 0;
	if (line_write(line, raw->bytes + LINE_PRE, length,
		       binary ? LINE_BINARY : LINE_TEXT) &&
	    line_is_choked(line))
		line_pause(line, true);
}

void raw_receive(struct raw *raw, struct line *line, const void *in,
		 size_t length, bool whole, bool binary)
{
	if (raw->length + length > RAW_MESSAGE_MAX)
		line_close(line, CLOSE_TOO_BIG);
	else if (!add(raw, in, length))
		line_close(line, CLOSE_INTERNAL);
	else if (whole)
		answer(raw, line, binary);
}

void raw_free(struct raw *raw)
{
	free(raw->bytes);
	*raw = (struct raw){ 0 };
}
