/*
 * recording_file.h - one WAV file that grows at its end
 *
 * Made with libsndfile, which writes the header; the samples are appended as
 * they are. Until it is finished it is called PATH.part and its descriptor
 * holds a lock; the header in it does not know the length yet, which repair can
 * do without (recorder_repair.c).
 *
 * Thread: belongs to one recorder thread; may wait for the disk.
 */
#ifndef MEDIA_RECORDING_FILE_H
#define MEDIA_RECORDING_FILE_H

#include <stdint.h>

#include "server/uuid.h"

struct codec;
struct recording_file;

#define RECORDING_PART ".part"

/* The id of the call whose recording lies at `path`, as its name says; "none"
 * for a file of another name. Returns `out`. */
const char *recording_call(const char *path, char out[UUID_TEXT_SIZE]);

/* How many bytes of header its audio will follow. Any thread. */
uint32_t recording_file_head(const struct codec *codec);

/* Makes the directories at need, then PATH.part with its header. 0 or -errno,
 * after which nothing of it is left. */
int recording_file_create(struct recording_file **ret, const char *path,
			  const struct codec *codec, unsigned rate_hz,
			  unsigned channels);

uint64_t recording_file_frames(const struct recording_file *file);

/* Silence up to frame `first`, then `frames` frames. 0 or -errno; what could
 * not be written is missing at the end, never half a frame, and a later write
 * makes silence of it. `first` must not lie before the end. */
int recording_file_write(struct recording_file *file, uint64_t first,
			 const uint8_t *bytes, uint32_t frames);

/* Silence up to `frames`, then header, sync, final name. 0 or -errno: the
 * .part is left for repair. Frees in any case. */
int recording_file_finish(struct recording_file *file, uint64_t frames);

/* Cuts the file to whole frames and puts its lengths into its header. 0,
 * -EBADMSG when it is not audio, or -errno. */
int recording_file_write_lengths(int fd, double *seconds);

/* The names of a directory, made durable. 0 or -errno. */
int recording_sync_directory_of(const char *path);

#endif
