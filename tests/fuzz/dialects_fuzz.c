/*
 * dialects_fuzz.c - whatever a stranger sends is an event, and the same one
 *
 * In every dialect each message is parsed as it is, and once more with a blank
 * before it, which a fast path leaves to jansson: both must give the same
 * event.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct event *a, const struct event *b)
{
	if (a->kind != b->kind)
		abort();
	if (a->kind == EVENT_BAD && a->bad.close_code != b->bad.close_code)
		abort();
	if (a->kind != EVENT_MEDIA)
		return;
	if (a->has_seq != b->has_seq || a->seq != b->seq ||
	    a->media.track != b->media.track ||
	    a->media.has_chunk != b->media.has_chunk ||
	    a->media.chunk != b->media.chunk ||
	    a->media.has_timestamp != b->media.has_timestamp ||
	    a->media.timestamp_ms != b->media.timestamp_ms ||
	    a->media.bytes != b->media.bytes ||
	    memcmp(a->media.audio, b->media.audio, a->media.bytes) != 0 ||
	    a->stream_id.length != b->stream_id.length ||
	    (a->stream_id.at && memcmp(a->stream_id.at, b->stream_id.at,
				       a->stream_id.length) != 0))
		abort();
}

static void parse_twice(const struct provider *provider, const char *message,
			size_t size)
{
	static uint8_t audio[2][128 * 1024];
	struct scratch first = { audio[0], sizeof(audio[0]) };
	struct scratch second = { audio[1], sizeof(audio[1]) };
	struct dialog here = { .scratch = &first },
		      there = { .scratch = &second };
	struct event a, b;

	provider->parse(message + 1, size - 1, &here, &a);
	provider->parse(message, size, &there, &b);
	compare(&a, &b);
	event_release(&a);
	event_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct provider *provider;
	char *message = malloc(size + 1);

	if (!message)
		return 0;
	message[0] = ' ';
	memcpy(message + 1, data, size);
	for (size_t i = 0; (provider = provider_at(i)); i++)
		parse_twice(provider, message, size + 1);
	(void)provider_of_opening(message + 1, size, false);
	free(message);
	return 0;
}
