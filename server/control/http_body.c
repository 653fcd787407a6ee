/* http_body.c - the body of a request while it comes (see http_body.h) */
#include "server/control/http_body.h"

#include <stdlib.h>
#include <string.h>

#include "server/auth/body_mac.h"
#include "server/board.h"

static void give_back(struct http_bodies *of, size_t bytes)
{
	uint64_t before = atomic_fetch_sub(&of->held, bytes);

	if (of->shown)
		board_set(of->shown, (int64_t)(before - bytes));
}

static bool take(struct http_bodies *of, size_t bytes)
{
	uint64_t held = atomic_fetch_add(&of->held, bytes) + bytes;

	if (of->most && held > of->most) {
		give_back(of, bytes);
		if (of->refused)
			board_add(of->refused, 1);
		return false;
	}
	if (of->shown)
		board_set(of->shown, (int64_t)held);
	return true;
}

struct http_body *http_body_create(struct http_bodies *of, size_t expected)
{
	struct http_body *body;

	if (!take(of, expected))
		return NULL;
	body = malloc(sizeof(*body) + expected + 1);
	if (!body) {
		give_back(of, expected);
		return NULL;
	}
	*body = (struct http_body){ .of = of, .expected = expected };
	body->bytes[0] = '\0';
	return body;
}

bool http_body_add(struct http_body *body, const char *bytes, size_t length)
{
	if (length > body->expected - body->length)
		return false;
	memcpy(body->bytes + body->length, bytes, length);
	body->length += length;
	body->bytes[body->length] = '\0';
	if (body->mac)
		body_mac_add(body->mac, bytes, length);
	return true;
}

struct http_body *http_body_free(struct http_body *body)
{
	if (!body)
		return NULL;
	body_mac_free(body->mac);
	give_back(body->of, body->expected);
	free(body);
	return NULL;
}
