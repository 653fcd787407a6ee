/*
 * store_change.h - changes to the database, made by the drainer
 *
 * As store_pool.h for questions: a handler leaves here what it wants changed,
 * and a promise in its response. The drainer's connection is the one that
 * writes, so the drainer makes the change, between two turns. While the
 * database is away the answer is the contract's 503, at once.
 */
#ifndef SERVER_CONTROL_API_STORE_CHANGE_H
#define SERVER_CONTROL_API_STORE_CHANGE_H

#include "server/control/api/store_pool.h"

struct drainer;

/* The loop's. Always leaves an answer or a promise in *response. Takes `arg`,
 * which is given to `release` in the end; NULL means that there was no memory
 * for it. A drainer of NULL is one that has ended. */
void store_change_ask(struct drainer *drainer, store_question *change,
		      void *arg, void (*release)(void *arg),
		      const struct http_request *request,
		      struct http_response *response);

#endif
