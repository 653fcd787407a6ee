/*
 * http_server.h - a router on a listening socket
 *
 * HTTP/1.1 with keep-alive over libwebsockets. Every request is bounded: its
 * head by libwebsockets' header block, its body by max_body or its route, its
 * time by timeout_s; the number of connections is bounded too. A peer that
 * breaks a bound costs its own connection and nothing else.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_HTTP_HTTP_SERVER_H
#define SERVER_CONTROL_HTTP_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "server/control/http/http.h"
#include "server/tls.h"

#define HTTP_BODY_MAX  ((size_t)64 * 1024)
#define HTTP_PATH_MAX  512
#define HTTP_QUERY_MAX 1024

struct net_door;
struct ev_loop;
struct http_files;
struct settings;
struct http_server;

struct http_server_options {
	struct ev_loop *loop;		  /* borrowed */
	int listen_fd;			  /* borrowed */
	const struct http_router *router; /* borrowed */
	uint32_t timeout_s; /* to send a request, take a response */
	uint32_t max_connections;
	enum tls_listener tls; /* whose certificate, if it has one */
	size_t max_body; /* bytes; 0: HTTP_BODY_MAX; a route may take more */
	uint64_t body_memory;	  /* bytes of all bodies together; 0: any */
	uint32_t max_sockets;	  /* 0: there are no WebSockets here */
	struct http_files *files; /* borrowed; NULL: no answer is a file */
	const struct settings *const *settings; /* those in force; borrowed */
	/* A request says all that its caller said, as webhooks.public_url and
	 * trusted proxies have it (http_request.caller). */
	bool for_webhooks;
	const struct net_door *door; /* as of net.h */
	void *door_arg;
};

/* 0 or -errno. */
int http_server_start(struct http_server **ret,
		      const struct http_server_options *options);
/* Their peers are told that it ends; it takes a turn of the loop or two. */
void http_server_close_sockets(struct http_server *server);
/* Every promise of an answer must have been kept (http_later.h). Accepts NULL,
 * returns NULL. */
struct http_server *http_server_stop(struct http_server *server);

#endif
