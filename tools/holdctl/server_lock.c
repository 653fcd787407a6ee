/* server_lock.c - does a server run on this data directory? */
#include "tools/holdctl/server_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

bool server_lock_is_held(const char *data_dir)
{
	char path[300];
	bool held;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/LOCK", data_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	/* A shared lock: two tools that look at once do not see each other. */
	held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

int server_lock_take(const char *data_dir)
{
	char path[300];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/LOCK", data_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	return r;
}
