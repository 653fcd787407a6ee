/*
 * stage.c - threads that move when they are told (see stage.h)
 */
#include "bench/instructions/stage.h"

#include <assert.h>
#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include "media/recorder_inbox.h"
#include "persistence/queue.h"

#define BEGINS_S     1795415820 /* 2026-11-23T06:37:00Z */
#define ACCEPTED_MAX 4096

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	bool waits[ACTORS], may_go[ACTORS];
	int accepted[ACCEPTED_MAX];
	size_t accepted_count;
	_Atomic bool released;
	_Atomic uint64_t now_ns; /* since BEGINS_S */
	uint64_t released_ns;	 /* of the real clock */
} stage = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	    .moved = PTHREAD_COND_INITIALIZER };

/* ---- whose turn it is ------------------------------------------------------
 */

static void await_turn(enum actor actor)
{
	static _Thread_local bool counted;

	if (counted)
		CALLGRIND_TOGGLE_COLLECT;
	(void)pthread_mutex_lock(&stage.mutex);
	stage.waits[actor] = true;
	(void)pthread_cond_broadcast(&stage.moved);
	while (!stage.may_go[actor] && !atomic_load(&stage.released))
		(void)pthread_cond_wait(&stage.moved, &stage.mutex);
	stage.waits[actor] = stage.may_go[actor] = false;
	(void)pthread_mutex_unlock(&stage.mutex);
	counted = !atomic_load(&stage.released);
	if (counted)
		CALLGRIND_TOGGLE_COLLECT;
}

void stage_turn(enum actor actor)
{
	(void)pthread_mutex_lock(&stage.mutex);
	while (!stage.waits[actor])
		(void)pthread_cond_wait(&stage.moved, &stage.mutex);
	stage.may_go[actor] = true;
	(void)pthread_cond_broadcast(&stage.moved);
	while (stage.may_go[actor] || !stage.waits[actor])
		(void)pthread_cond_wait(&stage.moved, &stage.mutex);
	(void)pthread_mutex_unlock(&stage.mutex);
}

void stage_enter(void)
{
	CALLGRIND_TOGGLE_COLLECT;
}

void stage_leave(void)
{
	CALLGRIND_TOGGLE_COLLECT;
}

void stage_count_from_here(void)
{
	CALLGRIND_DUMP_STATS_AT("-");
}

void stage_counted(const char *scene, const char *part, size_t units)
{
	char name[96];

	(void)snprintf(name, sizeof(name), "%s.%s %zu", scene, part, units);
	CALLGRIND_DUMP_STATS_AT(name);
}

void stage_release(void)
{
	struct timespec now;

	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	(void)pthread_mutex_lock(&stage.mutex);
	stage.released_ns =
		(uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	atomic_store(&stage.released, true);
	(void)pthread_cond_broadcast(&stage.moved);
	(void)pthread_mutex_unlock(&stage.mutex);
}

/* ---- the waits that the linker turns to us ---------------------------------
 */

int __real_ev_run(struct ev_loop *loop, int flags);
int __wrap_ev_run(struct ev_loop *loop, int flags);
void __real_recorder_inbox_wait(struct recorder_inbox *inbox);
void __wrap_recorder_inbox_wait(struct recorder_inbox *inbox);
void __real_queue_wait(struct queue *queue, int timeout_ms);
void __wrap_queue_wait(struct queue *queue, int timeout_ms);
int __real_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __real_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags);

/* A loop goes round once at a time; the process's first thread, for ever. */
int __wrap_ev_run(struct ev_loop *loop, int flags)
{
	if (flags != EVRUN_ONCE)
		return __real_ev_run(loop, flags);
	await_turn(LOOP);
	return __real_ev_run(loop, atomic_load(&stage.released) ? EVRUN_ONCE
								: EVRUN_NOWAIT);
}

void __wrap_recorder_inbox_wait(struct recorder_inbox *inbox)
{
	if (!atomic_load(&stage.released))
		await_turn(RECORDER);
	else
		__real_recorder_inbox_wait(inbox);
}

void __wrap_queue_wait(struct queue *queue, int timeout_ms)
{
	if (!atomic_load(&stage.released))
		await_turn(SPOOLER);
	else
		__real_queue_wait(queue, timeout_ms);
}

/* The recorder gathers chunks: here they have all come. */
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
	return atomic_load(&stage.released) ? __real_nanosleep(time, rest) : 0;
}

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags)
{
	int accepted = __real_accept4(fd, from, length, flags);

	if (accepted >= 0 && stage.accepted_count < ACCEPTED_MAX)
		stage.accepted[stage.accepted_count++] = accepted;
	return accepted;
}

const int *stage_accepted(size_t count)
{
	assert(count <= stage.accepted_count);
	return stage.accepted + stage.accepted_count - count;
}

/* ---- the clock -------------------------------------------------------------
 */

void stage_advance_ms(unsigned ms)
{
	atomic_fetch_add(&stage.now_ns, (uint64_t)ms * 1000000);
}

static uint64_t now_ns(void)
{
	struct timespec real;

	if (!atomic_load(&stage.released))
		return atomic_load(&stage.now_ns);
	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &real);
	return atomic_load(&stage.now_ns) - stage.released_ns +
	       (uint64_t)real.tv_sec * 1000000000u + (uint64_t)real.tv_nsec;
}

/* In place of libc's, for the libraries as well. All clocks are one. */
int clock_gettime(clockid_t clock, struct timespec *at)
{
	uint64_t ns = now_ns();

	(void)clock;
	at->tv_sec = BEGINS_S + (time_t)(ns / 1000000000u);
	at->tv_nsec = (long)(ns % 1000000000u);
	return 0;
}

/* ---- chance ----------------------------------------------------------------
 */

/* In place of libc's as well: how ids spread over a table costs more or less.
 * Knuth's multiplier; the high bits are the good ones. */
ssize_t getrandom(void *bytes, size_t length, unsigned flags)
{
	static _Atomic uint64_t drawn;
	uint8_t *at = bytes;

	(void)flags;
	for (size_t i = 0; i < length; i++)
		at[i] = (uint8_t)(atomic_fetch_add(&drawn, 1) *
					  6364136223846793005u >>
				  56);
	return (ssize_t)length;
}
