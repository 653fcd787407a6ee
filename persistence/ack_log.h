/*
 * ack_log.h - how far a journal has been delivered
 *
 * An append-only log beside the journal's segments, written by the drainer
 * alone; whoever else follows the journal (outbox.h) has one of its own. It is
 * not synced: losing its tail repeats a delivery, which changes nothing. A torn
 * or damaged entry is passed over; the highest seq counts.
 *
 * Shelves (shelf.h) take records out of the middle: those are noted one by one
 * until all before them are gone too. What an operator was told is done must
 * not come back: they ask for the sync that a drainer does without.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_ACK_LOG_H
#define PERSISTENCE_ACK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACK_LOG_DRAINER "ack" /* the drainer's, and a shelf's */

struct ack_log {
	char name[16];	 /* of its directory in the journal's */
	int journal_fd;	 /* the journal's directory; owned */
	int fd;		 /* the newest file; -1: none yet */
	uint32_t number; /* of that file */
	uint64_t offset; /* where its next entry goes */
	uint64_t seq;	 /* all up to it are delivered */
	uint64_t *taken; /* single ones beyond seq, in order; owned */
	size_t taken_count, taken_room;
	int64_t settled_us; /* when the estate was settled; 0: not yet */
	bool read_only;
	bool fresh; /* its directory was not synced since that file was made */
};

/* Reads what is there. 0 or -errno, and then there is nothing to close. */
int ack_log_open(struct ack_log *log, const char *journal_dir, const char *name,
		 bool read_only);
void ack_log_close(struct ack_log *log);

/* 0 or -errno; what `log` says is right either way. */
int ack_log_delivered(struct ack_log *log, uint64_t seq);
int ack_log_settled(struct ack_log *log);
/* That one alone. -ENOMEM changes nothing. */
int ack_log_taken(struct ack_log *log, uint64_t seq);

/* What was said so far survives a power cut when this returns 0. */
int ack_log_sync(struct ack_log *log);

/* Is that record delivered, or taken? */
bool ack_log_has(const struct ack_log *log, uint64_t seq);

/* The wall time at which all up to seq was delivered, or somewhat later; 0 when
 * that is not known. Reads the file. */
int64_t ack_log_when(const struct ack_log *log, uint64_t seq);

#endif
