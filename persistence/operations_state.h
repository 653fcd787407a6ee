/*
 * operations_state.h - what operations.c shares with operations_move.c (not for
 * others)
 */
#ifndef PERSISTENCE_OPERATIONS_STATE_H
#define PERSISTENCE_OPERATIONS_STATE_H

#include "persistence/operations.h"

struct estate;
struct journal;
struct shelf;

enum place {
	NOWHERE,
	WAITING,   /* in the outbox, not delivered */
	DELIVERED, /* in the outbox, and still there */
	HELD,
	DROPPED,
	DEAD,
	OUTBOX, /* behind the rest, to be delivered */
	PLACE_COUNT
};

struct operations {
	char dir[384];
	struct outbox *outbox; /* borrowed */
	int64_t keep_us;
	struct shelf *shelves[PLACE_COUNT]; /* of those that are one */
	struct estate *nothing;
	struct journal *replay; /* what goes back goes here; NULL: none open */
	uint64_t replay_tidied; /* how much was in it at the last tidying */
	struct {		/* where the last look at journals ended */
		enum place place;
		char journal[64];
		uint64_t seq;
	} stopped;
	uint64_t drops_look_ms; /* before that we do not look again */
	bool paused;
};

/* Moves the records that the operation names, out of the first of `from` that
 * has them. As operations_apply(). */
int operations_move(struct operations *operations,
		    const struct operation *operation, const enum place from[2],
		    enum place to, struct operation_result *result);

/* Takes off the shelves whatever names the operation's target. */
int operations_erase(struct operations *operations,
		     const struct operation *operation,
		     struct operation_result *result);

/* Does any journal of the outbox still have a record that was dropped? 1, 0 or
 * -errno. Reads all of it. */
int operations_have_drops(struct operations *operations);

/* Ends the journal of what goes back. */
void operations_end_replay(struct operations *operations);

#endif
