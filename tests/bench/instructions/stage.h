/*
 * stage.h - threads that move when they are told, by a clock that stands still
 *
 * So that two runs do the same work to the instruction, nobody decides here by
 * the clock or by who happens to be awake: the linker turns the calls by which
 * the server's threads wait (ev_run of a loop, recorder_inbox_wait, queue_wait)
 * to us, and their time is ours as well, libev's and libwebsockets' too.
 *
 *   director               actor (a thread of the server)
 *   stage_turn(LOOP) ----> its wait returns, it works ...
 *          <-------------- ... and waits again
 *
 * Under callgrind an actor's instructions are counted during its turns, the
 * director's never, but between stage_enter() and stage_leave().
 *
 * Thread: the director's.
 */
#ifndef TESTS_BENCH_INSTRUCTIONS_STAGE_H
#define TESTS_BENCH_INSTRUCTIONS_STAGE_H

#include <stddef.h>

enum actor { LOOP, RECORDER, SPOOLER, ACTORS };

/* Waits until it has done all that it found to do. */
void stage_turn(enum actor actor);
/* Of all that have come by, the sockets that the server accepted; the last
 * `count` of them, in order. */
const int *stage_accepted(size_t count);
void stage_advance_ms(unsigned ms);
/* What the director does himself is counted. */
void stage_enter(void);
void stage_leave(void);

/* Between the two lies what is counted, as a part of that name which consists
 * of so many units. */
void stage_count_from_here(void);
void stage_counted(const char *scene, const char *part, size_t units);

/* For good: everybody moves as he likes, and time passes. */
void stage_release(void);

#endif
