/*
 * options_url.c - where the calls go: the URL taken apart and resolved
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "tools/holdload/options.h"

static void keep(struct link_address *address, const struct addrinfo *found)
{
	memcpy(&address->name, found->ai_addr, found->ai_addrlen);
	address->size = found->ai_addrlen;
}

static int resolve(struct options *o, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	int r = getaddrinfo(o->name, port, &hints, &found);

	if (r != 0) {
		(void)fprintf(stderr, "holdload: --url: %s: %s\n", o->name,
			      gai_strerror(r));
		return 3;
	}
	o->address_count = 0;
	for (const struct addrinfo *at = found; at; at = at->ai_next) {
		if (o->address_count == ADDRESSES_MAX)
			break;
		keep(&o->addresses[o->address_count++], at);
	}
	freeaddrinfo(found);
	return 0;
}

/* "host", "host:port", "[v6]", "[v6]:port": the name and the port. */
static void split_host(struct options *o, char port[8])
{
	char *colon;

	(void)snprintf(o->name, sizeof(o->name), "%s", o->host);
	colon = strrchr(o->name, ':');
	if (colon && !strchr(colon, ']')) {
		(void)snprintf(port, 8, "%s", colon + 1);
		*colon = '\0';
	}
	if (o->name[0] == '[') {
		memmove(o->name, o->name + 1, strlen(o->name));
		o->name[strcspn(o->name, "]")] = '\0';
	}
}

int options_set_url(struct options *o, const char *url)
{
	char port[8] = "80";
	const char *at;
	size_t length;

	o->url = url;
	if (strncmp(url, "wss://", 6) == 0) {
		o->scheme = "wss";
		(void)snprintf(port, sizeof(port), "443");
	} else if (strncmp(url, "ws://", 5) == 0) {
		o->scheme = "ws";
	} else {
		return options_wrong("url",
				     "write ws://HOST:PORT/PATH, or wss://");
	}
	at = strchr(url, '/') + 2;
	length = strcspn(at, "/?");
	if (length == 0 || length >= sizeof(o->host))
		return options_wrong("url", "it has no host");
	for (const char *c = at; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return options_wrong(
				"url", "a blank in it must be written as %20");
	if (strlen(at + length) + 2 > sizeof(o->path))
		return options_wrong("url", "it is too long");
	memcpy(o->host, at, length);
	o->host[length] = '\0';
	(void)snprintf(o->path, sizeof(o->path), "%s%s",
		       at[length] == '/' ? "" : "/", at + length);
	split_host(o, port);
	return resolve(o, port);
}

int options_add_source(struct options *o, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST },
			*found;

	if (o->source_count == SOURCES_MAX)
		return options_wrong("bind", "there are too many");
	if (getaddrinfo(text, NULL, &hints, &found) != 0)
		return options_wrong("bind", "write an address, such as "
					     "192.0.2.1");
	keep(&o->sources[o->source_count++], found);
	freeaddrinfo(found);
	return 0;
}
