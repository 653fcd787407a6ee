/* one_time.c - tokens of ours that open one call, once (see one_time.h) */
#include "server/auth/one_time.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sodium.h>

#include "server/auth/once.h"
#include "server/auth/secret.h"
#include "server/board.h"

#define VERSION	     1
#define EXPIRY_SIZE  6
#define NONCE_SIZE   9
#define TAG_SIZE     8
#define BODY_SIZE    (1 + EXPIRY_SIZE + NONCE_SIZE + TAG_SIZE)
#define MAC_SIZE     16
#define TOKEN_BYTES  (BODY_SIZE + MAC_SIZE)
#define PROVIDER_MAX 64
/* A token may be issued by a node whose clock is ahead of ours. */
#define LIFE_MAX_MS (UINT64_C(24) * 3600 * 1000)

_Static_assert(2 * TOKEN_BYTES + 1 == ONE_TIME_TOKEN_SIZE, "hexadecimal");

/* ---- the keys on the board -------------------------------------------------
 */

static int derive_keys(struct one_time_keys *keys, const char *const *secrets,
		       size_t count)
{
	static const char purpose[] = "holdline one-time token 1";
	int r = 0;

	keys->count = 0;
	for (size_t i = 0; i < count && i < ONE_TIME_KEYS && r == 0; i++)
		r = hmac_sha256(secrets[i], strlen(secrets[i]), purpose,
				sizeof(purpose), keys->key[keys->count++]);
	return r;
}

int one_time_publish_keys(const char *const *secrets, size_t count)
{
	struct one_time_keys keys, old;
	int r;

	if (sodium_init() < 0)
		return -ENOSYS;
	one_time_read_keys(&old);
	memset(&keys, 0, sizeof(keys));
	r = derive_keys(&keys, secrets, count);
	if (r < 0)
		return r;
	if (count == 0 && old.count > 0)
		return 0; /* what they signed is still on its way */
	if (count == 0) {
		keys.count = 1;
		randombytes_buf(keys.key[0], ONE_TIME_KEY_SIZE);
	}
	board_secret_set(&board_auth()->keys, &keys, sizeof(keys));
	sodium_memzero(&keys, sizeof(keys));
	return 0;
}

void one_time_read_keys(struct one_time_keys *keys)
{
	board_secret_get(&board_auth()->keys, keys, sizeof(*keys));
	if (keys->count > ONE_TIME_KEYS)
		keys->count = 0;
}

/* ---- a token ---------------------------------------------------------------
 */

static void put_number(uint8_t *at, size_t size, uint64_t number)
{
	while (size-- > 0) {
		at[size] = (uint8_t)number;
		number >>= 8;
	}
}

static uint64_t get_number(const uint8_t *at, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number = number << 8 | at[i];
	return number;
}

uint64_t one_time_call_tag(const char *provider, const char *call_id)
{
	uint8_t digest[HMAC_SHA256_SIZE];

	if (hmac_sha256(provider, strlen(provider), call_id, strlen(call_id),
			digest) < 0)
		return UINT64_MAX;
	return get_number(digest, TAG_SIZE) | 1;
}

static int sign(const uint8_t key[ONE_TIME_KEY_SIZE],
		const uint8_t body[BODY_SIZE], const char *provider,
		uint8_t mac[HMAC_SHA256_SIZE])
{
	uint8_t text[BODY_SIZE + PROVIDER_MAX];
	size_t length = strnlen(provider, PROVIDER_MAX);

	memcpy(text, body, BODY_SIZE);
	memcpy(text + BODY_SIZE, provider, length);
	return hmac_sha256(key, ONE_TIME_KEY_SIZE, text, BODY_SIZE + length,
			   mac);
}

int one_time_issue(char *out, size_t size, const char *provider,
		   const char *call_id_or_empty, uint64_t now_ms,
		   uint32_t ttl_ms)
{
	uint8_t bytes[TOKEN_BYTES], mac[HMAC_SHA256_SIZE];
	struct one_time_keys keys;
	int r;

	if (size < ONE_TIME_TOKEN_SIZE)
		return -ENOSPC;
	one_time_read_keys(&keys);
	if (keys.count == 0)
		return -ENOKEY;
	bytes[0] = VERSION;
	put_number(bytes + 1, EXPIRY_SIZE, now_ms + ttl_ms);
	randombytes_buf(bytes + 1 + EXPIRY_SIZE, NONCE_SIZE);
	put_number(bytes + BODY_SIZE - TAG_SIZE, TAG_SIZE,
		   *call_id_or_empty
			   ? one_time_call_tag(provider, call_id_or_empty)
			   : 0);
	r = sign(keys.key[0], bytes, provider, mac);
	sodium_memzero(&keys, sizeof(keys));
	if (r < 0)
		return r;
	memcpy(bytes + BODY_SIZE, mac, MAC_SIZE);
	sodium_bin2hex(out, size, bytes, sizeof(bytes));
	return 0;
}

static bool is_ours(const uint8_t bytes[TOKEN_BYTES], const char *provider,
		    const struct one_time_keys *keys)
{
	uint8_t mac[HMAC_SHA256_SIZE];
	unsigned passed = 0;

	for (uint32_t i = 0; i < keys->count; i++)
		passed |= sign(keys->key[i], bytes, provider, mac) == 0 &&
			  secret_same_bytes(mac, bytes + BODY_SIZE, MAC_SIZE);
	return passed != 0;
}

/* Noted as long as it would be good. */
static const char *use_up(const uint8_t bytes[TOKEN_BYTES],
			  struct once_table *used, uint64_t now_ms,
			  uint64_t expires_ms)
{
	switch (once_use(used, bytes + BODY_SIZE, now_ms / 1000,
			 expires_ms / 1000 + 1)) {
	case ONCE_FIRST: return NULL;
	case ONCE_AGAIN: return "used_before";
	default: return "too_many_tokens";
	}
}

const char *one_time_take(const char *token, const char *provider,
			  const struct one_time_keys *keys,
			  struct once_table *used, uint64_t now_ms,
			  uint64_t *call_tag)
{
	uint8_t bytes[TOKEN_BYTES];
	uint64_t expires_ms;
	size_t size = 0;

	if (strlen(token) != ONE_TIME_TOKEN_SIZE - 1 ||
	    sodium_hex2bin(bytes, sizeof(bytes), token, 2 * sizeof(bytes), NULL,
			   &size, NULL) != 0 ||
	    size != sizeof(bytes) || bytes[0] != VERSION)
		return "malformed";
	if (!is_ours(bytes, provider, keys))
		return "mismatch";
	expires_ms = get_number(bytes + 1, EXPIRY_SIZE);
	if (expires_ms <= now_ms || expires_ms > now_ms + LIFE_MAX_MS)
		return "expired";
	*call_tag = get_number(bytes + BODY_SIZE - TAG_SIZE, TAG_SIZE);
	return use_up(bytes, used, now_ms, expires_ms);
}
