/*
 * measured.h - what many calls measure together
 *
 * Thread: belongs to one worker; merge when it has ended.
 */
#ifndef HOLDLOAD_MEASURED_H
#define HOLDLOAD_MEASURED_H

#include <stdint.h>

#include "tools/holdload/histogram.h"
#include "tools/holdload/misdeed.h"
#include "tools/holdload/wire.h"

enum outcome {
	OUTCOME_NONE,
	OUTCOME_COMPLETED,
	OUTCOME_CONNECT_FAILED,
	OUTCOME_TLS_FAILED,
	OUTCOME_REFUSED,
	OUTCOME_DROPPED,
	OUTCOME_TIMEOUT,
	OUTCOME_BROKEN,
	OUTCOME_CANCELLED,
	OUTCOME_LEFT, /* without a word, on purpose */
	OUTCOME_COUNT
};

/* Calls that were to misbehave: those that did, and those that the server then
 * put an end to. */
struct deeds {
	uint64_t calls, done, cut_off;
};

/* What a worker's callers measure together. */
struct measured {
	struct histogram start_late_us; /* begun, after it was planned */
	struct histogram connect_us;	/* connect and upgrade */
	struct histogram echo_us;	/* from when a frame was due */
	struct histogram echo_sent_us;	/* from when it was sent */
	struct histogram late_us;	/* our own lateness */
	uint64_t calls;			/* that behave */
	uint64_t skipped;		/* not begun: all were busy */
	uint64_t first_ns, last_ns;	/* the first and last began; 0: none */
	uint64_t frames_sent, bytes_sent, frames_echoed, echo_lost,
		echo_changed;
	uint64_t frames_unsent; /* the socket took no more */
	/* The server's direction: between its messages of audio; from a mark's
	 * arrival until its playback was over and it went back; from our word
	 * until a clear, and until it was quiet (barge.h). */
	struct histogram recv_gap_us, mark_lag_us, barge_clear_us,
		barge_silence_us;
	uint64_t frames_heard; /* its messages of audio */
	uint64_t recv_late;    /* those that left a hole in what is heard */
	uint64_t barge_ins, barge_ignored;
	uint64_t marks, clears, garbage;
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t statuses[WIRE_STATUSES]; /* refusals by HTTP status */
	const char *tls_why;		  /* of one that failed; constant */
	struct deeds misdeeds[MISDEED_COUNT];
};

void measured_merge(struct measured *into, const struct measured *from);

const char *outcome_name(enum outcome outcome);

#endif
