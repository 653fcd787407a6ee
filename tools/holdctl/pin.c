/* pin.c - by what holdctl knows a server that speaks TLS (see pin.h) */
#include "tools/holdctl/pin.h"

#include <errno.h>
#include <stdio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

int pin_of_certificate(const char *file, char out[PIN_SIZE])
{
	FILE *in = fopen(file, "re");
	unsigned char digest[EVP_MAX_MD_SIZE], *key = NULL;
	char text[PIN_SIZE] = "";
	X509 *cert;
	int length, r = -EINVAL;

	if (!in)
		return -errno;
	cert = PEM_read_X509(in, NULL, NULL, NULL);
	(void)fclose(in);
	length = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &key) : 0;
	if (length > 0 && EVP_Digest(key, (size_t)length, digest, NULL,
				     EVP_sha256(), NULL) == 1) {
		(void)EVP_EncodeBlock((unsigned char *)text, digest, 32);
		(void)snprintf(out, PIN_SIZE, "sha256//%s", text);
		r = 0;
	}
	ERR_clear_error();
	OPENSSL_free(key);
	X509_free(cert);
	return r;
}
