/*
 * live_table.h - how the table of live calls lies in memory
 *
 * For live_calls.c and live_calls_list.c alone; live_calls.h is what others
 * see.
 */
#ifndef SERVER_LIVE_TABLE_H
#define SERVER_LIVE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/live_calls.h"
#include "server/words.h"

#define SHOWN 0x100u /* in an owner; below it the process, plus one */

struct live_head {
	_Atomic uint32_t owner;	    /* 0: free */
	_Atomic uint64_t high, low; /* the id's halves */
};

struct live_place {
	_Atomic uint32_t version;
	_Atomic uint64_t words[WORDS_OF(sizeof(struct live_call))];
	/* Written by whoever asks. */
	_Atomic uint64_t hang_up; /* the low half of whose end is wanted */
	_Atomic uint64_t watched_until_ms;
	_Atomic uint64_t taps; /* bits */
};

struct live_places {
	uint32_t count;
	struct live_head *heads;
	struct live_place *places;
	/* This process's: where to look for a free place first. */
	_Atomic uint32_t next;
};
extern struct live_places live_places;

/* An id as two numbers that sort as it does. */
struct live_halves {
	uint64_t high, low;
};
struct live_halves live_halves_of(const struct uuid *id);
struct live_halves live_halves_at(uint32_t place);

bool live_is_shown(uint32_t place);
/* False: it was being written all the time. */
bool live_place_read(uint32_t place, struct live_call *call);
void live_place_watch(uint32_t place, uint64_t now_ms);

#endif
