/* recorder_disk.c - does the disk take audio? */
#include "media/recorder_disk.h"

#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "server/log.h"

/* Others write to the disk too: what was free is not believed for longer. */
#define ASK_EVERY_MS 250u
/* Far enough apart that the log does not hear of every file that comes and
 * goes at the limit. */
#define LOW_BYTES    (64 * 1024)
#define RESUME_BYTES (1024 * 1024)

static void ask(struct recorder_disk *disk, uint64_t now_ms)
{
	struct statvfs fs;
	uint64_t free_bytes;
	int64_t spare = INT64_MAX;

	atomic_store(&disk->asked_ms, now_ms);
	/* A disk that does not answer will say so when it is written to. */
	if (statvfs(disk->dir, &fs) == 0) {
		free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		spare = free_bytes < disk->min_free
				? 0
				: (int64_t)(free_bytes - disk->min_free);
	}
	atomic_store(&disk->spare, spare);
}

void recorder_disk_init(struct recorder_disk *disk, const char *dir,
			uint64_t min_free, uint64_t now_ms)
{
	*disk = (struct recorder_disk){ .dir = dir, .min_free = min_free };
	ask(disk, now_ms);
}

static void set_low(struct recorder_disk *disk, bool low)
{
	if (atomic_exchange(&disk->low, low) == low)
		return;
	if (low)
		log_warn("RECORDING_DROPPED",
			 "reason=disk_low dir=%s min_free=%" PRIu64, disk->dir,
			 disk->min_free);
	else
		log_info("RECORDING_RESUMED", "reason=disk_low dir=%s",
			 disk->dir);
}

bool recorder_disk_has_room(struct recorder_disk *disk, uint64_t bytes,
			    uint64_t now_ms)
{
	int64_t wanted = bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX, spare;
	bool low = atomic_load(&disk->low);

	if (now_ms - atomic_load(&disk->asked_ms) >= ASK_EVERY_MS ||
	    (!low && atomic_load(&disk->spare) < wanted))
		ask(disk, now_ms);
	spare = atomic_load(&disk->spare);
	low = spare < (low ? RESUME_BYTES : LOW_BYTES);
	set_low(disk, low);
	if (low || spare < wanted)
		return false;
	atomic_fetch_sub(&disk->spare, wanted);
	return true;
}

void recorder_disk_note(struct recorder_disk *disk, int error)
{
	bool failing = error < 0;

	if (atomic_load_explicit(&disk->failing, memory_order_relaxed) ==
		    failing ||
	    atomic_exchange(&disk->failing, failing) == failing)
		return;
	if (failing)
		log_error("RECORDING_DROPPED",
			  "reason=disk_error dir=%s err=\"%s\"", disk->dir,
			  strerror(-error));
	else
		log_info("RECORDING_RESUMED", "reason=disk_error dir=%s",
			 disk->dir);
}
