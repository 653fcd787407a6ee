/* handshake.c - the upgrade as a provider asks for it (see handshake.h) */
#include "tools/holdload/handshake.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/holdload/options.h"
#include "tools/holdload/wire.h"

struct headers {
	char text[HANDSHAKE_MAX];
	size_t length;
	bool full;
};

/* A function's part: what it wrote, 0: it had no room. */
static void add(struct headers *to, size_t written)
{
	to->length += written;
	to->full = to->full || written == 0;
}

static void add_line(struct headers *to, const char *before, const char *text)
{
	int n = snprintf(to->text + to->length, sizeof(to->text) - to->length,
			 "%s%s\r\n", before, text);

	add(to,
	    n > 0 && (size_t)n < sizeof(to->text) - to->length ? (size_t)n : 0);
}

size_t handshake_put(char *out, size_t room, const struct options *o,
		     const struct talk *talk, const char *key, uint64_t random)
{
	struct headers headers = { .length = 0 };
	const struct sign_request request = {
		.scheme = o->scheme,
		.host = o->host,
		.path = o->path,
		.signed_url = o->signed_url,
		.ids = &talk->ids,
		.now_s = (uint64_t)time(NULL),
		.random = random,
	};

	headers.text[0] = '\0';
	if (o->dialect->headers)
		add(&headers,
		    o->dialect->headers(headers.text, sizeof(headers.text) - 1,
					talk));
	headers.text[headers.length] = '\0';
	if (o->credentials.secret[0])
		add(&headers,
		    sign_put(headers.text + headers.length,
			     sizeof(headers.text) - headers.length,
			     o->dialect->sign, &o->credentials, &request));
	if (o->bearer.secret[0])
		add_line(&headers, "Authorization: Bearer ", o->bearer.secret);
	for (size_t i = 0; i < o->header_count; i++)
		add_line(&headers, "", o->headers[i]);
	if (headers.full)
		return 0;
	return wire_request(
		out, room,
		&(struct wire_request){ .host = o->host,
					.path = o->path,
					.key = key,
					.subprotocol = o->dialect->subprotocol,
					.headers = headers.text });
}
