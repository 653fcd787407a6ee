/*
 * outbox_journal.h - one journal, as the outbox keeps it (not for others)
 *
 * outbox.h has what the drainer and the tools may do with a journal; this is
 * what outbox.c does with it besides.
 */
#ifndef PERSISTENCE_OUTBOX_JOURNAL_H
#define PERSISTENCE_OUTBOX_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "persistence/ack_log.h"
#include "persistence/journal_reader.h"
#include "persistence/outbox.h"

struct outbox_journal {
	char name[64];
	char dir[512];
	bool read_only;
	bool follows; /* for a follower: the drainer tells of damage */
	bool live;    /* its writer held the lock when we looked */
	bool refused; /* of a newer format: left alone */
	bool astray;  /* the reader must begin anew */
	struct journal_reader *reader; /* NULL once it is put away */
	struct estate *estate;	       /* the same */
	struct ack_log acks;	       /* then without its files */
	struct journal_entry ahead; /* read, noted, not yet given; record NULL:
				       there is none */
	uint64_t limit;		    /* how far it is known to be durable */
	uint64_t end_seq;	    /* the newest record known to be there */
	uint64_t given_seq;	    /* the newest one given out */
	int64_t waiting_us;	    /* created_us of the oldest that was given
				       out and not acked; 0: none */
	uint32_t safe_segment;	    /* a record behind its whole snapshot was
				       read: those before it are not needed */
	struct journal_damage damage; /* when it was put away */
	size_t passed_over;	      /* the same: segments not read */
	uint64_t damage_reported, bytes_reported;
	struct {		   /* by the disk; 0: it is not */
		uint64_t since_ms; /* monotonic */
		uint64_t told_ms;
	} unreadable;
	struct {		 /* what sweeping has found out */
		uint32_t number; /* of the oldest segment */
		int64_t delivered_us;
	} oldest;
};

/* Opens outbox_dir/name, whoever writes it, as the outbox's options say. 0 or
 * -errno. */
int outbox_journal_open(struct outbox_journal **ret, const char *outbox_dir,
			const char *name, const struct outbox_options *options);
struct outbox_journal *outbox_journal_close(struct outbox_journal *journal);

/* Has its writer gone meanwhile? */
void outbox_journal_look(struct outbox_journal *journal);

/* created_us of the oldest record that is not acked; 0: none. */
int64_t outbox_journal_oldest_us(struct outbox_journal *journal);

struct journal_damage
outbox_journal_damage(const struct outbox_journal *journal);

struct outbox_sweeping {
	int64_t now_us;
	int64_t keep_us;       /* how long what is delivered stays */
	const char *waits_for; /* a follower who must have had it; or NULL */
};

/* Removes segments that were delivered long enough ago. */
void outbox_journal_sweep(struct outbox_journal *journal,
			  const struct outbox_sweeping *sweeping);
/* True when nothing of the journal is needed any more. */
bool outbox_journal_may_go(const struct outbox_journal *journal,
			   const struct outbox_sweeping *sweeping);

#endif
