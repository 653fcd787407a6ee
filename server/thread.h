/*
 * thread.h - every thread of ours is started here
 *
 * A supervised thread has a name (seen in top and gdb), a heartbeat on the
 * board, and a body. A body that returns a negative errno has crashed: that is
 * logged ([THREAD_CRASH] name=... err=...), counted, and the body is started
 * again after a backoff (100 ms, doubling, at most 10 s; from the start again
 * when it ran for longer than that), until it ends with 0 or thread_stop() was
 * called. A fatal signal logs which thread it was before
 * the process dies ([THREAD_CRASH] name=... err=SIGSEGV).
 *
 * A *watched* thread promises to call thread_beat() at least once a second; the
 * supervisor of the processes kills a role whose watched threads stand still.
 * Threads that may wait for a disk or a database are not watched: their waits
 * are legal. Where there are too few processors for all, they give way to those
 * that may not.
 *
 * Thread: thread_start/stop/join belong to the owner, the rest to the thread.
 */
#ifndef SERVER_THREAD_H
#define SERVER_THREAD_H

#include <stdbool.h>
#include <stdatomic.h>

struct thread;

/* Runs in the new thread. Returns 0 when its work is done, -errno to be
 * restarted. It should return soon once thread_stopping() is true. */
typedef int thread_body(struct thread *self, void *arg);

struct thread_options {
	const char *name; /* at most 15 characters; borrowed for ever */
	thread_body *body;
	void *arg;		 /* borrowed */
	void (*wake)(void *arg); /* called by thread_stop(); may be NULL */
	bool watched;
};

/* 0 or -errno. */
int thread_start(struct thread **ret, const struct thread_options *options);

/* Asks the body to return: sets the flag and calls wake. Does not wait; accepts
 * NULL. */
void thread_stop(struct thread *thread);
/* Waits for the end and frees; accepts NULL; returns NULL. */
struct thread *thread_join(struct thread *thread);

/* These accept NULL, so that a test can run a body without a thread. */
bool thread_stopping(const struct thread *self);
void thread_beat(struct thread *self);
const char *thread_name(const struct thread *self);

/* The process's first thread gets a name and a heartbeat too (there is nobody
 * to restart it): it is what a role runs its loop on. Never joined; after a
 * fork, the child adopts its own. */
struct thread *thread_adopt_main(const char *name, bool watched);

/* Installs the handlers for fatal signals in this process, with a stack of
 * their own. Call once, early, in every role. */
void thread_catch_fatal_signals(void);

#endif
