/*
 * tls_watch.c - counts handshakes (see tls_watch.h)
 *
 * How far a connection's handshake has come stands in its ex_data, as a pointer
 * into a table. When OpenSSL frees the connection it hands us that pointer, so
 * that those are counted, too, which went away or were cut off on the way.
 *
 *   begun --done--> done
 *         --an error--> failed, counted with its reason
 *         --freed--> counted as unfinished
 */
#include "server/tls_watch.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>

#include "server/board.h"
#include "server/log.h"

#define LABELS	   96
#define DRAIN_MOST 16384 /* of what a client said in plain HTTP */

enum stage { BEGUN, DONE, FAILED, STAGES };

static struct progress {
	enum stage stage;
	const char *listener;
} progress[TLS_LISTENERS][STAGES];

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int of_context, of_connection; /* places in the ex_data */

static void count_failure(const char *listener, const char *reason)
{
	char labels[LABELS];

	(void)snprintf(labels, sizeof(labels), "listener=\"%s\",reason=\"%s\"",
		       listener, reason);
	board_add(board_series(METRIC_TLS_HANDSHAKE_FAILURES_TOTAL, labels), 1);
}

/* ---- why -------------------------------------------------------------------
 */

static const struct cause {
	int error;
	const char *reason;
} causes[] = {
	{ SSL_R_HTTP_REQUEST, "plain_http" },
	{ SSL_R_HTTPS_PROXY_REQUEST, "plain_http" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING, "closed" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "protocol_version" },
	{ SSL_R_VERSION_TOO_LOW, "protocol_version" },
	{ SSL_R_NO_SHARED_CIPHER, "no_shared_cipher" },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, "no_shared_cipher" },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no_shared_cipher" },
	{ SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "no_shared_cipher" },
	{ SSL_R_CERTIFICATE_VERIFY_FAILED, "client_certificate" },
	/* What the client said of our certificate. */
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "our_certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "our_certificate" },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "our_certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "our_certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "our_certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "our_certificate" },
};

static const char *reason_of(unsigned long error)
{
	int reason = ERR_GET_REASON(error);

	if (ERR_GET_LIB(error) == ERR_LIB_SYS)
		return "closed"; /* reset, most likely */
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return "broken";
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].error == reason)
			return causes[i].reason;
	return reason > SSL_AD_REASON_OFFSET ? "client_alert" : "broken";
}

/* Somebody took the port for a plain one. libwebsockets is about to close, and
 * to close on what was not read resets the connection: so that the person who
 * is behind it sees why, we say it, and read on. */
static void answer_plain_http(const SSL *ssl)
{
	static const char answer[] =
		"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n"
		"content-length: 39\r\nconnection: close\r\n\r\n"
		"this port speaks TLS: wss:// or https:\n";
	int fd = SSL_get_fd(ssl);
	char unread[1024];
	size_t read = 0;
	ssize_t n;

	(void)send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	do {
		n = recv(fd, unread, sizeof(unread), MSG_DONTWAIT);
		read += n > 0 ? (size_t)n : 0;
	} while (n > 0 && read < DRAIN_MOST);
	(void)shutdown(fd, SHUT_WR);
}

/* ---- what OpenSSL tells ----------------------------------------------------
 */

static void note(SSL *ssl, struct progress *now, enum stage stage)
{
	(void)SSL_set_ex_data(ssl, of_connection, now + stage - now->stage);
}

static void on_done(SSL *ssl, struct progress *now)
{
	char labels[LABELS];

	note(ssl, now, DONE);
	(void)snprintf(labels, sizeof(labels), "listener=\"%s\",version=\"%s\"",
		       now->listener,
		       SSL_version(ssl) == TLS1_3_VERSION ? "1.3" : "1.2");
	board_add(board_series(METRIC_TLS_HANDSHAKES_TOTAL, labels), 1);
}

static void on_failed(SSL *ssl, struct progress *now, unsigned long error)
{
	const char *reason = reason_of(error);
	const char *words = ERR_reason_error_string(error);

	note(ssl, now, FAILED);
	count_failure(now->listener, reason);
	log_debug("TLS_HANDSHAKE", "listener=%s reason=%s err=\"%s\"",
		  now->listener, reason, words ? words : "?");
	if (ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST)
		answer_plain_http(ssl);
}

/* Called at every step; also for what follows a handshake in TLS 1.3, tickets,
 * and when one that has to wait for bytes steps out. */
static void on_step(const SSL *step, int where, int ret)
{
	/* It is the one whose handshake runs, on this thread; that the callback
	 * has it as const is for its looks. */
	SSL *ssl = (SSL *)(uintptr_t)step;
	struct progress *now = SSL_get_ex_data(ssl, of_connection);
	unsigned long error;

	if (!now) {
		now = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), of_context);
		note(ssl, now, BEGUN);
	}
	if (now->stage != BEGUN)
		return;
	if (where == SSL_CB_HANDSHAKE_DONE) {
		on_done(ssl, now);
	} else if (where == SSL_CB_ACCEPT_EXIT && ret <= 0) {
		error = ERR_peek_last_error(); /* none: it waits for bytes */
		if (error != 0)
			on_failed(ssl, now, error);
	}
}

static void on_freed(void *parent, void *at, CRYPTO_EX_DATA *data, int index,
		     long argl, void *argp)
{
	const struct progress *last = at;

	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	if (last && last->stage == BEGUN)
		count_failure(last->listener, "unfinished");
}

static void prepare(void)
{
	of_context = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	of_connection = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_freed);
	for (int i = TLS_OFF + 1; i < TLS_LISTENERS; i++)
		for (enum stage j = BEGUN; j < STAGES; j++)
			progress[i][j] = (struct progress){
				j, tls_listener_name((enum tls_listener)i)
			};
}

bool tls_watch(SSL_CTX *context, enum tls_listener listener)
{
	(void)pthread_once(&once, prepare);
	if (of_context < 0 || of_connection < 0)
		return false;
	SSL_CTX_set_info_callback(context, on_step);
	return SSL_CTX_set_ex_data(context, of_context, progress[listener]) ==
	       1;
}
