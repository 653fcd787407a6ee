/* staging.c - where a journal is built before it joins (see staging.h) */
#include "tools/holdctl/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/ack_log.h"
#include "persistence/disk.h"
#include "tools/holdctl/owner.h"

#define STAGING	   ".importing"
#define COPY_BYTES ((size_t)256 * 1024)

static void remove_journal(int dir_fd, const char *name)
{
	int journal = disk_open_dir(dir_fd, name, false);

	if (journal < 0)
		return;
	(void)disk_remove_dir(journal, "pend", ".seg");
	(void)disk_remove_dir(journal, ACK_LOG_DRAINER, ".ack");
	(void)close(journal);
	(void)disk_remove_dir(dir_fd, name, "LOCK");
}

static void clear(const struct staging *staging)
{
	DIR *dir = disk_list(staging->dir_fd, ".");
	struct dirent *file;

	while (dir && (file = readdir(dir)))
		if (file->d_name[0] != '.' ||
		    strncmp(file->d_name, ".new-", 5) == 0)
			remove_journal(staging->dir_fd, file->d_name);
	if (dir)
		(void)closedir(dir);
}

int staging_open(struct staging *staging, const char *data_dir)
{
	*staging = (struct staging){ .data_dir = data_dir,
				     .outbox_fd = -1,
				     .dir_fd = -1 };
	(void)snprintf(staging->outbox, sizeof(staging->outbox), "%s/outbox",
		       data_dir);
	(void)snprintf(staging->dir, sizeof(staging->dir), "%s/" STAGING,
		       staging->outbox);
	staging->outbox_fd = disk_open_dir(AT_FDCWD, staging->outbox, false);
	if (staging->outbox_fd < 0)
		return staging->outbox_fd;
	staging->dir_fd = disk_open_dir(staging->outbox_fd, STAGING, true);
	if (staging->dir_fd < 0)
		return staging->dir_fd;
	if (flock(staging->dir_fd, LOCK_EX | LOCK_NB) < 0) {
		int r = errno == EWOULDBLOCK ? -EBUSY : -errno;

		(void)close(staging->dir_fd);
		staging->dir_fd = -1;
		return r;
	}
	clear(staging);
	return 0;
}

void staging_close(struct staging *staging)
{
	if (staging->dir_fd >= 0) {
		clear(staging);
		(void)unlinkat(staging->outbox_fd, STAGING, AT_REMOVEDIR);
		(void)close(staging->dir_fd);
	}
	if (staging->outbox_fd >= 0)
		(void)close(staging->outbox_fd);
	staging->dir_fd = staging->outbox_fd = -1;
}

int staging_offer(struct staging *staging, const char *journal,
		  const char *name)
{
	char path[400], offered[STAGING_NAME_SIZE + 16];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", staging->dir, journal);
	(void)snprintf(offered, sizeof(offered), ".import-%s", name);
	r = owner_hand_over(path, staging->data_dir);
	if (r < 0)
		return r;
	if (faccessat(staging->outbox_fd, name, F_OK, 0) == 0)
		return 0; /* it has joined before; ours is cleared away */
	if (renameat(staging->dir_fd, journal, staging->outbox_fd, offered) < 0)
		return errno == EEXIST || errno == ENOTEMPTY ? 0 : -errno;
	return disk_sync(staging->outbox_fd);
}

/* ---- copying ---------------------------------------------------------------
 */

static int copy_bytes(int from, int to)
{
	char *buffer = malloc(COPY_BYTES);
	uint64_t at = 0;
	ssize_t n = -ENOMEM;
	int r = 0;

	while (buffer && r == 0 &&
	       (n = disk_read(from, buffer, COPY_BYTES, at)) > 0) {
		r = disk_write(to, buffer, (size_t)n, at);
		at += (uint64_t)n;
	}
	free(buffer);
	if (r == 0 && n < 0)
		r = (int)n;
	return r < 0 ? r : disk_sync(to);
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
	int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC);
	int to = from < 0 ? -errno : disk_create(to_dir, name);
	int r = to < 0 ? to : copy_bytes(from, to);

	if (from >= 0)
		(void)close(from);
	if (to >= 0)
		(void)close(to);
	return r;
}

static bool is_segment(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && strcmp(name + length - 4, ".seg") == 0;
}

static int copy_segments(const char *from, int journal_fd)
{
	DIR *dir = opendir(from);
	struct dirent *file;
	int to, r = 0;

	if (!dir)
		return -errno;
	to = disk_open_dir(journal_fd, "pend", true);
	if (to < 0)
		r = to;
	while (r == 0 && (file = readdir(dir)))
		if (is_segment(file->d_name))
			r = copy_file(dirfd(dir), to, file->d_name);
	if (r == 0)
		r = disk_sync(to);
	if (to >= 0)
		(void)close(to);
	(void)closedir(dir);
	return r;
}

int staging_copy(struct staging *staging, const char *from, const char *journal)
{
	char pend[600];
	int dir = disk_open_dir(staging->dir_fd, journal, true);
	int lock, r;

	if (dir < 0)
		return dir;
	(void)snprintf(pend, sizeof(pend), "%s/pend", from);
	lock = disk_create(dir, "LOCK"); /* nobody writes it any more */
	r = lock < 0 ? lock : copy_segments(pend, dir);
	if (lock >= 0)
		(void)close(lock);
	if (r == 0)
		r = disk_sync(dir);
	(void)close(dir);
	return r;
}
