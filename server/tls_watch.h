/*
 * tls_watch.h - counts the handshakes of a context, and why some failed
 *
 *   holdline_tls_handshakes_total{listener,version}
 *   holdline_tls_handshake_failures_total{listener,reason}
 *
 * Thread: that of the context's connections.
 */
#ifndef SERVER_TLS_WATCH_H
#define SERVER_TLS_WATCH_H

#include <stdbool.h>
#include <openssl/ssl.h>

#include "server/tls.h"

/* False: no memory. */
bool tls_watch(SSL_CTX *context, enum tls_listener listener);

#endif
