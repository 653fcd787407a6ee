/* handshake.c - what a caller's request says (see handshake.h) */
#include "server/handshake.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "server/log.h"
#include "server/tls.h"

#define SECRET_SEGMENT 16u /* characters; no route of ours is that long */

/* ---- copying ---------------------------------------------------------------
 */

/* The room that is left, less the NUL. */
static size_t left(const struct handshake *h)
{
	return sizeof(h->room) - h->used - 1;
}

/* What was just written at the end is kept. */
static const char *keep(struct handshake *h, size_t length)
{
	const char *text = h->room + h->used;

	h->room[h->used + length] = '\0';
	h->used += length + 1;
	if (h->used >= sizeof(h->room)) {
		h->too_long = true;
		h->used = sizeof(h->room) - 1;
	}
	return text;
}

static const char *keep_text(struct handshake *h, const char *text,
			     size_t length)
{
	if (length > left(h)) {
		h->too_long = true;
		return "";
	}
	memcpy(h->room + h->used, text, length);
	return keep(h, length);
}

/* A NUL in a value would hide the rest of it from whoever compares; blanks
 * behind it are not part of it (RFC 9110, section 5.5). */
static const char *keep_copied(struct handshake *h, int length)
{
	const char *at = h->room + h->used;

	if (length < 0) {
		h->too_long = true;
		return "";
	}
	if (memchr(at, '\0', (size_t)length)) {
		h->malformed = true;
		return "";
	}
	while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
		length--;
	return keep(h, (size_t)length);
}

static const char *known_header(struct handshake *h, struct lws *wsi,
				enum lws_token_indexes token)
{
	if (lws_hdr_total_length(wsi, token) <= 0)
		return NULL;
	return keep_copied(h, lws_hdr_copy(wsi, h->room + h->used,
					   (int)left(h) + 1, token));
}

static const char *custom_header(struct handshake *h, struct lws *wsi,
				 const char *name)
{
	char key[64];
	int length = snprintf(key, sizeof(key), "%s:", name);

	if (lws_hdr_custom_length(wsi, key, length) < 0)
		return NULL;
	return keep_copied(h,
			   lws_hdr_custom_copy(wsi, h->room + h->used,
					       (int)left(h) + 1, key, length));
}

static const char *header(struct handshake *h, struct lws *wsi,
			  enum auth_header which)
{
	switch (which) {
	case HEADER_AUTHORIZATION:
		return known_header(h, wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
	case HEADER_ORIGIN: return known_header(h, wsi, WSI_TOKEN_ORIGIN);
	default: return custom_header(h, wsi, auth_header_names[which]);
	}
}

static void read_query(struct handshake *h, struct lws *wsi)
{
	struct auth_request *request = &h->request;
	int n = 0;

	for (; lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, n) > 0;
	     n++) {
		if (n == AUTH_QUERY_MAX) {
			h->too_long = true;
			return;
		}
		request->query[n] = keep_copied(
			h, lws_hdr_copy_fragment(wsi, h->room + h->used,
						 (int)left(h) + 1,
						 WSI_TOKEN_HTTP_URI_ARGS, n));
		request->query_count++;
	}
}

static void read_certificate(struct handshake *h, struct lws *wsi)
{
	char name[256];

	if (!lws_is_ssl(wsi) ||
	    !tls_caller(lws_get_ssl(wsi), name, sizeof(name)))
		return;
	h->request.has_certificate = true;
	if (*name)
		h->request.certificate_name = keep_text(h, name, strlen(name));
}

/* ---- who, and where to -----------------------------------------------------
 */

/* The first of "https, http". */
static const char *first_of_list(struct handshake *h, const char *list)
{
	return list ? keep_text(h, list, strcspn(list, ", ")) : NULL;
}

/* Through a proxy that is trusted: what it says about the caller. */
static void follow_proxy(struct handshake *h, struct lws *wsi,
			 const struct network *proxies, size_t count)
{
	struct auth_request *request = &h->request;
	const char *proto =
		first_of_list(h, custom_header(h, wsi, "x-forwarded-proto"));
	const char *host =
		first_of_list(h, custom_header(h, wsi, "x-forwarded-host"));

	request->peer =
		network_client(proxies, count, request->peer,
			       known_header(h, wsi, WSI_TOKEN_X_FORWARDED_FOR));
	if (proto && (strcmp(proto, "https") == 0 || strcmp(proto, "wss") == 0))
		request->scheme = "wss";
	else if (proto && *proto)
		request->scheme = "ws";
	if (host && *host)
		request->authority = host;
}

static void read_place(struct handshake *h, struct lws *wsi,
		       const struct settings *settings, const char *url)
{
	const struct auth_store *who = &settings->who;
	const struct network *proxies = who->networks + who->proxy_first;
	const char *host = known_header(h, wsi, WSI_TOKEN_HOST);

	h->request.scheme = lws_is_ssl(wsi) ? "wss" : "ws";
	h->request.authority = host ? host : "";
	if (network_has(proxies, who->proxy_count, &h->request.peer))
		follow_proxy(h, wsi, proxies, who->proxy_count);
	if (*url) {
		size_t scheme = strcspn(url, ":");

		h->request.scheme = keep_text(h, url, scheme);
		url += scheme + strlen("://");
		h->request.authority = keep_text(h, url, strlen(url));
	}
}

