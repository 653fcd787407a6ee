/* http_body.c - the body of a request while it comes (see http_body.h) */
#include "server/control/http/http_body.h"

#include <errno.h>
#include <stdbool.h>
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

/* `anyway`: beyond the bound as well. */
static bool take(struct http_bodies *of, size_t bytes, bool anyway)
{
	uint64_t held = atomic_fetch_add(&of->held, bytes) + bytes;

	if (of->most && held > of->most && !anyway) {
		give_back(of, bytes);
		if (of->refused)
			board_add(of->refused, 1);
		return false;
	}
	if (of->shown)
		board_set(of->shown, (int64_t)held);
	return true;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Room for that much. */
static int grow(struct http_body *body, size_t room)
{
	size_t more = room - body->room;
	char *bytes;

	if (!take(body->of, more, room <= HTTP_BODY_FIRST))
		return -ENOBUFS;
	bytes = realloc(body->bytes, room + 1);
	if (!bytes) {
		give_back(body->of, more);
		return -ENOMEM;
	}
	body->bytes = bytes;
	body->room = room;
	return 0;
}

struct http_body *http_body_create(struct http_bodies *of, size_t expected)
{
	struct http_body *body = calloc(1, sizeof(*body));

	if (!body)
		return NULL;
	body->of = of;
	body->expected = expected;
	if (grow(body, smaller(expected, HTTP_BODY_FIRST)) < 0)
		return http_body_free(body);
	body->bytes[0] = '\0';
	return body;
}

int http_body_add(struct http_body *body, const char *bytes, size_t length)
{
	if (length > body->expected - body->length)
		return -EMSGSIZE;
	while (length > body->room - body->length) {
		int r = grow(body, smaller(2 * body->room, body->expected));

		if (r < 0)
			return r;
	}
	memcpy(body->bytes + body->length, bytes, length);
	body->length += length;
	body->bytes[body->length] = '\0';
	if (body->mac)
		body_mac_add(body->mac, bytes, length);
	return 0;
}

struct http_body *http_body_free(struct http_body *body)
{
	if (!body)
		return NULL;
	body_mac_free(body->mac);
	give_back(body->of, body->room);
	free(body->bytes);
	free(body);
	return NULL;
}
