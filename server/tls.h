/*
 * tls.h - the certificates of our listeners, and how TLS is spoken on them
 *
 * The supervisor reads the files before it starts the roles (tls_start), which
 * inherit what it read: a role that is started again never depends on files
 * that are just being replaced. On SIGHUP the supervisor reads them again, and
 * says how it went (tls_reload); what it found good, the roles read too
 * (tls_follow). Every handshake asks for the certificate in force, so a reload
 * touches no connection: who has shaken hands goes on, who does so next sees
 * the new one.
 *
 *   files --read, checked--> identity --cert callback--> one handshake
 *
 * TLS 1.2 and 1.3, ciphers with forward secrecy, no compression and no
 * renegotiation. Where callers are asked for a certificate, sessions are not
 * resumed: each of them shows it anew.
 *
 * Thread: tls_start, tls_reload, tls_follow and tls_end on the process's main
 *         thread; the others on any.
 */
#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <openssl/ssl.h>

struct settings;

/* A new listener is a row in tls.c. */
enum tls_listener {
	TLS_OFF,
	TLS_MEDIA,
	TLS_CONTROL,
	TLS_WEBHOOKS,
	TLS_LISTENERS
};

/* Reads what the settings name. 0, or 2 after it wrote to `err` which setting
 * is at fault and what to do. */
int tls_start(const struct settings *settings, FILE *err);
/* Again, in the supervisor. What is wrong leaves the old certificate in force,
 * and is one line in the log. */
void tls_reload(const struct settings *settings);
/* Again, in a role: what the supervisor found good. */
void tls_follow(const struct settings *settings);
void tls_end(void);

/* Does that listener speak TLS? Never changes after tls_start(). */
bool tls_is_on(enum tls_listener listener);

/* "media", "control", "webhooks"; static. */
const char *tls_listener_name(enum tls_listener listener);

/* Makes the context one of that listener, which must be on: protocols, ciphers,
 * the certificate in force at each handshake, and the counting of handshakes.
 * 0 or -EIO. */
int tls_configure(SSL_CTX *context, enum tls_listener listener);

/* Has the caller shown a certificate that one of tls.client_ca signed?
 * Its common name, where it has exactly one, else "". */
bool tls_caller(const SSL *ssl, char *name, size_t size);

/* Has the other end said that nothing more will come? */
bool tls_is_ended(const SSL *ssl);

#endif
