/*
 * vonage_token.c - Vonage's token: a JWT (jwt.h)
 *
 * With a webhook's body it must hold the body's SHA-256 as `payload_hash`, and
 * a token that holds one is good for that body alone;
 * developer.vonage.com/getting-started/concepts/signing-messages.
 */
#include <string.h>
#include <jansson.h>
#include <sodium.h>

#include "server/auth/auth.h"
#include "server/auth/jwt.h"
#include "server/auth/secret.h"

#define SHA256_SIZE crypto_hash_sha256_BYTES

static bool is_signed(const void *keys, const char *text, size_t length,
		      const uint8_t hmac[HMAC_SHA256_SIZE])
{
	const struct auth_policy *policy = keys;
	const struct auth_words *secrets = &policy->rules->words[AUTH_VONAGE];
	uint8_t digest[HMAC_SHA256_SIZE];
	unsigned passed = 0;

	for (uint32_t i = 0; i < secrets->count; i++) {
		const char *secret = policy->texts + secrets->at[i];

		passed |= hmac_sha256(secret, strlen(secret), text, length,
				      digest) == 0 &&
			  secret_same_bytes(digest, hmac, sizeof(digest));
	}
	return passed != 0;
}

static const char *judge_body(const json_t *claims,
			      const struct auth_request *request)
{
	const char *hash =
		json_string_value(json_object_get(claims, "payload_hash"));
	uint8_t claimed[SHA256_SIZE], digest[SHA256_SIZE];
	size_t size = 0;

	if (!request->body || (!hash && request->body_length == 0))
		return NULL;
	/* A token for a body is none for a request without it, which would be
	 * read from a query that nobody signed. */
	if (!hash ||
	    sodium_hex2bin(claimed, sizeof(claimed), hash, strlen(hash), NULL,
			   &size, NULL) != 0 ||
	    size != sizeof(claimed))
		return "no_payload_hash";
	(void)crypto_hash_sha256(digest, (const uint8_t *)request->body,
				 request->body_length);
	return secret_same_bytes(claimed, digest, sizeof(digest))
		       ? NULL
		       : "another_payload";
}

static const char *judge_token(const struct auth_policy *policy,
			       const char *token,
			       const struct auth_request *request)
{
	const char *wrong;
	json_t *claims = jwt_open(token, is_signed, policy,
				  (double)request->now_ms / 1000.0, &wrong);

	if (claims)
		wrong = judge_body(claims, request);
	json_decref(claims);
	return wrong;
}

const char *auth_check_vonage(const struct auth_policy *policy,
			      const struct auth_request *request)
{
	const char *header = request->headers[HEADER_AUTHORIZATION];

	if (!header)
		return "missing";
	if (policy->rules->authorization_as_is)
		return secret_is_among(policy,
				       &policy->rules->words[AUTH_VONAGE],
				       header)
			       ? NULL
			       : "mismatch";
	if (strncasecmp(header, "Bearer ", 7) != 0)
		return "malformed";
	return judge_token(policy, header + 7 + strspn(header + 7, " "),
			   request);
}
