/* tls.c - the certificates of our listeners (see tls.h) */
#include "server/tls.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/tls_identity.h"
#include "server/tls_watch.h"

#define DAY_S	INT64_C(86400)
#define SOON_S	(14 * DAY_S) /* then whoever renews it should have */
#define LABELS	48
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20" /* of TLS 1.2 */

/* The listeners, and where their files stand in the settings. */
static struct listener {
	const char *name; /* as in the settings' keys */
	size_t offset;
	struct tls_identity *identity; /* {lock}; NULL: plain */
	uint32_t serial;	       /* of what we read, as on the board */
} listeners[TLS_LISTENERS] = {
	[TLS_MEDIA] = { .name = "media",
			.offset = offsetof(struct settings, media.tls) },
	[TLS_CONTROL] = { .name = "control",
			  .offset = offsetof(struct settings, control.tls) },
	[TLS_WEBHOOKS] = { .name = "webhooks",
			   .offset = offsetof(struct settings, webhooks.tls) },
};
_Static_assert((int)TLS_LISTENERS <= BOARD_TLS_LISTENERS,
	       "the board has a place for each");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct tls_settings *files_of(const struct listener *listener,
					   const struct settings *settings)
{
	return (const void *)((const char *)settings + listener->offset);
}

static struct tls_identity *hold_identity(struct listener *listener)
{
	struct tls_identity *identity;

	pthread_mutex_lock(&lock);
	identity = listener->identity;
	if (identity)
		tls_identity_hold(identity);
	pthread_mutex_unlock(&lock);
	return identity;
}

static void put_identity(struct listener *listener,
			 struct tls_identity *identity)
{
	struct tls_identity *old;

	pthread_mutex_lock(&lock);
	old = listener->identity;
	listener->identity = identity;
	pthread_mutex_unlock(&lock);
	tls_identity_drop(old);
}

/* ---- telling people --------------------------------------------------------
 */

static void format_time(int64_t seconds, char out[24])
{
	time_t time = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&time, &tm) || strftime(out, 24, "%FT%TZ", &tm) == 0)
		(void)snprintf(out, 24, "?");
}

static void warn_of_dates(const struct listener *listener,
			  const struct tls_identity *identity, const char *file,
			  int64_t now)
{
	int64_t from = tls_identity_not_before(identity);
	int64_t left = tls_identity_not_after(identity) - now;
	char text[24];

	if (from > now) {
		format_time(from, text);
		log_warn("TLS_EXPIRY",
			 "listener=%s file=\"%s\" begins=%s effect=\"callers "
			 "refuse it until then\" next=\"is the clock right?\"",
			 listener->name, file, text);
	}
	if (left >= SOON_S)
		return;
	format_time(tls_identity_not_after(identity), text);
	log_warn("TLS_EXPIRY",
		 "listener=%s file=\"%s\" ends=%s days=%" PRId64
		 " effect=\"%s\" next=\"renew it, then SIGHUP\"",
		 listener->name, file, text, left / DAY_S,
		 left <= 0 ? "it has ended: callers refuse it"
			   : "then callers refuse it");
}

/* In the log and on the board. */
static void announce(const struct listener *listener,
		     const struct tls_identity *identity, const char *file)
{
	int64_t now = clock_wall_us() / 1000000;
	int64_t end = tls_identity_not_after(identity);
	char labels[LABELS], ends[24], name[128];

	(void)snprintf(labels, sizeof(labels), "listener=\"%s\"",
		       listener->name);
	board_set(board_series(METRIC_TLS_NOT_AFTER, labels), end);
	format_time(end, ends);
	tls_identity_name(identity, name, sizeof(name));
	log_info("TLS_CERTIFICATE",
		 "listener=%s name=\"%s\" chain=%u ends=%s days=%" PRId64,
		 listener->name, name, tls_identity_chain(identity), ends,
		 (end - now) / DAY_S);
	warn_of_dates(listener, identity, file, now);
}

/* ---- reading ---------------------------------------------------------------
 */

static void log_fault(const struct listener *listener,
		      const struct tls_fault *fault)
{
	log_error("TLS_RELOAD",
		  "setting=%s.tls.%s file=\"%s\" err=\"%s\" effect=\"the "
		  "certificate that was in force stays\" next=\"%s\"",
		  listener->name, fault->part, fault->file, fault->what,
		  fault->next);
}

