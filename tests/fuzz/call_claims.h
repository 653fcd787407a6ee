/*
 * call_claims.h - what holds of every call, whatever is done to it
 *
 * Looks on at the one call of call_world.h: at each record that it hands over,
 * each message that it sends, and at itself after each thing done to it. A
 * claim that does not hold is said, and ends the program.
 *
 *   - The state only moves forward.
 *   - A call that was live leaves one call.started and one call.ended, in this
 *     order, whose rev grows; one that was not leaves nothing. After the end
 *     nothing is recorded, and the row has the call's own numbers.
 *   - frames_out and bytes_out are what the line took.
 *   - After the end no audio leaves, nor anything but a hangup or an answer.
 *   - Each text is UTF-8, as RFC 6455 wants it, and JSON where it looks so.
 *   - What waits is bounded by the settings; who waits has a turn to wait for.
 *   - No more audio leaves than the dialect and the settings let go ahead.
 *   - A recording is closed once, and written to in between only.
 *
 * Thread: one.
 */
#ifndef TESTS_FUZZ_CALL_CLAIMS_H
#define TESTS_FUZZ_CALL_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLAIM(that) \
	((that) ? (void)0 : claim_is_broken(#that, __FILE__, __LINE__))
_Noreturn void claim_is_broken(const char *that, const char *file, int line);

/* Reads it all, for a sanitizer to see. */
void claim_readable(const uint8_t *at, size_t bytes);

/* Behind world_prepare(). */
void claims_begin(void);
/* Before something is done to the call; `may_answer`: it is a text of theirs.
 */
void claims_expect(bool may_answer);
/* After it. */
void claims_check(void);
/* We have cleared: what the provider had is forgotten. */
void claims_cleared(void);
/* What waits to be sent is told, and dropped: nothing can be done to the call
 * any more but to hang up. */
void claims_weigh_queue(void);
/* The call is gone. */
void claims_finish(void);

#endif
