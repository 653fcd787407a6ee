/* sign.c - how each provider proves who it is (see sign.h) */
#include "tools/holdload/sign.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/secret.h"

#define URL_MAX	    4096
#define QUERY_MAX   32
#define SIGNED_MAX  8192
#define BASE64_SIZE 64 /* of a digest, with its NUL */

/* ---- secrets ---------------------------------------------------------------
 */

static void read_line(char *out, FILE *in)
{
	if (!fgets(out, SECRET_MAX, in))
		out[0] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
}

int credentials_read(struct credentials *credentials, const char *path)
{
	FILE *in = fopen(path, "re");

	if (!in)
		return -errno;
	read_line(credentials->secret, in);
	read_line(credentials->second, in);
	(void)fclose(in);
	return credentials->secret[0] ? 0 : -ENODATA;
}

/* ---- texts -----------------------------------------------------------------
 */

static size_t fits(int n, size_t room)
{
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static void put_base64(char out[BASE64_SIZE], const uint8_t *bytes, size_t size)
{
	(void)sodium_bin2base64(out, BASE64_SIZE, bytes, size,
				sodium_base64_VARIANT_ORIGINAL);
}

/* The URL that was signed, with the scheme instead of the request's. */
static size_t put_url(char out[URL_MAX], const struct sign_request *request,
		      const char *scheme)
{
	const char *rest =
		request->signed_url ? strstr(request->signed_url, "://") : NULL;

	if (rest)
		return fits(snprintf(out, URL_MAX, "%s%s", scheme, rest),
			    URL_MAX);
	return fits(snprintf(out, URL_MAX, "%s://%s%s", scheme, request->host,
			     request->path),
		    URL_MAX);
}

static const char *scheme_of(const struct sign_request *request)
{
	const char *url = request->signed_url;

	if (!url)
		return request->scheme;
	return strncmp(url, "wss:", 4) == 0 || strncmp(url, "https:", 6) == 0
		       ? "wss"
		       : "ws";
}

/* ---- providers -------------------------------------------------------------
 */

static size_t put_bearer(char *out, size_t room, const struct credentials *c,
			 const struct sign_request *request)
{
	(void)request;
	return fits(
		snprintf(out, room, "Authorization: Bearer %s\r\n", c->secret),
		room);
}

static size_t put_basic(char *out, size_t room, const struct credentials *c,
			const struct sign_request *request)
{
	char text[2 * SECRET_MAX];

	(void)request;
	(void)sodium_bin2base64(text, sizeof(text), (const uint8_t *)c->secret,
				strlen(c->secret),
				sodium_base64_VARIANT_ORIGINAL);
	return fits(snprintf(out, room, "Authorization: Basic %s\r\n", text),
		    room);
}

static size_t put_telnyx(char *out, size_t room, const struct credentials *c,
			 const struct sign_request *request)
{
	(void)request;
	return fits(snprintf(out, room, "x-telnyx-streaming-auth-token: %s\r\n",
			     c->secret),
		    room);
}

/* Over the URL, letter for letter, with the scheme of the socket. */
static size_t put_twilio(char *out, size_t room, const struct credentials *c,
			 const struct sign_request *request)
{
	uint8_t digest[HMAC_SHA1_SIZE];
	char url[URL_MAX], text[BASE64_SIZE];
	size_t length = put_url(url, request, scheme_of(request));

	if (length == 0 ||
	    hmac_sha1(c->secret, strlen(c->secret), url, length, digest) < 0)
		return 0;
	put_base64(text, digest, sizeof(digest));
	return fits(snprintf(out, room, "X-Twilio-Signature: %s\r\n", text),
		    room);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void decode_percent(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '%' && isxdigit((unsigned char)text[1]) &&
		    isxdigit((unsigned char)text[2])) {
			const char hex[3] = { text[1], text[2], '\0' };

			*to++ = (char)strtol(hex, NULL, 16);
			text += 2;
		} else {
			*to++ = (char)(*text == '+' ? ' ' : *text);
		}
	}
	*to = '\0';
}

/* The query decoded and sorted, in place of the one that is there. */
static size_t sort_query(char url[URL_MAX])
{
	char query[URL_MAX], *parts[QUERY_MAX], *rest = query, *part;
	char *mark = strchr(url, '?');
	size_t count = 0, length;

	if (!mark)
		return strlen(url);
	(void)snprintf(query, sizeof(query), "%s", mark + 1);
	while (count < QUERY_MAX && (part = strsep(&rest, "&"))) {
		decode_percent(part);
		parts[count++] = part;
	}
	qsort(parts, count, sizeof(parts[0]), compare);
	length = (size_t)(mark + 1 - url);
	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(url + length, URL_MAX - length,
					   "%s%s", i > 0 ? "&" : "", parts[i]);
	return length;
}

static size_t put_plivo(char *out, size_t room, const struct credentials *c,
			const struct sign_request *request)
{
	bool tls = strcmp(scheme_of(request), "wss") == 0;
	char text[URL_MAX + 32], signature[BASE64_SIZE], nonce[24];
	uint8_t digest[HMAC_SHA256_SIZE];
	size_t length = put_url(text, request, tls ? "https" : "http");

	if (length == 0)
		return 0;
	length = sort_query(text);
	(void)snprintf(nonce, sizeof(nonce), "%020llu",
		       (unsigned long long)request->random);
	length += (size_t)snprintf(text + length, sizeof(text) - length, ".%s",
				   nonce);
	if (hmac_sha256(c->secret, strlen(c->secret), text, length, digest) < 0)
		return 0;
	put_base64(signature, digest, sizeof(digest));
	return fits(snprintf(out, room,
			     "X-Plivo-Signature-V3: %s\r\n"
			     "X-Plivo-Signature-V3-Nonce: %s\r\n",
			     signature, nonce),
		    room);
}

