/*
 * early.c - audio that came before its start (see early.h)
 */
#include "media/early.h"

#include <stdlib.h>
#include <string.h>

/* Messages, each behind its length. */
struct early {
	size_t used, read;
	char bytes[EARLY_MAX];
};

bool early_keep(struct early **early, const void *audio, size_t bytes)
{
	uint32_t length = (uint32_t)bytes;
	struct early *e = *early;

	if (!e)
		e = *early = calloc(1, sizeof(*e));
	if (!e || bytes > EARLY_MAX ||
	    e->used + sizeof(length) + bytes > EARLY_MAX)
		return false;
	memcpy(e->bytes + e->used, &length, sizeof(length));
	memcpy(e->bytes + e->used + sizeof(length), audio, bytes);
	e->used += sizeof(length) + bytes;
	return true;
}

const char *early_next(struct early *early, size_t *bytes)
{
	const char *audio = early->bytes + early->read + sizeof(uint32_t);
	uint32_t length;

	if (early->read == early->used)
		return NULL;
	memcpy(&length, early->bytes + early->read, sizeof(length));
	early->read += sizeof(length) + length;
	*bytes = length;
	return audio;
}

void early_free(struct early *early)
{
	free(early);
}
