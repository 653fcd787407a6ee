/*
 * log.c - one event a line on stderr (see log.h)
 *
 *   log_event() -> log_line -> [ring of lines] -> writer thread -> write(2)
 *                          `-> write(2), while there is no writer
 *
 * The ring is bounded and lock-free (after Dmitry Vyukov's queue). `head`
 * counts the lines ever taken on, `tail` those taken off; line n lives in the
 * slot n % SLOTS, whose state says whose turn it is in that lap of the ring:
 *
 *   2 * lap       free for the producer that gets n from head
 *   2 * lap + 1   filled, for the writer
 *
 * All zero is an empty ring, so memory is touched only as lines come. The
 * writer sleeps on the futex `asleep`; a producer makes a system call only when
 * it is. (A futex rather than an eventfd: a wake-up that comes late does no
 * harm, while a late write() would hit whoever has got the descriptor by then.)
 *
 * The writer is a plain pthread: thread.c logs, and must not need itself.
 */
#include "server/log.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "server/board.h"
#include "server/clock.h"
#include "server/log_line.h"

#define SLOTS	      2048u
#define STOP_WAIT_MS  2000
#define CRASH_WAIT_MS 100

struct slot {
	_Atomic uint64_t state;
	uint64_t length;
	char line[LOG_LINE_SIZE];
};

static struct {
	_Atomic int least, format, mask;
	_Atomic uint64_t dropped;
	atomic_bool running; /* lines go through the ring */
	atomic_bool stopping;
	_Atomic uint32_t asleep;    /* futex; 1: the writer has nothing to do */
	_Atomic uint32_t ended;	    /* futex; 1: it has left its loop */
	_Atomic uint32_t producers; /* threads that are at the ring */
	_Atomic uint64_t head;
	uint64_t tail;	   /* {the writer, then log_stop_writer()} */
	uint64_t reported; /* drops already told {likewise} */
	pthread_t writer;
} state = { .least = LOG_LEVEL_INFO, .mask = LOG_MASK_CALLERS };

static struct slot ring[SLOTS];

static _Thread_local const char *works_for = "";

void log_configure(enum log_level least, enum log_format format,
		   enum log_mask mask)
{
	atomic_store(&state.least, (int)least);
	atomic_store(&state.format, (int)format);
	atomic_store(&state.mask, (int)mask);
}

void log_for(const char *ids)
{
	works_for = ids ? ids : "";
}

uint64_t log_dropped(void)
{
	return atomic_load(&state.dropped);
}

/* The ring. */

static uint64_t free_state(uint64_t n)
{
	return n / SLOTS * 2;
}

static bool ring_push(const struct log_line *line)
{
	uint64_t n = atomic_load(&state.head);
	struct slot *slot;

	for (;;) {
		uint64_t is;

		slot = &ring[n % SLOTS];
		is = atomic_load(&slot->state);
		if (is < free_state(n))
			return false; /* still holds a line of the last lap */
		if (is > free_state(n))
			n = atomic_load(&state.head); /* somebody was faster */
		else if (atomic_compare_exchange_weak(&state.head, &n, n + 1))
			break;
	}
	memcpy(slot->line, line->bytes, line->length);
	slot->length = line->length;
	atomic_store(&slot->state, free_state(n) + 1);
	return true;
}

static bool ring_has_line(void)
{
	return atomic_load(&ring[state.tail % SLOTS].state) ==
	       free_state(state.tail) + 1;
}

/* The length of the line put at out, or 0. */
static size_t ring_pop(char *out)
{
	struct slot *slot = &ring[state.tail % SLOTS];
	size_t length;

	if (!ring_has_line())
		return 0;
	length = slot->length;
	memcpy(out, slot->line, length);
	atomic_store(&slot->state, free_state(state.tail) + 2);
	state.tail++;
	return length;
}

/* The writer. */

