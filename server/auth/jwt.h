/*
 * jwt.h - JSON Web Tokens signed with HS256 (RFC 7519, RFC 7515)
 *
 * The one algorithm that we know. Nothing of a token is believed, not even
 * which algorithm it names, before its signature was found to be ours.
 *
 * Thread: any; no state.
 */
#ifndef SERVER_AUTH_JWT_H
#define SERVER_AUTH_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "server/auth/secret.h"

/* Is that the HMAC of the text with one of our keys? */
typedef bool jwt_judge(const void *keys, const char *text, size_t length,
		       const uint8_t hmac[HMAC_SHA256_SIZE]);

/* The claims, the caller's to release; or NULL, and *wrong is a word that says
 * why: "malformed", "mismatch", "expired", "not_yet_valid". */
json_t *jwt_open(const char *token, jwt_judge *judge, const void *keys,
		 double now_s, const char **wrong);

/* Takes the claims (NULL: no memory). Malloc'd; NULL for no memory, or when
 * libcrypto refuses. */
char *jwt_make(json_t *claims, const char *key);

#endif
