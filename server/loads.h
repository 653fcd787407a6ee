/*
 * loads.h - who of all that accept on one socket takes the next caller
 *
 * All loops of all media processes accept on the same socket, and whoever is
 * awake could take a caller. So that they spread evenly, a loop looks here
 * first: it takes callers while no other has fewer, and else lets the others go
 * first for a moment (net.c). It never waits for more than that moment, so
 * nobody depends on a loop that stands still, nor on a process that is gone.
 *
 *   word   0: nobody accepts there; else its connections + 1
 *
 * What may differ between two loops is one connection, and one more for every
 * LOADS_COARSE that each has: so a storm of callers is taken in gulps, and no
 * loop is worse off by more than a few in a hundred.
 *
 * The words are in shared memory, without locks: each is written by one loop, a
 * dead process's by the supervisor.
 *
 * Thread: any, any process; a place is written by its loop.
 */
#ifndef SERVER_LOADS_H
#define SERVER_LOADS_H

#include <stdatomic.h>
#include <stdint.h>

#define LOADS_MAX    1024u /* loops of a node; the supervisor checks it */
#define LOADS_COARSE 32u

struct loads {
	_Atomic uint32_t words[LOADS_MAX];
};

void loads_enter(struct loads *loads, uint32_t place);
void loads_leave(struct loads *loads, uint32_t place);
void loads_set(struct loads *loads, uint32_t place, uint32_t connections);

/* How many callers that loop may take before another one of the first `count`
 * places has clearly fewer; 0: others first. Alone, as many as it likes. */
uint32_t loads_allow(const struct loads *loads, uint32_t place, uint32_t count);
/* How many it may take when the others were let go first, and callers still
 * wait: few enough for the others to catch up. */
uint32_t loads_allow_late(const struct loads *loads, uint32_t place);

#endif
