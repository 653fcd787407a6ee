/* secret.c - comparing secrets and making signatures (see secret.h) */
#include "server/auth/secret.h"

#include <errno.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

bool secret_equals(const char *secret, const char *guess)
{
	uint8_t a[crypto_generichash_BYTES], b[crypto_generichash_BYTES];

	if (crypto_generichash(a, sizeof(a), (const uint8_t *)secret,
			       strlen(secret), NULL, 0) != 0 ||
	    crypto_generichash(b, sizeof(b), (const uint8_t *)guess,
			       strlen(guess), NULL, 0) != 0)
		return false;
	return sodium_memcmp(a, b, sizeof(a)) == 0;
}

bool secret_is_among(const struct auth_policy *policy,
		     const struct auth_words *secrets, const char *guess)
{
	unsigned found = 0;

	for (uint32_t i = 0; i < secrets->count; i++)
		found |= secret_equals(policy->texts + secrets->at[i], guess);
	return found != 0;
}

bool secret_same_bytes(const void *a, const void *b, size_t size)
{
	return sodium_memcmp(a, b, size) == 0;
}

static int hmac(const EVP_MD *digest, const void *key, size_t key_size,
		const void *data, size_t size, uint8_t *out)
{
	unsigned length = 0;

	return HMAC(digest, key, (int)key_size, data, size, out, &length)
		       ? 0
		       : -EIO;
}

int hmac_sha1(const void *key, size_t key_size, const void *data, size_t size,
	      uint8_t out[HMAC_SHA1_SIZE])
{
	return hmac(EVP_sha1(), key, key_size, data, size, out);
}

int hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
		uint8_t out[HMAC_SHA256_SIZE])
{
	return hmac(EVP_sha256(), key, key_size, data, size, out);
}

int base64_to_bytes(const char *text, size_t length, bool of_urls, void *out,
		    size_t room)
{
	int variant = of_urls ? sodium_base64_VARIANT_URLSAFE_NO_PADDING
			      : sodium_base64_VARIANT_ORIGINAL;
	size_t bytes = 0;

	if (sodium_base642bin(out, room, text, length, NULL, &bytes, NULL,
			      variant) != 0)
		return -1;
	return (int)bytes;
}
