/*
 * live_taps.h - the sound of live calls, for those who listen in
 *
 * A tap is two rings of samples in memory that the supervisor shares: what a
 * call hears and what it says, both at the same rate, 16 bits, little-endian.
 * Control opens one for a call; the call's loop sees that within a quarter of a
 * second (live_calls.h) and fills it from then on; control reads it in its own
 * time. Nobody waits and nothing is locked: each ring has one writer and one
 * reader, and what finds no room is dropped and counted.
 *
 *   loop  --write--> [ heard | said ] --read--> control --> a WebSocket
 *
 * A tap says whose it is, and its writer looks at that each time. So a listener
 * or a call that dies leaves nothing to be cleared up but the tap itself, and a
 * new control process closes all that its predecessor had.
 *
 * There are so many taps as control.max_listeners says, 1.2 MiB each, of memory
 * as it is used. What is said may be ahead of its time by as much as
 * media.send_ahead, so that ring is the larger one: 65 s at 8 kHz.
 *
 * Thread: open, read, close belong to control's loop; the rest to the call's.
 */
#ifndef SERVER_LIVE_TAPS_H
#define SERVER_LIVE_TAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/live_calls.h"

#define LIVE_TAPS_MAX 64u
#define LIVE_TAP_NONE (-1)

enum live_side { LIVE_HEARD, LIVE_SAID };

/* The supervisor, before it forks: 0 or -errno. */
int live_taps_create(uint32_t count);

/* ---- control ---- */

/* Whatever a process before us had open. */
void live_taps_take_back(void);
/* A tap for that call. LIVE_FOUND with *tap, which is LIVE_TAP_NONE when all
 * are taken. */
enum live_answer live_tap_open(const struct uuid *id, int *tap);
void live_tap_close(int tap, const struct uuid *id);
/* Of both rings; 0 until the call's loop has begun to fill it. */
uint32_t live_tap_rate_hz(int tap);
size_t live_tap_waiting(int tap, enum live_side side); /* samples */
/* Returns how many samples there were, at most `most`. */
size_t live_tap_read(int tap, enum live_side side, int16_t *pcm, size_t most);
/* Samples that found no room so far. */
uint64_t live_tap_dropped(int tap);

/* ---- the call's loop; `key` is its live_call_key() ---- */

void live_tap_begin(unsigned tap, uint64_t key, uint32_t rate_hz);
void live_tap_write(unsigned tap, uint64_t key, enum live_side side,
		    const int16_t *pcm, size_t samples);
/* What was said and has not been heard yet will not be. */
void live_tap_clear(unsigned tap, uint64_t key);

#endif
