/*
 * handshake.h - the upgrade as a provider asks for it
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_HANDSHAKE_H
#define HOLDLOAD_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>

struct talk;
struct options;

#define HANDSHAKE_MAX 16384

/* The request with the dialect's headers, its signature and the user's own. The
 * length; 0: no room. */
size_t handshake_put(char *out, size_t room, const struct options *options,
		     const struct talk *talk, const char *key, uint64_t random);

#endif
