/*
 * webhook_signature.c - the signature of Telnyx over a webhook
 *
 *   telnyx-signature-ed25519   base64(Ed25519(private key, signed text))
 *   telnyx-timestamp           seconds since 1970
 *   signed text                timestamp "|" the body as it came
 *
 * The public key of the account verifies it (RFC 8032);
 * developers.telnyx.com/docs/messaging/messages/receiving-webhooks. An old
 * webhook may be a repeated one, so its time must be near ours.
 */
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "server/auth/auth.h"
#include "server/auth/secret.h"

#define NEAR_S	      300u
#define TIMESTAMP_MAX 16u

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
	length = strlen(timestamp);
	text = malloc(length + 1 + request->body_length);
	if (!text)
		return "no_memory";
	memcpy(text, timestamp, length);
	text[length++] = '|';
	if (request->body_length > 0)
		memcpy(text + length, request->body, request->body_length);
	if (!is_signed(policy, signature, text, length + request->body_length))
		wrong = "mismatch";
	free(text);
	return wrong;
}
