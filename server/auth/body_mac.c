/* body_mac.c - HMAC-SHA256 of a body while it comes (see body_mac.h) */
#include "server/auth/body_mac.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct body_mac {
	EVP_MAC_CTX *of[AUTH_SECRETS_MAX]; /* each with one secret */
	size_t count;
};

static EVP_MAC_CTX *begin(const char *secret)
{
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	EVP_MAC_CTX *context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;

	EVP_MAC_free(hmac); /* the context holds it */
	if (context && EVP_MAC_init(context, (const unsigned char *)secret,
				    strlen(secret), parameters) == 1)
		return context;
	EVP_MAC_CTX_free(context);
	return NULL;
}

struct body_mac *body_mac_start(const char *texts,
				const struct auth_words *words)
{
	struct body_mac *mac = calloc(1, sizeof(*mac));

	for (uint32_t i = 0; mac && i < words->count; i++) {
		if (mac->count == AUTH_SECRETS_MAX)
			break;
		mac->of[mac->count] = begin(texts + words->at[i]);
		if (!mac->of[mac->count])
			return body_mac_free(mac);
		mac->count++;
	}
	return mac;
}

static void drop(EVP_MAC_CTX **context)
{
	EVP_MAC_CTX_free(*context);
	*context = NULL;
}

/* One that libcrypto gives up matches nothing. */
void body_mac_add(struct body_mac *mac, const void *bytes, size_t length)
{
	for (size_t i = 0; i < mac->count; i++)
		if (mac->of[i] &&
		    EVP_MAC_update(mac->of[i], bytes, length) != 1)
			drop(&mac->of[i]);
}

bool body_mac_matches(struct body_mac *mac,
		      const uint8_t signature[HMAC_SHA256_SIZE])
{
	uint8_t digest[HMAC_SHA256_SIZE];
	unsigned found = 0;

	for (size_t i = 0; i < mac->count; i++) {
		size_t length = 0;

		if (mac->of[i] &&
		    EVP_MAC_final(mac->of[i], digest, &length,
				  sizeof(digest)) == 1 &&
		    length == sizeof(digest))
			found |= secret_same_bytes(digest, signature,
						   sizeof(digest));
		drop(&mac->of[i]);
	}
	return found != 0;
}

struct body_mac *body_mac_free(struct body_mac *mac)
{
	if (!mac)
		return NULL;
	for (size_t i = 0; i < mac->count; i++)
		drop(&mac->of[i]);
	free(mac);
	return NULL;
}
