/*
 * providers.c - all dialects: one line each (see media/provider.h)
 */
#include "media/provider.h"

#include <string.h>

static const struct provider *const providers[] = {
	&provider_twilio,
};
#define COUNT (sizeof(providers) / sizeof(providers[0]))

const struct provider *provider_at(size_t i)
{
	return i < COUNT ? providers[i] : NULL;
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

void event_bad(struct event *event, unsigned close_code, const char *what)
{
	event->kind = EVENT_BAD;
	event->bad.close_code = close_code;
	event->bad.what = what;
}
