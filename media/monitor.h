/*
 * monitor.h - what others see and hear of a call while it lives
 *
 * Each call has a place in the table of live calls (server/live_calls.h) and
 * brings it up to date once a second. There it finds what is wanted of it: to
 * end, to tell how loud it is, to let somebody listen in (server/live_taps.h).
 *
 *   heard --decode--+--> loudness
 *                   +--> taps, at the rate of what is heard
 *   said  --decode, resample--'
 *
 * While nobody looks, a frame costs one branch and is not touched. The
 * converters are made when somebody begins to, and go when the last one has
 * left; nothing is allocated for a frame.
 *
 * Thread: the call's loop.
 */
#ifndef MEDIA_MONITOR_H
#define MEDIA_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct converter;
struct event;
struct live_place;

struct loudness {
	uint64_t squares, samples;
};

struct monitor {
	struct live_place *place; /* NULL: not shown */
	uint64_t told_ms;
	uint64_t taps;	  /* bits: those that listen */
	uint64_t key;	  /* by which they know the call */
	bool hears_both;  /* the provider sends what we say as well */
	bool is_on;	  /* somebody looks or listens */
	bool is_measured; /* all that was since told_ms */
	struct loudness heard, said;
	struct converter *heard_as, *said_as; /* NULL: nobody is there */
};

/* The call is live. Where the provider lets it hear both sides, listeners hear
 * ours as the caller does, and not twice. */
void monitor_begin(struct call *call, bool hears_both);
/* A few times a second. Somebody wants it to end: true. */
bool monitor_check(struct call *call, uint64_t now_ms);
/* It has ended, and its row says how. */
void monitor_end(struct call *call);

/* Only while is_on: what has come, as sound.heard, and what has left, as
 * sound.said. */
void monitor_take_heard(struct call *call, const struct event *event);
void monitor_take_said(struct call *call, const uint8_t *audio, size_t bytes);
/* What was said ahead of its time will not be heard. */
void monitor_clear(struct call *call);

#endif
