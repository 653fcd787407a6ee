/*
 * journal_segment.c - one segment, while it is written (see journal_segment.h)
 *
 * Zeros are written ahead of the entries up to the next whole mebibyte, so that
 * most syncs change neither the file's size nor its extents and so cost the
 * file system no transaction of its own (measured: twice the commits a second).
 * What was zeroed ahead by another thread (ground.h) needs none of that.
 */
#include "persistence/journal_segment.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/journal_group.h"
#include "persistence/reserve.h"

#define ZERO_STEP ((uint64_t)1 << 20)

static int write_header(int fd, struct segment_header *header)
{
	int r;

	header->crc = segment_header_crc(header);
	r = disk_write_zeros(fd, SEGMENT_DATA_AT, 0);
	if (r == 0)
		r = disk_write(fd, header, sizeof(*header), 0);
	if (r == 0)
		r = disk_write(fd, header, sizeof(*header), SEGMENT_COPY_AT);
	return r;
}

/* Headed under the name it has, so that nobody sees a segment without one. */
static int make_file(int fd, int pend_fd, const char *name,
		     struct segment_header *header, struct reserve *reserve)
{
	int r = write_header(fd, header);

	if (r == 0)
		r = disk_sync(fd);
	if (r == 0 && reserve)
		r = reserve_move(reserve, pend_fd, name);
	return r < 0 ? r : disk_sync(pend_fd);
}

int segment_create(struct segment *segment, int pend_fd,
		   struct segment_header *header, struct reserve *reserve)
{
	uint64_t zeroed = SEGMENT_DATA_AT;
	char name[SEGMENT_NAME_SIZE];
	int fd, r;

	segment_name(header->number, name);
	fd = reserve ? reserve_open(reserve, &zeroed)
		     : disk_create(pend_fd, name);
	if (fd < 0)
		return fd;
	r = make_file(fd, pend_fd, name, header, reserve);
	if (r < 0) {
		(void)close(fd);
		(void)unlinkat(pend_fd, name, 0);
		/* A file whose sync has failed is not trusted again. */
		if (reserve)
			(void)reserve_give_up(reserve);
		return r;
	}
	*segment = (struct segment){ .fd = fd,
				     .number = header->number,
				     .seed = segment_seed(&header->journal,
							  header->number),
				     .offset = SEGMENT_DATA_AT,
				     .zeroed = zeroed };
	return 0;
}

bool segment_is_there(const struct segment *segment)
{
	struct stat st;

	return fstat(segment->fd, &st) < 0 || st.st_nlink > 0;
}

static int zero_ahead(struct segment *segment)
{
	uint64_t until = (segment->offset / ZERO_STEP + 1) * ZERO_STEP;
	int r;

	if (segment->offset < segment->zeroed)
		return 0;
	r = disk_write_zeros(segment->fd, until - segment->offset,
			     segment->offset);
	if (r == 0)
		segment->zeroed = until;
	/* The records themselves have found room, and that is what counts. */
	return disk_is_full(r) || r == -EFBIG ? 0 : r;
}

int segment_write(struct segment *segment, struct group *group)
{
	int r;

	group_seal(group, segment->seed);
	r = disk_write(segment->fd, group->bytes, group->length,
		       segment->offset);
	if (r < 0)
		return r;
	segment->offset += group->length;
	return zero_ahead(segment);
}

void segment_finish(struct segment *segment)
{
	if (segment->fd < 0)
		return;
	/* Only saves room: zeros or no zeros, the entries end there. */
	(void)!ftruncate(segment->fd, (off_t)segment->offset);
	(void)close(segment->fd);
	segment->fd = -1;
}

void segment_abandon(struct segment *segment, int pend_fd)
{
	char name[SEGMENT_NAME_SIZE];

	if (segment->fd < 0)
		return;
	(void)close(segment->fd);
	segment->fd = -1;
	segment_name(segment->number, name);
	if (!segment->trusted)
		(void)unlinkat(pend_fd, name, 0);
}
