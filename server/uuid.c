/*
 * uuid.c - ids that sort by time, and ids that can be made twice (see uuid.h)
 *
 * UUIDv7 as we fill it: 48 bits of milliseconds, 12 bits of the time within the
 * millisecond (1/4096), 62 random bits. A thread that makes two within the same
 * 1/4096 ms counts on from the last, so its own ids sort strictly.
 */
#include "server/uuid.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <xxhash.h>

#define DERIVE_NAME_MAX 64u
#define TICKS_PER_S	4096000u

static void set_version(struct uuid *id, unsigned version)
{
	id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | (version << 4));
	id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
}

static void fill_random(uint8_t *out, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = getrandom(out + done, size - done, 0);

		if (n < 0)
			continue; /* EINTR: all else is for bad arguments */
		done += (size_t)n;
	}
}

void uuid_make_v7_at(struct uuid *out, uint64_t *last, uint64_t wall_ns)
{
	uint64_t ticks = wall_ns / 1000000 << 12; /* 1/4096 ms */

	ticks |= wall_ns % 1000000 * 4096 / 1000000;
	/* A clock set back must not unsort what follows; a second is enough to
	 * ride out a slew, and after a real jump we follow the clock. */
	if (ticks <= *last && *last - ticks < TICKS_PER_S)
		ticks = *last + 1;
	*last = ticks;

	for (int i = 0; i < 6; i++)
		out->bytes[i] = (uint8_t)(ticks >> (52 - 8 * i));
	out->bytes[6] = (uint8_t)((ticks >> 8) & 0x0f);
	out->bytes[7] = (uint8_t)ticks;
	fill_random(out->bytes + 8, 8);
	set_version(out, 7);
}

void uuid_make_v7(struct uuid *out)
{
	static _Thread_local uint64_t last;
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	uuid_make_v7_at(out, &last,
			(uint64_t)now.tv_sec * 1000000000 +
				(uint64_t)now.tv_nsec);
}

void uuid_derive(struct uuid *out, const struct uuid *entity, const char *name)
{
	struct {
		struct uuid entity;
		char name[DERIVE_NAME_MAX];
	} what = { .entity = *entity };
	size_t length = strlen(name);
	XXH128_canonical_t canonical;

	assert(length <= sizeof(what.name));
	for (size_t i = 0; i < length; i++)
		what.name[i] = name[i];
	/* Canonical is big-endian: the same bytes on any machine. */
	XXH128_canonicalFromHash(
		&canonical, XXH3_128bits(&what, sizeof(what.entity) + length));
	memcpy(out->bytes, canonical.digest, sizeof(out->bytes));
	set_version(out, 8);
}

void uuid_format(const struct uuid *id, char out[UUID_TEXT_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	char *p = out;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[id->bytes[i] >> 4];
		*p++ = hex[id->bytes[i] & 15];
	}
	*p = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool uuid_parse(const char *text, struct uuid *out)
{
	struct uuid id;

	for (int i = 0; i < 16; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return false;
		high = nibble(text[0]);
		if (high < 0)
			return false;
		low = nibble(text[1]);
		if (low < 0)
			return false;
		id.bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0')
		return false;
	*out = id;
	return true;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
