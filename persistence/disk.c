/*
 * disk.c - the file system calls of the outbox, whole and honest (see disk.h)
 */
#include "persistence/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECT_ALIGN 4096u /* O_DIRECT wants whole blocks */
#define DIRECT_BYTES ((size_t)64 * 1024)
#define DEPTH_MAX    8 /* the outbox is three levels deep */

static disk_fault_hook *_Atomic fault_hook;

void disk_set_fault(disk_fault_hook *hook)
{
	atomic_store(&fault_hook, hook);
}

static int fault(const char *operation)
{
	disk_fault_hook *hook =
		atomic_load_explicit(&fault_hook, memory_order_relaxed);

	return hook ? hook(operation) : 0;
}

/* ---- files -----------------------------------------------------------------
 */

int disk_write(int fd, const void *bytes, size_t length, uint64_t offset)
{
	const char *at = bytes;
	int r = fault("pwrite");

	if (r < 0)
		return r;
	while (length > 0) {
		ssize_t n = pwrite(fd, at, length, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		at += n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

int disk_write_zeros(int fd, uint64_t length, uint64_t offset)
{
	static const char zeros[256 * 1024];

	while (length > 0) {
		size_t n =
			length < sizeof(zeros) ? (size_t)length : sizeof(zeros);
		int r = disk_write(fd, zeros, n, offset);

		if (r < 0)
			return r;
		offset += n;
		length -= n;
	}
	return 0;
}

int disk_allocate(int fd, uint64_t length)
{
	int r = fault("fallocate");

	if (r < 0)
		return r;
	while (fallocate(fd, 0, 0, (off_t)length) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

bool disk_is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

ssize_t disk_read(int fd, void *bytes, size_t length, uint64_t offset)
{
	char *at = bytes;
	size_t done = 0;
	int r = fault("pread");

	if (r < 0)
		return r;
	while (done < length) {
		ssize_t n = pread(fd, at + done, length - done,
				  (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int disk_sync_data(int fd)
{
	int r = fault("fdatasync");

	if (r < 0)
		return r;
	return fdatasync(fd) < 0 ? -errno : 0;
}

int disk_sync(int fd)
{
	int r = fault("fsync");

	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

void disk_drop_cache(int fd)
{
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

int disk_create(int dir_fd, const char *name)
{
	int fd, r = fault("create");

	if (r < 0)
		return r;
	fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/* Not every file system knows O_DIRECT; then at least the cached pages go. */
static int open_past_cache(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0 && errno == EINVAL) {
		fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			disk_drop_cache(fd);
	}
	return fd < 0 ? -errno : fd;
}

static int compare(int fd, unsigned char *block, const unsigned char *bytes,
		   size_t length, uint64_t offset)
{
	while (length > 0) {
		uint64_t start = offset & ~(uint64_t)(DIRECT_ALIGN - 1);
		size_t skip = (size_t)(offset - start);
		ssize_t n = disk_read(fd, block, DIRECT_BYTES, start);
		size_t had;

		if (n < 0)
			return (int)n;
		had = (size_t)n > skip ? (size_t)n - skip : 0;
		if (had > length)
			had = length;
		if (had == 0 || memcmp(block + skip, bytes, had) != 0)
			return -EIO;
		bytes += had;
		offset += had;
		length -= had;
	}
	return 0;
}

int disk_verify(int dir_fd, const char *name, const void *bytes, size_t length,
		uint64_t offset)
{
	unsigned char *block = aligned_alloc(DIRECT_ALIGN, DIRECT_BYTES);
	int fd, r = -ENOMEM;

	if (!block)
		return r;
	fd = open_past_cache(dir_fd, name);
	r = fd < 0 ? fd : compare(fd, block, bytes, length, offset);
	if (fd >= 0)
		(void)close(fd);
	free(block);
	return r;
}

/* ---- directories -----------------------------------------------------------
 */

int disk_open_dir(int dir_fd, const char *name, bool make)
{
	int fd;

	if (make && mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

DIR *disk_list(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int error = errno;

	if (!dir && fd >= 0)
		(void)close(fd);
	errno = error;
	return dir;
}

/* Goes down level by level; a new level is synced into its parent, and the last
 * one always: whoever made it may have died, or failed, before he did. */
static int descend(int parent, char *path)
{
	char *save = NULL, *part = strtok_r(path, "/", &save);
	int r = 0;

	while (part) {
		char *next = strtok_r(NULL, "/", &save);
		bool made = mkdirat(parent, part, 0700) == 0;
		int fd;

		if (!made && errno != EEXIST)
			r = -errno;
		else if (made || !next)
			r = disk_sync(parent);
		fd = r < 0 ? r : disk_open_dir(parent, part, false);
		(void)close(parent);
		if (fd < 0)
			return fd;
		parent = fd;
		part = next;
	}
	(void)close(parent);
	return 0;
}

int disk_make_path(const char *path)
{
	char parts[PATH_MAX];
	size_t length = strlen(path);
	int fd;

	if (length == 0 || length >= sizeof(parts))
		return -ENAMETOOLONG;
	memcpy(parts, path, length + 1);
	fd = disk_open_dir(AT_FDCWD, path[0] == '/' ? "/" : ".", false);
	return fd < 0 ? fd : descend(fd, parts);
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail = strlen(suffix);

	return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

int disk_remove_dir(int dir_fd, const char *name, const char *suffix)
{
	DIR *dir = disk_list(dir_fd, name);
	struct dirent *file;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((file = readdir(dir)))
		if (has_suffix(file->d_name, suffix))
			(void)unlinkat(dirfd(dir), file->d_name, 0);
	(void)closedir(dir);
	return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static uint64_t usage_below(int dir_fd, const char *name, int depth)
{
	DIR *dir = depth < DEPTH_MAX ? disk_list(dir_fd, name) : NULL;
	struct dirent *entry;
	uint64_t sum = 0;
	struct stat st;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0 ||
		    strncmp(entry->d_name, DISK_RESERVE_PREFIX,
			    sizeof(DISK_RESERVE_PREFIX) - 1) == 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			sum += usage_below(dirfd(dir), entry->d_name,
					   depth + 1);
		else if (S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_blocks * 512;
	}
	(void)closedir(dir);
	return sum;
}

uint64_t disk_usage(int dir_fd, const char *name)
{
	return usage_below(dir_fd, name, 0);
}
