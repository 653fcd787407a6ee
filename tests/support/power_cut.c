/*
 * power_cut.c - between our code and libc (see power_cut.h)
 *
 * A file is known by its inode number, which is looked up with each call; so
 * the descriptors need no book-keeping, and what lies elsewhere is let through.
 */
#include "support/power_cut.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/drive.h"

int __real_openat(int dir_fd, const char *path, int flags, ...);
int __real_mkdirat(int dir_fd, const char *path, mode_t mode);
int __real_unlinkat(int dir_fd, const char *path, int flags);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
ssize_t __real_pwrite(int fd, const void *bytes, size_t length, off_t at);
int __real_ftruncate(int fd, off_t size);
int __real_fallocate(int fd, int mode, off_t at, off_t length);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_posix_fadvise(int fd, off_t at, off_t length, int advice);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *path, int flags, ...);
int __wrap_mkdirat(int dir_fd, const char *path, mode_t mode);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int dir_fd, const char *path, int flags);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_fallocate(int fd, int mode, off_t at, off_t length);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_posix_fadvise(int fd, off_t at, off_t length, int advice);

static struct {
	struct drive *drive;
	struct drive_node *root;
	dev_t device;
	struct dice *dice;
	uint64_t left; /* changes until all stands still */
	bool stopped;
	unsigned weather, lie;
} power;

/* ---- what is watched --------------------------------------------------------
 */

static struct drive_node *node_of(int fd)
{
	struct stat st;

	if (!power.drive || fstat(fd, &st) < 0 || st.st_dev != power.device)
		return NULL;
	return drive_find(power.drive, st.st_ino);
}

/* The directory that the path leads into, and the name there. */
static struct drive_node *parent_of(int dir_fd, const char *path,
				    const char **name)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX] = ".";
	struct drive_node *node;
	int fd;

	*name = slash ? slash + 1 : path;
	if (slash)
		(void)snprintf(parent, sizeof(parent), "%.*s",
			       (int)(slash - path + 1), path);
	fd = __real_openat(dir_fd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	node = node_of(fd);
	(void)close(fd);
	return node;
}

/* A node for what is there now under that name. */
static struct drive_node *watch(int dir_fd, const char *path)
{
	struct stat st;

	assert(fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0);
	return drive_add_node(power.drive, st.st_ino, S_ISDIR(st.st_mode));
}

