/*
 * net.h - listening sockets, and a libwebsockets context on a libev loop
 *
 * Debian's libwebsockets cannot share a port between contexts, so it never
 * listens here. The supervisor binds every socket before it starts the roles
 * (net_listen); a role inherits them, accepts on its own and hands each
 * connection to its context. A role that dies leaves its socket open in the
 * supervisor: callers wait in the backlog for the next one instead of being
 * refused.
 *
 * Thread: net_listen in the supervisor; a net_context belongs to one thread.
 */
#ifndef SERVER_NET_H
#define SERVER_NET_H

#include <stddef.h>
#include <stdint.h>
#include <ev.h>

#include "server/auth/network.h"
#include "server/tls.h"

struct lws_context;
struct lws_protocols;

/* Binds `count` sockets to one address ("127.0.0.1:8080", "[::1]:8080") that
 * share it by SO_REUSEPORT. Fails with -EADDRINUSE when anyone else listens
 * there, which SO_REUSEPORT alone would not notice. The host is numeric or
 * localhost; none or "*" means any IPv4 address. Port 0 lets the kernel choose
 * one. 0 or -errno; on error no socket is left open. */
int net_listen(const char *address, int *fds, size_t count);

struct net_context;

struct net_options {
	struct ev_loop *loop;		       /* borrowed; EVBACKEND_EPOLL */
	const struct lws_protocols *protocols; /* borrowed; ends with {0} */
	void *user;			       /* lws_context_user() */
	int listen_fd;			       /* borrowed; -1: none */
	uint32_t timeout_s;		       /* for handshakes and closes */
	uint32_t max_connections;	       /* beyond: accepted and closed */
	const char *server_name;	       /* for logs */
	enum tls_listener tls; /* whose certificate, if it has one */
	/* Asked about each peer before anything is read from it; false closes.
	 * NULL: everybody is welcome. */
	bool (*welcomes)(void *arg, const struct address *peer);
	void *welcomes_arg;
};

/* 0 or -errno. */
int net_context_create(struct net_context **ret, const struct net_options *o);
struct lws_context *net_context_lws(struct net_context *net);
/* Stops accepting (the socket stays open in the supervisor). */
void net_context_stop_accepting(struct net_context *net);
/* Accepts NULL, returns NULL. */
struct net_context *net_context_destroy(struct net_context *net);

#endif