static void write_all(const char *bytes, size_t length)
{
	struct pollfd writable = { .fd = STDERR_FILENO, .events = POLLOUT };

	while (length > 0) {
		ssize_t n = write(STDERR_FILENO, bytes, length);

		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			/* Whoever shares our stderr made it non-blocking. */
			(void)poll(&writable, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return; /* nobody reads our log; we go on */
		}
	}
}

/* All processes share one stderr. A pipe takes up to PIPE_BUF bytes in one
 * piece, so lines of several processes never mix. */
static bool write_batch(void)
{
	char batch[PIPE_BUF];
	size_t length = 0, taken = 1;

	while (taken > 0 && length + LOG_LINE_SIZE <= sizeof(batch)) {
		taken = ring_pop(batch + length);
		length += taken;
	}
	write_all(batch, length);
	return length > 0;
}

static void report_dropped(void)
{
	uint64_t dropped = log_dropped(), n = dropped - state.reported;
	struct log_line line;
	char message[32];

	if (n == 0)
		return;
	state.reported = dropped;
	board_add(board_series(METRIC_LOG_DROPPED_TOTAL, ""), (int64_t)n);
	(void)snprintf(message, sizeof(message), "count=%llu",
		       (unsigned long long)n);
	log_line_compose(&line, (enum log_format)atomic_load(&state.format),
			 clock_wall_us(), LOG_LEVEL_WARN, "LOG_DROPPED",
			 message, "");
	write_all(line.bytes, line.length);
}

