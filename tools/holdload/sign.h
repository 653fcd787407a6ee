/*
 * sign.h - how each provider proves in the handshake who it is
 *
 * The texts that are signed are put together here, from the providers'
 * documents, and not by what the server judges them with; only the HMACs are
 * shared (server/auth/secret.h). So the two test each other.
 *
 *   bearer   Authorization: Bearer SECRET
 *   basic    Authorization: Basic; the secret is USER:PASSWORD
 *   telnyx   x-telnyx-streaming-auth-token: SECRET
 *   twilio   X-Twilio-Signature: HMAC-SHA1 over the URL
 *   plivo    X-Plivo-Signature-V3: HMAC-SHA256 over the URL and a nonce
 *   vonage   Authorization: Bearer JWT, HS256
 *   genesys  X-API-KEY: the secret's first line; with a second one, which is
 *            the client secret in base64, a signature over the handshake
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_SIGN_H
#define HOLDLOAD_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "tools/holdload/dialect.h"

#define SECRET_MAX 4096

/* The first lines of a secret file; "" for none. */
struct credentials {
	char secret[SECRET_MAX], second[SECRET_MAX];
};

/* 0, or a negative errno; -ENODATA: its first line is empty. */
int credentials_read(struct credentials *credentials, const char *path);

struct sign_request {
	const char *scheme, *host, *path; /* ws or wss; with port; with query */
	const char *signed_url; /* that the provider was told; NULL: these */
	const struct dialect_ids *ids;
	uint64_t now_s; /* wall clock */
	uint64_t random;
};

/* Headers, each "Name: value\r\n", with a NUL behind. The length; 0: no room,
 * or a secret that cannot be used. */
size_t sign_put(char *out, size_t room, enum sign_kind kind,
		const struct credentials *credentials,
		const struct sign_request *request);

#endif
