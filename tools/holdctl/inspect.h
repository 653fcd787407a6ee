/*
 * inspect.h - reads a journal whole, checks every checksum
 */
#ifndef TOOLS_HOLDCTL_INSPECT_H
#define TOOLS_HOLDCTL_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

struct inspection {
	uint64_t records; /* that can be read */
	uint64_t lost;	  /* that cannot, best estimate */
	uint64_t places;  /* stretches of damaged bytes, unreadable segments */
	bool live;
	int error; /* -errno that ended the reading early; 0 */
};

/* Told of each damaged place; `bytes` 0: a whole segment that cannot be read.
 */
typedef void inspect_place(void *arg, const char *journal, uint32_t segment,
			   uint64_t offset, uint64_t bytes);

/* 0 or -errno: -EPROTONOSUPPORT for a newer format. `place` may be NULL. */
int inspect_journal(const char *outbox_dir, const char *name,
		    struct inspection *inspection, inspect_place *place,
		    void *arg);

static inline bool inspection_is_sound(const struct inspection *inspection)
{
	return inspection->lost == 0 && inspection->places == 0 &&
	       inspection->error == 0;
}

#endif
