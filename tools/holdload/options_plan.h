/*
 * options_plan.h - what follows from the options of a plan together
 */
#ifndef HOLDLOAD_OPTIONS_PLAN_H
#define HOLDLOAD_OPTIONS_PLAN_H

struct options;

/* All are known: whether they fit together, and what was not said. 0, or 2
 * after a complaint on stderr. */
int options_finish_plan(struct options *options);

#endif
