/* printable_json.c - JSON that any database takes (see printable_json.h) */
#include "server/control/webhooks/printable_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN "\xef\xbf\xbd" /* U+FFFD in UTF-8 */

static int change(json_t *string)
{
	const char *text = json_string_value(string);
	size_t length = json_string_length(string), used = 0;
	char *copy;
	int r;

	if (!memchr(text, '\0', length))
		return 0;
	copy = malloc(length * strlen(SHOWN));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < length; i++) {
		if (text[i]) {
			copy[used++] = text[i];
			continue;
		}
		memcpy(copy + used, SHOWN, strlen(SHOWN));
		used += strlen(SHOWN);
	}
	r = json_string_setn(string, copy, used) < 0 ? -ENOMEM : 0;
	free(copy);
	return r;
}

int printable_json(json_t *json)
{
	const char *key;
	json_t *value;
	size_t index;
	int r = 0;

	if (json_is_string(json))
		r = change(json);
	json_array_foreach (json, index, value)
		if (r == 0)
			r = printable_json(value);
	json_object_foreach (json, key, value)
		if (r == 0)
			r = printable_json(value);
	return r;
}
