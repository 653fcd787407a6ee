/*
 * signed_text.h - a text put together to be signed
 *
 * It lives on the stack and does not grow: what is too long for it is too long
 * for any provider, and its signature is that of nobody.
 *
 * Thread: any.
 */
#ifndef SERVER_AUTH_SIGNED_TEXT_H
#define SERVER_AUTH_SIGNED_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct auth_request;

struct signed_text {
	size_t length;
	bool too_long;
	char text[16384];
};

void signed_text_add_bytes(struct signed_text *to, const char *bytes,
			   size_t length);
void signed_text_add(struct signed_text *to, const char *text);
/* "?a=b&c=d", or nothing. How it was spelt we do not know: `encoded` says
 * whether as it reads, or percent-encoded (RFC 3986, section 2.1). */
void signed_text_add_query(struct signed_text *to, const char *const *query,
			   size_t count, bool encoded);

#endif
