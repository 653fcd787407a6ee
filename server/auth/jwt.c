/*
 * jwt.c - Vonage's token: a JWT signed with HS256 (RFC 7519, RFC 7515)
 *
 * Nothing of it is believed, not even which algorithm it names, before the
 * signature has been found to be ours: HS256 is the only one we know. Then the
 * times are looked at. A token without an end is good for a while after its
 * beginning; without either it is good for ever, and so for nothing.
 *
 * With a webhook's body it must hold the body's SHA-256 as `payload_hash`, and
 * a token that holds one is good for that body alone;
 * developer.vonage.com/getting-started/concepts/signing-messages.
 */
#include <string.h>
#include <jansson.h>
#include <sodium.h>

#include "server/auth/auth.h"
#include "server/auth/secret.h"

#define SHA256_SIZE crypto_hash_sha256_BYTES
#define PART_MAX    2048  /* bytes of a header or a payload, decoded */
#define SKEW_S	    30.0  /* clocks differ */
#define LIFE_S	    300.0 /* of a token that does not say its own */

/* The JSON object in base64 of URLs; the caller's to release, or NULL. */
static json_t *read_part(const char *text, size_t length)
{
	char bytes[PART_MAX];
	int size = base64_to_bytes(text, length, true, bytes, sizeof(bytes));
	json_t *part = size < 0 ? NULL
				: json_loadb(bytes, (size_t)size,
					     JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(part))
		return part;
	json_decref(part);
	return NULL;
}

static bool is_signed(const struct auth_policy *policy, const char *token,
		      size_t signed_length, const uint8_t *signature)
{
	const struct auth_words *secrets = &policy->rules->words[AUTH_VONAGE];
	uint8_t digest[HMAC_SHA256_SIZE];
	unsigned passed = 0;

	for (uint32_t i = 0; i < secrets->count; i++) {
		const char *secret = policy->texts + secrets->at[i];

		passed |= hmac_sha256(secret, strlen(secret), token,
				      signed_length, digest) == 0 &&
			  secret_same_bytes(digest, signature, sizeof(digest));
	}
	return passed != 0;
}

static bool is_hs256(const char *text, size_t length)
{
	json_t *header = read_part(text, length);
	const char *algorithm =
		json_string_value(json_object_get(header, "alg"));
	bool is = algorithm && strcmp(algorithm, "HS256") == 0;

	json_decref(header);
	return is;
}

/* A claim that is there must be a number; `*value` is 0 when it is not. */
static bool read_time(const json_t *claims, const char *name, double *value)
{
	const json_t *claim = json_object_get(claims, name);

	*value = json_number_value(claim);
	return !claim || (json_is_number(claim) && *value > 0);
}

static const char *judge_times(const json_t *claims, double now_s)
{
	double expires, issued, begins;

	if (!claims || !read_time(claims, "exp", &expires) ||
	    !read_time(claims, "iat", &issued) ||
	    !read_time(claims, "nbf", &begins))
		return "malformed";
	if (expires == 0 && issued == 0)
		return "malformed";
	if (expires == 0)
		expires = issued + LIFE_S;
	if (issued > now_s + SKEW_S || begins > now_s + SKEW_S)
		return "not_yet_valid";
	return expires + SKEW_S <= now_s ? "expired" : NULL;
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
	double now_s = (double)request->now_ms / 1000.0;
	size_t header = strcspn(token, ".");
	size_t payload = token[header] ? strcspn(token + header + 1, ".") : 0;
	size_t covered = header + 1 + payload; /* by the signature */
	uint8_t signature[HMAC_SHA256_SIZE];
	const char *wrong;
	json_t *claims;

	if (payload == 0 || token[covered] != '.')
		return "malformed";
	if (base64_to_bytes(token + covered + 1, strlen(token + covered + 1),
			    true, signature,
			    sizeof(signature)) != sizeof(signature))
		return "malformed";
	if (!is_signed(policy, token, covered, signature) ||
	    !is_hs256(token, header))
		return "mismatch";
	claims = read_part(token + header + 1, payload);
	wrong = judge_times(claims, now_s);
	if (!wrong)
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
