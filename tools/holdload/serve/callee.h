/*
 * callee.h - one call at the server's end: is accepted, hears, answers, ends
 *
 *   ASKED -> GREETED -> TALKING -> CLOSING -> DONE
 *
 * ASKED waits for the handshake; GREETED waits for the first message, from
 * which follows whose call it is if the handshake did not say; CLOSING waits
 * for the client's close.
 *
 * Thread: a callee belongs to one desk.
 * Clock:  monotonic nanoseconds, passed in; callee_next_ns() says when it wants
 *         to be looked at again.
 */
#ifndef HOLDLOAD_SERVE_CALLEE_H
#define HOLDLOAD_SERVE_CALLEE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/holdload/base64.h"
#include "tools/holdload/chance.h"
#include "tools/holdload/host.h"
#include "tools/holdload/link.h"
#include "tools/holdload/serve/book.h"
#include "tools/holdload/serve/tally.h"
#include "tools/holdload/serve/track.h"

struct serve_options;

enum callee_state {
	CALLEE_ASKED,
	CALLEE_GREETED,
	CALLEE_TALKING,
	CALLEE_CLOSING,
	CALLEE_DONE
};

/* What a desk's callees have in common. */
struct staff {
	const struct serve_options *options;
	struct tally tally;
	struct book book;
	struct link_bench bench;
	struct chance chance;
	uint8_t audio[BASE64_ROOM(LINK_MESSAGE_MAX)]; /* a message's */
	char text[2 * LINK_MESSAGE_MAX];	      /* one of ours */
};

struct callee {
	const struct serve_options *options;
	struct staff *staff;
	enum callee_state state;
	enum outcome outcome;
	const struct dialect *dialect; /* NULL: nobody knows yet */
	struct link link;
	struct talk talk;
	struct track in, out; /* the caller's; the other side, if it is sent */
	uint64_t accepted_ns, started_ns, ended_ns; /* 0: not yet */
	uint64_t now_ns;			    /* of this turn */
	uint64_t heard_ns;			    /* the last message */
	uint64_t deadline_ns;			    /* of this state */
	uint64_t next_number; /* of the provider's messages; 0: none yet */
	uint64_t lost, reordered, garbage, digits, frames_said;
	uint64_t marks;		  /* said; the name of the last */
	uint64_t mark_ns;	  /* when that was */
	bool mark_is_out;	  /* it has not come back */
	int status;		  /* of the handshake's answer; 0: none */
	unsigned close_code;	  /* the client's, 0: none came */
	bool stopped, close_said; /* it said the end; we, that we close */
};

/* A connection that was accepted; owns it from now on. */
void callee_init(struct callee *callee, struct staff *staff, int fd,
		 uint64_t now_ns);
void callee_finish(struct callee *callee);

/* The socket is ready. */
void callee_on_ready(struct callee *callee, bool readable, bool writable,
		     uint64_t now_ns);
/* Whatever is due by now. */
void callee_on_time(struct callee *callee, uint64_t now_ns);
/* When something will be due. */
uint64_t callee_next_ns(const struct callee *callee);
/* Ends it in good order: we are leaving. */
void callee_cancel(struct callee *callee, uint64_t now_ns);

#endif
