/*
 * failing_calls.c - every system call on files, for failing.h
 *
 * No header: the linker puts these in the place of libc's (--wrap). A write or
 * a read whose error is 0 does half of what it was asked for, which is no
 * failure, only rude.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "support/failing.h"

/* WRAP(open, int, -1, ...): all of these have the same shape. */
#define WRAP(name, type, failure, parameters, arguments) \
	type __real_##name parameters;                   \
	type __wrap_##name parameters;                   \
	type __wrap_##name parameters                    \
	{                                                \
		if (failing_now() && errno != 0)         \
			return failure;                  \
		return __real_##name arguments;          \
	}

WRAP(mkdirat, int, -1, (int fd, const char *path, mode_t mode),
     (fd, path, mode))
WRAP(renameat, int, -1,
     (int from_fd, const char *from, int to_fd, const char *to),
     (from_fd, from, to_fd, to))
WRAP(unlink, int, -1, (const char *path), (path))
WRAP(unlinkat, int, -1, (int fd, const char *path, int flags),
     (fd, path, flags))
WRAP(ftruncate, int, -1, (int fd, off_t size), (fd, size))
WRAP(fallocate, int, -1, (int fd, int mode, off_t at, off_t length),
     (fd, mode, at, length))
WRAP(fdatasync, int, -1, (int fd), (fd))
WRAP(fsync, int, -1, (int fd), (fd))
WRAP(flock, int, -1, (int fd, int operation), (fd, operation))
WRAP(fstat, int, -1, (int fd, struct stat *st), (fd, st))
WRAP(stat, int, -1, (const char *path, struct stat *st), (path, st))
WRAP(fstatat, int, -1, (int fd, const char *path, struct stat *st, int flags),
     (fd, path, st, flags))
WRAP(statvfs, int, -1, (const char *path, struct statvfs *disk), (path, disk))
WRAP(access, int, -1, (const char *path, int mode), (path, mode))
WRAP(faccessat, int, -1, (int fd, const char *path, int mode, int flags),
     (fd, path, mode, flags))
WRAP(opendir, DIR *, NULL, (const char *path), (path))
WRAP(fdopendir, DIR *, NULL, (int fd), (fd))
WRAP(readdir, struct dirent *, NULL, (DIR * dir), (dir))
WRAP(eventfd, int, -1, (unsigned count, int flags), (count, flags))

int __real_open(const char *path, int flags, ...);
int __real_openat(int fd, const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return failing_now() && errno != 0 ? -1
					   : __real_open(path, flags, mode);
}

int __wrap_openat(int fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return failing_now() && errno != 0
		       ? -1
		       : __real_openat(fd, path, flags, mode);
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t length, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at);
ssize_t __real_pread(int fd, void *bytes, size_t length, off_t at);
ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t at);

/* -1: fail. Otherwise how much to do. */
static ssize_t how_much(size_t length)
{
	if (!failing_now())
		return (ssize_t)length;
	return errno != 0 ? -1 : (ssize_t)((length + 1) / 2);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	ssize_t n = how_much(length);

	return n < 0 ? -1 : __real_pwrite(fd, bytes, (size_t)n, at);
}

ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t at)
{
	ssize_t n = how_much(length);

	return n < 0 ? -1 : __real_pread(fd, bytes, (size_t)n, at);
}
