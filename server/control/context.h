/*
 * context.h - what the handlers of the control process answer from
 */
#ifndef SERVER_CONTROL_CONTEXT_H
#define SERVER_CONTROL_CONTEXT_H

#include "server/control/growth.h"
#include "server/control/history.h"

struct access;
struct ev_loop;
struct drainer;
struct erasure;
struct events;
struct http_files;
struct limits;
struct message_intake;
struct push;
struct settings;
struct store_pool;
struct webhook_inbox;

struct control_context {
	struct ev_loop *loop;		 /* of all handlers */
	const struct settings *settings; /* in force; borrowed */
	const struct settings *first;	 /* of the start: for other threads */
	struct drainer *drainer;     /* NULL while the process starts or ends */
	struct store_pool *pool;     /* NULL likewise */
	struct events *events;	     /* NULL likewise, or no events */
	struct http_files *files;    /* asks the disk */
	struct webhook_inbox *inbox; /* NULL likewise, or no webhooks */
	struct message_intake *intake; /* likewise */
	struct limits *callers;	       /* of webhooks, by address; or NULL */
	const struct access *access;   /* who may do what */
	struct erasure *erasure;       /* forgets whom it is told to; or NULL */
	const char *erasure_key; /* what it keeps of them is hashed by it */
	struct limits *logins;	 /* by address and by account */
	struct growth growth;	 /* of the outbox's bytes */
	struct history history;	 /* the last minutes */
	struct push *push;	 /* tells who watches */
};

#endif