static void watch_content(struct drive_node *file, int fd)
{
	char bytes[65536];
	struct stat st;
	off_t at = 0;
	ssize_t n;

	assert(fstat(fd, &st) == 0);
	drive_resize(file, (uint64_t)st.st_size);
	while ((n = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		drive_write(file, (uint64_t)at, bytes, (uint64_t)n);
		at += n;
	}
	assert(n == 0);
}

/* All that is there counts as durable. */
static void watch_tree(struct drive_node *dir, int dir_fd)
{
	DIR *list = fdopendir(dir_fd);
	struct dirent *file;

	assert(list);
	while ((file = readdir(list))) {
		struct drive_node *node;
		struct stat st;
		int fd;

		if (strcmp(file->d_name, ".") == 0 ||
		    strcmp(file->d_name, "..") == 0)
			continue;
		fd = __real_openat(dirfd(list), file->d_name,
				   O_RDONLY | O_CLOEXEC);
		assert(fd >= 0 && fstat(fd, &st) == 0);
		node = watch(dirfd(list), file->d_name);
		drive_link(dir, file->d_name, node);
		if (S_ISDIR(st.st_mode)) {
			watch_tree(node, fd);
			continue;
		}
		watch_content(node, fd);
		(void)drive_sync(power.drive, node, power.dice);
		(void)close(fd);
	}
	(void)drive_sync(power.drive, dir, power.dice);
	(void)closedir(list);
}

/* ---- on and off ------------------------------------------------------------
 */

void power_on(const char *dir, struct dice *dice)
{
	int fd = __real_openat(AT_FDCWD, dir, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert(fd >= 0 && fstat(fd, &st) == 0 && !power.drive);
	power.device = st.st_dev;
	power.dice = dice;
	power.left = UINT64_MAX;
	power.stopped = false;
	power.drive = drive_create();
	power.root = watch(AT_FDCWD, dir);
	watch_tree(power.root, fd);
}

void power_off(void)
{
	power.drive = drive_destroy(power.drive);
	power.weather = power.lie = 0;
}

void power_stop_after(uint64_t changes)
{
	power.left = changes;
}

bool power_has_stopped(void)
{
	return power.stopped;
}

uint64_t power_left(void)
{
	return power.left;
}

void power_resume(uint64_t changes)
{
	power.left = changes;
	power.stopped = false;
}

void power_cut(const char *fresh)
{
	struct drive *drive = power.drive;

	power.drive = NULL; /* nobody watches us */
	assert(__real_mkdirat(AT_FDCWD, fresh, 0700) == 0);
	drive_image(drive, power.root, fresh, power.dice);
	drive_destroy(drive);
	power_on(fresh, power.dice);
}

void power_set_weather(unsigned once_in)
{
	power.weather = once_in;
}

void power_lie(unsigned later)
{
	power.lie = later;
}

/* 0: go on. -1, with errno: this change is not made. */
static int before_change(void)
{
	if (!power.stopped && power.left-- == 0)
		power.stopped = true;
	if (power.stopped) {
		errno = EIO;
		return -1;
	}
	if (power.weather == 0 || !dice_once_in(power.dice, power.weather))
		return 0;
	errno = dice_once_in(power.dice, 2) ? EIO : ENOSPC;
	return -1;
}

/* ---- names -----------------------------------------------------------------
 */

static int open_or_create(int dir_fd, const char *path, int flags, mode_t mode)
{
	const char *name;
	struct drive_node *dir;
	struct stat st;
	int fd;

	/* There are no blocks behind this cache to be read past it. */
	flags &= ~O_DIRECT;
	if (!power.drive || !(flags & O_CREAT) ||
	    fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return __real_openat(dir_fd, path, flags, mode);
	dir = parent_of(dir_fd, path, &name);
	if (dir && before_change() < 0)
		return -1;
	fd = __real_openat(dir_fd, path, flags, mode);
	if (dir && fd >= 0)
		drive_link(dir, name, watch(dir_fd, path));
	return fd;
}

int __wrap_openat(int dir_fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return open_or_create(dir_fd, path, flags, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return open_or_create(AT_FDCWD, path, flags, mode);
}

int __wrap_mkdirat(int dir_fd, const char *path, mode_t mode)
{
	const char *name;
	struct drive_node *dir = parent_of(dir_fd, path, &name);
	int r;

	if (dir && before_change() < 0)
		return -1;
	r = __real_mkdirat(dir_fd, path, mode);
	if (dir && r == 0)
		drive_link(dir, name, watch(dir_fd, path));
	return r;
}

int __wrap_unlinkat(int dir_fd, const char *path, int flags)
{
	const char *name;
	struct drive_node *dir = parent_of(dir_fd, path, &name);
	int r;

	if (dir && before_change() < 0)
		return -1;
	r = __real_unlinkat(dir_fd, path, flags);
	if (dir && r == 0)
		drive_unlink(dir, name);
	return r;
}

int __wrap_unlink(const char *path)
{
	return __wrap_unlinkat(AT_FDCWD, path, 0);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	const char *old, *new;
	struct drive_node *dir = parent_of(from_fd, from, &old);
	struct drive_node *to_dir = parent_of(to_fd, to, &new);
	int r;

	assert(!dir == !to_dir); /* nothing comes in or goes out */
	if (dir && before_change() < 0)
		return -1;
	r = __real_renameat(from_fd, from, to_fd, to);
	if (dir && r == 0)
		drive_rename(dir, old, to_dir, new);
	return r;
}

/* ---- bytes -----------------------------------------------------------------
 */

/* Zeros behind the end are a matter of the size alone: that is quicker. */
static bool extends_by_zeros(int fd, const unsigned char *bytes, size_t length,
			     off_t at)
{
	struct stat st;

	return length > 4096 && bytes[0] == 0 && fstat(fd, &st) == 0 &&
	       at >= st.st_size && memcmp(bytes, bytes + 1, length - 1) == 0;
}

/* A write that fails may have got some way. */
static void tear(struct drive_node *file, int fd, const void *bytes,
		 size_t length, off_t at)
{
	int error = errno;
	ssize_t n = power.stopped
			    ? 0
			    : __real_pwrite(fd, bytes,
					    dice_throw(power.dice, length), at);

	if (n > 0)
		drive_write(file, (uint64_t)at, bytes, (uint64_t)n);
	errno = error;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	struct drive_node *file = node_of(fd);
	ssize_t n = (ssize_t)length;

	if (!file)
		return __real_pwrite(fd, bytes, length, at);
	if (before_change() < 0) {
		tear(file, fd, bytes, length, at);
		return -1;
	}
	if (extends_by_zeros(fd, bytes, length, at))
		n = __real_ftruncate(fd, at + n) < 0 ? -1 : n;
	else
		n = __real_pwrite(fd, bytes, length, at);
	if (n > 0)
		drive_write(file, (uint64_t)at, bytes, (uint64_t)n);
	return n;
}

int __wrap_ftruncate(int fd, off_t size)
{
	struct drive_node *file = node_of(fd);
	int r;

	if (file && before_change() < 0)
		return -1;
	r = __real_ftruncate(fd, size);
	if (file && r == 0)
		drive_resize(file, (uint64_t)size);
	return r;
}

int __wrap_fallocate(int fd, int mode, off_t at, off_t length)
{
	struct drive_node *file = node_of(fd);
	struct stat st;
	int r;

	if (file && before_change() < 0)
		return -1;
	r = __real_fallocate(fd, mode, at, length);
	if (file && r == 0 && fstat(fd, &st) == 0)
		drive_resize(file, (uint64_t)st.st_size);
	return r;
}

/* ---- syncs -----------------------------------------------------------------
 */

static int sync_node(struct drive_node *node)
{
	int r;

	if (before_change() < 0) {
		if (!power.stopped)
			drive_fail_sync(power.drive, node, power.dice);
		return -1;
	}
	r = drive_sync(power.drive, node, power.dice);
	errno = -r;
	return r < 0 ? -1 : 0;
}

int __wrap_fdatasync(int fd)
{
	struct drive_node *node = node_of(fd);

	if (!node)
		return __real_fdatasync(fd);
	if (power.lie > 0 && !power.stopped) {
		drive_lie(power.drive, node, power.lie, power.dice);
		power.lie = 0;
		return 0;
	}
	return sync_node(node);
}

int __wrap_fsync(int fd)
{
	struct drive_node *node = node_of(fd);

	return node ? sync_node(node) : __real_fsync(fd);
}

/* ---- the page cache
 * ----------------------------------------------------------
 */

/* The file as the drive has it; the descriptor may be for reading only. */
static void show_drive(const struct drive_node *file, int fd)
{
	char path[32];
	uint64_t kept, size;
	const unsigned char *bytes = drive_bytes(file, &kept, &size);
	int out;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	out = __real_openat(AT_FDCWD, path, O_WRONLY | O_TRUNC | O_CLOEXEC, 0);
	assert(out >= 0);
	if (kept > 0)
		assert(__real_pwrite(out, bytes, kept, 0) == (ssize_t)kept);
	assert(__real_ftruncate(out, (off_t)size) == 0);
	(void)close(out);
}

int __wrap_posix_fadvise(int fd, off_t at, off_t length, int advice)
{
	const struct drive_node *file = node_of(fd);

	if (!file)
		return __real_posix_fadvise(fd, at, length, advice);
	if (advice == POSIX_FADV_DONTNEED && !power.stopped &&
	    drive_is_synced(file))
		show_drive(file, fd);
	return 0;
}
