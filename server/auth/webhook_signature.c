/*
 * webhook_signature.c - signatures over the time and the body of a webhook
 *
 *   Telnyx    telnyx-signature-ed25519: base64(Ed25519(private key, text))
 *             telnyx-timestamp: seconds since 1970; text: time "|" body
 *             developers.telnyx.com/docs/messaging/messages/receiving-webhooks
 *   jambonz   Jambonz-Signature: t=TIME,v1=hex(HMAC-SHA256(secret, text)), and
 *             more v1 while a secret is changed; text: time "." body
 *             docs.jambonz.org/guides/features/securing-http-endpoints
 *   Meta      X-Hub-Signature-256: sha256=hex(HMAC-SHA256(secret, body))
 *             developers.facebook.com/docs/graph-api/webhooks/getting-started
 *
 * The body is that which came, to the byte. An old webhook may be a repeated
 * one, so its time must be near ours; Meta's has none, and what it says is kept
 * once however often it comes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "server/auth/auth.h"
#include "server/auth/body_mac.h"
#include "server/auth/secret.h"

#define NEAR_S	       300u
#define TIMESTAMP_MAX  16u
#define SIGNATURES_MAX 4 /* as many secrets as may be in force */

static const char *judge_time(const char *timestamp, uint64_t now_ms)
{
	size_t length = strspn(timestamp, "0123456789");
	uint64_t at_s, now_s = now_ms / 1000;

	if (length == 0 || length > TIMESTAMP_MAX || timestamp[length])
		return "malformed";
	at_s = strtoull(timestamp, NULL, 10);
	if (at_s > now_s + NEAR_S)
		return "not_yet_valid";
	return at_s + NEAR_S < now_s ? "expired" : NULL;
}

/* ---- Telnyx ----------------------------------------------------------------
 */

/* Whether one of the keys has signed that text. */
static bool is_signed(const struct auth_policy *policy,
		      const uint8_t signature[crypto_sign_BYTES],
		      const uint8_t *text, size_t length)
{
	const struct auth_words *keys =
		&policy->rules->words[AUTH_TELNYX_SIGNATURE];
	uint8_t key[crypto_sign_PUBLICKEYBYTES];

	for (uint32_t i = 0; i < keys->count; i++) {
		const char *base64 = policy->texts + keys->at[i];

		if (base64_to_bytes(base64, strlen(base64), false, key,
				    sizeof(key)) == sizeof(key) &&
		    crypto_sign_verify_detached(signature, text, length, key) ==
			    0)
			return true;
	}
	return false;
}

/* Time, separator, body: malloc'd; NULL: no memory. */
static uint8_t *signed_text(const char *timestamp, char separator,
			    const struct auth_request *request, size_t *length)
{
	size_t head = strlen(timestamp) + 1;
	char *text = malloc(head + request->body_length + 1);

	if (!text)
		return NULL;
	(void)snprintf(text, head + 1, "%s%c", timestamp, separator);
	if (request->body_length > 0)
		memcpy(text + head, request->body, request->body_length);
	*length = head + request->body_length;
	return (uint8_t *)text;
}

const char *auth_check_telnyx_signature(const struct auth_policy *policy,
					const struct auth_request *request)
{
	const char *header = request->headers[HEADER_TELNYX_SIGNATURE];
	const char *timestamp = request->headers[HEADER_TELNYX_TIMESTAMP];
	uint8_t signature[crypto_sign_BYTES], *text;
	size_t length;
	const char *wrong;

	if (!header || !timestamp)
		return "missing";
	if (base64_to_bytes(header, strlen(header), false, signature,
			    sizeof(signature)) != sizeof(signature))
		return "malformed";
	wrong = judge_time(timestamp, request->now_ms);
	if (wrong)
		return wrong;
	text = signed_text(timestamp, '|', request, &length);
	if (!text)
		return "no_memory";
	if (!is_signed(policy, signature, text, length))
		wrong = "mismatch";
	free(text);
	return wrong;
}

