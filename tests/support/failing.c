/* failing.c - which call is to fail, and whose time it is (see failing.h) */
#include "support/failing.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "server/log.h"

#define LINES_MAX 512u

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
uint64_t __real_clock_mono_ms(void);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
uint64_t __wrap_clock_mono_ms(void);
void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...) __attribute__((format(printf, 3, 4)));

static struct {
	atomic_bool armed;
	_Atomic uint64_t calls;
	uint64_t first, width; /* written while nothing else runs */
	int error;
	_Atomic uint64_t skipped_ms; /* time that nobody has waited */
	pthread_mutex_t mutex;	     /* of the lines */
	unsigned count;
	char lines[LINES_MAX][256];
} failing = { .mutex = PTHREAD_MUTEX_INITIALIZER };

void failing_arm(uint64_t first, uint64_t width, int error)
{
	failing.first = first;
	failing.width = width;
	failing.error = error;
	failing.count = 0;
	atomic_store(&failing.calls, 0);
	atomic_store(&failing.armed, true);
}

uint64_t failing_disarm(void)
{
	atomic_store(&failing.armed, false);
	return atomic_load(&failing.calls);
}

bool failing_now(void)
{
	uint64_t n;

	if (!atomic_load(&failing.armed))
		return false;
	n = atomic_fetch_add(&failing.calls, 1) + 1;
	if (failing.first == 0 || n < failing.first ||
	    n - failing.first >= failing.width)
		return false;
	errno = failing.error;
	return true;
}

/* ---- time ------------------------------------------------------------------
 */

uint64_t __wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() + atomic_load(&failing.skipped_ms);
}

/* Whoever would sleep for long has nothing to do: he need not ask that often.
 */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int really_ms = timeout_ms >= 1000 ? 5 : timeout_ms != 0;
	int n = __real_poll(fds, count, really_ms);

	if (n == 0 && timeout_ms > 0)
		atomic_fetch_add(&failing.skipped_ms, (uint64_t)timeout_ms);
	return n;
}

/* ---- the log ---------------------------------------------------------------
 */

void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...)
{
	char text[192];
	va_list arguments;

	(void)level;
	va_start(arguments, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is */
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&failing.mutex);
	if (failing.count < LINES_MAX)
		(void)snprintf(failing.lines[failing.count++],
			       sizeof(failing.lines[0]), "[%.60s] %s", tag,
			       text);
	pthread_mutex_unlock(&failing.mutex);
}

static bool has_tag(const char *line, const char *tag)
{
	size_t length = strlen(tag);

	return line[0] == '[' && strncmp(line + 1, tag, length) == 0 &&
	       line[1 + length] == ']';
}

unsigned failing_logged(const char *tag)
{
	unsigned count = 0;

	for (unsigned i = 0; i < failing.count; i++)
		count += has_tag(failing.lines[i], tag);
	return count;
}

bool failing_logged_with(const char *tag, const char *text)
{
	for (unsigned i = 0; i < failing.count; i++)
		if (has_tag(failing.lines[i], tag) &&
		    strstr(failing.lines[i], text))
			return true;
	return false;
}

void failing_show_log(void)
{
	for (unsigned i = 0; i < failing.count; i++)
		(void)fprintf(stderr, "%s\n", failing.lines[i]);
}
