/* dialects.c - all dialects, a line each (see dialect.h) */
#include <stdio.h>
#include <string.h>

#include "tools/holdload/dialects/words.h"

#define DIALECTS(X)       \
	X(twilio)         \
	X(signalwire)     \
	X(telnyx)         \
	X(plivo)          \
	X(exotel)         \
	X(vonage)         \
	X(genesys)        \
	X(asterisk)       \
	X(asterisk_plain) \
	X(azure)          \
	X(jambonz)        \
	X(freeswitch)     \
	X(plain)

#define DECLARE(name) extern const struct dialect dialect_##name;
DIALECTS(DECLARE)

#define ROW(name) &dialect_##name,
static const struct dialect *const dialects[] = { DIALECTS(ROW) };

const struct dialect *dialect_at(size_t i)
{
	return i < COUNT(dialects) ? dialects[i] : NULL;
}

const struct dialect *dialect_find(const char *name)
{
	for (size_t i = 0; i < COUNT(dialects); i++)
		if (strcmp(dialects[i]->name, name) == 0)
			return dialects[i];
	return NULL;
}

const struct audio_format *dialect_format(const struct dialect *dialect,
					  const char *text)
{
	char name[AUDIO_FORMAT_SIZE];

	for (size_t i = 0; i < dialect->format_count; i++) {
		const struct audio_format *format = &dialect->formats[i];

		audio_format_name(format, name);
		if (strcmp(name, text) == 0 || strcmp(format->codec, text) == 0)
			return format;
	}
	return NULL;
}
