/*
 * recorder_repair.c - finishes what a dead process was recording
 *
 * The samples of a .part are good up to the file's end; only the lengths in
 * the header are missing. libsndfile takes a length of 0 for "up to the end",
 * so it is opened with it, cut to whole frames, told to write the header anew,
 * and renamed. A repair that dies half way is done again from the start.
 *
 * A living writer is told apart by its lock. Between our open() and our lock
 * it may have finished; then the name no longer leads to the file we hold.
 */
#include "media/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/recorder_internal.h"
#include "media/recording_file.h"
#include "server/board.h"
#include "server/log.h"

/* What became of a .part; below 0: -errno. */
enum { SKIPPED, REPAIRED };

static bool is_part(const char *name, size_t length)
{
	const size_t suffix = strlen(RECORDING_PART);

	return length > suffix &&
	       strcmp(name + length - suffix, RECORDING_PART) == 0;
}

/* The descriptor of a file that nobody writes; SKIPPED is -EAGAIN here. */
static int open_dead(const char *part, struct stat *status)
{
	struct stat named;
	int r, fd = open(part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	else if (fstat(fd, status) < 0)
		r = -errno;
	else if (stat(part, &named) < 0 || named.st_ino != status->st_ino)
		r = -EAGAIN;
	else
		return fd;
	(void)close(fd);
	return r;
}

/* `part` under another name, durably. */
static int rename_part(const char *part, const char *suffix)
{
	size_t stem = strlen(part) - strlen(RECORDING_PART);
	char *path;
	int r = 0;

	if (asprintf(&path, "%.*s%s", (int)stem, part, suffix) < 0)
		return -ENOMEM;
	if (rename(part, path) < 0)
		r = -errno;
	if (r == 0)
		r = recording_sync_directory_of(path);
	free(path);
	return r;
}

static int repair_locked(const char *part, int fd, const struct stat *status,
			 struct recording_fate *fate)
{
	char call[UUID_TEXT_SIZE];
	double seconds = 0;
	int r;

	(void)recording_call(part, call);
	if (status->st_size == 0) {
		log_warn("RECORDING_EMPTY", "call=%s path=%s", call, part);
		fate->failure = "empty";
		return unlink(part) < 0 ? -errno : SKIPPED;
	}
	r = recording_file_write_lengths(fd, &seconds);
	if (r == -EBADMSG) {
		log_error("RECORDING_BROKEN", "call=%s path=%s bytes=%lld",
			  call, part, (long long)status->st_size);
		fate->failure = "broken";
		r = rename_part(part, ".broken");
		return r < 0 ? r : SKIPPED;
	}
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0)
		r = rename_part(part, "");
	if (r < 0)
		return r;
	fate->duration_ms = (uint64_t)(seconds * 1000);
	log_info("RECORDING_REPAIRED", "call=%s path=%.*s seconds=%.3f", call,
		 (int)(strlen(part) - strlen(RECORDING_PART)), part, seconds);
	return REPAIRED;
}

/* What cannot be repaired now stays, and is tried again at the next start. */
static int repair_part(const char *part,
		       const struct recording_listener *listener)
{
	struct recording_fate fate = { .repaired = true };
	struct stat status = { 0 };
	int r, fd = open_dead(part, &status);
	char *path;

	if (fd == -EAGAIN)
		return SKIPPED;
	if (fd < 0)
		return fd;
	r = repair_locked(part, fd, &status, &fate);
	if (fstat(fd, &status) == 0)
		fate.bytes = (uint64_t)status.st_size;
	(void)close(fd);
	path = strndup(part, strlen(part) - strlen(RECORDING_PART));
	fate.path = path;
	if (r >= 0 && listener && path)
		recorder_tell(listener, &fate);
	free(path);
	return r;
}

int recorder_repair(const char *dir, const struct recording_listener *listener)
{
	struct board_series *total =
		board_series(METRIC_RECORDINGS_REPAIRED_TOTAL, "");
	char *copy = strdup(dir);
	char *const roots[] = { copy, NULL };
	FTS *tree;
	char call[UUID_TEXT_SIZE];
	int repaired = 0, error = 0;

	if (!copy)
		return -ENOMEM;
	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	if (!tree) {
		free(copy);
		return -ENOMEM;
	}
	for (FTSENT *entry = fts_read(tree); entry; entry = fts_read(tree)) {
		int r = SKIPPED;

		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		    entry->fts_info == FTS_NS)
			error = -entry->fts_errno;
		else if (entry->fts_info != FTS_D &&
			 entry->fts_info != FTS_DP &&
			 is_part(entry->fts_name, entry->fts_namelen))
			r = repair_part(entry->fts_path, listener);
		if (r < 0)
			log_error("RECORDING_UNREPAIRED",
				  "call=%s path=%s err=\"%s\"",
				  recording_call(entry->fts_path, call),
				  entry->fts_path, strerror(-r));
		if (r == REPAIRED) {
			board_add(total, 1);
			repaired++;
		}
	}
	(void)fts_close(tree);
	free(copy);
	return error < 0 ? error : repaired;
}
