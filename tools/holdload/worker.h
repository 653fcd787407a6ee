/*
 * worker.h - a thread that carries many callers
 *
 * One epoll, and a deadline every millisecond: callers are dealt over the 20
 * milliseconds of a frame, so each deadline has a twentieth of them to serve.
 *
 * Thread: start and join from main; the counters are for anybody.
 */
#ifndef HOLDLOAD_WORKER_H
#define HOLDLOAD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/holdload/caller.h"

struct options;

struct worker {
	const struct options *options;
	struct caller *callers; /* borrowed: a part of all of them */
	size_t count;
	struct measured measured; /* read it when joined */
	pthread_t thread;
	int epoll_fd;
	_Atomic uint64_t connecting, live, done, failed, frames; /* progress */
	_Atomic int *cancel; /* 1: hang up, 2: drop everything */
};

/* 0 or an errno. */
int worker_start(struct worker *worker);
void worker_join(struct worker *worker);

uint64_t worker_now_ns(void);

#endif
