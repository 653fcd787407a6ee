/* network.c - addresses of peers, and networks (see network.h) */
#include "server/auth/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96 /* that all IPv4 addresses have in common */

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static void set_v4(struct address *address, const void *bytes)
{
	memcpy(address->bytes, v4_prefix, sizeof(v4_prefix));
	memcpy(address->bytes + sizeof(v4_prefix), bytes, 4);
}

bool address_parse(const char *text, struct address *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		set_v4(address, &v4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	memcpy(address->bytes, &v6, sizeof(address->bytes));
	return true;
}

bool address_of_socket(const struct sockaddr *socket, struct address *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (socket->sa_family == AF_INET) {
		memcpy(&v4, socket, sizeof(v4));
		set_v4(address, &v4.sin_addr);
		return true;
	}
	if (socket->sa_family != AF_INET6)
		return false;
	memcpy(&v6, socket, sizeof(v6));
	memcpy(address->bytes, &v6.sin6_addr, sizeof(address->bytes));
	return true;
}

bool address_is_v4(const struct address *address)
{
	return memcmp(address->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool address_is_loopback(const struct address *address)
{
	static const uint8_t v6[16] = { [15] = 1 };

	if (address_is_v4(address))
		return address->bytes[12] == 127;
	return memcmp(address->bytes, v6, sizeof(v6)) == 0;
}

void address_format(const struct address *address, char out[ADDRESS_TEXT_SIZE])
{
	bool v4 = address_is_v4(address);
	const char *text = inet_ntop(v4 ? AF_INET : AF_INET6,
				     address->bytes + (v4 ? 12 : 0), out,
				     ADDRESS_TEXT_SIZE);

	if (!text)
		out[0] = '\0'; /* cannot be: there is room for the longest */
}

/* Do the two agree in so many bits? */
static bool agree(const struct address *a, const struct address *b,
		  unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	unsigned mask = 0xff00u >> rest & 0xffu;

	return memcmp(a->bytes, b->bytes, whole) == 0 &&
	       (rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0);
}

/* The number behind the slash, at most `most`; -1: it is none. */
static int prefix_length(const char *text, unsigned most)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long bits;

	if (digits == 0 || digits > 3 || text[digits])
		return -1;
	bits = strtoul(text, NULL, 10);
	return bits <= most ? (int)bits : -1;
}

static void clear_beyond(struct address *address, unsigned bits)
{
	for (unsigned i = bits; i < 128; i++)
		address->bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

int network_parse(const char *text, struct network *network)
{
	size_t length = strcspn(text, "/");
	struct address whole;
	char host[ADDRESS_TEXT_SIZE];
	unsigned common;
	int bits;

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (!address_parse(host, &network->base))
		return -EINVAL;
	/* "::ffff:192.0.2.0/120" counts as IPv6 does. */
	common = strchr(host, ':') ? 0 : V4_BITS;
	bits = text[length] ? prefix_length(text + length + 1, 128 - common)
			    : (int)(128 - common);
	if (bits < 0)
		return -EINVAL;
	network->bits = (uint8_t)(common + (unsigned)bits);
	whole = network->base;
	clear_beyond(&network->base, network->bits);
	return memcmp(&whole, &network->base, sizeof(whole)) == 0 ? 0 : -ERANGE;
}

void network_format(const struct network *network, char *out, size_t size)
{
	bool v4 = address_is_v4(&network->base) && network->bits >= V4_BITS;
	char base[ADDRESS_TEXT_SIZE];

	address_format(&network->base, base);
	(void)snprintf(out, size, "%s/%u", base,
		       network->bits - (v4 ? V4_BITS : 0u));
}

bool network_has(const struct network *networks, size_t count,
		 const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (agree(&networks[i].base, address, networks[i].bits))
			return true;
	return false;
}

/* ---- X-Forwarded-For -------------------------------------------------------
 */

/* One entry: an address, perhaps with a port or in brackets. */
static bool parse_entry(const char *text, size_t length,
			struct address *address)
{
	char entry[ADDRESS_TEXT_SIZE + 8];
	char *host = entry, *colon;

	while (length > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		length--;
	}
	while (length > 0 &&
	       (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	if (length >= sizeof(entry))
		return false;
	memcpy(entry, text, length);
	entry[length] = '\0';
	colon = strchr(entry, ':');
	if (entry[0] == '[') {
		host = entry + 1;
		host[strcspn(host, "]")] = '\0';
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = '\0';
	}
	return address_parse(host, address);
}

struct address network_client(const struct network *proxies, size_t count,
			      struct address peer, const char *forwarded_for)
{
	const char *end =
		forwarded_for ? forwarded_for + strlen(forwarded_for) : NULL;

	while (end && end >= forwarded_for &&
	       network_has(proxies, count, &peer)) {
		const char *comma = memrchr(forwarded_for, ',',
					    (size_t)(end - forwarded_for));
		const char *from = comma ? comma + 1 : forwarded_for;
		struct address before;

		if (!parse_entry(from, (size_t)(end - from), &before))
			break;
		peer = before;
		end = comma;
	}
	return peer;
}
