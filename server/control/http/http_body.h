/*
 * http_body.h - the body of a request while it comes
 *
 * It grows with what has come, whatever its head announced. Of each body the
 * first 64 KiB are had in any case; what is beyond that, all bodies of a server
 * share a bound for. So whoever fills it keeps out nobody who says little, and
 * has to send what he fills it with.
 *
 * Thread: a body belongs to one thread at a time; the bound is any thread's.
 */
#ifndef SERVER_CONTROL_HTTP_HTTP_BODY_H
#define SERVER_CONTROL_HTTP_HTTP_BODY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct board_series;
struct body_mac;

#define HTTP_BODY_FIRST ((size_t)64 * 1024)

struct http_bodies {
	uint64_t most;		      /* bytes; 0: no bound */
	struct board_series *shown;   /* how many are held; or NULL */
	struct board_series *refused; /* bodies without room; or NULL */
	_Atomic uint64_t held;
};

struct http_body {
	struct http_bodies *of;
	size_t length, expected;
	size_t room;	      /* of `bytes`, less a NUL */
	struct body_mac *mac; /* owned; counts it as it comes; or NULL */
	char *bytes;	      /* owned; a NUL follows */
};

/* NULL: no memory. */
struct http_body *http_body_create(struct http_bodies *of, size_t expected);
/* 0; -EMSGSIZE for more than was announced, -ENOBUFS when the bound is reached,
 * -ENOMEM. */
int http_body_add(struct http_body *body, const char *bytes, size_t length);
/* Accepts NULL, returns NULL. */
struct http_body *http_body_free(struct http_body *body);

#endif
