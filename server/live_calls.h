/*
 * live_calls.h - the calls that are live on this node, where all may see them
 *
 * A table in memory that the supervisor shares: each call's loop keeps a place
 * in it up to date, about once a second, and whoever asks reads it there. So a
 * call is known, can be ended and listened to whatever the database does, and
 * nobody asks its loop, which asks nobody.
 *
 *   loop     live_call_enter() --> live_call_tell() ... --> live_call_leave()
 *   control  live_calls_list(), live_call_read(), live_call_hang_up()
 *
 * There are no locks and no pointers in it, and a process may die at any
 * instant: a place says which process has it, and its successor takes them
 * back. What a call said last stays readable until its place is used again.
 *
 *   heads   dense, 24 bytes a call: who has the place, the call's id, which
 *           begins with the time it started; enough to count, sort and find
 *   places  below 1 KiB a call, of memory as it is used: what it says of
 * itself, and what is wanted of it
 *
 * What is wanted of a call names it by its id: a word that comes too late finds
 * another call in its place, and means nothing to it. The loop looks for it
 * four times a second, so nobody has to wake it.
 *
 * Where there is no table (tests, no memory), nothing is shown, and a place is
 * NULL: all functions accept that.
 *
 * Thread: any, any process; a place is written by its call's loop.
 */
#ifndef SERVER_LIVE_CALLS_H
#define SERVER_LIVE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/uuid.h"

#define LIVE_NO_LEVEL	(-1000.0f) /* nobody watches, or not for long enough */
#define LIVE_SILENCE	(-100.0f)  /* dBFS; nothing is shown as less */
#define LIVE_WATCHED_MS 10000u	   /* from when somebody looked last */

/* What a call says of itself: the words of its row, and what the row lacks. A
 * text that is too long is cut, at a whole character; "" was not said. */
struct live_call {
	struct uuid id;
	int64_t started_us, ended_us; /* wall; 0: it lives */
	int64_t at_us;		      /* when it said this */
	uint64_t frames_in, frames_out, bytes_in, bytes_out;
	uint64_t frames_lost, frames_dropped, max_gap_ms;
	uint64_t frames_late_in, frames_late; /* came, or left, after their time
					       */
	uint32_t rate_hz, rev;
	float level_in_db, level_out_db; /* RMS of the last second, dBFS */
	bool paused, recorded;
	char provider[24], codec[12], handler[12], direction[16];
	char end_reason[20]; /* "": it lives */
	char from[64], to[64];
	char provider_call_id[128], stream_id[128], account_id[64];
	char trace_id[40], dtmf[72];
};

/* Cuts what is too long at a whole character of UTF-8. NULL is "". */
void live_call_text(char *to, size_t size, const char *from);

/* What tells a call from others in one word; never 0. */
uint64_t live_call_key(const struct uuid *id);

struct live_place;

/* ---- the supervisor, before it forks ---- */

/* 0 or -errno. A second call forgets the first table. */
int live_calls_create(uint32_t calls);

/* ---- a media process ---- */

/* What a dead process left, before the next one in its place takes calls. */
void live_calls_take_back(unsigned process);
/* NULL: there is no table, or it is full. */
struct live_place *live_call_enter(unsigned process,
				   const struct live_call *call);
void live_call_tell(struct live_place *place, const struct live_call *call);
/* Its last word; the place is free. */
void live_call_leave(struct live_place *place, const struct live_call *call);
/* Was it asked to end? Does somebody watch how loud it is? Which taps are to
 * hear it (live_taps.h), as bits? */
bool live_call_is_hung_up(const struct live_place *place);
bool live_call_is_watched(const struct live_place *place, uint64_t now_ms);
uint64_t live_call_taps(const struct live_place *place);

/* ---- whoever asks ---- */

enum live_answer { LIVE_UNKNOWN, LIVE_ENDED, LIVE_FOUND };

struct live_filter {
	const char *provider, *number; /* NULL: any */
	int64_t since_us, before_us;   /* its start, wall; 0: any */
	const struct uuid *older_than; /* NULL: all */
	uint32_t limit;
};

/* Of those that match, the newest `limit` into `calls`, which has room for
 * them, newest first; and how many match in all, wherever the page begins.
 * Whoever is listed counts as watched from now on. Returns how many were
 * copied. */
uint32_t live_calls_list(const struct live_filter *filter, uint64_t now_ms,
			 struct live_call *calls, uint32_t *total);
/* LIVE_ENDED: it was here, and this was its last word. */
enum live_answer live_call_read(const struct uuid *id, struct live_call *call);
/* Somebody wants to know how loud it is. */
void live_call_watch(const struct uuid *id, uint64_t now_ms);
/* Asks it to end; asking twice is asking once. */
enum live_answer live_call_hang_up(const struct uuid *id);
/* Asks it to fill that tap, or no longer. */
enum live_answer live_call_tap(const struct uuid *id, unsigned tap, bool on);

#endif
