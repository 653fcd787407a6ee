/*
 * recording.h - one call's recording, on its way between two threads
 *
 * Inside of the recorder: the loop fills windows and sends them off
 * (recording.c), a recorder thread writes them (recorder.c). The two never
 * touch the same field, but for `intact`.
 */
#ifndef MEDIA_RECORDING_H
#define MEDIA_RECORDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/recorder_inbox.h"

struct chunk;
struct codec;
struct recorder;
struct recording_file;

#define WINDOWS_MAX 16

struct recording {
	/* Set once, by recording_open(). */
	const struct codec *codec;
	struct recorder *recorder; /* outlives us */
	struct recorder_inbox *inbox;
	unsigned rate_hz, channels;
	uint64_t frames_max;	/* how long it may become */
	uint32_t window_frames; /* in one chunk */
	uint32_t head_frames;	/* as long as the file's header */
	uint32_t windows_kept;	/* still in memory, for late audio */

	/* The loop's. Window w holds the frames from w * window_frames,
	 * less the header; the kept ones, the newest of which is `newest`, are
	 * a ring. `open` is the one that was written to last, if it is still
	 * kept. */
	struct chunk *open;
	const uint8_t *next; /* where it probably will be written to */
	uint64_t newest;
	struct chunk *windows[WINDOWS_MAX]; /* NULL: nothing in it yet */

	/* The parcels: first the loop's, then the recorder thread's. */
	struct parcel opening, closing;
	uint64_t closing_frames;

	/* The recorder thread's. */
	struct recording_file *file; /* NULL: could not be made so far */
	bool refused;		     /* that has been logged */

	_Atomic bool intact;
	char path[];
};

#endif
