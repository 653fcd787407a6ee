/*
 * recording_file.c - one WAV file that grows at its end
 *
 * The name, the lock and the descriptor are ours, the format is libsndfile's.
 * sf_write_raw() passes bytes through as they are: a recording of mu-law is
 * mu-law, bit for bit.
 *
 * The lock says that the writer lives. Between our open() and our flock() a
 * repair in another process may have taken the empty file for a dead one's
 * and be about to remove it; then we begin again.
 */
#include "media/recording_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <sndfile.h>

#include "media/codec.h"

#define SILENCE_BYTES 4096u
#define OPEN_TRIES    10

struct recording_file {
	SNDFILE *sound;
	int fd; /* ours; libsndfile has its own */
	unsigned frame_bytes;
	uint64_t frames; /* whole ones in the file */
	bool torn;	 /* half a frame may follow them */
	uint8_t silence;
	char *part, *path;
};

/* The part of `path` before its last slash; free() it. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/")
			     : strndup(path, (size_t)(slash - path));
}

const char *recording_call(const char *path, char out[UUID_TEXT_SIZE])
{
	const char *slash = strrchr(path, '/');
	struct uuid id;

	(void)snprintf(out, UUID_TEXT_SIZE, "%s", slash ? slash + 1 : path);
	return uuid_parse(out, &id) ? out : strcpy(out, "none");
}

int recording_sync_directory_of(const char *path)
{
	char *directory = directory_of(path);
	int fd, r = 0;

	if (!directory)
		return -ENOMEM;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

/* All directories above `path`; the new ones are made durable. */
static int make_directories(char *path)
{
	int r = 0;

	for (char *at = strchr(path + 1, '/'); at && r == 0;
	     at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(path, 0750) == 0)
			r = recording_sync_directory_of(path);
		else if (errno != EEXIST)
			r = -errno;
		*at = '/';
	}
	return r;
}

/* Opened and ours, or taken for dead by a repair: -EAGAIN. */
static int open_locked(const char *part)
{
	struct stat status;
	int r, fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd < 0)
		return errno == EEXIST ? -EAGAIN : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &status) == 0 &&
	    status.st_nlink > 0)
		return fd;
	r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	(void)close(fd);
	return r == 0 ? -EAGAIN : r;
}

static int open_part(char *part)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	int fd = -EAGAIN;

	for (int try = 0; try < OPEN_TRIES && fd < 0; try++) {
		fd = open_locked(part);
		if (fd == -ENOENT) {
			int r = make_directories(part);

			if (r < 0)
				return r;
		} else if (fd == -EAGAIN) {
			(void)nanosleep(&pause, NULL);
		} else if (fd < 0) {
			return fd;
		}
	}
	return fd == -EAGAIN ? -EEXIST : fd;
}

/* A full disk keeps libsndfile from writing the header, and it does not say. */
static int check_header(const struct recording_file *file)
{
	struct stat status;

	if (sf_seek(file->sound, 0, SEEK_SET) < 0 ||
	    fstat(file->fd, &status) < 0)
		return -EIO;
	if (status.st_size == 0 ||
	    status.st_size != lseek(file->fd, 0, SEEK_CUR))
		return -ENOSPC;
	return 0;
}

static void file_free(struct recording_file *file)
{
	if (file->sound)
		(void)sf_close(file->sound);
	if (file->fd >= 0)
		(void)close(file->fd);
	free(file->part);
	free(file->path);
	free(file);
}

static struct recording_file *file_alloc(const char *path)
{
	struct recording_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->fd = -1;
	file->path = strdup(path);
	if (file->path && asprintf(&file->part, "%s" RECORDING_PART, path) < 0)
		file->part = NULL;
	if (file->path && file->part)
		return file;
	file_free(file);
	return NULL;
}

/* libsndfile closes the descriptor it was given when it cannot begin, even one
 * that it was told to leave open; by the time that we close it once more it may
 * be somebody's telephone call. So it gets one of its own and keeps it. */
static int open_sound(struct recording_file *file, SF_INFO *info)
{
	int own = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return -errno;
	errno = 0;
	file->sound = sf_open_fd(own, SFM_WRITE, info, SF_TRUE);
	if (file->sound)
		return check_header(file);
	return errno ? -errno : -EINVAL;
}

int recording_file_create(struct recording_file **ret, const char *path,
			  const struct codec *codec, unsigned rate_hz,
			  unsigned channels)
{
	SF_INFO info = { .samplerate = (int)rate_hz,
			 .channels = (int)channels,
			 .format = SF_FORMAT_WAV | codec->wav_subtype };
	struct recording_file *file = file_alloc(path);
	int r;

	if (!file)
		return -ENOMEM;
	file->frame_bytes = codec->sample_bytes * channels;
	file->silence = codec->silence;
	r = open_part(file->part);
	if (r < 0)
		goto fail;
	file->fd = r;
	r = open_sound(file, &info);
	if (r < 0) {
		(void)unlink(file->part);
		goto fail;
	}
	*ret = file;
	return 0;
fail:
	file_free(file);
	return r;
}

uint64_t recording_file_frames(const struct recording_file *file)
{
	return file->frames;
}

static int append(struct recording_file *file, const uint8_t *bytes,
		  uint32_t frames)
{
	sf_count_t size = (sf_count_t)frames * file->frame_bytes, written;

	if (file->torn) {
		if (sf_seek(file->sound, (sf_count_t)file->frames, SEEK_SET) <
		    0)
			return -EIO;
		file->torn = false;
	}
	errno = 0;
	written = sf_write_raw(file->sound, bytes, size);
	if (written == size) {
		file->frames += frames;
		return 0;
	}
	file->torn = true;
	if (written > 0)
		file->frames += (uint64_t)written / file->frame_bytes;
	return errno ? -errno : -EIO;
}

static int append_silence(struct recording_file *file, uint64_t until)
{
	const uint32_t frames_max = SILENCE_BYTES / file->frame_bytes;
	uint8_t silence[SILENCE_BYTES];
	int r = 0;

	memset(silence, file->silence, sizeof(silence));
	while (file->frames < until && r == 0) {
		uint64_t missing = until - file->frames;

		r = append(file, silence,
			   missing < frames_max ? (uint32_t)missing
						: frames_max);
	}
	return r;
}

int recording_file_write(struct recording_file *file, uint64_t first,
			 const uint8_t *bytes, uint32_t frames)
{
	int r;

	assert(first >= file->frames);
	r = append_silence(file, first);
	return r < 0 ? r : append(file, bytes, frames);
}

/* Ends what libsndfile does: it puts the lengths into the header. */
static int close_sound(struct recording_file *file)
{
	sf_count_t frames = (sf_count_t)file->frames;
	int r;

	if (file->torn)
		(void)sf_command(file->sound, SFC_FILE_TRUNCATE, &frames,
				 sizeof(frames));
	errno = 0;
	r = sf_close(file->sound);
	file->sound = NULL;
	if (r == 0)
		return 0;
	return errno ? -errno : -EIO;
}

int recording_file_finish(struct recording_file *file, uint64_t frames)
{
	/* The end may be missing when the disk is full: a shorter file is
	 * still a whole one. */
	int r;

	(void)append_silence(file, frames);
	r = close_sound(file);
	if (r == 0 && fsync(file->fd) < 0)
		r = -errno;
	if (r == 0 && rename(file->part, file->path) < 0)
		r = -errno;
	if (r == 0)
		r = recording_sync_directory_of(file->path);
	file_free(file);
	return r;
}
