/*
 * http_body.h - the body of a request while it comes
 *
 * Bodies of one server share a bound: what the heads of requests announce may
 * be held, all together, and no more. A body counts from its head until it is
 * freed, whoever holds it by then.
 *
 * Thread: a body belongs to one thread at a time; the bound is any thread's.
 */
#ifndef SERVER_CONTROL_HTTP_BODY_H
#define SERVER_CONTROL_HTTP_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct board_series;
struct body_mac;

struct http_bodies {
	uint64_t most;		      /* bytes; 0: no bound */
	struct board_series *shown;   /* how many are held; or NULL */
	struct board_series *refused; /* bodies without room; or NULL */
	_Atomic uint64_t held;
};

struct http_body {
	struct http_bodies *of;
	size_t length, expected;
	struct body_mac *mac; /* owned; counts it as it comes; or NULL */
	char bytes[];	      /* a NUL follows */
};

/* NULL: there is no room for so many bytes, or no memory. */
struct http_body *http_body_create(struct http_bodies *of, size_t expected);
/* False: that is more than was announced. */
bool http_body_add(struct http_body *body, const char *bytes, size_t length);
/* Accepts NULL, returns NULL. */
struct http_body *http_body_free(struct http_body *body);

#endif