/* An address that is not known is ::, which is in no network. */
static struct address peer_of(struct lws *wsi)
{
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t length = sizeof(peer);
	struct address address = { .bytes = { 0 } };

	if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&peer,
			&length) == 0)
		(void)address_of_socket((struct sockaddr *)&peer, &address);
	return address;
}

bool handshake_is_proxied(struct lws *wsi, const struct settings *settings)
{
	const struct auth_store *who = &settings->who;
	struct address peer = peer_of(wsi);

	return network_has(who->networks + who->proxy_first, who->proxy_count,
			   &peer);
}

struct address handshake_peer(struct lws *wsi, const struct settings *settings)
{
	const struct auth_store *who = &settings->who;
	const struct network *proxies = who->networks + who->proxy_first;
	struct address peer = peer_of(wsi);
	char forwarded[256];
	int length;

	if (!network_has(proxies, who->proxy_count, &peer))
		return peer;
	length = lws_hdr_copy(wsi, forwarded, sizeof(forwarded),
			      WSI_TOKEN_X_FORWARDED_FOR);
	return length > 0 ? network_client(proxies, who->proxy_count, peer,
					   forwarded)
			  : peer;
}

/* libwebsockets takes an encoded line end in the path for a real one: behind
 * "/path%0a" would stand a header of the caller's, where a proxy saw but a
 * path. Then nothing is left to be the version. */
bool handshake_is_http(struct lws *wsi)
{
	/* Whoever takes it for what it nearly says finds another body. */
	static const char blank_before_colon[] = "transfer-encoding :";
	char version[12];
	int length =
		lws_hdr_copy(wsi, version, sizeof(version), WSI_TOKEN_HTTP);

	return length > 0 &&
	       (strcmp(version, "HTTP/1.1") == 0 ||
		strcmp(version, "HTTP/1.0") == 0) &&
	       lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP, 1) == 0 &&
	       lws_hdr_fragment_length(wsi, WSI_TOKEN_HOST, 1) == 0 &&
	       lws_hdr_custom_length(wsi, blank_before_colon,
				     sizeof(blank_before_colon) - 1) < 0;
}

void handshake_read(struct handshake *h, struct lws *wsi,
		    const struct settings *settings, const char *public_url,
		    uint64_t now_ms)
{
	const char *path;

	memset(&h->request, 0, sizeof(h->request));
	h->used = 0;
	h->too_long = h->malformed = false;
	if (!handshake_is_http(wsi))
		h->malformed = true;
	h->request.now_ms = now_ms;
	path = known_header(h, wsi, WSI_TOKEN_GET_URI);
	if (!path)
		path = known_header(h, wsi, WSI_TOKEN_POST_URI);
	h->request.path = path ? path : "";
	read_query(h, wsi);
	h->request.peer = peer_of(wsi);
	read_place(h, wsi, settings, public_url);
	read_certificate(h, wsi);
	for (unsigned i = 0; i < AUTH_HEADERS; i++)
		h->request.headers[i] = header(h, wsi, (enum auth_header)i);
	address_format(&h->request.peer, h->peer_text);
	trace_take(custom_header(h, wsi, "traceparent"), &h->trace);
}

/* ---- the route -------------------------------------------------------------
 */

/* What stands in the place of {token}; NULL: the path is not of this route. */
static const char *token_in(const char *pattern, const char *path)
{
	while (*pattern && *pattern != '{' && *pattern == *path) {
		pattern++;
		path++;
	}
	return *pattern == '{' && *path && !strchr(path, '/') ? path : NULL;
}

const struct route *handshake_route(struct handshake *h,
				    const struct settings *settings)
{
	const char *path = h->request.path;

	for (size_t i = 0; i < settings->media.route_count; i++)
		if (strcmp(settings->media.routes[i].path, path) == 0 &&
		    !settings->media.routes[i].token_in_path)
			return &settings->media.routes[i];
	for (size_t i = 0; i < settings->media.route_count; i++) {
		const struct route *route = &settings->media.routes[i];

		if (!route->token_in_path)
			continue;
		h->request.path_token = token_in(route->path, path);
		if (h->request.path_token)
			return route;
	}
	return NULL;
}

bool handshake_is_websocket(struct lws *wsi, const char *protocol)
{
	char version[4];

	return strcasecmp(protocol, "websocket") == 0 &&
	       lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0 &&
	       lws_hdr_copy(wsi, version, sizeof(version), WSI_TOKEN_VERSION) >
		       0 &&
	       strcmp(version, "13") == 0;
}

void handshake_mask_path(const char *path, char *out, size_t size)
{
	size_t used = 0;

	if (size == 0)
		return;
	out[0] = '\0';
	while (*path && used + 5 < size) {
		size_t slash = *path == '/';
		size_t length = strcspn(path + slash, "/") + slash;
		size_t shown = length - slash < SECRET_SEGMENT ? length : slash;

		if (shown + 4 >= size - used)
			break;
		memcpy(out + used, path, shown);
		used += shown;
		if (shown < length) {
			memcpy(out + used, "***", 3);
			used += 3;
		}
		out[used] = '\0';
		path += length;
	}
	log_quoted(out, out, size);
}
