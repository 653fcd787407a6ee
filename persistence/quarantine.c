/* quarantine.c - damaged bytes of a journal, put aside (see quarantine.h) */
#include "persistence/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/journal_format.h"

#define COPY_BYTES 16384u

static int count_files(int dir_fd)
{
	DIR *dir = disk_list(dir_fd, ".");
	const struct dirent *file;
	int count = 0;

	if (!dir)
		return -errno;
	while ((file = readdir(dir)))
		count += file->d_name[0] != '.';
	(void)closedir(dir);
	return count;
}

static int copy(int in, int out, uint64_t from, uint64_t to)
{
	char bytes[COPY_BYTES];
	uint64_t done = 0;

	while (from + done < to) {
		uint64_t left = to - from - done;
		size_t most = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
		ssize_t n = disk_read(in, bytes, most, from + done);
		int r;

		if (n <= 0)
			return (int)n;
		r = disk_write(out, bytes, (size_t)n, done);
		if (r < 0)
			return r;
		done += (uint64_t)n;
	}
	return 0;
}

/* 1, 0 when it was there, -errno. Half of it is worth nothing: then there is no
 * file. */
static int save(int dir_fd, const char *name, int in, uint64_t from,
		uint64_t to)
{
	int out = disk_create(dir_fd, name), r;

	if (out < 0)
		return out == -EEXIST ? 0 : out;
	r = copy(in, out, from, to);
	if (r == 0)
		r = disk_sync(out);
	(void)close(out);
	if (r < 0)
		(void)unlinkat(dir_fd, name, 0);
	return r < 0 ? r : 1;
}

static int open_segment(const char *outbox_dir, const char *journal,
			uint32_t segment)
{
	char path[PATH_MAX], name[SEGMENT_NAME_SIZE];
	int fd;

	segment_name(segment, name);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s/pend/%s", outbox_dir,
			     journal, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_quarantine(const char *outbox_dir)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/" QUARANTINE_DIR,
			     outbox_dir) >= sizeof(path))
		return -ENAMETOOLONG;
	return disk_open_dir(AT_FDCWD, path, true);
}

int quarantine_save(const char *outbox_dir, const char *journal,
		    uint32_t segment, uint64_t from, uint64_t to)
{
	int in = open_segment(outbox_dir, journal, segment), dir_fd, r;
	char name[NAME_MAX + 1];

	if (in < 0)
		return in;
	if (to - from > QUARANTINE_BYTES_MAX)
		to = from + QUARANTINE_BYTES_MAX;
	(void)snprintf(name, sizeof(name),
		       "%.64s-%08" PRIu32 "-%" PRIu64 ".bin", journal, segment,
		       from);
	dir_fd = open_quarantine(outbox_dir);
	r = dir_fd < 0 ? dir_fd : count_files(dir_fd);
	if (r >= (int)QUARANTINE_FILES_MAX)
		r = faccessat(dir_fd, name, F_OK, 0) == 0 ? 0 : -EDQUOT;
	else if (r >= 0)
		r = save(dir_fd, name, in, from, to);
	if (dir_fd >= 0)
		(void)close(dir_fd);
	(void)close(in);
	return r;
}
