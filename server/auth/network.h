/*
 * network.h - addresses of peers, and networks that they may be in
 *
 * An IPv4 address is kept as IPv6 writes it (::ffff:a.b.c.d), so there is one
 * kind of address, and a peer that reached an IPv6 socket over IPv4 matches an
 * IPv4 network.
 *
 * Thread: any; no state.
 */
#ifndef SERVER_AUTH_NETWORK_H
#define SERVER_AUTH_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

struct address {
	uint8_t bytes[16];
};

struct network {
	struct address base;
	uint8_t bits; /* of the 128 that must agree */
};

#define ADDRESS_TEXT_SIZE 48

/* "192.0.2.7" or "2001:db8::7", all of the text. */
bool address_parse(const char *text, struct address *address);
/* False: neither IPv4 nor IPv6. */
bool address_of_socket(const struct sockaddr *socket, struct address *address);
void address_format(const struct address *address, char out[ADDRESS_TEXT_SIZE]);
bool address_is_v4(const struct address *address);
bool address_is_loopback(const struct address *address);

/* "192.0.2.0/24", "2001:db8::/32", or one address. 0, or -EINVAL; -ERANGE when
 * the address has bits set beyond the prefix, which is most likely a slip. */
int network_parse(const char *text, struct network *network);
void network_format(const struct network *network, char *out, size_t size);
bool network_has(const struct network *networks, size_t count,
		 const struct address *address);

/* Who speaks to us through proxies that we trust: the rightmost address of
 * X-Forwarded-For that is not such a proxy itself. Everything left of it may
 * have been made up by whoever sent it. `peer` is where the connection comes
 * from; when it is no such proxy, or one of them wrote something that is no
 * address, what we know for sure is returned. */
struct address network_client(const struct network *proxies, size_t count,
			      struct address peer, const char *forwarded_for);

#endif
