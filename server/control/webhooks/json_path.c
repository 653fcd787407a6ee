/* json_path.c - a value deep in JSON (see json_path.h) */
#include "server/control/webhooks/json_path.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 128

/* The value at "data.payload.id", of that length. */
static const json_t *find(const json_t *at, const char *path, size_t length)
{
	while (at && length > 0) {
		char name[NAME_MAX_BYTES];
		size_t part = 0;

		while (part < length && path[part] != '.')
			part++;
		if (part >= sizeof(name))
			return NULL;
		memcpy(name, path, part);
		name[part] = '\0';
		at = json_object_get(at, name);
		length -= part < length ? part + 1 : part;
		path += part + 1;
	}
	return at;
}

static bool copy_value(const json_t *value, char *out, size_t size)
{
	const char *text = json_string_value(value);
	int n = -1;

	if (text && strlen(text) == json_string_length(value) && *text)
		n = snprintf(out, size, "%s", text);
	else if (json_is_integer(value))
		n = snprintf(out, size, "%lld",
			     (long long)json_integer_value(value));
	else if (json_is_real(value))
		n = snprintf(out, size, "%.3f", json_real_value(value));
	return n >= 0 && (size_t)n < size;
}

const json_t *json_path(const json_t *at, const char *path)
{
	return find(at, path, strlen(path));
}

bool json_path_text(const json_t *at, const char *names, char *out, size_t size)
{
	while (*names) {
		size_t length = strcspn(names, " ");

		if (copy_value(find(at, names, length), out, size))
			return true;
		names += length;
		names += strspn(names, " ");
	}
	out[0] = '\0';
	return false;
}
