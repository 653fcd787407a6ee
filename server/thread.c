/*
 * thread.c - every thread of ours is started here (see thread.h)
 *
 * The supervised thread runs supervise(), which runs the body again and again.
 * The handler of fatal signals may take no lock and allocate nothing: it reads
 * the name from a thread-local pointer, or asks the kernel for that of a thread
 * which is not ours.
 */
#include "server/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define BACKOFF_FIRST_MS  100u
#define BACKOFF_MAX_MS	  10000u
#define BACKOFF_BEAT_MS	  500u
#define GIVES_WAY	  5	  /* a nice value: a third of the share */
#define SIGNAL_STACK_SIZE 65536ul /* SIGSTKSZ is not a constant */

struct thread {
	struct thread_options options;
	pthread_t pthread;
	struct board_thread *slot; /* owned */
	atomic_bool stopping;
	pthread_mutex_t mutex; /* for `wakeup` alone */
	pthread_cond_t wakeup; /* ends a backoff early */
};

static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
#define FATAL_SIGNALS (sizeof(fatal_signals) / sizeof(fatal_signals[0]))

static _Thread_local const char *current_name;

/* A stack overflow must still be able to say who it was. */
struct signal_stack {
	void *memory;	/* owned; NULL without one */
	stack_t before; /* sanitizers bring their own */
};

