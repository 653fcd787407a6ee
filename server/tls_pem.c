/*
 * tls_pem.c - certificates and keys out of files (see tls_pem.h)
 *
 * A file is read whole, then taken apart in memory: what OpenSSL has to say of
 * files it says in numbers that mean little to people.
 */
#include "server/tls_pem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/* A bundle of all public authorities has 200 KB. */
#define FILE_MOST 1048576

/* ---- faults ----------------------------------------------------------------
 */

int tls_fault_set(struct tls_fault *fault, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(fault->what, sizeof(fault->what), format, args);
	va_end(args);
	return -EINVAL;
}

int tls_fault_no_memory(struct tls_fault *fault)
{
	fault->next = "free some";
	(void)snprintf(fault->what, sizeof(fault->what), "no memory");
	return -ENOMEM;
}

const char *tls_openssl_says(void)
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
		(void)tls_fault_set(fault, "%s", strerror(errno));
		goto end;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MOST) {
		(void)tls_fault_set(fault, S_ISREG(st.st_mode)
						   ? "longer than 1 MiB"
						   : "not a file");
		goto end;
	}
	text = BUF_MEM_new();
	if (!text || BUF_MEM_grow(text, (size_t)st.st_size + 1) == 0) {
		(void)tls_fault_no_memory(fault);
		goto fail;
	}
	r = read_whole(fd, text->data, (size_t)st.st_size);
	if (r < 0) {
		(void)tls_fault_set(fault, "%s", strerror(-r));
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
static tls_certs *parse_certificates(const BUF_MEM *text, int most,
				     struct tls_fault *fault)
{
	tls_certs *list = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(text->data, (int)text->length);
	unsigned long error;
	X509 *one;

	if (!list || !in) {
		(void)tls_fault_no_memory(fault);
		goto fail;
	}
	ERR_clear_error();
	while ((one = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		if (sk_X509_num(list) < most && sk_X509_push(list, one) > 0)
			continue;
		X509_free(one);
		(void)tls_fault_set(fault, "more than %d certificates", most);
		goto fail;
	}
	error = ERR_peek_last_error();
	if (ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
		(void)tls_fault_set(fault,
				    "certificate %d of it is damaged: %s",
				    sk_X509_num(list) + 1, tls_openssl_says());
		goto fail;
	}
	if (sk_X509_num(list) == 0) {
		(void)tls_fault_set(fault, "no certificate in it");
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

tls_certs *tls_pem_certificates(const char *path, int most,
				struct tls_fault *fault)
{
	BUF_MEM *text = read_text(path, fault);
	tls_certs *list = text ? parse_certificates(text, most, fault) : NULL;

	free_text(text);
	return list;
}

EVP_PKEY *tls_pem_key(const char *path, struct tls_fault *fault)
{
	BUF_MEM *text = read_text(path, fault);
	bool has_password = false;
	EVP_PKEY *key = NULL;
	BIO *in;

	if (!text)
		return NULL;
	in = BIO_new_mem_buf(text->data, (int)text->length);
	if (in)
		key = PEM_read_bio_PrivateKey(in, NULL, no_password,
					      &has_password);
	if (!in)
		(void)tls_fault_no_memory(fault);
	else if (!key)
		(void)tls_fault_set(fault, has_password
						   ? "has a password"
						   : "no private key in it");
	ERR_clear_error();
	BIO_free(in);
	free_text(text);
	return key;
}