/* ---- jambonz ---------------------------------------------------------------
 */

struct jambonz_header {
	char timestamp[TIMESTAMP_MAX + 1];
	uint8_t signatures[SIGNATURES_MAX][HMAC_SHA256_SIZE];
	size_t count;
};

/* One "name=value". False: it is none, or a second time. */
static bool read_item(const char *item, size_t length,
		      struct jambonz_header *out)
{
	uint8_t *signature = out->signatures[out->count];
	size_t size = 0;

	if (length > 2 && memcmp(item, "t=", 2) == 0) {
		length -= 2;
		if (*out->timestamp || length > TIMESTAMP_MAX)
			return false;
		memcpy(out->timestamp, item + 2, length);
		out->timestamp[length] = '\0';
		return true;
	}
	if (length < 3 || memcmp(item, "v1=", 3) != 0)
		return length > 0; /* of a version that we do not know */
	if (out->count == SIGNATURES_MAX ||
	    sodium_hex2bin(signature, HMAC_SHA256_SIZE, item + 3, length - 3,
			   NULL, &size, NULL) != 0 ||
	    size != HMAC_SHA256_SIZE)
		return false;
	out->count++;
	return true;
}

static bool read_jambonz(const char *header, struct jambonz_header *out)
{
	*out = (struct jambonz_header){ .count = 0 };
	for (;;) {
		size_t length = strcspn(header, ",");

		if (!read_item(header, length, out))
			return false;
		header += length;
		if (!*header)
			return *out->timestamp && out->count > 0;
		header += 1 + strspn(header + 1, " ");
	}
}

static bool is_jambonz(const struct auth_policy *policy,
		       const struct jambonz_header *header, const uint8_t *text,
		       size_t length)
{
	const struct auth_words *secrets =
		&policy->rules->words[AUTH_JAMBONZ_SIGNATURE];
	uint8_t digest[HMAC_SHA256_SIZE];
	unsigned passed = 0;

	for (uint32_t i = 0; i < secrets->count; i++) {
		const char *secret = policy->texts + secrets->at[i];

		if (hmac_sha256(secret, strlen(secret), text, length, digest) <
		    0)
			continue;
		for (size_t n = 0; n < header->count; n++)
			passed |= secret_same_bytes(
				digest, header->signatures[n], sizeof(digest));
	}
	return passed != 0;
}

const char *auth_check_jambonz_signature(const struct auth_policy *policy,
					 const struct auth_request *request)
{
	const char *text = request->headers[HEADER_JAMBONZ_SIGNATURE];
	struct jambonz_header header;
	const char *wrong;
	uint8_t *covered;
	size_t length;

	if (!text)
		return "missing";
	if (!read_jambonz(text, &header))
		return "malformed";
	/* What stands in a query would be unsigned. */
	if (request->body_length == 0)
		return "no_body";
	wrong = judge_time(header.timestamp, request->now_ms);
	if (wrong)
		return wrong;
	covered = signed_text(header.timestamp, '.', request, &length);
	if (!covered)
		return "no_memory";
	if (!is_jambonz(policy, &header, covered, length))
		wrong = "mismatch";
	free(covered);
	return wrong;
}

/* ---- Meta ------------------------------------------------------------------
 */

const char *auth_check_meta(const struct auth_request *request)
{
	static const char scheme[] = "sha256=";
	const char *header = request->headers[HEADER_META_SIGNATURE];
	uint8_t signature[HMAC_SHA256_SIZE];
	size_t size = 0;

	if (!header)
		return "missing";
	if (strncmp(header, scheme, strlen(scheme)) != 0 ||
	    sodium_hex2bin(
		    signature, sizeof(signature), header + strlen(scheme),
		    strlen(header) - strlen(scheme), NULL, &size, NULL) != 0 ||
	    size != sizeof(signature))
		return "malformed";
	if (!request->body_mac)
		return "no_body";
	return body_mac_matches(request->body_mac, signature) ? NULL
							      : "mismatch";
}
