/*
 * tls_identity.c - a certificate with its key, read from files
 * (tls_identity.h)
 *
 * A file is read whole, as text (PEM), then taken apart in memory: what OpenSSL
 * has to say of files it says in numbers that mean little to people.
 */
#include "server/tls_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define FILE_MAX_BYTES 1048576 /* a bundle of all public authorities: 200 KB \
				*/
#define CHAIN_MAX     16
#define CLIENT_CA_MAX 512

struct tls_identity {
	_Atomic unsigned holders;
	X509 *cert;
	EVP_PKEY *key;
	STACK_OF(X509) * chain; /* what follows the certificate; may be empty */
	X509_STORE *client_ca;	/* NULL: callers are not asked */
	STACK_OF(X509_NAME) * client_ca_names; /* told to those we ask */
	int64_t not_before, not_after;
};

/* ---- faults ----------------------------------------------------------------
 */

__attribute__((format(printf, 2, 3))) static int wrong(struct tls_fault *fault,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(fault->what, sizeof(fault->what), format, args);
	va_end(args);
	return -EINVAL;
}

static int no_memory(struct tls_fault *fault)
{
	fault->next = "free some";
	(void)snprintf(fault->what, sizeof(fault->what), "no memory");
	return -ENOMEM;
}

/* What OpenSSL says; the first error is the nearest to the cause. */
static const char *openssl_says(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	return reason ? reason : "OpenSSL does not say why";
}

/* ---- files -----------------------------------------------------------------
 */

static int read_whole(int fd, char *bytes, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, bytes + got, size - got);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		got += n > 0 ? (size_t)n : 0;
	}
	return (int)got;
}

/* The text of the file, for free_text(); NULL, with the fault. */
static BUF_MEM *read_text(const char *path, struct tls_fault *fault)
{
	BUF_MEM *text = NULL;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	fault->file = path;
	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)wrong(fault, "%s", strerror(errno));
		goto end;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES) {
		(void)wrong(fault, S_ISREG(st.st_mode) ? "longer than 1 MiB"
						       : "not a file");
		goto end;
	}
	text = BUF_MEM_new();
	if (!text || BUF_MEM_grow(text, (size_t)st.st_size + 1) == 0) {
		(void)no_memory(fault);
		goto fail;
	}
	r = read_whole(fd, text->data, (size_t)st.st_size);
	if (r < 0) {
		(void)wrong(fault, "%s", strerror(-r));
		goto fail;
	}
	text->length = (size_t)r;
	goto end;
fail:
	BUF_MEM_free(text);
	text = NULL;
end:
	if (fd >= 0)
		(void)close(fd);
	return text;
}

/* The buffer held a key, perhaps. */
static void free_text(BUF_MEM *text)
{
	if (text && text->data)
		OPENSSL_cleanse(text->data, text->max);
	BUF_MEM_free(text);
}

/* Nobody is there to be asked for a password. */
static int no_password(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	*(bool *)arg = true;
	return -1;
}

/* All certificates of a text, in their order, at most so many. NULL: none, or
 * one of them is damaged, with the fault. */
static STACK_OF(X509) * parse_certificates(const BUF_MEM *text, int most,
					   struct tls_fault *fault)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(text->data, (int)text->length);
	unsigned long error;
	X509 *one;

	if (!list || !in) {
		(void)no_memory(fault);
		goto fail;
	}
	ERR_clear_error();
	while ((one = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		if (sk_X509_num(list) < most && sk_X509_push(list, one) > 0)
			continue;
		X509_free(one);
		(void)wrong(fault, "more than %d certificates", most);
		goto fail;
	}
	error = ERR_peek_last_error();
	if (ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
		(void)wrong(fault, "certificate %d of it is damaged: %s",
			    sk_X509_num(list) + 1, openssl_says());
		goto fail;
	}
	if (sk_X509_num(list) == 0) {
		(void)wrong(fault, "no certificate in it");
		goto fail;
	}
	goto end;
fail:
	sk_X509_pop_free(list, X509_free);
	list = NULL;
end:
	ERR_clear_error();
	BIO_free(in);
	return list;
}

static STACK_OF(X509) *
	read_certificates(const char *path, int most, struct tls_fault *fault)
{
	BUF_MEM *text = read_text(path, fault);
	STACK_OF(X509) *list =
		text ? parse_certificates(text, most, fault) : NULL;

	free_text(text);
	return list;
}

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
	identity->chain = read_certificates(path, CHAIN_MAX, fault);
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
	BUF_MEM *text;
	bool has_password = false;
	BIO *in;

	fault->part = "key";
	fault->next = "name a file with the certificate's private key, as PEM "
		      "text without a password, that we may read";
	text = read_text(path, fault);
	if (!text)
		return -EINVAL;
	in = BIO_new_mem_buf(text->data, (int)text->length);
	if (in)
		identity->key = PEM_read_bio_PrivateKey(in, NULL, no_password,
							&has_password);
	ERR_clear_error();
	BIO_free(in);
	free_text(text);
	if (identity->key)
		return 0;
	return wrong(fault,
		     has_password ? "has a password" : "no private key in it");
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
	STACK_OF(X509) * list;
	bool ok;

	if (!*path)
		return 0;
	fault->part = "client_ca";
	fault->next = "name a file with the certificates of those who sign the "
		      "callers' own, as PEM text";
	list = read_certificates(path, CLIENT_CA_MAX, fault);
	if (!list)
		return -EINVAL;
	identity->client_ca = X509_STORE_new();
	identity->client_ca_names = sk_X509_NAME_new_null();
	ok = identity->client_ca && identity->client_ca_names;
	for (int i = 0; ok && i < sk_X509_num(list); i++)
		ok = add_authority(identity, sk_X509_value(list, i));
	sk_X509_pop_free(list, X509_free);
	return ok ? 0 : no_memory(fault);
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
		r = wrong(fault, "does not belong to the certificate of %s",
			  files->cert);
		goto end;
	}
	context = SSL_CTX_new(TLS_server_method());
	ssl = context ? SSL_new(context) : NULL;
	if (!ssl) {
		r = no_memory(fault);
	} else if (!tls_identity_serve(identity, ssl)) {
		fault->part = "cert";
		fault->file = files->cert;
		fault->next = "have a certificate made that OpenSSL accepts, "
			      "such as ECDSA P-256";
		r = wrong(fault, "cannot be served: %s", openssl_says());
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
		return no_memory(fault);
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
	STACK_OF(X509_NAME) * names;

	/* Else a certificate of another kind that was served before, RSA and
	 * then ECDSA, would stand beside the new one. */
	SSL_certs_clear(ssl);
	if (SSL_use_cert_and_key(ssl, identity->cert, identity->key,
				 identity->chain, 1) != 1)
		return false;
	if (!identity->client_ca)
		return true;
	names = sk_X509_NAME_deep_copy(identity->client_ca_names, X509_NAME_dup,
				       X509_NAME_free);
	if (!names || SSL_set1_verify_cert_store(ssl, identity->client_ca) != 1)
		return false;
	SSL_set_client_CA_list(ssl, names);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return true;
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
