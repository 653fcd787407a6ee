/* tls.c - the calls' end of TLS (see tls.h) */
#include "tools/holdload/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* ---- the context -----------------------------------------------------------
 */

static int complain(const char *option, const char *path)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	(void)fprintf(stderr, "holdload: --%s: %s: %s\n", option, path,
		      reason ? reason : "cannot be used");
	ERR_clear_error();
	return -1;
}

static int load_own(SSL_CTX *context, const struct tls_options *options)
{
	const char *key = options->key ? options->key : options->cert;

	if (!options->cert)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(context, options->cert) != 1)
		return complain("cert", options->cert);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context) != 1)
		return complain("key", key);
	return 0;
}

static int load_trust(SSL_CTX *context, const struct tls_options *options)
{
	SSL_CTX_set_verify(
		context, options->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
		NULL);
	if (!options->cacert)
		return SSL_CTX_set_default_verify_paths(context) == 1
			       ? 0
			       : complain("url", "the system's certificates");
	return SSL_CTX_load_verify_file(context, options->cacert) == 1
		       ? 0
		       : complain("cacert", options->cacert);
}

SSL_CTX *tls_context(const struct tls_options *options)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context) {
		(void)fprintf(stderr, "holdload: no memory for TLS\n");
		return NULL;
	}
	(void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	(void)SSL_CTX_set_mode(context,
			       SSL_MODE_ENABLE_PARTIAL_WRITE |
				       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				       SSL_MODE_RELEASE_BUFFERS);
	if (load_trust(context, options) == 0 &&
	    load_own(context, options) == 0)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

/* ---- a session -------------------------------------------------------------
 */

/* SNI. SSL_set_tlsext_host_name() casts the const away. */
static bool set_name(SSL *session, const char *host)
{
	char name[TLSEXT_MAXLEN_host_name + 1];

	(void)snprintf(name, sizeof(name), "%s", host);
	return SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME,
			TLSEXT_NAMETYPE_host_name, name) == 1;
}

SSL *tls_begin(SSL_CTX *context, int fd, const char *host)
{
	SSL *session = SSL_new(context);
	X509_VERIFY_PARAM *verify;

	if (!session)
		return NULL;
	verify = SSL_get0_param(session);
	/* An address is not a name: no SNI (RFC 6066, section 3), and it
	 * stands elsewhere in the certificate. */
	if (SSL_set_fd(session, fd) == 1 &&
	    (X509_VERIFY_PARAM_set1_ip_asc(verify, host) == 1 ||
	     (set_name(session, host) &&
	      X509_VERIFY_PARAM_set1_host(verify, host, 0) == 1))) {
		SSL_set_connect_state(session);
		return session;
	}
	SSL_free(session);
	return NULL;
}

int tls_shake_hands(SSL *session, const char **why)
{
	long verified;
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(session);
	if (r == 1)
		return 0;
	switch (SSL_get_error(session, r)) {
	case SSL_ERROR_WANT_READ: return 1;
	case SSL_ERROR_WANT_WRITE: return 2;
	default: break;
	}
	verified = SSL_get_verify_result(session);
	*why = verified == X509_V_OK
		       ? ERR_reason_error_string(ERR_peek_last_error())
		       : X509_verify_cert_error_string(verified);
	if (!*why)
		*why = "the server ended it without a word";
	return -1;
}

static ssize_t result(SSL *session, int r, const char **why)
{
	if (r > 0)
		return r;
	switch (SSL_get_error(session, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: return 0;
	case SSL_ERROR_SSL:
		*why = ERR_reason_error_string(ERR_peek_last_error());
		return -1;
	default: return -1;
	}
}

ssize_t tls_write(SSL *session, const void *bytes, size_t length,
		  const char **why)
{
	int size = length < INT_MAX ? (int)length : INT_MAX;

	ERR_clear_error();
	return result(session, SSL_write(session, bytes, size), why);
}

ssize_t tls_read(SSL *session, void *bytes, size_t room, const char **why)
{
	int size = room < INT_MAX ? (int)room : INT_MAX;

	ERR_clear_error();
	return result(session, SSL_read(session, bytes, size), why);
}