static void put_part(char *out, size_t room, const void *bytes, size_t size)
{
	(void)sodium_bin2base64(out, room, bytes, size,
				sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* RFC 7519. */
static size_t put_vonage(char *out, size_t room, const struct credentials *c,
			 const struct sign_request *request)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	uint8_t digest[HMAC_SHA256_SIZE];
	char claims[256], head[64], body[384], token[512], end[BASE64_SIZE];
	int length = snprintf(claims, sizeof(claims),
			      "{\"iss\":\"Vonage\",\"iat\":%llu,\"jti\":"
			      "\"%016llx\",\"application_id\":\"%s\"}",
			      (unsigned long long)request->now_s,
			      (unsigned long long)request->random,
			      request->ids->account);

	put_part(head, sizeof(head), header, strlen(header));
	put_part(body, sizeof(body), claims, (size_t)length);
	length = snprintf(token, sizeof(token), "%s.%s", head, body);
	if (hmac_sha256(c->secret, strlen(c->secret), token, (size_t)length,
			digest) < 0)
		return 0;
	put_part(end, sizeof(end), digest, sizeof(digest));
	return fits(snprintf(out, room, "Authorization: Bearer %s.%s\r\n",
			     token, end),
		    room);
}

/* ---- Genesys ---------------------------------------------------------------
 */

/* Behind "sig1=": which components, and the signature's own words. */
static void put_params(char *out, size_t room, const struct credentials *c,
		       const struct sign_request *request)
{
	(void)snprintf(
		out, room,
		"(\"@request-target\" \"@authority\" "
		"\"audiohook-organization-id\" \"audiohook-session-id\" "
		"\"audiohook-correlation-id\" \"x-api-key\");keyid=\"%s\";"
		"nonce=\"%016llx%016llx\";alg=\"hmac-sha256\";created=%llu;"
		"expires=%llu",
		c->secret, (unsigned long long)request->now_s,
		(unsigned long long)request->random,
		(unsigned long long)request->now_s,
		(unsigned long long)request->now_s + 10);
}

/* The host in lower case, without its scheme's own port. */
static void put_authority(char *out, size_t room,
			  const struct sign_request *request)
{
	const char *url = request->signed_url;
	const char *port =
		strcmp(scheme_of(request), "wss") == 0 ? ":443" : ":80";
	size_t length;

	url = url && strstr(url, "://") ? strstr(url, "://") + 3
					: request->host;
	(void)snprintf(out, room, "%.*s", (int)strcspn(url, "/"), url);
	length = strlen(out);
	if (length > strlen(port) &&
	    strcmp(out + length - strlen(port), port) == 0)
		out[length - strlen(port)] = '\0';
	for (; *out; out++)
		*out = (char)tolower((unsigned char)*out);
}

static const char *target_of(const struct sign_request *request)
{
	const char *url = request->signed_url;

	url = url ? strstr(url, "://") : NULL;
	url = url ? strchr(url + 3, '/') : NULL;
	return url ? url : request->path;
}

static size_t put_genesys(char *out, size_t room, const struct credentials *c,
			  const struct sign_request *request)
{
	uint8_t key[SECRET_MAX], digest[HMAC_SHA256_SIZE];
	char params[SECRET_MAX + 512], authority[512], base[2 * SIGNED_MAX];
	char signature[BASE64_SIZE];
	size_t length;
	int size;

	if (!c->second[0])
		return fits(snprintf(out, room, "X-API-KEY: %s\r\n", c->secret),
			    room);
	size = base64_to_bytes(c->second, strlen(c->second), false, key,
			       sizeof(key));
	put_params(params, sizeof(params), c, request);
	put_authority(authority, sizeof(authority), request);
	length = fits(snprintf(base, sizeof(base),
			       "\"@request-target\": %s\n\"@authority\": %s\n"
			       "\"audiohook-organization-id\": %s\n"
			       "\"audiohook-session-id\": %s\n"
			       "\"audiohook-correlation-id\": %s\n"
			       "\"x-api-key\": %s\n\"@signature-params\": %s",
			       target_of(request), authority,
			       request->ids->account, request->ids->stream,
			       request->ids->call, c->secret, params),
		      sizeof(base));
	if (size < 0 || length == 0 ||
	    hmac_sha256(key, (size_t)size, base, length, digest) < 0)
		return 0;
	put_base64(signature, digest, sizeof(digest));
	return fits(snprintf(out, room,
			     "X-API-KEY: %s\r\nSignature-Input: sig1=%s\r\n"
			     "Signature: sig1=:%s:\r\n",
			     c->secret, params, signature),
		    room);
}

size_t sign_put(char *out, size_t room, enum sign_kind kind,
		const struct credentials *credentials,
		const struct sign_request *request)
{
	static size_t (*const puts[])(char *, size_t,
				      const struct credentials *,
				      const struct sign_request *) = {
		[SIGN_BEARER] = put_bearer,   [SIGN_BASIC] = put_basic,
		[SIGN_TWILIO] = put_twilio,   [SIGN_PLIVO] = put_plivo,
		[SIGN_VONAGE] = put_vonage,   [SIGN_TELNYX] = put_telnyx,
		[SIGN_GENESYS] = put_genesys,
	};

	return puts[kind](out, room, credentials, request);
}
