/*
 * signed_url.c - the signatures of Twilio and Plivo over the upgrade's URL
 *
 * What was signed is the URL as the provider had it, letter for letter. We see
 * it through proxies, and providers have not been steady about the port and the
 * last slash, so every spelling that may have been signed is tried:
 *
 *   scheme://host[:port]/path[/][?query]
 *
 * None of them is easier to forge than another.
 *
 *   Twilio  base64(HMAC-SHA1(auth token, URL)); twilio.com/docs/usage/security
 *   Plivo   base64(HMAC-SHA256(auth token, URL "." nonce)), version 3, the
 *           query decoded and sorted; plivo.com/docs/voice/concepts/signature-
 *           validation
 *
 * SignalWire signs its webhooks as Twilio does, in a header of another name.
 * Behind the URL of a webhook's POST stand its parameters (signed_tail).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "server/auth/auth.h"
#include "server/auth/secret.h"
#include "server/auth/signed_text.h"

#define NONCE_MAX      256
#define SIGNATURES_MAX 8
#define ENCODED_TOO    2 /* the query as it is, and percent-encoded */

/* ---- spellings of a URL ----------------------------------------------------
 */

struct spelling {
	const char *scheme;
	bool with_port, with_slash, encoded;
};

/* Where the port of "host:port" or "[v6]:port" begins; NULL: there is none. */
static const char *port_of(const char *authority)
{
	const char *bracket = strrchr(authority, ']');

	return strchr(bracket ? bracket : authority, ':');
}

static bool is_tls(const char *scheme)
{
	return strcmp(scheme, "wss") == 0 || strcmp(scheme, "https") == 0;
}

static void add_place(struct signed_text *url,
		      const struct auth_request *request,
		      const struct spelling *as)
{
	const char *port = port_of(request->authority);
	size_t length = strlen(request->path);

	signed_text_add(url, as->scheme);
	signed_text_add(url, "://");
	signed_text_add_bytes(url, request->authority,
			      port ? (size_t)(port - request->authority)
				   : strlen(request->authority));
	if (as->with_port && port)
		signed_text_add(url, port);
	else if (as->with_port)
		signed_text_add(url, is_tls(as->scheme) ? ":443" : ":80");
	while (length > 0 && request->path[length - 1] == '/')
		length--;
	signed_text_add_bytes(url, request->path, length);
	if (as->with_slash)
		signed_text_add(url, "/");
}

/* How many of the schemes may have been signed: without TLS the last two. */
static size_t schemes_in_play(const struct auth_request *request)
{
	return is_tls(request->scheme) ? 2 : 4;
}

/* ---- Twilio ----------------------------------------------------------------
 */

struct trial {
	const struct auth_policy *policy;
	const struct auth_request *request;
	const struct auth_words *secrets;
	unsigned passed; /* every trial is made, then this is looked at */
};

static void try_twilio(struct trial *trial, const struct spelling *as,
		       const uint8_t signature[HMAC_SHA1_SIZE])
{
	const struct auth_request *request = trial->request;
	struct signed_text url = { .length = 0 };
	uint8_t digest[HMAC_SHA1_SIZE];

	add_place(&url, request, as);
	signed_text_add_query(&url, request->query, request->query_count,
			      as->encoded);
	signed_text_add(&url, request->signed_tail ? request->signed_tail : "");
	for (uint32_t i = 0; i < trial->secrets->count && !url.too_long; i++) {
		const char *secret =
			trial->policy->texts + trial->secrets->at[i];

		trial->passed |=
			hmac_sha1(secret, strlen(secret), url.text, url.length,
				  digest) == 0 &&
			secret_same_bytes(digest, signature, sizeof(digest));
	}
}

/* A body that is no form is not signed itself: its digest stands in the URL,
 * as bodySHA256. */
static bool is_body_of_url(const struct auth_request *request)
{
	const char *hex = auth_query_value(request, "bodySHA256");
	uint8_t said[crypto_hash_sha256_BYTES], is[crypto_hash_sha256_BYTES];
	size_t size = 0;

	if (!hex || sodium_hex2bin(said, sizeof(said), hex, strlen(hex), NULL,
				   &size, NULL) != 0)
		return false;
	(void)crypto_hash_sha256(is, (const uint8_t *)request->body,
				 request->body_length);
	return size == sizeof(is) && secret_same_bytes(said, is, sizeof(is));
}

