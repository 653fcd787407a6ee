/*
 * resolver.h - names into addresses, for threads that must not hang
 *
 * getaddrinfo() may take as long as the name servers please, and nothing ends
 * it early. So each lookup runs in a thread of its own, which is left to itself
 * when its time is over; RESOLVER_MAX of them at most, in the whole process.
 *
 * Thread: any.
 */
#ifndef PERSISTENCE_RESOLVER_H
#define PERSISTENCE_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#define RESOLVER_MAX	   8 /* lookups at the same time */
#define RESOLVER_ADDRESSES 8 /* of one name; more are not looked at */
#define RESOLVER_TEXT_SIZE 64

struct resolver_addresses {
	char text[RESOLVER_ADDRESSES][RESOLVER_TEXT_SIZE]; /* numeric */
	size_t count;
};

enum resolver_result {
	RESOLVER_FOUND,
	RESOLVER_UNKNOWN,     /* there is no such name */
	RESOLVER_UNAVAILABLE, /* nobody could say; it may well exist */
	RESOLVER_TIMEOUT,
	RESOLVER_INTERRUPTED,
};

/* Waits until deadline_ms (monotonic) at most, or until interrupt_fd (-1: none)
 * is readable. In the order in which they should be tried. A name that is an
 * address needs no thread. */
enum resolver_result resolver_lookup(const char *name, uint64_t deadline_ms,
				     int interrupt_fd,
				     struct resolver_addresses *addresses);

/* For people. */
const char *resolver_text(enum resolver_result result);

#endif
