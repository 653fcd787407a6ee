/* tls_identity.c - a certificate with its key (see tls_identity.h) */
#include "server/tls_identity.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#define CHAIN_MAX     16
#define CLIENT_CA_MAX 512

typedef STACK_OF(X509_NAME) tls_names;

struct tls_identity {
	_Atomic unsigned holders;
	X509 *cert;
	EVP_PKEY *key;
	tls_certs *chain;      /* what follows the certificate; may be empty */
	X509_STORE *client_ca; /* NULL: callers are not asked */
	tls_names *client_ca_names; /* told to those we ask */
	int64_t not_before, not_after;
};

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static int read_cert(struct tls_identity *identity, const char *path,
		     struct tls_fault *fault)
{
	fault->part = "cert";
	fault->next = "name a file with the certificate and, behind it, its "
		      "chain, as PEM text";
	identity->chain = tls_pem_certificates(path, CHAIN_MAX, fault);
	if (!identity->chain)
		return -EINVAL;
	identity->cert = sk_X509_shift(identity->chain);
	identity->not_before = seconds_of(X509_get0_notBefore(identity->cert));
	identity->not_after = seconds_of(X509_get0_notAfter(identity->cert));
	return 0;
}

static int read_key(struct tls_identity *identity, const char *path,
		    struct tls_fault *fault)
{
	fault->part = "key";
	fault->next = "name a file with the certificate's private key, as PEM "
		      "text without a password, that we may read";
	identity->key = tls_pem_key(path, fault);
	return identity->key ? 0 : -EINVAL;
}

/* ---- whose callers we believe ----------------------------------------------
 */

static bool add_authority(struct tls_identity *identity, X509 *authority)
{
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(authority));

	if (X509_STORE_add_cert(identity->client_ca, authority) == 1 && name &&
	    sk_X509_NAME_push(identity->client_ca_names, name) > 0)
		return true;
	X509_NAME_free(name);
	return false;
}

static int read_client_ca(struct tls_identity *identity, const char *path,
			  struct tls_fault *fault)
{
	tls_certs *list;
	bool ok;

	if (!*path)
		return 0;
	fault->part = "client_ca";
	fault->next = "name a file with the certificates of those who sign the "
		      "callers' own, as PEM text";
	list = tls_pem_certificates(path, CLIENT_CA_MAX, fault);
	if (!list)
		return -EINVAL;
	identity->client_ca = X509_STORE_new();
	identity->client_ca_names = sk_X509_NAME_new_null();
	/* Whoever stands in the file is believed, root or not, and nobody who
	 * signed for him. */
	ok = identity->client_ca && identity->client_ca_names &&
	     X509_STORE_set_flags(identity->client_ca,
				  X509_V_FLAG_PARTIAL_CHAIN) == 1;
	for (int i = 0; ok && i < sk_X509_num(list); i++)
		ok = add_authority(identity, sk_X509_value(list, i));
	sk_X509_pop_free(list, X509_free);
	return ok ? 0 : tls_fault_no_memory(fault);
}

/* ---- the whole -------------------------------------------------------------
 */

/* As a connection would: what OpenSSL refuses for its weakness, it refuses
 * here. */
static int try_it(const struct tls_identity *identity,
		  const struct tls_settings *files, struct tls_fault *fault)
{
	SSL_CTX *context = NULL;
	SSL *ssl = NULL;
	int r = 0;

	ERR_clear_error();
	if (X509_check_private_key(identity->cert, identity->key) != 1) {
		fault->part = "key";
		fault->file = files->key;
		fault->next = "name the key of the first certificate in that "
			      "file";
		r = tls_fault_set(fault,
				  "does not belong to the certificate of %s",
				  files->cert);
		goto end;
	}
	context = SSL_CTX_new(TLS_server_method());
	ssl = context ? SSL_new(context) : NULL;
	if (!ssl) {
		r = tls_fault_no_memory(fault);
	} else if (!tls_identity_serve(identity, ssl)) {
		fault->part = "cert";
		fault->file = files->cert;
		fault->next = "have a certificate made that OpenSSL accepts, "
			      "such as ECDSA P-256";
		r = tls_fault_set(fault, "cannot be served: %s",
				  tls_openssl_says());
	}
end:
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(context);
	return r;
}

int tls_identity_read(struct tls_identity **ret,
		      const struct tls_settings *files, struct tls_fault *fault)
{
	struct tls_identity *identity = calloc(1, sizeof(*identity));
	int r;

	*fault = (struct tls_fault){ .part = "cert", .file = files->cert };
	if (!identity)
		return tls_fault_no_memory(fault);
	identity->holders = 1;
	r = read_cert(identity, files->cert, fault);
	if (r == 0)
		r = read_key(identity, files->key, fault);
	if (r == 0)
		r = read_client_ca(identity, files->client_ca, fault);
	if (r == 0)
		r = try_it(identity, files, fault);
	if (r < 0)
		tls_identity_drop(identity);
	else
		*ret = identity;
	return r;
}

struct tls_identity *tls_identity_hold(struct tls_identity *identity)
{
	atomic_fetch_add(&identity->holders, 1);
	return identity;
}

struct tls_identity *tls_identity_drop(struct tls_identity *identity)
{
	if (!identity || atomic_fetch_sub(&identity->holders, 1) > 1)
		return NULL;
	X509_free(identity->cert);
	EVP_PKEY_free(identity->key);
	sk_X509_pop_free(identity->chain, X509_free);
	X509_STORE_free(identity->client_ca);
	sk_X509_NAME_pop_free(identity->client_ca_names, X509_NAME_free);
	free(identity);
	return NULL;
}

bool tls_identity_serve(const struct tls_identity *identity, SSL *ssl)
{
	tls_names *names;

	/* Should this handshake have chosen before: a certificate of another
	 * kind, RSA and then ECDSA, would stand beside the new one. */
	SSL_certs_clear(ssl);
	if (SSL_use_cert_and_key(ssl, identity->cert, identity->key,
				 identity->chain, 1) != 1)
		return false;
	if (!identity->client_ca)
		return true;
	names = sk_X509_NAME_deep_copy(identity->client_ca_names, X509_NAME_dup,
				       X509_NAME_free);
	if (!names)
		return false;
	SSL_set_client_CA_list(ssl, names); /* which frees them */
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return SSL_set1_verify_cert_store(ssl, identity->client_ca) == 1;
}

bool tls_identity_asks(const struct tls_identity *identity)
{
	return identity->client_ca != NULL;
}

int64_t tls_identity_not_before(const struct tls_identity *identity)
{
	return identity->not_before;
}

int64_t tls_identity_not_after(const struct tls_identity *identity)
{
	return identity->not_after;
}

unsigned tls_identity_chain(const struct tls_identity *identity)
{
	return (unsigned)sk_X509_num(identity->chain);
}

static bool first_dns_name(const X509 *cert, char *out, size_t size)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		found = name->type == GEN_DNS;
		if (found)
			(void)snprintf(out, size, "%.*s",
				       ASN1_STRING_length(name->d.dNSName),
				       (const char *)ASN1_STRING_get0_data(
					       name->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	return found;
}

void tls_identity_name(const struct tls_identity *identity, char *out,
		       size_t size)
{
	if (!first_dns_name(identity->cert, out, size))
		(void)X509_NAME_oneline(X509_get_subject_name(identity->cert),
					out, (int)size);
}