const char *auth_check_twilio(const struct auth_policy *policy,
			      const struct auth_request *request)
{
	static const char *const schemes[] = { "wss", "https", "ws", "http" };
	const char *header =
		request->headers[HEADER_TWILIO_SIGNATURE]
			? request->headers[HEADER_TWILIO_SIGNATURE]
			: request->headers[HEADER_SIGNALWIRE_SIGNATURE];
	uint8_t signature[HMAC_SHA1_SIZE];
	struct trial trial = { .policy = policy,
			       .request = request,
			       .secrets = &policy->rules->words[AUTH_TWILIO] };
	unsigned forms = request->query_count > 0 ? 4 * ENCODED_TOO : 4;

	if (!header)
		return policy->rules->signature_optional ? NULL : "missing";
	if (base64_to_bytes(header, strlen(header), false, signature,
			    sizeof(signature)) != sizeof(signature))
		return "malformed";
	if (request->body_length > 0 && !request->signed_tail &&
	    !is_body_of_url(request))
		return "unsigned_body";
	for (size_t s = 0; s < schemes_in_play(request); s++)
		for (unsigned form = 0; form < forms; form++)
			try_twilio(&trial,
				   &(struct spelling){ .scheme = schemes[s],
						       .with_port = form & 1,
						       .with_slash = form & 2,
						       .encoded = form & 4 },
				   signature);
	return trial.passed ? NULL : "mismatch";
}

/* ---- Plivo -----------------------------------------------------------------
 */

/* By name, then by value: '=' must not count as a letter of the name. */
static int compare_parameters(const void *left, const void *right)
{
	const char *a = *(const char *const *)left;
	const char *b = *(const char *const *)right;
	size_t a_name = strcspn(a, "="), b_name = strcspn(b, "=");
	int order = strncmp(a, b, a_name < b_name ? a_name : b_name);

	if (order == 0 && a_name != b_name)
		order = a_name < b_name ? -1 : 1;
	return order ? order : strcmp(a + a_name, b + b_name);
}

/* The header may hold several, for a token that is being changed. Returns how
 * many of them are signatures at all. */
static size_t read_signatures(const char *header,
			      uint8_t out[SIGNATURES_MAX][HMAC_SHA256_SIZE])
{
	size_t count = 0;

	while (*header && count < SIGNATURES_MAX) {
		size_t length;

		header += strspn(header, ", ");
		length = strcspn(header, ", ");
		if (base64_to_bytes(header, length, false, out[count],
				    HMAC_SHA256_SIZE) == HMAC_SHA256_SIZE)
			count++;
		header += length;
	}
	return count;
}

static void try_plivo(struct trial *trial, const struct signed_text *url,
		      uint8_t signatures[SIGNATURES_MAX][HMAC_SHA256_SIZE],
		      size_t count)
{
	uint8_t digest[HMAC_SHA256_SIZE];

	for (uint32_t i = 0; i < trial->secrets->count; i++) {
		const char *secret =
			trial->policy->texts + trial->secrets->at[i];

		if (hmac_sha256(secret, strlen(secret), url->text, url->length,
				digest) < 0)
			continue;
		for (size_t n = 0; n < count; n++)
			trial->passed |= secret_same_bytes(
				digest, signatures[n], sizeof(digest));
	}
}

/* Of a POST: a question mark even without a query, else a dot before it. */
static void add_plivo_tail(struct signed_text *url,
			   const struct auth_request *request)
{
	if (!request->signed_tail || !*request->signed_tail)
		return;
	signed_text_add(url, request->query_count > 0 ? "." : "?");
	signed_text_add(url, request->signed_tail);
}

const char *auth_check_plivo(const struct auth_policy *policy,
			     const struct auth_request *request)
{
	static const char *const schemes[] = { "https", "wss", "http", "ws" };
	const char *header = request->headers[HEADER_PLIVO_SIGNATURE];
	const char *nonce = request->headers[HEADER_PLIVO_NONCE];
	const char *query[AUTH_QUERY_MAX];
	uint8_t signatures[SIGNATURES_MAX][HMAC_SHA256_SIZE];
	struct trial trial = { .policy = policy,
			       .request = request,
			       .secrets = &policy->rules->words[AUTH_PLIVO] };
	size_t count;

	if (!header || !nonce)
		return "missing";
	count = read_signatures(header, signatures);
	if (count == 0 || strlen(nonce) > NONCE_MAX)
		return "malformed";
	memcpy(query, request->query, sizeof(query));
	qsort(query, request->query_count, sizeof(query[0]),
	      compare_parameters);
	/* All four: its own library takes the socket's for what was signed. */
	for (unsigned form = 0; form < 16; form++) {
		struct signed_text url = { .length = 0 };

		add_place(&url, request,
			  &(struct spelling){ .scheme = schemes[form / 4],
					      .with_port = form & 1,
					      .with_slash = form & 2 });
		signed_text_add_query(&url, query, request->query_count, false);
		add_plivo_tail(&url, request);
		signed_text_add(&url, ".");
		signed_text_add(&url, nonce);
		if (!url.too_long)
			try_plivo(&trial, &url, signatures, count);
	}
	return trial.passed ? NULL : "mismatch";
}
