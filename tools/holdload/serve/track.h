/*
 * track.h - one side of a call as it comes in: its time, and its content
 *
 * A steady clock begins with the first message of audio, and anew after a pause
 * of a second. By it a message is
 *
 *   late    more than its own length after its time
 *   early   more than its own length before it
 *   burst   right behind the one before: within a quarter of its length
 *
 * Its time is the provider's timestamp, where there is one; else all audio that
 * came before. Where the two clocks run at different rates, ours follows.
 *
 * Thread: the call's.
 * Clock:  monotonic nanoseconds, passed in.
 */
#ifndef HOLDLOAD_SERVE_TRACK_H
#define HOLDLOAD_SERVE_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally;

struct track {
	uint64_t origin_ns;	 /* when its audio began, by our clock */
	uint64_t last_ns;	 /* the last message came */
	uint64_t last_length_ns; /* and held so much */
	uint64_t next_at_ns;	 /* the next one's time, by the track's clock */
	uint64_t frames, bytes;
	uint32_t sum, sum_of_sums; /* Adler-32 (RFC 1950), but for its 1 */
};

struct piece {
	const uint8_t *bytes;
	size_t size;
	uint64_t length_ns;
	bool timed;
	uint64_t at_ns; /* if timed */
};

void track_hear(struct track *track, const struct piece *piece,
		struct tally *tally, uint64_t now_ns);
/* Of all bytes so far, as zlib's adler32() has it. */
uint32_t track_adler32(const struct track *track);

#endif
