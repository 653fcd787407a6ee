/*
 * series.h - the figures of a run, moment by moment
 *
 * A moment is a second, until there are SERIES_MOMENTS of them; then two become
 * one, and a moment is twice as long: a run of any length has between half as
 * many and all of them, in constant memory. Times are in coarse buckets, off by
 * a sixteenth at most.
 *
 * What is measured is not touched for it: at the end of a moment the sums so
 * far are compared with those at its beginning.
 *
 * Thread: a worker's; merge when all have ended.
 */
#ifndef HOLDLOAD_SERIES_H
#define HOLDLOAD_SERIES_H

#include <stddef.h>
#include <stdint.h>

#define SERIES_MOMENTS 240u /* even */
#define SPREAD_BUCKETS 384u

struct histogram;

/* Times of a moment, in microseconds. */
struct spread {
	uint32_t counts[SPREAD_BUCKETS];
	uint64_t count, max;
};

/* So much in it, but for `live`: calls that are up at its end. */
struct moment {
	uint64_t live, begun, ended, failed, frames_sent, frames_heard;
	uint64_t echo_lost;
	struct spread echo, late;
};

/* The sums so far. */
struct so_far {
	struct moment sums; /* its spreads are not used */
	const struct histogram *echo_us, *late_us;
};

struct series;

/* The first moment begins now. NULL: no memory. */
struct series *series_create(uint64_t now_ns);
void series_free(struct series *series); /* accepts NULL */

/* When the moment is over; until then series_note() need not be called. */
uint64_t series_due_ns(const struct series *series);
/* Ends all moments that are over by then; `now_ns` may be any later time. */
void series_note(struct series *series, const struct so_far *sums,
		 uint64_t now_ns);
/* The last one ends, however short it is. */
void series_finish(struct series *series, const struct so_far *sums,
		   uint64_t now_ns);
/* Two that began at the same time. */
void series_merge(struct series *into, struct series *from);

size_t series_count(const struct series *series);
/* Of a moment. */
uint64_t series_length_ns(const struct series *series);
const struct moment *series_at(const struct series *series, size_t index);
/* In microseconds; 0 when there were none. */
uint64_t spread_quantile(const struct spread *spread, double part);

#endif
