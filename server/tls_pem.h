/*
 * tls_pem.h - certificates and keys out of files, and what is wrong with them
 *
 * Thread: any. May wait for the disk.
 */
#ifndef SERVER_TLS_PEM_H
#define SERVER_TLS_PEM_H

#include <openssl/evp.h>
#include <openssl/x509.h>

typedef STACK_OF(X509) tls_certs;

/* What is wrong with a file, for people. */
struct tls_fault {
	const char *part; /* "cert", "key", "client_ca" */
	const char *file; /* borrowed from the settings */
	const char *next; /* what to do */
	char what[192];	  /* without quotes */
};

/* Returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int
tls_fault_set(struct tls_fault *fault, const char *format, ...);
/* Returns -ENOMEM. */
int tls_fault_no_memory(struct tls_fault *fault);
/* The first error that OpenSSL has in this thread's queue, the nearest to the
 * cause; static. */
const char *tls_openssl_says(void);

/* All certificates of the file, in their order, at least one and at most so
 * many; the caller's. NULL, with the fault, when there is none or one of them
 * is damaged. */
tls_certs *tls_pem_certificates(const char *path, int most,
				struct tls_fault *fault);
/* The file's private key, the caller's; NULL, with the fault. A key with a
 * password is none: nobody is there to be asked. */
EVP_PKEY *tls_pem_key(const char *path, struct tls_fault *fault);

#endif
