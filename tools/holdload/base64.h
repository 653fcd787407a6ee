/*
 * base64.h - what stands in a message of audio, as samples
 *
 * The standard alphabet (RFC 4648, section 4); padding may be left out, and
 * nothing else may stand there. Fifty times a second and call: a table, four
 * characters at a time.
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_BASE64_H
#define HOLDLOAD_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Room for what so many characters may decode to. */
#define BASE64_ROOM(length) ((length) / 4 * 3 + 2)

/* How many bytes, or -1. */
ssize_t unbase64(uint8_t *out, const char *text, size_t length);

#endif
