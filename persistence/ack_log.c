/*
 * ack_log.c - how far a journal has been delivered (see ack_log.h)
 *
 * Files <name>/00000001.ack, ...: a run of entries of one size
 * (journal_format.h), so that a damaged one does not hide those behind it. When
 * a file has grown long the next is begun with where the last one ended, and
 * the last one goes.
 */
#include "persistence/ack_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/journal_format.h"
#include "server/clock.h"

#define FILE_BYTES_MAX ((uint64_t)1 << 20)
#define NAME_SIZE      40

static void file_name(const struct ack_log *log, uint32_t number,
		      char out[NAME_SIZE])
{
	(void)snprintf(out, NAME_SIZE, "%s/%08u.ack", log->name, number);
}

/* 0 for a name that is not one of ours. */
static uint32_t file_number(const char *name)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	return end == name + 8 && number <= 99999999 && end[0] == '.' &&
			       end[1] == 'a'
		       ? (uint32_t)number
		       : 0;
}

/* ---- reading ---------------------------------------------------------------
 */

/* Shows each valid entry to `see` until that says true. Returns where the next
 * entry would go, or -errno. */
static int64_t read_entries(int fd,
			    bool (*see)(void *arg, const struct ack_entry *),
			    void *arg)
{
	const size_t size = sizeof(struct ack_entry);
	struct ack_entry entries[256];
	uint64_t offset = 0;

	for (;;) {
		ssize_t n = disk_read(fd, entries, sizeof(entries), offset);
		size_t whole = n < 0 ? 0 : (size_t)n / size;

		if (n < 0)
			return n;
		for (size_t i = 0; i < whole; i++)
			if (entries[i].magic == ACK_MAGIC &&
			    entries[i].crc == ack_crc(&entries[i]) &&
			    see(arg, &entries[i]))
				return (int64_t)offset;
		/* A torn tail stays; the next entry goes behind it. */
		offset += ((size_t)n + size - 1) / size * size;
		if (whole < sizeof(entries) / size)
			return (int64_t)offset;
	}
}

