/* disk_watch.c - an eye on the outbox's disk (see disk_watch.h)
 *
 * The gauges of the board are sums, or the worst, over all processes that write
 * this outbox: whoever looks last writes them for all.
 */
#include "persistence/disk_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

#include "persistence/disk.h"
#include "server/clock.h"
#include "server/log.h"

#define LOOK_MS 1000u

/* ---- the board -------------------------------------------------------------
 */

static void set_gauge(enum board_metric metric, uint64_t value)
{
	board_set(board_series(metric, ""),
		  value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void publish_levels(void)
{
	const struct board_flags *flags = board_flags();
	uint64_t broken = 0, reserve = 0;

	for (size_t i = 0; i < BOARD_SPOOLERS; i++) {
		const struct board_spooler *place = &flags->spoolers[i];

		broken |= atomic_load(&place->broken) != 0;
		reserve += atomic_load(&place->reserve);
	}
	set_gauge(METRIC_OUTBOX_ROOM, room_level(flags));
	set_gauge(METRIC_OUTBOX_BROKEN, broken);
	set_gauge(METRIC_OUTBOX_RESERVE_BYTES, reserve);
}

static void publish_memory(void)
{
	const struct board_flags *flags = board_flags();
	uint64_t records = 0, bytes = 0, capacity = 0;

	for (size_t i = 0; i < BOARD_SPOOLERS; i++) {
		const struct board_spooler *place = &flags->spoolers[i];

		records += atomic_load(&place->records);
		bytes += atomic_load(&place->bytes);
		capacity += atomic_load(&place->capacity);
	}
	set_gauge(METRIC_QUEUE_RECORDS, records);
	set_gauge(METRIC_QUEUE_BYTES, bytes);
	set_gauge(METRIC_QUEUE_CAPACITY, capacity);
}

static void clear(struct board_spooler *place)
{
	atomic_store(&place->room, BOARD_ROOM_PLENTY);
	atomic_store(&place->broken, 0);
	atomic_store(&place->records, 0);
	atomic_store(&place->bytes, 0);
	atomic_store(&place->capacity, 0);
	atomic_store(&place->reserve, 0);
}

void disk_watch_begin(struct disk_watch *watch, struct board_spooler *place)
{
	watch->place = place;
	clear(place);
	set_gauge(METRIC_OUTBOX_MAX_BYTES, watch->limits.max_bytes);
}

void disk_watch_end(struct disk_watch *watch)
{
	clear(watch->place);
	publish_levels();
	publish_memory();
}

void disk_watch_show_memory(const struct disk_watch *watch, uint64_t records,
			    uint64_t bytes, uint64_t capacity)
{
	atomic_store(&watch->place->records, records);
	atomic_store(&watch->place->bytes, bytes);
	atomic_store(&watch->place->capacity, capacity);
	publish_memory();
}

void disk_watch_show_broken(struct disk_watch *watch, int error)
{
	atomic_store(&watch->place->broken, (uint32_t)error);
	disk_watch_hurry(watch);
	publish_levels();
}

/* ---- looking ---------------------------------------------------------------
 */

static void log_level(const struct disk_watch *watch, enum board_room room,
		      const struct room_use *use)
{
	static const struct {
		const char *tag, *effect;
	} levels[] = {
		[BOARD_ROOM_PLENTY] = { "OUTBOX_ROOM", "all is taken" },
		[BOARD_ROOM_LOW] = { "OUTBOX_LOW", "fewer checkpoints" },
		[BOARD_ROOM_QUOTA] = { "OUTBOX_FULL", "new calls get 503" },
		[BOARD_ROOM_DISK] = { "OUTBOX_FULL", "new calls get 503" },
		[BOARD_ROOM_RESERVE] = { "OUTBOX_RESERVE",
					 "live calls go on in the reserve, new "
					 "calls get 503" },
	};

	log_event(room == BOARD_ROOM_PLENTY ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		  levels[room].tag,
		  "room=%s before=%s bytes=%llu max_bytes=%llu free=%llu "
		  "min_free_disk=%llu effect=\"%s\"",
		  room_name(room), room_name(watch->room),
		  (unsigned long long)use->bytes,
		  (unsigned long long)watch->limits.max_bytes,
		  (unsigned long long)use->free,
		  (unsigned long long)watch->limits.min_free_disk,
		  levels[room].effect);
}

static void see_to_reserve(struct disk_watch *watch, uint64_t free_bytes)
{
	uint64_t before = watch->reserve.bytes;
	int r = reserve_make(&watch->reserve, free_bytes);

	if (r < 0)
		log_warn("OUTBOX_RESERVE", "file=\"%s\" err=\"%s\"",
			 watch->reserve.path, strerror(-r));
	else if (watch->reserve.bytes != before)
		log_info("OUTBOX_RESERVE", "bytes=%llu wanted=%llu",
			 (unsigned long long)watch->reserve.bytes,
			 (unsigned long long)watch->reserve.wanted);
	atomic_store(&watch->place->reserve, watch->reserve.bytes);
}

static void judge(struct disk_watch *watch, const struct statvfs *disk)
{
	struct room_use use = {
		.bytes = disk_usage(AT_FDCWD, watch->dir),
		.free = (uint64_t)disk->f_bavail * disk->f_frsize,
		/* Some file systems do not count files. */
		.free_files = disk->f_files ? disk->f_favail : UINT64_MAX,
	};
	enum board_room room;

	see_to_reserve(watch, use.free);
	use.reserve_given = watch->reserve.given;
	set_gauge(METRIC_OUTBOX_FREE_BYTES, use.free);
	room = room_judge(&watch->limits, &use, watch->room);
	if (room == watch->room)
		return;
	log_level(watch, room, &use);
	watch->room = room;
	atomic_store(&watch->place->room, room);
}

bool disk_watch_is_due(const struct disk_watch *watch)
{
	return watch->looked_ms == 0 ||
	       clock_mono_ms() - watch->looked_ms >= LOOK_MS;
}

int disk_watch_look(struct disk_watch *watch)
{
	struct statvfs disk;

	if (!disk_watch_is_due(watch))
		return watch->refused;
	watch->looked_ms = clock_mono_ms();
	/* A directory that is not there is made again by the journal. */
	watch->refused = 0;
	if (statvfs(watch->dir, &disk) == 0) {
		if (disk.f_flag & ST_RDONLY)
			watch->refused = -EROFS;
		else
			judge(watch, &disk);
	}
	publish_levels();
	return watch->refused;
}

void disk_watch_hurry(struct disk_watch *watch)
{
	watch->looked_ms = 0;
}
