/*
 * worker.c - a thread that carries many callers (see worker.h)
 */
#include "tools/holdload/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tools/holdload/options.h"

#define TICK_NS	       1000000u
#define BUCKETS	       20u  /* milliseconds of a frame */
#define CONNECTING_MAX 512u /* handshakes under way at once */
#define EVENTS	       512

uint64_t worker_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Tells epoll what the caller waits for; it may have opened a new socket since
 * then. One that cannot be watched runs into its deadline. */
static void watch(const struct worker *w, struct caller *c)
{
	struct epoll_event event = {
		.events = EPOLLIN | (c->link.wants_write ? EPOLLOUT : 0u),
		.data.ptr = c
	};
	int fd = c->link.fd;

	if (fd >= 0 && epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 &&
	    errno == ENOENT)
		(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int is_connecting(enum caller_state state)
{
	return state > CALLER_IDLE && state < CALLER_TALKING;
}

/* Keeps the books of a caller whose state may have changed. */
static void account(struct worker *w, enum caller_state before,
		    const struct caller *c)
{
	int was_connecting = is_connecting(before);
	int connects = is_connecting(c->state);

	if (before == c->state)
		return;
	if (was_connecting != connects)
		atomic_fetch_add(&w->connecting, connects ? 1 : UINT64_MAX);
	if (before < CALLER_TALKING && c->state == CALLER_TALKING)
		atomic_fetch_add(&w->live, 1);
	if (c->state != CALLER_DONE)
		return;
	if (before >= CALLER_TALKING)
		atomic_fetch_sub(&w->live, 1);
	atomic_fetch_add(&w->done, 1);
	if (c->outcome != OUTCOME_COMPLETED)
		atomic_fetch_add(&w->failed, 1);
}

static void serve_sockets(struct worker *w, uint64_t until_ns)
{
	struct epoll_event events[EVENTS];
	uint64_t now = worker_now_ns();
	struct timespec wait = { 0 };
	int n;

	if (until_ns > now)
		wait.tv_nsec = (long)(until_ns - now);
	n = epoll_pwait2(w->epoll_fd, events, EVENTS, &wait, NULL);
	now = worker_now_ns();
	for (int i = 0; i < n; i++) {
		struct caller *c = events[i].data.ptr;
		enum caller_state before = c->state;
		bool wanted = c->link.wants_write;

		if (before == CALLER_DONE)
			continue;
		caller_on_ready(c, events[i].events & ~(uint32_t)EPOLLOUT,
				events[i].events & (EPOLLOUT | EPOLLERR), now);
		if (c->link.wants_write != wanted ||
		    before == CALLER_CONNECTING)
			watch(w, c);
		account(w, before, c);
	}
}

static void serve_caller(struct worker *w, struct caller *c, uint64_t turn,
			 uint64_t now)
{
	enum caller_state before = c->state;
	bool wanted = c->link.wants_write;

	if (before == CALLER_DONE)
		return;
	if (before == CALLER_IDLE) {
		if (now < c->due_ns ||
		    atomic_load(&w->connecting) >= CONNECTING_MAX)
			return;
		caller_connect(c, now);
		watch(w, c);
	} else {
		caller_on_time(c, turn, now);
		if (c->link.wants_write != wanted ||
		    before == CALLER_CONNECTING)
			watch(w, c);
	}
	account(w, before, c);
}

/* A twentieth of the callers, those whose turn this millisecond is. */
static void serve_bucket(struct worker *w, uint64_t tick, uint64_t turn)
{
	uint64_t now = worker_now_ns();

	for (size_t i = tick % BUCKETS; i < w->count; i += BUCKETS)
		serve_caller(w, &w->callers[i], turn, now);
}

static void cancel_all(struct worker *w)
{
	uint64_t now = worker_now_ns();

	for (size_t i = 0; i < w->count; i++) {
		enum caller_state before = w->callers[i].state;

		if (before == CALLER_DONE)
			continue;
		caller_cancel(&w->callers[i], now);
		account(w, before, &w->callers[i]);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t start = worker_now_ns();
	bool cancelled = false;

	for (uint64_t tick = 0; atomic_load(&w->done) < w->count; tick++) {
		uint64_t deadline = start + (tick + 1) * TICK_NS;

		serve_bucket(w, tick, deadline - TICK_NS);
		atomic_store(&w->frames, w->measured.frames_sent);
		if (atomic_load(w->cancel) > 1)
			break;
		if (atomic_load(w->cancel) == 1 && !cancelled) {
			cancelled = true;
			cancel_all(w);
		}
		do
			serve_sockets(w, deadline);
		while (worker_now_ns() < deadline);
	}
	return NULL;
}

int worker_start(struct worker *w)
{
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0)
		return errno;
	return pthread_create(&w->thread, NULL, work, w);
}

void worker_join(struct worker *w)
{
	(void)pthread_join(w->thread, NULL);
	(void)close(w->epoll_fd);
}
