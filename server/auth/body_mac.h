/*
 * body_mac.h - HMAC-SHA256 of a body while it comes
 *
 * A body of megabytes is signed as a whole. It is counted piece by piece, as
 * the socket brings it, under each of the secrets that may have signed it; so
 * the last piece costs no more than the first, and nothing of the body is
 * looked at before the verdict.
 *
 * Thread: one at a time.
 */
#ifndef SERVER_AUTH_BODY_MAC_H
#define SERVER_AUTH_BODY_MAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/auth/secret.h"

struct body_mac;

/* With the secrets that `words` lead to in `texts`. NULL: no memory. */
struct body_mac *body_mac_start(const char *texts,
				const struct auth_words *words);
void body_mac_add(struct body_mac *mac, const void *bytes, size_t length);
/* Is that the signature of all that came, by one of the secrets? All are tried.
 * Ends the counting: the second answer is no. */
bool body_mac_matches(struct body_mac *mac,
		      const uint8_t signature[HMAC_SHA256_SIZE]);
/* Accepts NULL, returns NULL. */
struct body_mac *body_mac_free(struct body_mac *mac);

#endif
