/*
 * call.h - one call: its state, its numbers, its records
 *
 *   WAITING --start--> LIVE --end_reason--> ENDING --socket gone--> freed
 *      `--- no start in time, or nonsense ---> ENDING (no row)
 *
 * The final record is handed over when the end is decided, not when the socket
 * has closed: nothing that ends a call waits for a provider.
 *
 * A call knows its line (line.h) only as somewhere to send bytes.
 *
 * Thread: a call lives its whole life on one loop.
 */
#ifndef MEDIA_CALL_H
#define MEDIA_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "media/codec.h"
#include "media/handler.h"
#include "media/provider.h"
#include "media/recorder.h"
#include "media/track.h"
#include "server/uuid.h"

struct admission;
struct line;
struct loop;

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

#define DTMF_MAX   64  /* digits kept in the row */
#define EVENTS_MAX 200 /* event records of one call */

struct call {
	struct call *next, *prev; /* the loop's list */
	struct loop *loop;
	struct line *line;
	struct admission *admission; /* borrowed, as `line` is */
	const struct route *route;   /* in the loop's settings snapshot */
	const struct provider *provider;
	const struct handler *handler;
	enum call_state state; /* changed by enter() alone */

	uint64_t accepted_ms;	/* monotonic: the upgrade */
	uint64_t started_ms;	/* monotonic: the start message */
	uint64_t heard_ms;	/* the newest media message */
	uint64_t checkpoint_ms; /* the newest checkpoint */
	uint64_t close_at_ms;	/* ENDING: close the line then; 0 done */

	struct uuid id;
	char id_text[UUID_TEXT_SIZE];
	int64_t started_us; /* wall */
	int64_t ended_us;
	enum end_reason end_reason;
	uint32_t rev;
	char *stream_id, *provider_call_id, *account_id; /* owned */
	char *from, *to;      /* owned; NULL: not said */
	char *recording_path; /* owned; NULL: none */
	json_t *custom;	      /* owned */
	const struct codec *codec;
	unsigned rate_hz;

	struct tracks tracks;
	uint8_t channel_of[TRACKS_MAX]; /* 1-based channel of a track; 0: none
					 */
	struct recording *recording;

	uint64_t frames_in, frames_out, bytes_in, bytes_out;
	uint64_t frames_lost, frames_repeated, frames_late, frames_dropped;
	uint64_t frames_early; /* came before the start; ignored */
	uint64_t seq_next, seq_missing;
	uint64_t max_gap_ms;
	char dtmf[DTMF_MAX + 1];
	uint32_t events, events_unkept; /* records made, and those beyond */
	uint32_t checkpoints_due;	/* since the outbox has little room */
	uint32_t marks_pending;		/* sent, not yet back */
	uint32_t marks_cleared;		/* of these: will come back unheard */
	bool unknown_logged;
};

/* A connection was upgraded. NULL: no memory. */
struct call *call_create(struct loop *loop, struct line *line,
			 struct admission *admission);
/* The line is gone: ends the call if it still lives, then frees. */
void call_destroy(struct call *call);

/* A whole message; binary ones are a protocol error in text dialects. May end
 * the call (call->state tells). */
void call_on_message(struct call *call, const char *message, size_t length,
		     bool binary);
/* A message that is too long or broken below the dialect. */
void call_fail(struct call *call, unsigned close_code, const char *what);

/* Our end of it: final record, recording, then the line is closed with the
 * code after close_ms. Nothing happens to a call that is ending already. */
void call_end(struct call *call, enum end_reason reason, unsigned close_code,
	      uint32_t close_ms);

/* Timeouts and checkpoints; called every so often. */
void call_check(struct call *call, uint64_t now_ms);

/* To the caller. False: the line is choked and it was dropped (counted). */
bool call_send_media(struct call *call, const uint8_t *audio, size_t bytes);
bool call_send_mark(struct call *call, const char *name);
/* Drops what is queued here and at the provider; pending marks come back. */
bool call_send_clear(struct call *call);

#endif
