/*
 * tls_identity.h - a certificate with its key, read from files
 *
 * All of it is read and checked before it is of use to anybody: that the key
 * belongs to the certificate, that OpenSSL would serve it. So a file that is
 * wrong can never take the place of one that was right.
 *
 * Thread: any; an identity never changes, and lives as long as anyone holds it.
 */
#ifndef SERVER_TLS_IDENTITY_H
#define SERVER_TLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>

#include "server/settings.h"
#include "server/tls_pem.h"

struct tls_identity;

/* Reads what `files` names. 0, or -EINVAL with the fault, or -ENOMEM likewise.
 * The caller holds the new identity. May wait for the disk. */
int tls_identity_read(struct tls_identity **ret,
		      const struct tls_settings *files,
		      struct tls_fault *fault);
struct tls_identity *tls_identity_hold(struct tls_identity *identity);
/* Accepts NULL, returns NULL. */
struct tls_identity *tls_identity_drop(struct tls_identity *identity);

/* For one connection, before its handshake chooses a certificate: serve this
 * one, and ask for the caller's own where there is a client_ca. False when
 * OpenSSL had no memory. */
bool tls_identity_serve(const struct tls_identity *identity, SSL *ssl);

/* Does it ask callers for a certificate? */
bool tls_identity_asks(const struct tls_identity *identity);
/* From when and until when it is good: wall clock, seconds since 1970. */
int64_t tls_identity_not_before(const struct tls_identity *identity);
int64_t tls_identity_not_after(const struct tls_identity *identity);
/* Certificates behind the first one. */
unsigned tls_identity_chain(const struct tls_identity *identity);
/* The first name that it is made out to, its subject where it has none. */
void tls_identity_name(const struct tls_identity *identity, char *out,
		       size_t size);

#endif
