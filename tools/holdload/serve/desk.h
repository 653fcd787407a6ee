/*
 * desk.h - a thread that carries many callees
 *
 * All desks accept on one socket. With a tick a desk looks at its sockets once
 * in so many microseconds, and takes all that has come by then: one waking for
 * many frames, which is most of what a frame costs. Few calls need no tick and
 * are served at once.
 *
 * Thread: start and join from main; the counters are for anybody.
 */
#ifndef HOLDLOAD_SERVE_DESK_H
#define HOLDLOAD_SERVE_DESK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/holdload/serve/callee.h"
#include "tools/holdload/wheel.h"

struct serve_options;
struct place;

/* What all desks share. */
struct house {
	const struct serve_options *options;
	int listener;
	uint64_t began_ns;
	_Atomic int leaving;	 /* 1: no new calls, the others end; 2: now */
	_Atomic uint64_t live;	 /* connections */
	_Atomic uint64_t served; /* calls that are over */
};

struct desk {
	struct house *house;
	unsigned index;
	struct place *places; /* owned: of calls; calls_max */
	struct place *free;   /* those that were left */
	size_t used;	      /* ever: the first so many */
	size_t taken;
	struct wheel wheel;
	struct staff staff;
	pthread_t thread;
	int epoll_fd;
	bool open;		 /* it accepts */
	_Atomic uint64_t frames; /* heard, for progress */
};

/* 0 or an errno. */
int desk_start(struct desk *desk, struct house *house, unsigned index);
void desk_join(struct desk *desk);
void desk_free(struct desk *desk);

#endif
