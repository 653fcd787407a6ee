/*
 * tls.h - the calls' end of TLS, for wss://
 *
 * One context for the run, one session for each connection. The server's
 * certificate must be good for the host of the URL, unless told otherwise.
 *
 * Thread: the context is made by main and only read afterwards; a session
 * belongs to its link.
 */
#ifndef HOLDLOAD_TLS_H
#define HOLDLOAD_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/types.h>

struct tls_options {
	const char *cacert;	/* PEM; NULL: the system's */
	const char *cert, *key; /* our own, PEM; NULL: none */
	bool insecure;		/* any certificate will do */
};

/* NULL after a complaint on stderr. */
SSL_CTX *tls_context(const struct tls_options *options);

/* A session over a connected socket, which it does not own; NULL: no memory.
 * `host` without port or brackets. */
SSL *tls_begin(SSL_CTX *context, int fd, const char *host);
/* What is left to do: 0 nothing, 1 wait until it can be read, 2 until it can be
 * written; -1: it failed, *why is constant text. */
int tls_shake_hands(SSL *session, const char **why);

/* Like send() and recv() that never wait: bytes; 0: not now; -1: it broke or
 * ended, and where TLS knows a reason it is in *why. (With TLS 1.3 a server
 * that does not like our certificate says so here, RFC 8446, section 4.4.2.) */
ssize_t tls_write(SSL *session, const void *bytes, size_t length,
		  const char **why);
ssize_t tls_read(SSL *session, void *bytes, size_t room, const char **why);

#endif
