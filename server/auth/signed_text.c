/* signed_text.c - a text put together to be signed (see signed_text.h) */
#include "server/auth/signed_text.h"

#include <stdio.h>
#include <string.h>

void signed_text_add_bytes(struct signed_text *to, const char *bytes,
			   size_t length)
{
	if (to->length + length >= sizeof(to->text)) {
		to->too_long = true;
		return;
	}
	memcpy(to->text + to->length, bytes, length);
	to->length += length;
	to->text[to->length] = '\0';
}

void signed_text_add(struct signed_text *to, const char *text)
{
	signed_text_add_bytes(to, text, strlen(text));
}

static void add_encoded(struct signed_text *to, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~=";
	char escaped[4];

	for (; *text; text++) {
		if (strchr(plain, *text)) {
			signed_text_add_bytes(to, text, 1);
			continue;
		}
		(void)snprintf(escaped, sizeof(escaped), "%%%02X",
			       (unsigned char)*text);
		signed_text_add_bytes(to, escaped, 3);
	}
}

void signed_text_add_query(struct signed_text *to, const char *const *query,
			   size_t count, bool encoded)
{
	for (size_t i = 0; i < count; i++) {
		signed_text_add(to, i == 0 ? "?" : "&");
		if (encoded)
			add_encoded(to, query[i]);
		else
			signed_text_add(to, query[i]);
	}
}
