/*
 * plan.h - what each call of a run is to do, decided before it begins
 *
 * Three kinds of run:
 *
 *   --calls N --ramp R    each call once, R a second (or all at once)
 *   ... --hold T --stop R the same, but nobody hangs up until all calls have
 *                         been up for T; then R a second do
 *   --rate R --time T     for T, R calls begin a second whatever the server
 *                         does about it; at most --calls at once
 *
 * The same seed makes the same plan. Each call draws from dice of its own, so
 * that a plan does not depend on who carries it out, and how many do.
 *
 * Thread: a plan belongs to one thread; each walks its own.
 */
#ifndef HOLDLOAD_PLAN_H
#define HOLDLOAD_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/holdload/chance.h"
#include "tools/holdload/misdeed.h"

struct options;

/* Until it is told to hang up. */
#define PLAN_NO_END UINT64_MAX

struct call_plan {
	uint64_t number;    /* from 0 */
	uint64_t after_ns;  /* it begins so long after the run */
	uint64_t length_ns; /* it talks for so long, or PLAN_NO_END */
	enum misdeed misdeed;
	double moment; /* of the misdeed: from 0 to 1, of its length */
};

struct plan {
	const struct options *options;
	struct chance gaps; /* between calls that come at random */
	uint64_t number;    /* of the next call */
	double at_s;	    /* it begins then */
};

void plan_init(struct plan *plan, const struct options *options);
/* False: there are no more. */
bool plan_next(struct plan *plan, struct call_plan *call);
/* How many calls there will be; of those that come at random, about. */
uint64_t plan_total(const struct options *options);

#endif