int tls_start(const struct settings *settings, FILE *err)
{
	for (int i = TLS_OFF + 1; i < TLS_LISTENERS; i++) {
		struct listener *listener = &listeners[i];
		const struct tls_settings *files = files_of(listener, settings);
		struct tls_identity *identity;
		struct tls_fault fault;

		if (!*files->cert)
			continue;
		if (tls_identity_read(&identity, files, &fault) < 0) {
			(void)fprintf(err, "%s.tls.%s: %s: %s; %s\n",
				      listener->name, fault.part, fault.file,
				      fault.what, fault.next);
			return 2;
		}
		put_identity(listener, identity);
		announce(listener, identity, files->cert);
	}
	return 0;
}

/* False: the old one stays, which the log has been told. */
static bool read_again(struct listener *listener,
		       const struct settings *settings, bool aloud)
{
	const struct tls_settings *files = files_of(listener, settings);
	struct tls_identity *identity;
	struct tls_fault fault;

	if (tls_identity_read(&identity, files, &fault) < 0) {
		log_fault(listener, &fault);
		return false;
	}
	put_identity(listener, identity);
	if (aloud)
		announce(listener, identity, files->cert);
	return true;
}

void tls_reload(const struct settings *settings)
{
	for (int i = TLS_OFF + 1; i < TLS_LISTENERS; i++)
		if (tls_is_on((enum tls_listener)i) &&
		    read_again(&listeners[i], settings, true))
			atomic_store(&board_flags()->tls_serials[i],
				     ++listeners[i].serial);
}

void tls_follow(const struct settings *settings)
{
	for (int i = TLS_OFF + 1; i < TLS_LISTENERS; i++) {
		uint32_t serial = atomic_load(&board_flags()->tls_serials[i]);

		if (tls_is_on((enum tls_listener)i) &&
		    serial != listeners[i].serial &&
		    read_again(&listeners[i], settings, false))
			listeners[i].serial = serial;
	}
}

void tls_end(void)
{
	for (int i = TLS_OFF + 1; i < TLS_LISTENERS; i++)
		put_identity(&listeners[i], NULL);
}

bool tls_is_on(enum tls_listener listener)
{
	struct tls_identity *identity = hold_identity(&listeners[listener]);

	tls_identity_drop(identity);
	return identity != NULL;
}

const char *tls_listener_name(enum tls_listener listener)
{
	return listeners[listener].name;
}

/* ---- contexts --------------------------------------------------------------
 */

/* A handshake is about to choose its certificate. 0 fails it. */
static int choose_certificate(SSL *ssl, void *arg)
{
	struct tls_identity *identity = hold_identity(arg);
	bool ok = identity && tls_identity_serve(identity, ssl);

	tls_identity_drop(identity);
	return ok;
}

/* A ticket vouches for the certificate that its holder once showed, whoever has
 * been taken out of client_ca since. */
static void forbid_resumption(SSL_CTX *context)
{
	(void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_num_tickets(context, 0);
}

int tls_configure(SSL_CTX *context, enum tls_listener which)
{
	struct listener *listener = &listeners[which];
	struct tls_identity *identity = hold_identity(listener);
	int r = -EIO;

	if (!identity ||
	    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(context, CIPHERS) != 1 ||
	    !tls_watch(context, which))
		goto end;
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION |
						   SSL_OP_NO_COMPRESSION |
						   SSL_OP_PRIORITIZE_CHACHA);
	/* A silent connection keeps no buffers: 34 KB each. */
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	/* Tickets stand at the client's; what stood here would grow. */
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if (tls_identity_asks(identity))
		forbid_resumption(context);
	SSL_CTX_set_cert_cb(context, choose_certificate, listener);
	r = 0;
end:
	ERR_clear_error();
	tls_identity_drop(identity);
	return r;
}

/* ---- the other end ---------------------------------------------------------
 */

/* The one common name, as UTF-8. A certificate with several could mean any of
 * them, and one with a NUL in its name would be read as another's. */
static void read_common_name(const X509 *cert, char *out, size_t size)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	int length;

	out[0] = '\0';
	if (at < 0 ||
	    X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return;
	length = ASN1_STRING_to_UTF8(
		&text,
		X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (length > 0 && (size_t)length < size &&
	    !memchr(text, '\0', (size_t)length)) {
		memcpy(out, text, (size_t)length);
		out[length] = '\0';
	}
	OPENSSL_free(text);
}

bool tls_caller(const SSL *ssl, char *name, size_t size)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);

	name[0] = '\0';
	if (!cert || SSL_get_verify_result(ssl) != X509_V_OK)
		return false;
	read_common_name(cert, name, size);
	return true;
}

bool tls_is_ended(const SSL *ssl)
{
	return (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}
