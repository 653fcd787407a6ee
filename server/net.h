/*
 * net.h - listening sockets, and a libwebsockets context on a libev loop
 *
 * Debian's libwebsockets cannot share a port between contexts, so it never
 * listens here. The supervisor binds every socket before it starts the roles
 * (net_listen); whoever inherits one accepts on it and hands each connection to
 * its context. A role that dies leaves its socket open in the supervisor:
 * callers wait in the backlog for whoever comes next instead of being refused.
 *
 * Thread: net_listen in the supervisor; a net_context belongs to one thread.
 */
#ifndef SERVER_NET_H
#define SERVER_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ev.h>

#include "server/auth/network.h"
#include "server/tls.h"

struct loads;
struct lws;
struct lws_context;
struct lws_protocols;

/* A socket that listens on an address ("127.0.0.1:8080", "[::1]:8080"), or
 * -errno; -EADDRINUSE when anyone else listens there. The host is numeric or
 * localhost; none or "*" means any IPv4 address. Port 0 lets the kernel choose
 * one. */
int net_listen(const char *address);

struct net_context;

/* Who is let in before anything is read from him. */
struct net_door {
	bool (*welcomes)(void *arg, const struct address *peer);
	/* A peer that was welcome has gone, or net_settle() was called. */
	void (*lets_go)(void *arg, const struct address *peer);
};

struct net_options {
	struct ev_loop *loop;		       /* borrowed; EVBACKEND_EPOLL */
	const struct lws_protocols *protocols; /* borrowed; ends with {0} */
	void *user;			       /* lws_context_user() */
	int listen_fd;			       /* borrowed; -1: none */
	struct loads *loads;		       /* of all who accept on it;
						  borrowed; NULL: we alone */
	uint32_t load_place, load_count; /* ours among the first so many */
	uint32_t timeout_s;		 /* for handshakes and closes */
	uint32_t max_connections;	 /* beyond: accepted and closed */
	const char *server_name;	 /* for logs */
	enum tls_listener tls;		 /* whose certificate, if it has one */
	const struct net_door *door;	 /* borrowed; NULL: open to all */
	void *door_arg;
	bool frames_are_ours; /* but for TLS: websocket.h reads them */
};

/* 0 or -errno. */
int net_context_create(struct net_context **ret, const struct net_options *o);
struct lws_context *net_context_lws(struct net_context *net);
/* The connection has become what it came for. */
void net_settle(struct lws *wsi);
/* What its owner keeps with a connection; he takes it back before it goes. */
void net_keep(struct lws *wsi, void *what);
void *net_kept(struct lws *wsi);
/* Of the handshake's request, if it was seen whole before libwebsockets read
 * it; else 0. */
size_t net_request_length(struct lws *wsi);
/* Says why a WebSocket is closed, in at most 100 bytes. The connection stays
 * until the peer's close has come, or its owner's patience has ended:
 * libwebsockets' own way hangs up at once, and a peer who still sends would be
 * reset, and might never read why. 0, or -1: the connection is of no use. */
int net_say_goodbye(struct lws *wsi, unsigned code, const char *why);
/* Stops accepting (the socket stays open in the supervisor). */
void net_context_stop_accepting(struct net_context *net);
/* Accepts NULL, returns NULL. */
struct net_context *net_context_destroy(struct net_context *net);

#endif
