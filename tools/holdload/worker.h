/*
 * worker.h - a thread that carries many callers
 *
 * One epoll for their sockets, one wheel for what they do by the clock. The
 * callers' turns lie evenly over the milliseconds of a frame. A worker carries
 * out its part of the plan: every so many-eth call, so that each has its part
 * of every moment; a caller that is done makes room for the next call.
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
#include "tools/holdload/ledger.h"
#include "tools/holdload/wheel.h"

struct options;
struct seat;
struct series;

/* What all workers of a run share. */
struct run {
	const struct options *options;
	uint64_t began_ns;
	_Atomic int cancel;	    /* 1: hang up, 2: drop everything */
	_Atomic uint64_t settled;   /* calls that are up, or never will be */
	_Atomic uint64_t all_up_ns; /* since when all have settled; 0: not yet*/
};

struct worker {
	struct run *run;
	unsigned index;
	struct plan plan;
	struct call_plan next; /* the call that begins next */
	bool planned;	       /* there is one */
	struct seat *seats;    /* owned: of callers, live and to come */
	struct seat *empty;    /* those that were left */
	size_t seat_count, used, taken; /* all; ever, the first so many; now */
	struct wheel wheel;
	struct crew crew; /* what they measured: when joined */
	struct ledger ledger;
	struct series *series; /* owned */
	pthread_t thread;
	int epoll_fd;
	/* progress; `failed` of calls that behave */
	_Atomic uint64_t connecting, live, done, failed, frames;
	_Atomic uint64_t echo_p99_us; /* of the last moment; 0: none */
	_Atomic bool over;
};

/* 0 or an errno. */
int worker_start(struct worker *worker, struct run *run, unsigned index);
void worker_join(struct worker *worker);
void worker_free(struct worker *worker);

uint64_t worker_now_ns(void);

#endif
