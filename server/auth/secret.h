/*
 * secret.h - comparing secrets and making signatures, for the checks of auth.h
 *
 * Thread: any; no state.
 */
#ifndef SERVER_AUTH_SECRET_H
#define SERVER_AUTH_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/auth/auth.h"

#define HMAC_SHA1_SIZE	 20
#define HMAC_SHA256_SIZE 32

/* Whether both texts are the same, in a time that depends on the guess alone:
 * their digests are compared, so that not even the length shows. */
bool secret_equals(const char *secret, const char *guess);
/* Whether the guess is one of them; all are compared. */
bool secret_is_among(const struct auth_policy *policy,
		     const struct auth_words *secrets, const char *guess);
/* Two signatures of that many bytes. */
bool secret_same_bytes(const void *a, const void *b, size_t size);

/* 0 or -EIO when libcrypto refuses. */
int hmac_sha1(const void *key, size_t key_size, const void *data, size_t size,
	      uint8_t out[HMAC_SHA1_SIZE]);
int hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
		uint8_t out[HMAC_SHA256_SIZE]);

/* Standard base64 with padding, or the kind of URLs without; how many bytes
 * that are, or -1. Nothing but base64 is accepted. */
int base64_to_bytes(const char *text, size_t length, bool of_urls, void *out,
		    size_t room);

#endif
