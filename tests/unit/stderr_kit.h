/* stderr_kit.h - a test listens to what the code under test says on stderr
 *
 * Between kit_listen() and kit_hear() stderr is a pipe; a test asserts nothing
 * in between, for nobody would see why it failed. */
#ifndef TESTS_UNIT_STDERR_KIT_H
#define TESTS_UNIT_STDERR_KIT_H

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct kit_ear {
	int saved;   /* the real stderr */
	int read_fd; /* what is said on the other */
};

static inline struct kit_ear kit_listen(void)
{
	struct kit_ear ear;
	int fds[2];

	ear.saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	assert(ear.saved >= 0);
	assert(pipe2(fds, O_CLOEXEC) == 0);
	assert(dup2(fds[1], STDERR_FILENO) == STDERR_FILENO);
	(void)close(fds[1]);
	ear.read_fd = fds[0];
	return ear;
}

/* Gives the real stderr back. */
static inline void kit_restore(const struct kit_ear *ear)
{
	assert(dup2(ear->saved, STDERR_FILENO) == STDERR_FILENO);
	(void)close(ear->saved);
}

/* Reads until the last writer has closed, as text; what does not fit is read
 * and forgotten. */
static inline void kit_read_all(const struct kit_ear *ear, char *out,
				size_t size)
{
	char beyond[4096];
	size_t length = 0;
	ssize_t n;

	do {
		n = length < size - 1
			    ? read(ear->read_fd, out + length,
				   size - 1 - length)
			    : read(ear->read_fd, beyond, sizeof(beyond));
		if (n > 0 && length < size - 1)
			length += (size_t)n;
	} while (n > 0);
	out[length] = '\0';
	(void)close(ear->read_fd);
}

/* Only for what fits into a pipe (64 KiB). */
static inline void kit_hear(const struct kit_ear *ear, char *out, size_t size)
{
	kit_restore(ear);
	kit_read_all(ear, out, size);
}

#endif