static void signal_stack_init(struct signal_stack *stack)
{
	void *memory = mmap(NULL, SIGNAL_STACK_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t ours = { .ss_sp = memory, .ss_size = SIGNAL_STACK_SIZE };

	stack->memory = NULL;
	if (memory == MAP_FAILED)
		return;
	if (sigaltstack(&ours, &stack->before) < 0)
		(void)munmap(memory, SIGNAL_STACK_SIZE);
	else
		stack->memory = memory;
}

static void signal_stack_finish(struct signal_stack *stack)
{
	if (!stack->memory)
		return;
	(void)sigaltstack(&stack->before, NULL);
	(void)munmap(stack->memory, SIGNAL_STACK_SIZE);
}

static const char *signal_text(int number)
{
	switch (number) {
	case SIGSEGV: return "SIGSEGV";
	case SIGBUS: return "SIGBUS";
	case SIGILL: return "SIGILL";
	case SIGFPE: return "SIGFPE";
	case SIGABRT: return "SIGABRT";
	default: return "signal";
	}
}

static void on_fatal_signal(int number)
{
	char asked[16] = ""; /* the kernel's limit */
	const char *name = current_name;
	const char *parts[] = { "name=", NULL, " err=", signal_text(number),
				NULL };

	if (!name) {
		(void)prctl(PR_GET_NAME, asked);
		name = asked;
	}
	parts[1] = name;
	log_crash("THREAD_CRASH", parts);
	/* SA_RESETHAND has put the default action back, which comes when we
	 * return: the signal is blocked as long as we handle it. */
	(void)raise(number);
}

void thread_catch_fatal_signals(void)
{
	static struct signal_stack stack; /* kept until the process ends */
	struct sigaction action = {
		.sa_handler = on_fatal_signal,
		.sa_flags = SA_ONSTACK | (int)SA_RESETHAND,
	};

	if (!stack.memory) /* else inherited by fork */
		signal_stack_init(&stack);
	for (size_t i = 0; i < FATAL_SIGNALS; i++)
		(void)sigaction(fatal_signals[i], &action, NULL);
}

bool thread_stopping(const struct thread *self)
{
	return self && atomic_load(&self->stopping);
}

void thread_beat(struct thread *self)
{
	if (self)
		atomic_fetch_add_explicit(&self->slot->beats, 1,
					  memory_order_relaxed);
}

const char *thread_name(const struct thread *self)
{
	return self ? self->options.name : "none";
}

/* Waits, unless it is time to stop. A thread that waits here is in good hands,
 * not stuck, so it keeps its heart beating. */
static void back_off(struct thread *self, uint64_t wait_ms)
{
	uint64_t now = clock_mono_ms(), end = now + wait_ms;

	pthread_mutex_lock(&self->mutex);
	for (; now < end && !thread_stopping(self); now = clock_mono_ms()) {
		uint64_t beat = now + BACKOFF_BEAT_MS;
		uint64_t until = end < beat ? end : beat;
		struct timespec time = {
			.tv_sec = (time_t)(until / 1000),
			.tv_nsec = (long)(until % 1000) * 1000000,
		};

		thread_beat(self);
		(void)pthread_cond_timedwait(&self->wakeup, &self->mutex,
					     &time);
	}
	pthread_mutex_unlock(&self->mutex);
}

static void report_crash(const struct thread *self, int error,
			 uint64_t restart_ms)
{
	const char *name = thread_name(self);
	char labels[64], next[48] = "next=end";

	(void)snprintf(labels, sizeof(labels), "name=\"%s\"", name);
	board_add(board_series(METRIC_THREAD_CRASHES_TOTAL, labels), 1);
	if (!thread_stopping(self))
		(void)snprintf(next, sizeof(next), "restart_in=%.1fs",
			       (double)restart_ms / 1000);
	log_error("THREAD_CRASH", "name=%s err=\"%s\" %s", name,
		  strerror(-error), next);
}

/* Whoever held out for long begins anew with short waits. */
static uint64_t next_backoff(uint64_t last_ms, uint64_t ran_ms)
{
	if (last_ms == 0 || ran_ms > BACKOFF_MAX_MS)
		return BACKOFF_FIRST_MS;
	return last_ms * 2 < BACKOFF_MAX_MS ? last_ms * 2 : BACKOFF_MAX_MS;
}

static void *supervise(void *arg)
{
	struct thread *self = arg;
	struct signal_stack stack;
	uint64_t wait_ms = 0, started;
	int r;

	current_name = self->options.name;
	signal_stack_init(&stack);
	(void)pthread_setname_np(pthread_self(), self->options.name);
	if (!self->options.watched)
		(void)setpriority(PRIO_PROCESS, (id_t)gettid(), GIVES_WAY);
	do {
		started = clock_mono_ms();
		r = self->options.body(self, self->options.arg);
		if (r >= 0)
			break;
		wait_ms = next_backoff(wait_ms, clock_mono_ms() - started);
		report_crash(self, r, wait_ms);
		back_off(self, wait_ms);
	} while (!thread_stopping(self));
	signal_stack_finish(&stack);
	return NULL;
}

static void thread_init(struct thread *thread,
			const struct thread_options *options)
{
	pthread_condattr_t attr;

	*thread = (struct thread){ .options = *options };
	thread->slot = board_thread_claim(options->name, options->watched);
	/* None of these can fail on Linux. */
	(void)pthread_mutex_init(&thread->mutex, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&thread->wakeup, &attr);
	(void)pthread_condattr_destroy(&attr);
}

static void thread_free(struct thread *thread)
{
	board_thread_release(thread->slot);
	(void)pthread_cond_destroy(&thread->wakeup);
	(void)pthread_mutex_destroy(&thread->mutex);
	free(thread);
}

/* Signals belong to the main thread, and a new one inherits our mask. Its own
 * faults stay open: the kernel passes the handler of a blocked one by. */
static void block_signals(sigset_t *before)
{
	sigset_t most;

	(void)sigfillset(&most);
	for (size_t i = 0; i < FATAL_SIGNALS; i++)
		(void)sigdelset(&most, fatal_signals[i]);
	(void)pthread_sigmask(SIG_SETMASK, &most, before);
}

int thread_start(struct thread **ret, const struct thread_options *options)
{
	struct thread *thread = malloc(sizeof(*thread));
	sigset_t before;
	int r;

	if (!thread)
		return -ENOMEM;
	thread_init(thread, options);
	block_signals(&before);
	r = pthread_create(&thread->pthread, NULL, supervise, thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		thread_free(thread);
		return -r;
	}
	*ret = thread;
	return 0;
}

void thread_stop(struct thread *thread)
{
	if (!thread)
		return;
	pthread_mutex_lock(&thread->mutex);
	atomic_store(&thread->stopping, true);
	(void)pthread_cond_broadcast(&thread->wakeup);
	pthread_mutex_unlock(&thread->mutex);
	if (thread->options.wake)
		thread->options.wake(thread->options.arg);
}

struct thread *thread_join(struct thread *thread)
{
	if (!thread)
		return NULL;
	(void)pthread_join(thread->pthread, NULL);
	thread_free(thread);
	return NULL;
}

struct thread *thread_adopt_main(const char *name, bool watched)
{
	static struct thread main_thread; /* a process has one */

	thread_init(&main_thread, &(struct thread_options){
					  .name = name, .watched = watched });
	current_name = name;
	return &main_thread;
}
