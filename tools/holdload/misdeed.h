/*
 * misdeed.h - what a call does wrong on purpose
 *
 * A part of the calls misbehave as real clients do: phones lose their network,
 * programs hang, attackers try things. The others are the measure: whatever
 * these do, those must not notice. So a call that misbehaves is counted apart
 * and spoils no figure of the good ones.
 *
 * Thread: any; no state.
 */
#ifndef HOLDLOAD_MISDEED_H
#define HOLDLOAD_MISDEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum misdeed {
	MISDEED_NONE,
	MISDEED_DROP,
	MISDEED_RESET,
	MISDEED_STALL,
	MISDEED_SLOW_READER,
	MISDEED_FLOOD,
	MISDEED_HALF_OPEN,
	MISDEED_NO_START,
	/* The ones that send something malformed. */
	MISDEED_WRONG_ORDER,
	MISDEED_BAD_JSON,
	MISDEED_BAD_AUDIO,
	MISDEED_BAD_FRAME,
	MISDEED_OVERSIZED,
	MISDEED_COUNT
};

/* Which part of the calls does what, from 0 to 1. */
struct misdeeds {
	double parts[MISDEED_COUNT];
};

/* "drop=5%,stall=2%"; `malformed` is a fifth of each of its kinds. 0, or -1. */
int misdeeds_parse(struct misdeeds *misdeeds, const char *text);
/* For a throw from 0 to 1. */
enum misdeed misdeeds_choose(const struct misdeeds *misdeeds, double at);

/* As --misbehave has it; "" for none. */
const char *misdeed_name(enum misdeed misdeed);
/* Is it done at one moment in the middle of the call? */
bool misdeed_has_a_moment(enum misdeed misdeed);
/* Does the call say nothing once it is connected? */
bool misdeed_is_silent(enum misdeed misdeed);
/* All of them, for --help. */
void misdeed_list(FILE *out);

#endif
