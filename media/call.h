/*
 * call.h - one call: its state, its numbers, its records
 *
 *   WAITING --start--> LIVE --end_reason--> ENDING --socket gone--> freed
 *      `--- no start in time, or nonsense ---> ENDING (no row)
 *
 * The final record is handed over when the end is decided, not when the socket
 * has closed: nothing that ends a call waits for a provider.
 *
 * A call knows its line (line.h) only as somewhere to send bytes. call.c has
 * its life and end, call_start.c its beginning, call_in.c what the provider
 * says, call_out.c what we say.
 *
 * Thread: a call lives its whole life on one loop.
 */
#ifndef MEDIA_CALL_H
#define MEDIA_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "media/handler.h"
#include "media/marks.h"
#include "media/monitor.h"
#include "media/provider.h"
#include "media/recorder.h"
#include "media/sound.h"
#include "media/track.h"
#include "media/turns.h"
#include "server/trace.h"
#include "server/uuid.h"

struct admission;
struct dtmf_detector;
struct early;
struct line;
struct loop;
struct pacer;

enum call_state { CALL_WAITING, CALL_LIVE, CALL_ENDING };

enum end_reason { /* the words of the row stand in call_record.c */
		  END_STOP,
		  END_HANGUP,
		  END_DISCONNECT,
		  END_IDLE_TIMEOUT,
		  END_MAX_DURATION,
		  END_PROTOCOL_ERROR,
		  END_SHUTDOWN,
		  END_REASON_COUNT
};

/* Is L16 in the byte order that we take it for? */
struct order_check {
	uint64_t taken, other; /* how rough it is in each (l16.h) */
	uint32_t samples;      /* of those looked at */
};

#define DTMF_MAX   64  /* digits kept in the row */
#define EVENTS_MAX 200 /* event records of one call */

/* What a frame looks at stands together and first, so that it is fetched in
 * few pieces, and before it is needed (call_fetch). */
struct call {
	enum call_state state;		/* changed by call_enter() alone */
	bool paused;			/* they send no audio, and say so */
	uint8_t channel_of[TRACKS_MAX]; /* 1-based channel of a track; 0: none
					 */
	enum track_side sides[TRACKS_MAX]; /* of the samples that come */
	unsigned channels;		   /* 2: theirs take turns */
	struct loop *loop;
	struct line *line;
	const struct provider *provider; /* NULL: not known yet */
	const struct handler *handler;
	struct recording *recording;
	struct dtmf_detector *keys; /* NULL: the provider tells of keys */
	struct pacer *pacer;	    /* NULL: we have said nothing so far */
	struct early *early;	    /* audio from before the start; owned */
	char *stream_id;	    /* owned */
	size_t stream_id_length;
	uint64_t seq_next, seq_missing;
	uint64_t heard_ms; /* the newest media message; paused: any */
	uint64_t frames_in, frames_out, bytes_in, bytes_out;
	uint64_t said_bytes; /* that left, before they were encoded */
	struct tracks tracks;
	struct sound sound; /* what comes, what leaves, and what is between */
	struct dialog dialog;
	struct monitor monitor; /* what others see and hear of it */

	struct call *next, *prev;     /* the loop's list */
	struct admission *admission;  /* borrowed, as `line` is */
	char log_ids[TRACE_IDS_SIZE]; /* for log_for() */
	const struct route *route;    /* in the loop's settings snapshot */

	uint64_t accepted_ms;	/* monotonic: the upgrade */
	uint64_t started_ms;	/* monotonic: the start message */
	uint64_t checkpoint_ms; /* the newest checkpoint */
	uint64_t close_at_ms;	/* ENDING: close the line then */
	unsigned close_code;	/* ENDING: with this */

	struct uuid id;
	char id_text[UUID_TEXT_SIZE];
	int64_t started_us; /* wall */
	int64_t ended_us;
	enum end_reason end_reason;
	uint32_t rev;
	char *provider_call_id, *account_id; /* owned */
	char *from, *to;		     /* owned; NULL: not said */
	char *header;	      /* of the handshake; owned; NULL: none */
	char *recording_path; /* owned; NULL: none */
	json_t *custom;	      /* owned */

	struct turn turn;   /* while the pacer waits for the clock */
	struct marks marks; /* sent, not yet back */

	uint64_t frames_lost, frames_repeated, frames_late_in, frames_dropped;
	uint64_t frames_early;	    /* came before the start; ignored */
	uint64_t frames_unreadable; /* no packet of the codec */
	uint64_t frames_late_out;   /* of ours: left after their time */
	struct order_check order;
	uint64_t max_gap_ms;
	char dtmf[DTMF_MAX + 1];
	uint32_t events, events_unkept; /* records made, and those beyond */
	uint32_t checkpoints_due;	/* since the outbox has little room */
	bool unknown_logged;
};

/* What the handshake says about the dialect. */
struct hello {
	const struct provider *provider; /* NULL: not said */
	const char *call_id;		 /* of the call; NULL: not said */
};

/* A connection was upgraded. NULL: no memory. */
struct call *call_create(struct loop *loop, struct line *line,
			 struct admission *admission,
			 const struct hello *hello);
/* The line is gone: ends the call if it still lives, then frees. */
void call_destroy(struct call *call);

/* Our end of it: final record, recording, then the line is closed with the
 * code after close_ms. With 0 a dialect that has words for it says them first.
 * Nothing happens to a call that is ending already. */
void call_end(struct call *call, enum end_reason reason, unsigned close_code,
	      uint32_t close_ms);
/* A message that is too long or broken below the dialect. */
void call_fail(struct call *call, unsigned close_code, const char *what);

/* Timeouts and checkpoints; called every so often. */
void call_check(struct call *call, uint64_t now_ms);

/* ---- call_in.c ----
 * A whole message; binary ones are a protocol error in text dialects. May end
 * the call (call->state tells). */
void call_on_message(struct call *call, const char *message, size_t length,
		     bool binary);
/* Only samples have come, and no word will tell whose they are: the call begins
 * with them. Does nothing to any other call. */
void call_decide(struct call *call);
/* It will be given a message very soon: its memory may come, and then what that
 * points to. */
void call_fetch(const struct call *call);
void call_fetch_more(const struct call *call);
/* The longest message that may come, in bytes. */
uint32_t call_longest_message(const struct call *call);

/* ---- call_out.c ----
 * Each may leave now or when its time has come (pacer.h). False: it never
 * will, because the call is not live, the dialect has no such message, or
 * something is full (then it is counted as dropped). */
bool call_send_media(struct call *call, const uint8_t *audio, size_t bytes);
bool call_send_mark(struct call *call, const char *name);
/* Drops what is queued here and at the provider. Marks that will not come back
 * for that are told to the handler now, the others come back. */
bool call_send_clear(struct call *call);
bool call_send_digit(struct call *call, char digit);
/* The provider's buffer is full, or no more. */
void call_hold(struct call *call, bool hold);
/* The pacer's clock: for the loop. */
void call_on_turn(struct turn *turn, uint64_t now_ms);

/* ---- between the four ---- */
/* A start has come: the call is live, or refused, or has failed. */
void call_start(struct call *call, const struct event *event);
/* What the dialect says back to an event that was taken. */
void call_answer(struct call *call, const struct event *event);
void call_enter(struct call *call, enum call_state next);
/* Who may not call leaves no row, only what the log says already. */
void call_refuse(struct call *call);
/* What has not left yet never will. */
void call_out_stop(struct call *call);
void call_out_free(struct call *call);

#endif
