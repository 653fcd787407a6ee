/*
 * base64.h - the text that audio travels in
 *
 * Standard alphabet with padding (RFC 4648, section 4). Missing padding is
 * accepted, everything else that is not base64 is refused: white space, the URL
 * alphabet, padding in the middle, bits left over at the end that are not zero.
 *
 * Thread: any.
 */
#ifndef MEDIA_BASE64_H
#define MEDIA_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* At most this many bytes come out of that many characters. */
#define BASE64_DECODED_MAX(length) ((length) / 4 * 3 + 3)
/* Exactly this many characters come out of that many bytes. */
#define BASE64_ENCODED(length) (((length) + 2) / 3 * 4)

/* How many bytes, or -1. `out` has room for BASE64_DECODED_MAX(length). */
ssize_t base64_decode(const char *text, size_t length, uint8_t *out);
/* `out` has room for BASE64_ENCODED(length); no NUL is written. */
size_t base64_encode(const uint8_t *bytes, size_t length, char *out);

#endif
