/*
 * recording_file.c - one WAV file that grows at its end
 *
 * The name, the lock and the samples are ours, the header is libsndfile's. It
 * is asked twice: for a header when the file begins, and for its lengths when
 * it ends, which is what repair asks of it, too. In between, samples are
 * appended as they are, bit for bit, and a live call does not carry the twenty
 * kilobytes that an open SNDFILE takes.
 *
 * The lock says that the writer lives. Between our open() and our flock() a
 * repair in another process may have taken the empty file for a dead one's
 * and be about to remove it; then we begin again.
 */
#include "media/recording_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
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
#define HEADER_MAX    512u /* libsndfile's have less than 100 bytes */

struct recording_file {
	int fd;
	unsigned frame_bytes;
	uint64_t frames;  /* whole ones in the file; half of one may follow */
	uint32_t data_at; /* offset of the first */
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

static void file_free(struct recording_file *file)
{
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
 * be somebody's telephone call. So it gets one of its own. It begins where the
 * file does: what lies before the offset it would take for another's. */
static SNDFILE *open_sound(int fd, int mode, SF_INFO *info)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return NULL;
	(void)lseek(own, 0, SEEK_SET);
	errno = 0;
	return sf_open_fd(own, mode, info, SF_TRUE);
}

/* As libsndfile makes them: format, fact and data; PCM has no fact. */
uint32_t recording_file_head(const struct codec *codec)
{
	return codec->wav_subtype == SF_FORMAT_PCM_16 ? 44 : 58;
}

/* A header that does not know the length, as repair needs it. Closing would
 * make it one of an empty file, so what it was before is put back. A full disk
 * keeps libsndfile from writing, and it does not say. */
static int write_header(struct recording_file *file, SF_INFO *info)
{
	SNDFILE *sound = open_sound(file->fd, SFM_WRITE, info);
	uint8_t header[HEADER_MAX];
	ssize_t size;

	if (!sound)
		return errno ? -errno : -EINVAL;
	(void)sf_seek(sound, 0, SEEK_SET); /* it is written by now */
	size = pread(file->fd, header, sizeof(header), 0);
	(void)sf_close(sound);
	if (size <= 0 || size == sizeof(header))
		return -ENOSPC;
	file->data_at = (uint32_t)size;
	if (ftruncate(file->fd, size) < 0)
		return -errno;
	return pwrite(file->fd, header, (size_t)size, 0) == size ? 0 : -ENOSPC;
}

int recording_file_write_lengths(int fd, double *seconds)
{
	SF_INFO info = { 0 };
	SNDFILE *sound = open_sound(fd, SFM_RDWR, &info);
	int r = 0;

	if (!sound)
		return -EBADMSG;
	errno = 0;
	if (sf_command(sound, SFC_FILE_TRUNCATE, &info.frames,
		       sizeof(info.frames)) != 0)
		r = errno ? -errno : -EIO;
	(void)sf_command(sound, SFC_UPDATE_HEADER_NOW, NULL, 0);
	if (sf_close(sound) != 0 && r == 0)
		r = errno ? -errno : -EIO;
	*seconds = (double)info.frames / info.samplerate;
	return r;
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
	r = write_header(file, &info);
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

static off_t end_of(const struct recording_file *file)
{
	return (off_t)(file->data_at + file->frames * file->frame_bytes);
}

/* What was written of a frame before the disk refused is written over. */
static int append(struct recording_file *file, const uint8_t *bytes,
		  uint32_t frames)
{
	size_t size = (size_t)frames * file->frame_bytes, done = 0;
	off_t end = end_of(file);
	ssize_t n = 0;

	while (done < size && n >= 0) {
		n = pwrite(file->fd, bytes + done, size - done,
			   end + (off_t)done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 0;
		else
			break;
	}
	file->frames += done / file->frame_bytes;
	if (done == size)
		return 0;
	return n < 0 ? -errno : -ENOSPC;
}

static int append_silence(struct recording_file *file, uint64_t until)
{
	const uint32_t frames_max = SILENCE_BYTES / file->frame_bytes;
	uint8_t silence[SILENCE_BYTES];
	int r = 0;

	if (file->frames >= until)
		return 0;
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

int recording_file_finish(struct recording_file *file, uint64_t frames)
{
	/* The end may be missing when the disk is full: a shorter file is
	 * still a whole one. */
	double seconds;
	int r = 0;

	(void)append_silence(file, frames);
	if (ftruncate(file->fd, end_of(file)) < 0)
		r = -errno;
	if (r == 0)
		r = recording_file_write_lengths(file->fd, &seconds);
	if (r == 0 && fsync(file->fd) < 0)
		r = -errno;
	if (r == 0 && rename(file->part, file->path) < 0)
		r = -errno;
	if (r == 0)
		r = recording_sync_directory_of(file->path);
	file_free(file);
	return r;
}
