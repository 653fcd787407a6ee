/*
 * options_plan.h - what --help calls "when" and "how": the options of a plan
 */
#ifndef HOLDLOAD_OPTIONS_PLAN_H
#define HOLDLOAD_OPTIONS_PLAN_H

#include <stdint.h>

struct options;

enum {
	PLAN_OPTION_FIRST = 2000,
	PLAN_CALLS = PLAN_OPTION_FIRST,
	PLAN_RAMP,
	PLAN_DURATION,
	PLAN_HOLD,
	PLAN_STOP,
	PLAN_RATE,
	PLAN_TIME,
	PLAN_ARRIVALS,
	PLAN_SEED,
	PLAN_MISBEHAVE,
	PLAN_THREADS,
	PLAN_HANDSHAKES
};

/* One of the above. 0, or 2 after a complaint on stderr. */
int options_take_plan(struct options *options, int option, const char *text);
/* Of the option's: more than 0. As above. */
int options_parse_time(const char *option, const char *text, uint64_t *ms);
/* All are known: whether they fit together, and what was not said. As above. */
int options_finish_plan(struct options *options);

#endif
