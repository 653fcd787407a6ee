/* room.c - is there room on the disk, and what follows from it (see room.h) */
#include "persistence/room.h"

#include <string.h>

#define SLACK_PERCENT  5u  /* a level ends that much beyond where it began */
#define FREE_FILES_MIN 16u /* a journal, an ack file, a few segments */

static uint64_t percent(uint64_t of, uint32_t n)
{
	return of / 100 * n + of % 100 * n / 100;
}

/* Once past the bound, it takes a little more to be back. */
static bool is_above(uint64_t value, uint64_t bound, bool was)
{
	return value > (was ? bound - percent(bound, SLACK_PERCENT) : bound);
}

static bool is_below(uint64_t value, uint64_t bound, bool was)
{
	return value < (was ? bound + percent(bound, SLACK_PERCENT) : bound);
}

/* Every level past "low" is low as well: from there it goes down in steps. */
static bool is_low(const struct room_limits *limits, const struct room_use *use,
		   bool was)
{
	if (limits->low_percent < 100 &&
	    is_above(use->bytes,
		     percent(limits->max_bytes, limits->low_percent), was))
		return true;
	return is_below(use->free, limits->min_free_disk * 2, was);
}

enum board_room room_judge(const struct room_limits *limits,
			   const struct room_use *use, enum board_room before)
{
	if (use->reserve_given)
		return BOARD_ROOM_RESERVE;
	if (is_below(use->free, limits->min_free_disk,
		     before == BOARD_ROOM_DISK) ||
	    use->free_files < FREE_FILES_MIN)
		return BOARD_ROOM_DISK;
	if (is_above(use->bytes, limits->max_bytes, before == BOARD_ROOM_QUOTA))
		return BOARD_ROOM_QUOTA;
	return is_low(limits, use, before >= BOARD_ROOM_LOW)
		       ? BOARD_ROOM_LOW
		       : BOARD_ROOM_PLENTY;
}

const char *room_refusal(const struct board_spooler *spooler)
{
	if (atomic_load(&spooler->broken))
		return "outbox_broken";
	if (atomic_load(&spooler->room) >= BOARD_ROOM_QUOTA)
		return "outbox_full";
	return NULL;
}

const char *room_detail(const struct board_spooler *spooler)
{
	uint32_t error = atomic_load(&spooler->broken);
	const char *name = error ? strerrordesc_np((int)error) : NULL;

	if (error)
		return name ? name : "unknown error";
	switch ((enum board_room)atomic_load(&spooler->room)) {
	case BOARD_ROOM_QUOTA: return "outbox.max_bytes is reached";
	case BOARD_ROOM_DISK:
		return "less than outbox.min_free_disk is free, or hardly an "
		       "inode";
	case BOARD_ROOM_RESERVE:
		return "the disk is full, the reserve is in use";
	case BOARD_ROOM_PLENTY:
	case BOARD_ROOM_LOW: break;
	}
	return "";
}

const char *room_name(enum board_room room)
{
	switch (room) {
	case BOARD_ROOM_LOW: return "low";
	case BOARD_ROOM_QUOTA: return "quota";
	case BOARD_ROOM_DISK: return "disk";
	case BOARD_ROOM_RESERVE: return "reserve";
	case BOARD_ROOM_PLENTY: break;
	}
	return "plenty";
}

enum board_room room_level(const struct board_flags *flags)
{
	uint32_t level = BOARD_ROOM_PLENTY;

	for (size_t i = 0; i < BOARD_SPOOLERS; i++) {
		uint32_t room = atomic_load(&flags->spoolers[i].room);

		if (room > level)
			level = room;
	}
	return (enum board_room)level;
}

static bool is_worse(const struct board_spooler *a,
		     const struct board_spooler *b)
{
	bool a_broken = atomic_load(&a->broken) != 0;
	bool b_broken = atomic_load(&b->broken) != 0;

	if (a_broken != b_broken)
		return a_broken;
	return atomic_load(&a->room) > atomic_load(&b->room);
}

const struct board_spooler *room_worst(const struct board_flags *flags)
{
	const struct board_spooler *worst = &flags->spoolers[0];

	for (size_t i = 1; i < BOARD_SPOOLERS; i++)
		if (is_worse(&flags->spoolers[i], worst))
			worst = &flags->spoolers[i];
	return worst;
}
