/*
 * track.h - where a frame belongs in time, and what is missing before it
 *
 * Providers count media messages (chunk) and stamp them (ms since the stream's
 * start). The counter says what is missing; the stamp says how long that was.
 * Stamps jitter by a few milliseconds, so a frame that follows in the count is
 * put right behind the one before, unless its stamp is more than
 * TRACK_JITTER_MS ahead: an undisturbed stream stays bit for bit what was sent.
 *
 * An older frame is LATE if it was missing, REPEATED if it had come, which is
 * remembered for the last TRACK_WINDOW of them. A count that jumps further
 * than anything that can be lost, or goes on from somewhere far behind, has
 * begun anew: the frames after it follow each other as if nothing had been.
 *
 * Whether two tracks share one counter is not documented. Each way is believed
 * until the numbers contradict it: a number that only the other track can have
 * used up speaks for sharing, one that both tracks use against it.
 *
 * Thread: belongs to one call. No socket, no JSON, no clock.
 */
#ifndef MEDIA_TRACK_H
#define MEDIA_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "media/provider.h"

#define TRACK_JITTER_MS 60u
#define TRACK_WINDOW	64u
#define TRACK_LOST_MAX	180000u /* an hour of 20 ms; more is a new count */

/* What has come of one counter. */
struct chunk_count {
	uint64_t next; /* expected */
	uint64_t seen; /* bit i: number next - 1 - i has come */
	uint64_t anew; /* if this comes, the count has begun anew */
};

struct track {
	bool begun;
	struct chunk_count count;
	uint64_t end;	       /* position behind the newest frame, samples */
	uint64_t last_samples; /* of the newest frame */
};

struct tracks {
	struct track track[TRACKS_MAX];
	struct chunk_count all; /* of all tracks, as if they shared one */
	bool shared;		/* they do */
	unsigned hints;		/* in a row, that they do */
	bool has_origin;
	uint64_t origin_ms; /* the stamp of the very first frame */
};

enum track_verdict {
	TRACK_FOLLOWS,
	TRACK_GAP,	/* follows, but something is missing before it */
	TRACK_REPEATED, /* has come already, or is too old to tell */
	TRACK_LATE,	/* was missing; belongs at `position` */
};

struct placed {
	enum track_verdict verdict;
	uint64_t position; /* samples from the stream's start */
	uint64_t lost;	   /* messages missing before it */
	uint64_t gap_ms;   /* silence before it */
};

/* The media part of an event, with `samples` samples at rate_hz. */
struct placed track_place(struct tracks *tracks, const struct event *event,
			  uint64_t samples, unsigned rate_hz);
/* All tracks go on after `ms` that have no audio. */
struct placed track_skip(struct tracks *tracks, uint64_t ms, unsigned rate_hz);

#endif
