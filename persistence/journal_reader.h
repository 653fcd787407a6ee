/*
 * journal_reader.h - reads a journal, live or finished, without any lock
 *
 * Damage costs the damaged record alone: the reader counts it, looks for the
 * next valid record and goes on. A gap in the sequence is counted too. A torn
 * last record of a killed process is counted as damage, because nothing tells
 * it from a record that was whole once.
 *
 * Thread: a reader belongs to one thread.
 */
#ifndef PERSISTENCE_JOURNAL_READER_H
#define PERSISTENCE_JOURNAL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal_reader;
struct record;

struct journal_entry {
	struct record *record; /* the caller's to free */
	uint64_t seq;
	bool snapshot;	  /* was open at the start of a segment: for the
			     estate, not for the store */
	uint32_t segment; /* the segment it was read from */
};

struct journal_damage {
	uint64_t records, bytes; /* lost to damage, best estimate */
	uint64_t gaps;		 /* sequences that never came */
};

/* `dir` is the journal's directory. Begins at the oldest segment. 0, -errno;
 * -EPROTONOSUPPORT for a journal of a newer format, which is left alone. */
int journal_reader_open(struct journal_reader **ret, const char *dir);
struct journal_reader *journal_reader_close(struct journal_reader *reader);

/* Before the first entry is read: begins at the newest segment from which both
 * the record `seq` and all that was open before it can be told. UINT64_MAX is
 * a look at the end. 0 or -errno. */
int journal_reader_seek(struct journal_reader *reader, uint64_t seq);

/* The next entry with seq <= limit. Returns 1 and the entry; 0 when there is
 * nothing (yet): call again later, it goes on where it stopped; -errno when
 * the disk cannot be read: a segment that cannot be is reported some times and
 * then passed over. With `finished` the writer is gone, so that what lies
 * behind a torn record is searched instead of waited for. */
int journal_reader_next(struct journal_reader *reader, uint64_t limit,
			bool finished, struct journal_entry *entry);

/* Told of each stretch of damaged bytes that the reader passes, while the
 * segment is still there. Told again when they are read again. */
typedef void journal_damage_hook(void *arg, uint32_t segment, uint64_t from,
				 uint64_t to);
void journal_reader_on_damage(struct journal_reader *reader,
			      journal_damage_hook *hook, void *arg);

struct journal_damage
journal_reader_damage(const struct journal_reader *reader);

/* The newest sequence read, or the one before where it began; 0: none. */
uint64_t journal_reader_last_seq(const struct journal_reader *reader);
/* The latest wall time seen in records and segment headers; 0: none. */
int64_t journal_reader_last_us(const struct journal_reader *reader);
/* The newest segment that can stand in for all before it, once what those have
 * is delivered: its snapshot was read whole, and a record behind it that no
 * other segment had before; 0: none. */
uint32_t journal_reader_snapshot(const struct journal_reader *reader);
/* Segments passed over unread: unreadable, or of another journal. */
size_t journal_reader_passed_over(const struct journal_reader *reader);

/* Is somebody writing it? Looks at the lock without taking it for long. True
 * as well when that cannot be told. */
bool journal_is_live(const char *dir);

#endif
