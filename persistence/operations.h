/*
 * operations.h - what operators may do with the outbox, in one place
 *
 * Holding, releasing, dropping, replaying, importing, pausing: each is an
 * operation that is applied by whoever has the drainer's lock. That is the
 * drainer's thread, between two turns, or holdctl while no server runs. Every
 * one is written down with who and when (<outbox>/operations.log, a JSON line
 * each) and may be repeated: the second time changes nothing.
 *
 *   hold      a waiting record is set aside (<outbox>/held)
 *   release   held records are delivered after all
 *   drop      a waiting or held record is put where nobody delivers it
 *             (<outbox>/dropped) and forgotten when keep_delivered is over
 *   replay    delivered records that are still kept are delivered once more
 *   retry     dead letters are delivered once more, with all they had
 *   bury      a dead letter is dropped
 *   import    a journal that was put into <outbox>/.import-NAME joins the rest
 *   pause     nothing is delivered until `resume`, restarts included
 *   kick      the database is tried at once, whatever backoff and breaker say
 *   erase     held and dropped records and dead letters that name a call or a
 *             number leave their shelves, for good
 *
 * A record moves in one order only: first it is durable where it goes, then it
 * leaves where it was. A crash in between costs a duplicate, which its id
 * absorbs.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_OPERATIONS_H
#define PERSISTENCE_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persistence/db_error.h"
#include "server/uuid.h"

struct operations;
struct outbox;
struct record;

enum operation_verb {
	OPERATION_HOLD,
	OPERATION_RELEASE,
	OPERATION_DROP,
	OPERATION_REPLAY,
	OPERATION_RETRY,
	OPERATION_BURY,
	OPERATION_IMPORT,
	OPERATION_PAUSE,
	OPERATION_RESUME,
	OPERATION_KICK,
	OPERATION_ERASE,
	OPERATION_VERB_COUNT
};

#define OPERATION_IDS_MAX 1000u /* of one operation; more are several */

struct operation { /* all of it borrowed */
	enum operation_verb verb;
	const struct uuid *ids; /* of records; none for the last four */
	size_t count;
	const char *name; /* import: the NAME; else NULL */
	/* erase: a call's id, the digits of a number, or another name of a
	 * person; never logged */
	const char *target;
	const char *who; /* "user@host" for the log */
	bool dry_run;	 /* say what would be done, and do nothing */
};

struct operation_result {
	size_t done;	/* moved now (or would be) */
	size_t already; /* were there before */
	size_t missing; /* not found where the verb looks for them */
};

const char *operation_verb_name(enum operation_verb verb); /* "hold" */
/* OPERATION_VERB_COUNT for a name that is none. */
enum operation_verb operation_verb_parse(const char *name);

/* Opens the shelves beside the journals; makes nothing that is not there. The
 * caller has the drainer's lock for as long as this is open. `outbox` is
 * borrowed. keep_ms: how long what was dropped is kept. 0 or -errno. */
int operations_open(struct operations **ret, const char *outbox_dir,
		    struct outbox *outbox, uint64_t keep_ms);
/* Accepts NULL, returns NULL. */
struct operations *operations_close(struct operations *operations);

/* Bounded: OPERATION_IDS_MAX records at most. 0, or -errno when it could not be
 * finished (-EINVAL: no such operation; -ENOENT: nothing to import); what was
 * done until then stands in *result. */
int operations_apply(struct operations *operations,
		     const struct operation *operation,
		     struct operation_result *result);

bool operations_paused(const struct operations *operations);

/* Is that record on a shelf (held, dropped), so that it is not to be delivered
 * when the drainer comes upon it? Constant time, no disk. */
bool operations_set_aside(const struct operations *operations,
			  const struct uuid *id);

/* The drainer's own: the database refuses this record for good. Durable on the
 * shelf of dead letters when it returns 0. */
int operations_bury(struct operations *operations, const struct record *record,
		    const struct db_error *err);

/* Once a second or so: forgets what was dropped long ago, when nothing that is
 * older waits; publishes METRIC_DEAD_LETTERS and METRIC_OUTBOX_HELD. */
void operations_tidy(struct operations *operations, int64_t now_wall_us);

#endif
