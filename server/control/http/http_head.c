/* http_head.c - the head of a response, on the wire (see http_head.h) */
#include "server/control/http/http_head.h"

#include <string.h>
#include <libwebsockets.h>

#define HEAD_BYTES 3072 /* a token in a cookie included */

static bool add_header(struct lws *wsi, const char *name, const char *value,
		       unsigned char **p, unsigned char *end)
{
	return lws_add_http_header_by_name(wsi, (const unsigned char *)name,
					   (const unsigned char *)value,
					   (int)strlen(value), p, end) == 0;
}

/* What there is to say of the body, or (304) of the one that the peer has. */
static bool add_body_headers(struct lws *wsi,
			     const struct http_response *response,
			     unsigned char **p, unsigned char *end)
{
	if (response->etag[0] &&
	    !add_header(wsi, "etag:", response->etag, p, end))
		return false;
	if (response->content_range[0] &&
	    !add_header(wsi, "content-range:", response->content_range, p, end))
		return false;
	if (response->file &&
	    !add_header(wsi, "accept-ranges:", "bytes", p, end))
		return false;
	if (response->status == 304)
		return true;
	return add_header(wsi, "content-type:",
			  response->type ? response->type : "text/plain", p,
			  end) &&
	       lws_add_http_header_content_length(wsi, response->length, p,
						  end) == 0;
}

/* What a browser may do with the answer. Answers of the API may do nothing; a
 * page says itself what it needs. */
static bool add_guards(struct lws *wsi, const struct http_response *response,
		       unsigned char **p, unsigned char *end)
{
	const struct {
		const char *name, *value;
	} guards[] = {
		{ "cache-control:",
		  response->may_keep ? "no-cache" : "no-store" },
		{ "content-security-policy:",
		  response->policy
			  ? response->policy
			  : "default-src 'none'; frame-ancestors 'none'" },
		{ "x-content-type-options:", "nosniff" },
		{ "referrer-policy:", "no-referrer" },
		{ "cross-origin-opener-policy:", "same-origin" },
		{ "cross-origin-resource-policy:", "same-origin" },
		{ "permissions-policy:",
		  "camera=(), geolocation=(), microphone=(), payment=(), "
		  "usb=()" },
	};

	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++)
		if (!add_header(wsi, guards[i].name, guards[i].value, p, end))
			return false;
	return !lws_is_ssl(wsi) ||
	       add_header(wsi, "strict-transport-security:", "max-age=31536000",
			  p, end);
}

bool http_head_write(struct lws *wsi, const struct http_response *response,
		     const char *request_id, bool hang_up)
{
	unsigned char buffer[LWS_PRE + HEAD_BYTES];
	unsigned char *start = buffer + LWS_PRE, *p = start;
	unsigned char *end = buffer + sizeof(buffer);
	unsigned code = (unsigned)response->status | LWSAHH_FLAG_NO_SERVER_NAME;

	if (lws_add_http_header_status(wsi, code, &p, end) ||
	    !add_body_headers(wsi, response, &p, end) ||
	    !add_header(wsi, "x-request-id:", request_id, &p, end) ||
	    !add_guards(wsi, response, &p, end))
		return false;
	/* A server says its own version (RFC 9110, 2.5). libwebsockets repeats
	 * that of the request, which it has not read yet at an upgrade. */
	memcpy(start, "HTTP/1.1", strlen("HTTP/1.1"));
	if (response->cookie &&
	    !add_header(wsi, "set-cookie:", response->cookie, &p, end))
		return false;
	if (response->allow[0] &&
	    !add_header(wsi, "allow:", response->allow, &p, end))
		return false;
	if (response->status == 401 &&
	    !add_header(wsi, "www-authenticate:",
			response->challenge ? response->challenge : "Bearer",
			&p, end))
		return false;
	if ((response->status == 503 || response->status == 429) &&
	    !add_header(wsi, "retry-after:",
			response->status == 503 ? "1" : "60", &p, end))
		return false;
	if (response->status == 426 &&
	    !add_header(wsi, "upgrade:", "websocket", &p, end))
		return false;
	if (hang_up && !add_header(wsi, "connection:", "close", &p, end))
		return false;
	return lws_finalize_write_http_header(wsi, start, &p, end) == 0;
}