static void futex_wait(_Atomic uint32_t *word, uint32_t value,
		       const struct timespec *at_most)
{
	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, at_most, NULL,
		      0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wake_writer(void)
{
	if (atomic_load(&state.asleep) && atomic_exchange(&state.asleep, 0))
		futex_wake(&state.asleep);
}

static void *write_lines(void *unused)
{
	bool last = false;

	(void)pthread_setname_np(pthread_self(), "log");
	while (!last) {
		last = atomic_load(&state.stopping);
		while (write_batch())
			report_dropped();
		atomic_store(&state.asleep, 1);
		/* What came before we said so woke nobody. */
		if (!ring_has_line() && !atomic_load(&state.stopping))
			futex_wait(&state.asleep, 1, NULL);
		atomic_store(&state.asleep, 0);
	}
	atomic_store(&state.ended, 1);
	futex_wake(&state.ended);
	return unused;
}

/* False if the writer is stuck: nobody reads what it writes. */
static bool await_end(void)
{
	static const struct timespec slice = { .tv_nsec = 100000000 };
	uint64_t until = clock_mono_ms() + STOP_WAIT_MS;

	while (!atomic_load(&state.ended) && clock_mono_ms() < until)
		futex_wait(&state.ended, 0, &slice);
	return atomic_load(&state.ended);
}

/* A child has no writer, and what was queued is its parent's to write. The fork
 * may have come between any two steps of the other threads, so every slot of
 * the last lap is set right. */
static void forget_writer(void)
{
	uint64_t head = atomic_load(&state.head);

	for (uint64_t n = head > SLOTS ? head - SLOTS : 0; n < head; n++)
		atomic_store(&ring[n % SLOTS].state, free_state(n) + 2);
	state.tail = head;
	state.reported = log_dropped();
	atomic_store(&state.producers, 0);
	atomic_store(&state.asleep, 0);
	atomic_store(&state.running, false);
}

/* Signals are the main thread's business, except for the writer's own faults:
 * the kernel passes our handler by if those are blocked. */
static void block_signals(sigset_t *before)
{
	sigset_t most;

	(void)sigfillset(&most);
	(void)sigdelset(&most, SIGSEGV);
	(void)sigdelset(&most, SIGBUS);
	(void)sigdelset(&most, SIGILL);
	(void)sigdelset(&most, SIGFPE);
	(void)sigdelset(&most, SIGABRT);
	(void)pthread_sigmask(SIG_SETMASK, &most, before);
}

int log_start_writer(void)
{
	static bool watches_forks;
	sigset_t before;
	int r = 0;

	if (atomic_load(&state.running))
		return -EALREADY;
	if (!watches_forks)
		r = pthread_atfork(NULL, NULL, forget_writer);
	if (r != 0)
		return -r;
	watches_forks = true;
	atomic_store(&state.stopping, false);
	atomic_store(&state.ended, 0);
	block_signals(&before);
	r = pthread_create(&state.writer, NULL, write_lines, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return -r;
	atomic_store(&state.running, true);
	return 0;
}

void log_stop_writer(void)
{
	if (!atomic_load(&state.running) ||
	    atomic_exchange(&state.stopping, true))
		return;
	wake_writer();
	if (!await_end()) {
		/* Keep the ring, so that nobody else gets stuck on the way to
		 * the exit. */
		(void)pthread_detach(state.writer);
		return;
	}
	(void)pthread_join(state.writer, NULL);
	atomic_store(&state.running, false);
	/* Who saw it running has its line written as well. */
	while (atomic_load(&state.producers) > 0)
		(void)sched_yield();
	while (write_batch())
		report_dropped();
}

/* False if there is no writer to hand it to. */
static bool hand_over(const struct log_line *line)
{
	bool running;

	atomic_fetch_add(&state.producers, 1);
	running = atomic_load(&state.running);
	if (running && ring_push(line))
		wake_writer();
	else if (running)
		atomic_fetch_add(&state.dropped, 1);
	atomic_fetch_sub(&state.producers, 1);
	return running;
}

static const char *copy_without(const char *text, const char *bad, char *out,
				size_t size)
{
	size_t n = 0;

	for (; n + 1 < size && text[n]; n++)
		out[n] = strchr(bad, text[n]) ? '?' : text[n];
	if (size > 0)
		out[n] = '\0';
	return out;
}

const char *log_quoted(const char *text, char *out, size_t size)
{
	return copy_without(text, "\"\\", out, size);
}

const char *log_word(const char *text, char *out, size_t size)
{
	return copy_without(text, " =\"\\", out, size);
}

void log_event(enum log_level level, const char *tag, const char *format, ...)
{
	int error = errno; /* logging must not disturb what is logged about */
	char message[LOG_LINE_SIZE], masked[LOG_LINE_SIZE];
	enum log_mask mask = (enum log_mask)atomic_load(&state.mask);
	struct log_line line;
	va_list args;

	if ((int)level < atomic_load(&state.least))
		return;
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (mask != LOG_MASK_NONE)
		log_mask_message(message, mask, masked, sizeof(masked));
	log_line_compose(&line, (enum log_format)atomic_load(&state.format),
			 clock_wall_us(), level, tag,
			 mask == LOG_MASK_NONE ? message : masked, works_for);
	if (!hand_over(&line))
		write_all(line.bytes, line.length);
	errno = error;
}

/* What led to the crash shall stand before it: give the writer a moment. */
static void await_writer(void)
{
	for (int ms = 0; ms < CRASH_WAIT_MS && atomic_load(&state.running) &&
			 !atomic_load(&state.asleep);
	     ms += 5)
		(void)poll(NULL, 0, 5);
}

void log_crash(const char *tag, const char *const *parts)
{
	struct pollfd writable = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct log_line line;
	char message[256];
	size_t length = 0;

	for (; *parts; parts++)
		for (const char *c = *parts; *c && length < sizeof(message) - 1;
		     c++)
			message[length++] = *c;
	message[length] = '\0';
	log_line_compose(&line, (enum log_format)atomic_load(&state.format),
			 clock_wall_us(), LOG_LEVEL_ERROR, tag, message, "");
	await_writer();
	/* A stuck stderr must not keep the process from dying. */
	if (poll(&writable, 1, CRASH_WAIT_MS) > 0)
		(void)!write(STDERR_FILENO, line.bytes, line.length);
}
