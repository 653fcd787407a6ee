/*
 * recorder_disk.h - does the disk take audio?
 *
 * Two things say no: less free space than recording.min_free_disk, which is
 * kept for the records of the calls, and a write that failed. The log hears of
 * it once when it begins ([RECORDING_DROPPED]) and once when it is over
 * ([RECORDING_RESUMED]).
 *
 * Thread: any recorder thread; may wait for the disk.
 * Clock:  monotonic milliseconds.
 */
#ifndef MEDIA_RECORDER_DISK_H
#define MEDIA_RECORDER_DISK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct recorder_disk {
	const char *dir;	   /* borrowed */
	uint64_t min_free;	   /* bytes */
	_Atomic uint64_t asked_ms; /* when free space was asked for */
	_Atomic int64_t spare;	   /* bytes above min_free, then less
				    * what was written */
	_Atomic bool low, failing;
};

void recorder_disk_init(struct recorder_disk *disk, const char *dir,
			uint64_t min_free, uint64_t now_ms);
/* Is there room for that many bytes more? Counts them as used. */
bool recorder_disk_has_room(struct recorder_disk *disk, uint64_t bytes,
			    uint64_t now_ms);
/* How a write ended: 0 or -errno. */
void recorder_disk_note(struct recorder_disk *disk, int error);

#endif