/* Where seq is among the taken, or would be. */
static size_t place_of(const struct ack_log *log, uint64_t seq)
{
	size_t low = 0, high = log->taken_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (log->taken[middle] < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool ack_log_has(const struct ack_log *log, uint64_t seq)
{
	size_t place = place_of(log, seq);

	return seq <= log->seq ||
	       (place < log->taken_count && log->taken[place] == seq);
}

static int remember_taken(struct ack_log *log, uint64_t seq)
{
	size_t place = place_of(log, seq);

	if (log->taken_count == log->taken_room) {
		size_t room = log->taken_room ? log->taken_room * 2 : 16;
		uint64_t *more = reallocarray(log->taken, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		log->taken = more;
		log->taken_room = room;
	}
	memmove(log->taken + place + 1, log->taken + place,
		(log->taken_count - place) * sizeof(*log->taken));
	log->taken[place] = seq;
	log->taken_count++;
	return 0;
}

/* Those that stand right behind `seq` are no single ones any more. */
static void absorb_taken(struct ack_log *log)
{
	size_t gone = 0;

	while (gone < log->taken_count && log->taken[gone] <= log->seq + 1) {
		if (log->taken[gone] > log->seq)
			log->seq = log->taken[gone];
		gone++;
	}
	log->taken_count -= gone;
	if (gone > 0 && log->taken_count > 0)
		memmove(log->taken, log->taken + gone,
			log->taken_count * sizeof(*log->taken));
}

static bool note(void *arg, const struct ack_entry *entry)
{
	struct ack_log *log = arg;

	if (entry->type == ACK_TAKEN) {
		/* Without memory it comes back, which changes nothing. */
		if (!ack_log_has(log, entry->seq))
			(void)remember_taken(log, entry->seq);
	} else if (entry->seq > log->seq) {
		log->seq = entry->seq;
	}
	absorb_taken(log);
	if (entry->type == ACK_SETTLED)
		log->settled_us = entry->at_us;
	return false;
}

/* Reads one file; the newest stays open, to be appended to. */
static int open_file(struct ack_log *log, uint32_t number)
{
	int flags = (log->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC, fd;
	char name[NAME_SIZE];
	int64_t end;

	file_name(log, number, name);
	fd = openat(log->journal_fd, name, flags);
	if (fd < 0)
		return -errno;
	end = read_entries(fd, note, log);
	if (end == -EIO) { /* lost for good; the next file goes behind it */
		(void)close(fd);
		log->number = number > log->number ? number : log->number;
		return 0;
	}
	if (end < 0 || number < log->number) {
		(void)close(fd);
		return end < 0 ? (int)end : 0;
	}
	if (log->fd >= 0)
		(void)close(log->fd);
	log->fd = fd;
	log->number = number;
	log->offset = (uint64_t)end;
	return 0;
}

static int open_files(struct ack_log *log)
{
	DIR *dir = disk_list(log->journal_fd, log->name);
	struct dirent *file;
	int r = 0;

	if (!dir) /* nothing was ever delivered, or who knows */
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (errno = 0, file = readdir(dir))) {
		uint32_t number = file_number(file->d_name);

		if (number > 0)
			r = open_file(log, number);
	}
	if (r == 0)
		r = -errno;
	(void)closedir(dir);
	return r;
}

int ack_log_open(struct ack_log *log, const char *journal_dir, const char *name,
		 bool read_only)
{
	int r;

	*log = (struct ack_log){ .fd = -1, .read_only = read_only };
	(void)snprintf(log->name, sizeof(log->name), "%s", name);
	log->journal_fd = disk_open_dir(AT_FDCWD, journal_dir, false);
	if (log->journal_fd < 0)
		return log->journal_fd;
	r = open_files(log);
	if (r < 0)
		ack_log_close(log);
	return r;
}

void ack_log_close(struct ack_log *log)
{
	if (log->fd >= 0)
		(void)close(log->fd);
	if (log->journal_fd >= 0)
		(void)close(log->journal_fd);
	log->fd = log->journal_fd = -1;
	free(log->taken);
	log->taken = NULL;
	log->taken_count = log->taken_room = 0;
}

struct moment {
	uint64_t seq;
	int64_t at_us;
};

static bool reaches(void *arg, const struct ack_entry *entry)
{
	struct moment *moment = arg;

	if (entry->type == ACK_TAKEN || entry->seq < moment->seq)
		return false;
	moment->at_us = entry->at_us;
	return true;
}

int64_t ack_log_when(const struct ack_log *log, uint64_t seq)
{
	struct moment moment = { .seq = seq };

	if (log->fd >= 0)
		(void)read_entries(log->fd, reaches, &moment);
	return moment.at_us;
}

/* ---- writing ---------------------------------------------------------------
 */

static int write_entry(struct ack_log *log, enum ack_type type, uint64_t seq,
		       int64_t at_us)
{
	struct ack_entry entry = {
		.magic = ACK_MAGIC, .seq = seq, .at_us = at_us, .type = type
	};
	int r;

	entry.crc = ack_crc(&entry);
	r = disk_write(log->fd, &entry, sizeof(entry), log->offset);
	if (r == 0)
		log->offset += sizeof(entry);
	return r;
}

int ack_log_sync(struct ack_log *log)
{
	int r = log->fd < 0 ? 0 : disk_sync_data(log->fd), dir_fd;

	if (r < 0 || !log->fresh)
		return r;
	dir_fd = disk_open_dir(log->journal_fd, log->name, false);
	if (dir_fd < 0)
		return dir_fd;
	r = disk_sync(dir_fd);
	(void)close(dir_fd);
	if (r == 0)
		r = disk_sync(log->journal_fd);
	log->fresh = r < 0;
	return r;
}

/* What the new file begins with is durable before the old one goes. */
static int begin_file(struct ack_log *log, int64_t now_us)
{
	char name[NAME_SIZE], old[NAME_SIZE];
	int fd = disk_open_dir(log->journal_fd, log->name, true), r;

	if (fd < 0)
		return fd;
	(void)close(fd);
	file_name(log, log->number, old);
	file_name(log, log->number + 1, name);
	fd = disk_create(log->journal_fd, name);
	if (fd < 0)
		return fd;
	if (log->fd >= 0)
		(void)close(log->fd);
	log->fd = fd;
	log->number++;
	log->offset = 0;
	log->fresh = true;
	r = write_entry(log, ACK_DELIVERED, log->seq, now_us);
	for (size_t i = 0; r == 0 && i < log->taken_count; i++)
		r = write_entry(log, ACK_TAKEN, log->taken[i], now_us);
	if (r == 0 && log->settled_us)
		r = write_entry(log, ACK_SETTLED, log->seq, log->settled_us);
	if (r == 0 && log->number > 1 && ack_log_sync(log) == 0)
		(void)unlinkat(log->journal_fd, old, 0);
	return r;
}

/* Single ones are written again with each new file: there it may be longer. */
static bool is_long(const struct ack_log *log)
{
	return log->offset >=
	       FILE_BYTES_MAX + 2 * log->taken_count * sizeof(struct ack_entry);
}

static int append(struct ack_log *log, enum ack_type type, uint64_t seq)
{
	int64_t now_us = clock_wall_us();
	int r = 0;

	if (log->read_only)
		return -EROFS;
	if (log->fd < 0 || is_long(log))
		r = begin_file(log, now_us);
	return r < 0 ? r : write_entry(log, type, seq, now_us);
}

int ack_log_delivered(struct ack_log *log, uint64_t seq)
{
	if (seq <= log->seq)
		return 0;
	log->seq = seq;
	absorb_taken(log);
	return append(log, ACK_DELIVERED, log->seq);
}

int ack_log_taken(struct ack_log *log, uint64_t seq)
{
	uint64_t before = log->seq;
	int r = ack_log_has(log, seq) ? 0 : remember_taken(log, seq);

	if (r < 0)
		return r;
	absorb_taken(log);
	if (log->seq > before)
		return append(log, ACK_DELIVERED, log->seq);
	return append(log, ACK_TAKEN, seq);
}

int ack_log_settled(struct ack_log *log)
{
	int r = append(log, ACK_SETTLED, log->seq);

	log->settled_us = clock_wall_us();
	return r;
}
