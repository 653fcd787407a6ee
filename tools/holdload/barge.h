/*
 * barge.h - the caller speaks while the server does: how soon does it stop?
 *
 *   caller   ......silent.......|speaks, or presses the keys of --dtmf
 *   server   ...|plays plays plays plays|
 *   heard    ...|-----------------------|.......quiet
 *               |<--barge_in_ms-|       |
 *                               |<----->|  barge_in_silence
 *                               |<--->clear: barge_in_clear
 *
 * What is heard is playback as we simulate it: audio that the server sent ahead
 * of its time plays on until it is over, or until a clear throws it away. It is
 * quiet when nothing was heard for half a second; a server that answers sooner
 * than that has not been quiet. Once in a call.
 *
 * Thread: the caller's.
 */
#ifndef HOLDLOAD_BARGE_H
#define HOLDLOAD_BARGE_H

#include <stdbool.h>
#include <stdint.h>

struct caller;

struct barge {
	uint64_t began_ns;   /* our word; 0: not yet */
	uint64_t from;	     /* the frame that was our first word */
	bool cleared, quiet; /* seen, and measured */
};

/* Before a frame is sent: is it time? */
void barge_on_frame(struct caller *caller);
void barge_on_clear(struct caller *caller);
void barge_on_time(struct caller *caller);
/* The call is over: a server that still plays has not listened. */
void barge_account(struct caller *caller);

#endif
