/*
 * store_pool.c - questions to the database, asked off the loop (store_pool.h)
 *
 *   loop      store_pool_ask() --> queue --> one of the workers
 *   worker    asks its own store, keeps the promise; a session that was lost
 *             on the way makes it call `away`
 *             those that are slow by themselves wait in a queue of their own
 *   worker 0  while `away`: probes, with the backoff of db_health, and calls it
 *             off once it was answered
 *
 * Only worker 0 tells db_health how the database is, so that ten questions that
 * meet one outage are one failure, not ten. Before anybody asked there is
 * nothing to tell, and no session.
 */
#include "server/control/api/store_pool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "persistence/db_health.h"
#include "persistence/recovery.h"
#include "persistence/store.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/http/http_later.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/thread.h"

#define OP	    "api_query"
#define WORKERS_MAX 64
#define OTHERS	    2 /* connections: the drainer's, the session loop's */

struct question {
	struct question *next;
	store_question *ask;
	store_otherwise *otherwise; /* NULL: there is no other answer */
	void *arg;
	struct http_later *later;
	bool slow;
};

struct queue_of {
	struct question *first, **end;
	uint32_t count;
};

struct worker {
	struct store_pool *pool;
	struct store *store;
	struct thread *thread;
};

struct store_pool {
	const struct settings *settings;
	size_t count; /* of workers */
	struct worker workers[WORKERS_MAX];
	int asked_fd;	  /* a semaphore: one for each question */
	int look_fd;	  /* worker 0 should look at `away` */
	int stop_fd;	  /* stays readable, for all of them */
	atomic_bool away; /* until worker 0 knows better */
	pthread_mutex_t lock;
	struct queue_of quick, slow; /* {lock} */
	uint32_t slow_asked;	     /* {lock} workers that are at one */
	bool closed;		     /* {lock} takes no more questions */
	struct db_health health;     /* worker 0's */
};

