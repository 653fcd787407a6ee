/*
 * providers.c - all dialects, by name (see media/provider.h)
 */
#include "media/provider.h"

#include <string.h>

static const struct provider *const providers[] = {
#define PROVIDER_ADDRESS(name) &provider_##name,
	PROVIDERS(PROVIDER_ADDRESS)
#undef PROVIDER_ADDRESS
};
#define COUNT (sizeof(providers) / sizeof(providers[0]))

const struct provider *provider_at(size_t i)
{
	return i < COUNT ? providers[i] : NULL;
}

/* The handshake's word is taken before this; see media/line.c. */
const struct provider *provider_of_opening(const char *message, size_t length,
					   bool binary)
{
	struct opening opening = { .text = binary ? NULL : message,
				   .length = length };
	json_t *doc = binary ? NULL : json_loadb(message, length, 0, NULL);
	size_t i = 0;

	opening.doc = json_is_object(doc) ? doc : NULL;
	while (i + 1 < COUNT && !providers[i]->opens(&opening))
		i++;
	json_decref(doc);
	return providers[i];
}

const struct provider *provider_find(const char *name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(providers[i]->name, name) == 0)
			return providers[i];
	return NULL;
}

void event_release(struct event *event)
{
	json_decref(event->doc);
	event->doc = NULL;
}

void event_of_samples(struct event *event, const void *samples, size_t bytes)
{
	*event = (struct event){ .kind = EVENT_MEDIA };
	event->media.track = TRACK_INBOUND;
	event->media.audio = samples;
	event->media.bytes = bytes;
}

size_t build_samples(char *out, size_t room, const struct audio_out *audio)
{
	if (audio->bytes >= room)
		return 0;
	memcpy(out, audio->at, audio->bytes);
	return audio->bytes;
}

void event_bad(struct event *event, unsigned close_code, const char *what)
{
	event->kind = EVENT_BAD;
	event->bad.close_code = close_code;
	event->bad.what = what;
}
