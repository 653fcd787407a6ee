/*
 * data_dir.c - makes and locks the data directory (see data_dir.h)
 */
#include "server/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/log.h"

#define LOOK_AGAIN_MS 100

static int refuse(const char *path, int r)
{
	log_error("DATA_DIR", "path=\"%s\" err=\"%s\"", path, strerror(-r));
	return r;
}

/* The pid of the supervisor that runs here; 0 when there is none. */
static pid_t find_supervisor(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

static int refuse_second(const char *path, pid_t other)
{
	log_error("DATA_DIR",
		  "path=\"%s\" pid=%d err=\"in use by the server with this "
		  "pid; stop it, or choose another data_dir\"",
		  path, (int)other);
	return -EBUSY;
}

static int refuse_orphans(const char *path)
{
	log_error("DATA_DIR",
		  "path=\"%s\" err=\"still in use by the roles of a server "
		  "that died; end them\"",
		  path);
	return -EBUSY;
}

/* Takes the shared lock. While somebody has it, it is looked at anew each time
 * whether that is a supervisor: one that is just starting has the one lock
 * before the other. */
static int wait_for_lock(const char *path, int fd, uint32_t wait_ms)
{
	const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000L };
	uint64_t until = clock_mono_ms() + wait_ms;
	bool told = false;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		pid_t other;

		if (errno != EWOULDBLOCK && errno != EINTR)
			return refuse(path, -errno);
		other = find_supervisor(fd);
		if (other > 0)
			return refuse_second(path, other);
		if (clock_mono_ms() >= until)
			return refuse_orphans(path);
		(void)nanosleep(&pause, NULL);
		if (!told)
			log_warn("DATA_DIR",
				 "path=\"%s\" waiting=\"for the calls of a "
				 "server that died\" at_most=%us",
				 path, wait_ms / 1000);
		told = true;
	}
	return 0;
}

/* The supervisor's own lock, and its pid for people. */
static int sign(const char *path, int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char text[16];
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (fcntl(fd, F_SETLK, &lock) < 0 || ftruncate(fd, 0) < 0 ||
	    pwrite(fd, text, (size_t)length, 0) != length)
		return refuse(path, errno ? -errno : -EIO);
	return 0;
}

/* A power cut must not take the directory, with all that will be in it; whoever
 * made it may have died before he had done this. */
static void sync_parent(const char *path)
{
	char parent[PATH_MAX];
	int fd;

	(void)snprintf(parent, sizeof(parent), "%s/..", path);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	(void)close(fd);
}

static int open_lock_file(const char *path)
{
	char name[PATH_MAX];
	int fd;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return refuse(path, -errno);
	sync_parent(path);
	(void)snprintf(name, sizeof(name), "%s/LOCK", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? refuse(path, -errno) : fd;
}

int data_dir_take(const char *path, uint32_t wait_ms)
{
	int fd = open_lock_file(path);
	int r;

	if (fd < 0)
		return fd;
	r = wait_for_lock(path, fd, wait_ms);
	if (r == 0)
		r = sign(path, fd);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}
