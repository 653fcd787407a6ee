/*
 * store_pool.h - questions to the database, asked off the loop
 *
 * A handler that needs rows leaves its question here and a promise in its
 * response (http_later.h). A few worker threads, each with a session of its own
 * that only reads, ask the database and keep the promises. So no request waits
 * on the loop, and a slow one holds up only its own worker.
 *
 * While the database is away nobody waits: the answer is the contract's 503,
 * at once. One of the workers goes on asking, as its backoff allows
 * (op=api_query), until it is answered.
 *
 * Bounded by database.pool_size (workers), control.query_timeout (a question),
 * control.query_queue (questions that wait).
 */
#ifndef SERVER_CONTROL_API_STORE_POOL_H
#define SERVER_CONTROL_API_STORE_POOL_H

#include "persistence/db_error.h"
#include "server/control/http/http.h"

struct settings;
struct store;
struct store_pool;

/* 0 or -errno. `settings` is borrowed. */
int store_pool_start(struct store_pool **ret, const struct settings *settings);
/* What is being asked is interrupted, what waits is refused: every promise has
 * been kept when it returns. Accepts NULL, returns NULL. */
struct store_pool *store_pool_stop(struct store_pool *pool);

/* In a worker's thread: asks and answers. 0 with a complete response, or -1
 * with *err, and the peer is told no more than that the database is away. */
typedef int store_question(struct store *store, void *arg,
			   struct http_response *response,
			   struct db_error *err);

/* The loop's. Always leaves an answer or a promise in *response. Takes `arg`,
 * which came from malloc and is freed after the answer; NULL means that there
 * was no memory for it. A pool of NULL is one that has ended. */
void store_pool_ask(struct store_pool *pool, store_question *question,
		    void *arg, const struct http_request *request,
		    struct http_response *response);

/* The same for what can be answered in part without the database: `otherwise`
 * does it while that is away, on the loop or in a worker's thread. */
typedef void store_otherwise(const void *arg, struct http_response *response);
void store_pool_ask_or(struct store_pool *pool, store_question *question,
		       store_otherwise *otherwise, void *arg,
		       const struct http_request *request,
		       struct http_response *response);

/* The same for what costs a worker long by itself, as a password's hash does:
 * never so many of these at once that no worker is left to the others, which
 * are asked first. Of those that wait, STORE_POOL_SLOW_MAX may; one too many is
 * answered 503 at once. */
#define STORE_POOL_SLOW_MAX 16u
void store_pool_ask_slowly(struct store_pool *pool, store_question *question,
			   void *arg, const struct http_request *request,
			   struct http_response *response);

/* The contract's answer for what needs the database while it is away. */
void store_pool_away(struct http_response *response);

#endif
