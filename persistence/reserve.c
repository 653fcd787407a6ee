/* reserve.c - room kept for the end of the live calls (see reserve.h) */
#include "persistence/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/disk.h"

#define SHARE	   4u /* at most that part of what is free */
#define BYTES_MIN  ((uint64_t)128 * 1024)
#define BYTES_STEP ((uint64_t)64 * 1024) /* whole blocks of any file system */

/* How much of it is there, truly there: a file with holes keeps nothing. */
static uint64_t measure(int fd)
{
	struct stat st;
	uint64_t blocks;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	blocks = (uint64_t)st.st_blocks * 512;
	return blocks < (uint64_t)st.st_size ? blocks : (uint64_t)st.st_size;
}

/* What a process before us has left, unless it is more than we want. */
static void take_over(struct reserve *reserve)
{
	int fd = open(reserve->path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	reserve->bytes = measure(fd);
	if (reserve->bytes > reserve->wanted &&
	    ftruncate(fd, (off_t)reserve->wanted) == 0)
		reserve->bytes = reserve->wanted;
	(void)close(fd);
	if (reserve->bytes == 0)
		(void)unlink(reserve->path);
}

int reserve_init(struct reserve *reserve, const char *outbox_dir,
		 const char *role, unsigned process, uint64_t wanted)
{
	*reserve = (struct reserve){ .wanted = wanted };
	if ((size_t)snprintf(reserve->path, sizeof(reserve->path),
			     "%s/" DISK_RESERVE_PREFIX "%s-%u", outbox_dir,
			     role, process) >= sizeof(reserve->path))
		return -ENAMETOOLONG;
	take_over(reserve);
	return 0;
}

/* To that size, or not at all. */
static int grow(struct reserve *reserve, int fd, uint64_t bytes)
{
	uint64_t have = measure(fd);
	int r = 0;

	if (have < bytes)
		r = disk_allocate(fd, bytes);
	if (r == -EOPNOTSUPP)
		r = disk_write_zeros(fd, bytes - have, have);
	if (r == 0)
		r = disk_sync(fd);
	if (r < 0) {
		/* A half-made one would only be in the way. */
		(void)!ftruncate(fd, (off_t)have);
		return r;
	}
	reserve->bytes = have < bytes ? bytes : have;
	reserve->given = false;
	return 0;
}

/* What it may have: all that is wanted, or what we have and our share of what
 * is free. In large steps, or it would follow every change of the disk. */
static uint64_t target(const struct reserve *reserve, uint64_t free_bytes)
{
	uint64_t bytes = reserve->bytes + free_bytes / SHARE;

	if (bytes >= reserve->wanted)
		return reserve->wanted;
	bytes = bytes / BYTES_STEP * BYTES_STEP;
	return bytes >= BYTES_MIN && bytes >= 2 * reserve->bytes
		       ? bytes
		       : reserve->bytes;
}

int reserve_make(struct reserve *reserve, uint64_t free_bytes)
{
	uint64_t bytes;
	int fd, r;

	/* Nobody but us should touch it; but if it is gone, it keeps nothing.
	 */
	if (reserve->bytes > 0 && access(reserve->path, F_OK) < 0)
		reserve->bytes = 0;
	bytes = target(reserve, free_bytes);
	if (bytes <= reserve->bytes)
		return 0;
	fd = open(reserve->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return disk_is_full(-errno) ? 0 : -errno;
	r = grow(reserve, fd, bytes);
	(void)close(fd);
	if (r < 0 && reserve->bytes == 0)
		(void)unlink(reserve->path);
	return disk_is_full(r) ? 0 : r;
}

int reserve_open(const struct reserve *reserve, uint64_t *size)
{
	int fd;

	if (reserve->bytes == 0)
		return -ENOENT;
	fd = open(reserve->path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*size = measure(fd);
	return fd;
}

int reserve_move(struct reserve *reserve, int dir_fd, const char *name)
{
	if (renameat(AT_FDCWD, reserve->path, dir_fd, name) < 0)
		return -errno;
	reserve->bytes = 0;
	reserve->given = true;
	return 0;
}

bool reserve_give_up(struct reserve *reserve)
{
	if (reserve->bytes == 0 || unlink(reserve->path) < 0)
		return false;
	reserve->bytes = 0;
	reserve->given = true;
	return true;
}
