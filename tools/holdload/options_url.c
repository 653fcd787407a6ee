/*
 * options_url.c - where the calls go: the URL taken apart and resolved
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "tools/holdload/options.h"

static int wrong(const char *what)
{
	(void)fprintf(stderr, "holdload: --url: %s\n", what);
	return 2;
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
		memcpy(&o->addresses[o->address_count], at->ai_addr,
		       at->ai_addrlen);
		o->address_sizes[o->address_count++] = at->ai_addrlen;
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
		return wrong("write ws://HOST:PORT/PATH, or wss://");
	}
	at = strchr(url, '/') + 2;
	length = strcspn(at, "/?");
	if (length == 0 || length >= sizeof(o->host))
		return wrong("it has no host");
	for (const char *c = at; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return wrong("a blank in it must be written as %20");
	if (strlen(at + length) + 2 > sizeof(o->path))
		return wrong("it is too long");
	memcpy(o->host, at, length);
	o->host[length] = '\0';
	(void)snprintf(o->path, sizeof(o->path), "%s%s",
		       at[length] == '/' ? "" : "/", at + length);
	split_host(o, port);
	return resolve(o, port);
}
