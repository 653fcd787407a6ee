/*
 * pin.h - by what holdctl knows a server that speaks TLS
 *
 * control.listen is an address, and the certificate is made out to a name, so
 * neither names nor authorities help. But holdctl reads the settings that the
 * server reads: whoever has the key of the certificate in control.tls.cert is
 * our server.
 *
 * Thread: any.
 */
#ifndef HOLDCTL_PIN_H
#define HOLDCTL_PIN_H

#define PIN_SIZE 64

/* The key of the first certificate in the file, as libcurl takes it:
 * sha256//BASE64. 0, -errno when the file cannot be read, -EINVAL when it has
 * no certificate. */
int pin_of_certificate(const char *file, char out[PIN_SIZE]);

#endif
