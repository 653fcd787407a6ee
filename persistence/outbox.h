/*
 * outbox.h - the directory of journals, seen from the end that empties it
 *
 * The drainer walks the journals, takes what is next, and writes down how far
 * the store has committed (ack). Acks are an append-only log of their own, a
 * directory beside the segments; losing them costs duplicates, which ids
 * absorb. A segment goes when everything in it is acked, its successor's
 * snapshot has been read, and `keep_delivered` has passed; a finished journal
 * goes when it is empty and its estate is settled.
 *
 * holdctl opens the same directory read-only, while the server runs or not.
 *
 * A *follower* is a second reader, with a name: it is given all records too,
 * with acks and a lock of its own, and removes nothing. The drainer is told
 * whom to wait for: what a follower has not acked stays, as long as there is
 * plenty of room.
 *
 * Thread: an outbox belongs to one thread.
 */
#ifndef PERSISTENCE_OUTBOX_H
#define PERSISTENCE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persistence/journal_reader.h"

struct outbox;
struct outbox_journal;
struct estate;

/* Journals of these roles have no estate: they hold copies. */
#define OUTBOX_ROLE_REPLAY "replay"
#define OUTBOX_ROLE_IMPORT "import"

/* The one follower there is so far: event_feed.h. */
#define OUTBOX_FOLLOWER_EVENTS "events"

struct outbox_options {
	const char *dir;
	const char *follower;  /* its name; NULL: the drainer */
	const char *waits_for; /* the drainer: a follower's name; or NULL */
	uint64_t keep_delivered_ms;
	uint64_t max_bytes; /* beyond half of it, what is delivered goes at
			       once; 0: no bound */
	bool read_only;	    /* tools: no acks, no sweeping, no drainer lock */
};

struct outbox_stats {
	uint64_t journals, live_journals;
	uint64_t pending;  /* records not yet acked */
	uint64_t bytes;	   /* on disk, all of it */
	int64_t oldest_us; /* created_us of the oldest pending; 0 none */
	struct journal_damage damage;
};

/* Takes the drainer's lock, or the follower's (unless read-only): -EBUSY when
 * another one has it. Scans once. 0 or -errno. */
int outbox_open(struct outbox **ret, const struct outbox_options *options);
struct outbox *outbox_close(struct outbox *outbox);

/* Looks for journals that came since, and for those whose owner has gone. */
int outbox_scan(struct outbox *outbox);

/* The journals, oldest first; *cursor starts at 0; NULL at the end. Those of a
 * newer format are left alone and not among them. */
struct outbox_journal *outbox_next_journal(struct outbox *outbox,
					   size_t *cursor);

const char *outbox_journal_name(const struct outbox_journal *journal);
bool outbox_journal_live(const struct outbox_journal *journal);

/* The next entry that is not acked and not a snapshot; 1, 0 or -errno as
 * journal_reader_next(). Feeds the journal's estate on the way. For a live
 * journal it goes no further than its owner's durable sequence on the board
 * (read-only users, who have no board, read all that is there). */
int outbox_journal_next(struct outbox_journal *journal,
			struct journal_entry *entry);

/* What the journal has opened and not closed, as far as it was read, and when
 * it was last heard of (wall time). NULL and 0 for one that is settled. */
struct estate *outbox_journal_estate(struct outbox_journal *journal);
int64_t outbox_journal_last_us(const struct outbox_journal *journal);

/* How many of its records are not acked, as far as is known. */
uint64_t outbox_journal_pending(const struct outbox_journal *journal);

/* The store has committed everything up to and including seq. */
int outbox_ack(struct outbox_journal *journal, uint64_t seq);
/* A finished journal was read to its end, acked, and its estate settled: it
 * may go once keep_delivered has passed. */
int outbox_settled(struct outbox_journal *journal);
bool outbox_journal_is_settled(const struct outbox_journal *journal);

/* Starts reading that journal again behind its last ack: after a failed batch
 * the entries come once more. */
int outbox_rewind(struct outbox_journal *journal);

/* Removes a journal for good, whatever is in it; renamed first, so that nobody
 * reads half of it. outbox_fd: the directory it is in. 0 or -errno. */
int outbox_discard(int outbox_fd, const char *name);

/* Removes what is half-made or half-removed in a directory of journals that
 * nobody else writes to. */
void outbox_clear_away(const char *dir);

/* True when the directory is not at its place any more: whoever writes now does
 * so in another one of that name. */
bool outbox_is_gone(const struct outbox *outbox);

/* May that much be added without passing max_bytes? As of the last scan. */
bool outbox_has_room(const struct outbox *outbox, uint64_t bytes);

/* Removes what may go. Not for followers. */
int outbox_sweep(struct outbox *outbox, int64_t now_wall_us);
struct outbox_stats outbox_stats(const struct outbox *outbox);

#endif