static void signal_fd(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

void store_pool_away(struct http_response *response)
{
	http_reply_error(response, 503, "Database temporarily unavailable");
}

static void count(const char *result)
{
	char labels[32];

	(void)snprintf(labels, sizeof(labels), "result=\"%s\"", result);
	board_add(board_series(METRIC_API_QUERIES_TOTAL, labels), 1);
}

/* The answer of a question that the database was not asked, or did not answer.
 * `arg` is NULL where there was no memory for it. */
static void answer_away(store_otherwise *otherwise, const void *arg,
			struct http_response *response)
{
	if (otherwise && arg)
		otherwise(arg, response);
	else
		store_pool_away(response);
}

/* ---- the queue ------------------------------------------------------------
 */

static void queue_init(struct queue_of *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
	queue->count = 0;
}

static struct question *queue_take(struct queue_of *queue)
{
	struct question *question = queue->first;

	if (!question)
		return NULL;
	queue->first = question->next;
	if (!queue->first)
		queue->end = &queue->first;
	queue->count--;
	return question;
}

static void queue_add(struct queue_of *queue, struct question *question)
{
	*queue->end = question;
	queue->end = &question->next;
	queue->count++;
}

/* {lock} */
static void show_waiting(const struct store_pool *pool)
{
	board_set(board_series(METRIC_API_QUERIES_WAITING, ""),
		  pool->quick.count + pool->slow.count);
}

/* {lock} One worker is for the others, if there are two. */
static bool may_be_slow(const struct store_pool *pool)
{
	return pool->closed || pool->slow_asked == 0 ||
	       pool->slow_asked + 1 < pool->count;
}

/* NULL also when all that waits are slow ones that must wait on. */
static struct question *dequeue(struct store_pool *pool)
{
	struct question *question;

	pthread_mutex_lock(&pool->lock);
	question = queue_take(&pool->quick);
	if (!question && may_be_slow(pool))
		question = queue_take(&pool->slow);
	if (question)
		pool->slow_asked += question->slow;
	show_waiting(pool);
	pthread_mutex_unlock(&pool->lock);
	return question;
}

/* Otherwise it stays the caller's. */
static bool enqueue(struct store_pool *pool, struct question *question)
{
	struct queue_of *queue = question->slow ? &pool->slow : &pool->quick;
	bool taken;

	pthread_mutex_lock(&pool->lock);
	taken = !pool->closed &&
		pool->quick.count + pool->slow.count <
			pool->settings->control.query_queue &&
		(!question->slow || queue->count < STORE_POOL_SLOW_MAX);
	if (taken)
		queue_add(queue, question);
	show_waiting(pool);
	pthread_mutex_unlock(&pool->lock);
	if (taken)
		signal_fd(pool->asked_fd);
	return taken;
}

/* Another that is slow may have its turn, which its own signal woke nobody
 * for. */
static void end_slow(struct store_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->slow_asked--;
	pthread_mutex_unlock(&pool->lock);
	signal_fd(pool->asked_fd);
}

static void question_free(struct question *question)
{
	if (!question)
		return;
	free(question->arg);
	free(question);
}

static void answer(struct store_pool *pool, struct question *question,
		   struct http_response *response)
{
	if (question->slow)
		end_slow(pool);
	http_later_keep(question->later, response);
	question_free(question);
}

static void submit(struct store_pool *pool, struct question *question,
		   const struct http_request *request,
		   struct http_response *response)
{
	struct http_later *later = http_later_promise(request);

	question->later = later;
	if (later && enqueue(pool, question)) {
		response->later = later;
		return;
	}
	if (later)
		http_later_withdraw(later);
	question_free(question);
	count("refused");
	http_reply_error(response, 503,
			 "too many requests wait for the database; repeat it "
			 "later");
}

/* Nobody asks before the drainer has met the database, which makes the tables;
 * and one outage is found once, not by everybody anew. */
static bool is_away(const struct store_pool *pool)
{
	enum board_db_state shown = db_health_shown();

	return atomic_load(&pool->away) || shown == BOARD_DB_DOWN ||
	       shown == BOARD_DB_UNKNOWN;
}

/* As *kind says, which is copied. */
static void ask_pool(struct store_pool *pool, const struct question *kind,
		     const struct http_request *request,
		     struct http_response *response)
{
	struct question *question;
	void *arg = kind->arg;

	if (!pool || is_away(pool)) {
		count("away");
		answer_away(kind->otherwise, arg, response);
		free(arg);
		return;
	}
	question = arg ? calloc(1, sizeof(*question)) : NULL;
	if (!question) {
		free(arg);
		http_reply_error(response, 503, "out of memory");
		return;
	}
	*question = *kind;
	submit(pool, question, request, response);
}

void store_pool_ask(struct store_pool *pool, store_question *ask, void *arg,
		    const struct http_request *request,
		    struct http_response *response)
{
	ask_pool(pool, &(struct question){ .ask = ask, .arg = arg }, request,
		 response);
}

void store_pool_ask_or(struct store_pool *pool, store_question *ask,
		       store_otherwise *otherwise, void *arg,
		       const struct http_request *request,
		       struct http_response *response)
{
	ask_pool(pool,
		 &(struct question){
			 .ask = ask, .otherwise = otherwise, .arg = arg },
		 request, response);
}

void store_pool_ask_slowly(struct store_pool *pool, store_question *ask,
			   void *arg, const struct http_request *request,
			   struct http_response *response)
{
	ask_pool(pool,
		 &(struct question){ .ask = ask, .arg = arg, .slow = true },
		 request, response);
}

/* ---- the workers ----------------------------------------------------------
 */

/* Was it the question, or the database? Worker 0 finds out. */
static void judge(struct store_pool *pool, const struct db_error *err)
{
	log_warn("API_QUERY", "op=%s reason=%s sqlstate=%s err=\"%s\"", OP,
		 err->reason, *err->sqlstate ? err->sqlstate : "none",
		 err->text);
	if (!err->connection_lost && err->family != DB_SETUP)
		return;
	atomic_store(&pool->away, true);
	signal_fd(pool->look_fd);
}

static void work(struct worker *worker, struct question *question)
{
	struct store_pool *pool = worker->pool;
	struct http_response response = { 0 };
	struct db_error err = { .family = DB_OK };

	http_later_work(question->later);
	if (atomic_load(&pool->away)) {
		count("away");
		answer_away(question->otherwise, question->arg, &response);
	} else if (question->ask(worker->store, question->arg, &response,
				 &err) == 0) {
		count("answered");
	} else {
		count("failed");
		http_response_finish(&response);
		answer_away(question->otherwise, question->arg, &response);
		judge(pool, &err);
	}
	answer(pool, question, &response);
}

/* A session that answers and has our tables. */
static int probe(struct store *store, struct db_error *err)
{
	const struct store_call_filter any = { .limit = 1 };
	json_t *rows = NULL;
	int r = store_ping(store, err);

	if (r == 0)
		r = store_list_calls(store, &any, &rows, err);
	json_decref(rows);
	return r;
}

/* Worker 0, while the database is away: until when to leave it alone, as
 * poll(2) has it. */
static int look(struct worker *worker, const struct thread *self)
{
	struct store_pool *pool = worker->pool;
	struct db_health *health = &pool->health;
	struct db_error err = { .family = DB_OK };
	uint64_t now_ms = clock_mono_ms();

	if (!db_health_may_try(health, now_ms))
		return (int)breaker_wait_ms(&health->breaker, now_ms);
	if (probe(worker->store, &err) < 0) {
		if (thread_stopping(self))
			return 0;
		return (int)db_health_failed(health, &err, clock_mono_ms(),
					     retry_random());
	}
	db_health_succeeded(health, clock_mono_ms());
	atomic_store(&pool->away, false);
	return -1;
}

static bool drain_fd(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static int body(struct thread *self, void *arg)
{
	struct worker *worker = arg;
	struct store_pool *pool = worker->pool;
	bool first = worker == &pool->workers[0];
	struct pollfd fds[] = {
		{ .fd = pool->asked_fd, .events = POLLIN },
		{ .fd = pool->stop_fd, .events = POLLIN },
		{ .fd = first ? pool->look_fd : -1, .events = POLLIN },
	};
	uint64_t look_ms = 0; /* when to look again; 0: now */

	while (!thread_stopping(self)) {
		bool away = first && atomic_load(&pool->away);
		uint64_t now_ms = clock_mono_ms();
		struct question *question;

		if (away && now_ms >= look_ms) {
			int wait_ms = look(worker, self);

			look_ms = clock_mono_ms() +
				  (uint64_t)(wait_ms < 0 ? 0 : wait_ms);
			continue;
		}
		(void)poll(fds, 3, away ? (int)(look_ms - now_ms) : -1);
		if (first && drain_fd(pool->look_fd)) {
			look_ms = 0;
			db_health_hurry(&pool->health, clock_mono_ms());
		}
		question = drain_fd(pool->asked_fd) ? dequeue(pool) : NULL;
		if (question)
			work(worker, question);
	}
	return 0;
}

/* ---- beginning and end -----------------------------------------------------
 */

static void wake(void *arg)
{
	const struct worker *worker = arg;

	signal_fd(worker->pool->stop_fd);
}

static void refuse_waiting(struct store_pool *pool)
{
	struct question *question;

	pthread_mutex_lock(&pool->lock);
	pool->closed = true;
	pthread_mutex_unlock(&pool->lock);
	while ((question = dequeue(pool))) {
		struct http_response response = { 0 };

		answer_away(question->otherwise, question->arg, &response);
		answer(pool, question, &response);
	}
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

struct store_pool *store_pool_stop(struct store_pool *pool)
{
	if (!pool)
		return NULL;
	refuse_waiting(pool);
	for (size_t i = 0; i < pool->count; i++) {
		thread_stop(pool->workers[i].thread);
		if (pool->workers[i].store)
			store_interrupt(pool->workers[i].store);
	}
	for (size_t i = 0; i < pool->count; i++) {
		thread_join(pool->workers[i].thread);
		store_destroy(pool->workers[i].store);
	}
	db_health_leave(&pool->health);
	recovery_leave(pool->look_fd);
	close_fd(pool->asked_fd);
	close_fd(pool->look_fd);
	close_fd(pool->stop_fd);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
	return NULL;
}

static int start_worker(struct store_pool *pool, size_t i,
			const char *application)
{
	const struct settings *settings = pool->settings;
	struct worker *worker = &pool->workers[i];
	const struct store_options store = {
		.url = settings->database.url,
		.application = application,
		.connect_timeout_ms = settings->database.connect_timeout_ms,
		.statement_timeout_ms = settings->control.query_timeout_ms,
		.recycle_ms = settings->database.pool_recycle_ms,
		.read_only = true,
	};
	const struct thread_options thread = {
		.name = OP,
		.body = body,
		.arg = worker,
		.wake = wake,
	};
	int r;

	worker->pool = pool;
	r = store_create(&worker->store, &store);
	return r < 0 ? r : thread_start(&worker->thread, &thread);
}

static int start(struct store_pool *pool)
{
	char application[128];
	int r = 0;

	(void)snprintf(application, sizeof(application), "holdline/%s/api",
		       pool->settings->node_id);
	pool->asked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	pool->look_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pool->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->asked_fd < 0 || pool->look_fd < 0 || pool->stop_fd < 0)
		return -errno;
	r = recovery_listen(pool->look_fd);
	for (size_t i = 0; i < pool->count && r == 0; i++)
		r = start_worker(pool, i, application);
	return r;
}

int store_pool_start(struct store_pool **ret, const struct settings *settings)
{
	struct store_pool *pool = calloc(1, sizeof(*pool));
	uint32_t connections = settings->database.pool_size;
	int r;

	if (!pool)
		return -ENOMEM;
	pool->settings = settings;
	pool->count = connections > OTHERS ? connections - OTHERS : 1;
	pool->asked_fd = pool->look_fd = pool->stop_fd = -1;
	queue_init(&pool->quick);
	queue_init(&pool->slow);
	atomic_init(&pool->away, false);
	pthread_mutex_init(&pool->lock, NULL);
	db_health_init(&pool->health, OP, settings);
	r = start(pool);
	if (r < 0)
		pool = store_pool_stop(pool);
	*ret = pool;
	return r;
}
