/*
 * caller.h - one simulated call: connects, speaks, listens, hangs up
 *
 *   IDLE -> CONNECTING -> UPGRADING -> [OPENING ->] TALKING -> WAITING ->
 *   CLOSING -> DONE
 *
 * CONNECTING is TCP and TLS; OPENING waits where a dialect waits to be let in.
 * TALKING sends a frame whenever one is due, counted from a monotonic origin;
 * WAITING gives echoes a moment to arrive, then says the end, as its dialect
 * does; CLOSING waits for the server's close.
 *
 * Thread: a caller belongs to one worker.
 * Clock:  monotonic nanoseconds, passed in.
 */
#ifndef HOLDLOAD_CALLER_H
#define HOLDLOAD_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/holdload/dialect.h"
#include "tools/holdload/histogram.h"
#include "tools/holdload/link.h"

struct options;

enum caller_state {
	CALLER_IDLE,
	CALLER_CONNECTING,
	CALLER_UPGRADING,
	CALLER_OPENING,
	CALLER_TALKING,
	CALLER_WAITING,
	CALLER_CLOSING,
	CALLER_DONE
};

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
	OUTCOME_COUNT
};

#define SENT_RING     512 /* send times of the frames that may be on their way */
#define MARKS_MAX     64
#define MARK_NAME_MAX 255

struct mark {
	uint64_t due_ns;
	char name[MARK_NAME_MAX + 1]; /* as it stood in the message */
	size_t length;
};

/* What a worker's callers measure together. */
struct measured {
	struct histogram connect_us;   /* connect and upgrade */
	struct histogram echo_us;      /* from when a frame was due */
	struct histogram echo_sent_us; /* from when it was sent */
	struct histogram late_us;      /* our own lateness */
	uint64_t frames_sent, bytes_sent, frames_echoed, echo_lost,
		echo_changed;
	uint64_t frames_unsent; /* the socket took no more */
	uint64_t marks, clears, garbage;
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t statuses[WIRE_STATUSES]; /* refusals by HTTP status */
	const char *tls_why;		  /* of one that failed; constant */
};

struct caller {
	const struct options *options;
	struct measured *measured;
	enum caller_state state;
	enum outcome outcome;
	struct link link;
	unsigned address_at; /* which of the options' addresses */
	struct talk talk;
	char key[WIRE_KEY_SIZE];
	uint64_t due_ns;      /* when it should connect */
	uint64_t began_ns;    /* connecting */
	uint64_t origin_ns;   /* the first frame's time */
	uint64_t deadline_ns; /* of this state */
	uint64_t now_ns;      /* of this turn */
	uint64_t frames_total;
	uint64_t played_ns; /* our simulated playback ends then */
	uint64_t ping_ns;   /* the next is due then */
	bool held;	    /* we have said that our buffer is full */
	struct mark *marks; /* MARKS_MAX; owned; made at need */
	unsigned mark_count;
	uint64_t *sent_ns; /* SENT_RING; owned; only with --echo */
	uint8_t *part;	   /* owned: of a frame that came back in pieces */
	size_t part_size;
	bool stop_sent, hung_up; /* by us; by the server, in words */
	int status;		 /* of the handshake, 0: none came */
	unsigned close_code;	 /* the server's, 0: none came */
	/* For the ledger. Sent: given to the kernel, or waiting for it. */
	uint64_t started_ns, ended_ns; /* 0: start was never sent, no end */
	uint64_t frames_sent, frames_unsent, frames_echoed, digits_sent;
	uint64_t marks_heard, marks_returned, clears_heard;
};

void caller_init(struct caller *caller, const struct options *options,
		 struct measured *measured, uint64_t seed, uint64_t due_ns);
void caller_finish(struct caller *caller);

/* Opens the socket; state tells whether that failed. */
void caller_connect(struct caller *caller, uint64_t now_ns);
/* The socket is ready. */
void caller_on_ready(struct caller *caller, bool readable, bool writable,
		     uint64_t now_ns);
/* Whatever is due by now: frames, digits, marks, time-outs. `turn_ns` is when
 * this turn should have been; turns come every 20 ms. */
void caller_on_time(struct caller *caller, uint64_t turn_ns, uint64_t now_ns);
/* Hangs up early, in good order (Ctrl-C). */
void caller_cancel(struct caller *caller, uint64_t now_ns);

const char *outcome_name(enum outcome outcome);

#endif
