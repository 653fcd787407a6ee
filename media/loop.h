/*
 * loop.h - one thread that carries calls
 *
 * A libev loop with a libwebsockets context on it, and everything that its
 * calls share without locks: buffers, counters, the settings in force. Other
 * threads speak to it through loop_tell() alone.
 *
 * Thread: the struct belongs to the loop's thread, but for what is atomic.
 */
#ifndef MEDIA_LOOP_H
#define MEDIA_LOOP_H

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/call.h"
#include "media/provider.h"
#include "media/turns.h"
#include "server/settings.h"
#include "server/websocket.h"

struct board_series;
struct limits;
struct net_context;
struct queue;
struct record;
struct recorder;
struct thread;

/* What one loop counts between two looks at the board. */
struct loop_counts {
	uint64_t frames_in, frames_out, lost, late_in, late_out, dropped;
};

/* What may be asked of a loop by another thread; newest wins. */
enum loop_order { LOOP_RUN, LOOP_DRAIN, LOOP_END_CALLS, LOOP_QUIT };

/* What a loop takes at most, calls and what may become one. */
#define LOOP_CONNECTIONS(settings) ((settings)->media.max_calls + 1024)

struct loop {
	const struct settings *settings; /* in force here; never changed */
	struct queue *queue;		 /* borrowed */
	struct recorder *recorder;	 /* borrowed; NULL: none */
	struct limits *limits;		 /* of callers, borrowed; NULL: none */
	int listen_fd;			 /* borrowed */
	unsigned process;		 /* which media process this is */
	unsigned place;			 /* among all loops of the node */
	struct lifeboat *boat;		 /* of this loop; or NULL */
	char name[16];

	struct thread *thread; /* the owner's, to join */
	struct thread *self;   /* the same, as the thread itself has it */
	struct ev_loop *ev;
	struct net_context *net;
	ev_timer beat;
	struct turns turns; /* calls whose audio waits for its time */
	ev_async order_came;
	double beat_due; /* ev time at which it should come */

	struct websockets websockets; /* what they have in common */
	struct call *calls;	      /* a list */
	uint32_t call_count;
	struct record *unsent, **unsent_end; /* found no room in the queue */
	struct scratch scratch;
	struct sound_scratch *sound;
	unsigned char *out; /* LWS_PRE bytes, then out_room */
	size_t out_room;
	struct loop_counts counts;
	struct board_series *frames_in, *frames_out, *lost, *late_in, *late_out,
		*dropped, *lag, *carried;

	_Atomic int order;				/* enum loop_order */
	_Atomic(const struct settings *) next_settings; /* after a reload */
	_Atomic uint32_t live; /* call_count, for media.c */
};

/* The parts above that are borrowed must be filled in. 0 or -errno. */
int loop_start(struct loop *loop, unsigned index);
/* Any thread. LOOP_QUIT ends the thread once its calls are gone. */
void loop_tell(struct loop *loop, enum loop_order order);
/* Any thread; `settings` must live as long as the process. */
void loop_reload(struct loop *loop, const struct settings *settings);
/* Waits for the end of the thread and frees what it had. Records that found no
 * room in the queue get timeout_ms more; returns how many were lost all the
 * same (logged one by one). */
uint64_t loop_join(struct loop *loop, uint32_t timeout_ms);

/* --- the loop's own thread --- */

uint64_t loop_now_ms(const struct loop *loop); /* monotonic */
/* Takes the record; never loses it: a full queue makes it wait here. */
void loop_submit(struct loop *loop, struct record *record);
/* A record of the row as it is. Left out, and counted, when the queue is half
 * full or new calls are refused for the disk's sake; thinned out when the disk
 * has little room: the next one, or the final one, says the same and more. */
void loop_checkpoint(struct loop *loop, struct call *call);
/* Where an outgoing message is built: out_room bytes. */
char *loop_out(const struct loop *loop);
/* Why a new call cannot be taken, as a label; NULL: it can. */
const char *loop_refusal(const struct loop *loop);
/* The same, and counts it in when it can. */
const char *loop_admit(struct loop *loop);
/* The call that was admitted is over. */
void loop_forget(struct loop *loop);

#endif
