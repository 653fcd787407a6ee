/*
 * handshake.h - what a caller's request says, read out of libwebsockets
 *
 * All of it is copied, so that the judgement (server/auth/auth.h) knows no
 * libwebsockets: of an upgrade on the media listener, or of a webhook. The URL
 * is the one that the provider was told: as public_url says, else as a trusted
 * proxy forwards it, else as the caller has it. The peer is whoever speaks
 * through proxies that are trusted.
 *
 * libwebsockets has decoded the path and the query, and lost how they were
 * spelt; signatures over a query are tried in two spellings (signed_url.c).
 *
 * Thread: any.
 */
#ifndef SERVER_HANDSHAKE_H
#define SERVER_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/auth/auth.h"
#include "server/settings.h"
#include "server/trace.h"

struct lws;

#define HANDSHAKE_ROOM 12288 /* of all that is read, with a NUL behind each */

struct handshake {
	struct auth_request request;
	char peer_text[ADDRESS_TEXT_SIZE]; /* for the log */
	struct trace trace; /* that it belongs to, or a new one */
	size_t used;
	bool too_long; /* something had no room: nobody can judge it */
	/* No request as HTTP has it: no version behind its path, more than one
	 * Host, a NUL in a value. Whoever reads it next, a proxy before us or
	 * a check, would read something else: it is refused on any route. */
	bool malformed;
	char room[HANDSHAKE_ROOM];
};

/* Reads it, at the head of a GET or a POST. `request.path` is never NULL, and
 * "" when there is none. `public_url` is that of the listener ("": none was
 * set). */
void handshake_read(struct handshake *handshake, struct lws *wsi,
		    const struct settings *settings, const char *public_url,
		    uint64_t now_ms);

/* Is it a request as HTTP/1.1 has it, which everybody reads in the same way? */
bool handshake_is_http(struct lws *wsi);
/* Does a proxy that is trusted speak to us? */
bool handshake_is_proxied(struct lws *wsi, const struct settings *settings);
/* Who speaks, behind proxies that are trusted; that alone. */
struct address handshake_peer(struct lws *wsi, const struct settings *settings);

/* The route of the path, or NULL; a token in it is put into the request. */
const struct route *handshake_route(struct handshake *handshake,
				    const struct settings *settings);

/* Does it ask for a WebSocket as RFC 6455, section 4.2.1, has it? libwebsockets
 * takes others for one, too. `protocol` is what Upgrade names. */
bool handshake_is_websocket(struct lws *wsi, const char *protocol);

/* A path as the log may show it, in quotes: a long segment may be a token that
 * was sent to the wrong place. */
void handshake_mask_path(const char *path, char *out, size_t size);

#endif
