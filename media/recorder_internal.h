/*
 * recorder_internal.h - what the files of the recorder know of each other
 *
 * Thread: everything here was set before the first recording, or says so.
 */
#ifndef MEDIA_RECORDER_INTERNAL_H
#define MEDIA_RECORDER_INTERNAL_H

#include <stdatomic.h>
#include <stdint.h>

#include "media/recorder.h"
#include "media/recorder_disk.h"

struct board_series;
struct recorder_inbox;
struct recorder_pool;
struct recorder_worker;

struct recorder {
	char *dir;
	uint64_t duration_max_ms;
	struct recorder_pool *pool;
	struct recorder_disk disk;
	struct recording_listener listener;
	struct board_series *dropped; /* samples */
	struct board_series *bytes;
	struct recorder_worker *workers;
	unsigned worker_count;
	_Atomic unsigned next_worker; /* loops take turns with them */
	_Atomic unsigned workers_running;
	_Atomic uint64_t progress; /* grows while the disk moves */
};

/* The inbox of the thread that will write the next recording. Any thread. */
struct recorder_inbox *recorder_next_inbox(struct recorder *recorder);

/* All of what becomes of a recording passes here. */
void recorder_tell(const struct recording_listener *listener,
		   const struct recording_fate *fate);

#endif
