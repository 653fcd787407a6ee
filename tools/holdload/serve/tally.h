/*
 * tally.h - what the calls of one thread told, together
 *
 * Thread: belongs to one desk; merge when it has ended.
 */
#ifndef HOLDLOAD_SERVE_TALLY_H
#define HOLDLOAD_SERVE_TALLY_H

#include <stdint.h>

#include "tools/holdload/histogram.h"
#include "tools/holdload/measured.h"

struct tally {
	uint64_t calls; /* connections, whatever became of them */
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t statuses[WIRE_STATUSES]; /* of handshakes that we refused */
	uint64_t foreign;		  /* calls in a codec we have not */

	/* What was heard. */
	uint64_t frames_heard, bytes_heard; /* messages of audio; samples */
	uint64_t late, early, burst;	    /* of them (track.h) */
	uint64_t missing_ms;		    /* of audio, as timestamps tell */
	uint64_t lost, reordered;	    /* messages, as numbers tell */
	uint64_t digits, unknown, garbage;
	struct histogram handshake_us; /* from accept to the answer */
	struct histogram gap_us;       /* between messages of audio */
	struct histogram jitter_us;    /* how far that is from what they hold */

	/* What was said. */
	uint64_t frames_said, unsaid; /* the socket took no more */
	uint64_t marks_said, marks_back, marks_unasked;
	struct histogram mark_us; /* from a mark to its return */
	struct histogram late_us; /* our own lateness */
};

void tally_merge(struct tally *into, const struct tally *from);

#endif
