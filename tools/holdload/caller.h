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
 * A call that is to misbehave (misdeed.h) goes the same way until its misdeed.
 *
 * Thread: a caller belongs to one worker.
 * Clock:  monotonic nanoseconds, passed in; caller_next_ns() says when it wants
 *         to be looked at again.
 */
#ifndef HOLDLOAD_CALLER_H
#define HOLDLOAD_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/holdload/barge.h"
#include "tools/holdload/dialect.h"
#include "tools/holdload/link.h"
#include "tools/holdload/measured.h"
#include "tools/holdload/plan.h"

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

#define SENT_RING     256 /* frames whose lateness is remembered */
#define MARKS_MAX     64
#define MARK_NAME_MAX 255

struct mark {
	uint64_t came_ns, due_ns;
	char name[MARK_NAME_MAX + 1]; /* as it stood in the message */
	size_t length;
};

/* What a worker's callers have in common. */
struct crew {
	const struct options *options;
	struct measured good;
	struct measured odd; /* of calls that misbehave: it tells nobody */
	struct link_bench bench;
};

/* What the server says, as our simulated playback has it. */
struct heard_audio {
	uint64_t came_ns;	 /* the last message of audio; 0: none yet */
	uint64_t plays_until_ns; /* then there is nothing left to play */
	uint64_t since_ns;	 /* it plays without a pause since then */
};

struct caller {
	const struct options *options;
	struct crew *crew;
	struct measured *measured; /* the good calls' or the odd ones' */
	struct call_plan plan;
	enum caller_state state;
	enum outcome outcome;
	struct link link;
	unsigned address_at; /* which of the options' addresses */
	struct talk talk;
	char key[WIRE_KEY_SIZE];
	uint64_t turn_ns;     /* of its frames: they are due then, or whole
				 frames later */
	uint64_t began_ns;    /* connecting */
	uint64_t origin_ns;   /* the first frame's time */
	uint64_t ends_ns;     /* it has talked for long enough */
	uint64_t misdeed_ns;  /* the moment, if it has one */
	uint64_t deadline_ns; /* of this state */
	uint64_t now_ns;      /* of this turn */
	uint64_t frames_total;
	struct heard_audio heard;
	struct barge barge;
	uint64_t ping_ns; /* the next is due then */
	bool held;	  /* we have said that our buffer is full */
	bool misbehaved;
	struct mark *marks; /* MARKS_MAX; owned; made at need */
	unsigned mark_count;
	uint32_t *late_us; /* SENT_RING; owned; only with --echo */
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

/* The call that is planned. Its turn: any time; its frames keep step with it.
 */
void caller_init(struct caller *caller, struct crew *crew,
		 const struct call_plan *plan, uint64_t turn_ns);
void caller_finish(struct caller *caller);

/* Opens the socket; state tells whether that failed. */
void caller_connect(struct caller *caller, uint64_t now_ns);
/* The socket is ready. */
void caller_on_ready(struct caller *caller, bool readable, bool writable,
		     uint64_t now_ns);
/* Whatever is due by now: frames, digits, marks, time-outs. */
void caller_on_time(struct caller *caller, uint64_t now_ns);
/* When something will be due; UINT64_MAX: never. */
uint64_t caller_next_ns(const struct caller *caller);
/* It is up, or will never be. */
bool caller_has_settled(const struct caller *caller);
/* A call without an end is told its own. */
void caller_hang_up_at(struct caller *caller, uint64_t at_ns);
/* Hangs up early, in good order (Ctrl-C). */
void caller_cancel(struct caller *caller, uint64_t now_ns);

#endif
