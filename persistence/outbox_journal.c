/*
 * outbox_journal.c - one journal, from the end that empties it (outbox.h)
 *
 *   reader --> estate notes it --> acked before? passed over
 *                                  otherwise    given out, until outbox_ack()
 *
 * Reading begins at the newest segment that has all of what is not acked, so
 * what was delivered long ago is not read again after a restart.
 *
 * Segments of a live journal go once a later one can stand in for them: its
 * snapshot was read whole, and a record behind it, which the same sync made
 * durable. A finished journal goes as a whole.
 */
#include "persistence/outbox_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/ground.h"
#include "persistence/quarantine.h"
#include "persistence/record.h"
#include "persistence/segment_reader.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define UNREAD_FILE	       "unread"
#define UNREADABLE_LOG_MS      10000u
#define UNREADABLE_PATIENCE_MS 600000u /* ten minutes */

/* ---- opening ---------------------------------------------------------------
 */

/* What is damaged is kept for people; the records around it go on. */
static void put_aside(void *arg, uint32_t segment, uint64_t from, uint64_t to)
{
	const struct outbox_journal *journal = arg;
	size_t length = strlen(journal->dir) - strlen(journal->name) - 1;
	char outbox_dir[sizeof(journal->dir)];
	int r;

	memcpy(outbox_dir, journal->dir, length);
	outbox_dir[length] = '\0';
	r = quarantine_save(outbox_dir, journal->name, segment, from, to);
	if (r == 0)
		return; /* read once more */
	log_error("OUTBOX_QUARANTINE",
		  "journal=%s segment=%u offset=%llu bytes=%llu kept=%s",
		  journal->name, segment, (unsigned long long)from,
		  (unsigned long long)(to - from),
		  r < 0 ? strerror(-r) : "yes");
}

/* Places a fresh reader and an empty estate behind the last ack. What was given
 * out since is not given once more. */
static int begin_reading(struct outbox_journal *journal)
{
	struct journal_reader *reader = NULL;
	struct estate *estate = NULL;
	int r = estate_create(&estate);

	if (r == 0)
		r = journal_reader_open(&reader, journal->dir);
	if (r == 0)
		r = journal_reader_seek(reader, journal->acks.seq + 1);
	if (r < 0) {
		journal_reader_close(reader);
		estate_destroy(estate);
		return r;
	}
	journal_reader_close(journal->reader);
	estate_destroy(journal->estate);
	free(journal->ahead.record);
	journal->ahead.record = NULL;
	if (!journal->read_only && !journal->follows)
		journal_reader_on_damage(reader, put_aside, journal);
	journal->reader = reader;
	journal->estate = estate;
	journal->astray = false;
	return 0;
}

/* Makes one segment durable, and forgets what a failed sync, now or earlier,
 * has left in the page cache alone. */
static int settle_segment(const struct outbox_journal *journal, int pend,
			  uint32_t number)
{
	char name[SEGMENT_NAME_SIZE];
	int fd, r;

	segment_name(number, name);
	fd = openat(pend, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == EIO ? 0 : -errno;
	r = disk_sync_data(fd);
	if (r < 0)
		log_warn("OUTBOX_SEGMENT",
			 "journal=%s segment=%u err=\"sync: %s\"",
			 journal->name, number, strerror(-r));
	disk_drop_cache(fd);
	(void)close(fd);
	return 0;
}

/* Nobody writes it any more, but what its last writes left in the page cache
 * is not on the disk yet. A row that the store has must not stem from a record
 * that a power cut could still take: nobody would close it. 0, or -errno when
 * it could not even be tried. */
static int make_durable(const struct outbox_journal *journal)
{
	uint32_t *numbers = NULL;
	size_t count = 0;
	int pend = disk_open_dir(journal->acks.journal_fd, "pend", false);
	int r = pend < 0 ? pend : segment_list(pend, &numbers, &count);

	/* Nobody will write on it any more. */
	if (pend >= 0)
		(void)unlinkat(pend, GROUND_NAME, 0);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = settle_segment(journal, pend, numbers[i]);
	free(numbers);
	if (pend >= 0)
		(void)close(pend);
	return r;
}

/* The newest sequence in the journal; reads its last segment only. */
static uint64_t find_end(const struct outbox_journal *journal)
{
	struct journal_reader *reader;
	struct journal_entry entry;
	uint64_t end;

	if (journal_reader_open(&reader, journal->dir) < 0)
		return 0;
	(void)journal_reader_seek(reader, UINT64_MAX);
	while (journal_reader_next(reader, UINT64_MAX, !journal->live,
				   &entry) == 1)
		free(entry.record);
	end = journal_reader_last_seq(reader);
	journal_reader_close(reader);
	return end;
}

static size_t passed_over(const struct outbox_journal *journal)
{
	return journal->reader ? journal_reader_passed_over(journal->reader)
			       : journal->passed_over;
}

/* It is done with, and stays for a day or so. There may be thousands of them:
 * they shall cost neither files nor memory. Tools look at few, once. */
static void put_away(struct outbox_journal *journal)
{
	if (journal->read_only)
		return;
	journal->passed_over = passed_over(journal);
	journal->damage = outbox_journal_damage(journal);
	free(journal->ahead.record);
	journal->ahead.record = NULL;
	journal->reader = journal_reader_close(journal->reader);
	journal->estate = estate_destroy(journal->estate);
	ack_log_close(&journal->acks);
}

static int open_parts(struct outbox_journal *journal, const char *follower)
{
	int r = ack_log_open(&journal->acks, journal->dir,
			     follower ? follower : ACK_LOG_DRAINER,
			     journal->read_only);

	if (r < 0)
		return r;
	/* Looked at before anything is read: once the lock is free, nothing
	 * more will come. */
	journal->live = journal_is_live(journal->dir);
	if (!journal->live && !journal->read_only && journal->acks.settled_us) {
		journal->passed_over = faccessat(journal->acks.journal_fd,
						 UNREAD_FILE, F_OK, 0) == 0;
		put_away(journal);
		return 0;
	}
	if (!journal->live && !journal->read_only)
		r = make_durable(journal);
	if (r == 0)
		r = begin_reading(journal);
	if (r == -EPROTONOSUPPORT) {
		journal->refused = true;
		return 0;
	}
	/* Of a live one its owner tells, on the board. */
	if (r == 0 && (!journal->live || journal->read_only))
		journal->end_seq = find_end(journal);
	return r;
}

int outbox_journal_open(struct outbox_journal **ret, const char *outbox_dir,
			const char *name, const struct outbox_options *options)
{
	struct outbox_journal *journal = calloc(1, sizeof(*journal));
	int r = -ENAMETOOLONG;

	if (!journal)
		return -ENOMEM;
	journal->acks.fd = journal->acks.journal_fd = -1;
	journal->read_only = options->read_only;
	journal->follows = options->follower;
	if ((size_t)snprintf(journal->name, sizeof(journal->name), "%s",
			     name) >= sizeof(journal->name) ||
	    (size_t)snprintf(journal->dir, sizeof(journal->dir), "%s/%s",
			     outbox_dir, name) >= sizeof(journal->dir))
		goto fail;
	r = open_parts(journal, options->follower);
	if (r < 0)
		goto fail;
	*ret = journal;
	return 0;
fail:
	outbox_journal_close(journal);
	return r;
}

struct outbox_journal *outbox_journal_close(struct outbox_journal *journal)
{
	if (!journal)
		return NULL;
	free(journal->ahead.record);
	journal_reader_close(journal->reader);
	estate_destroy(journal->estate);
	ack_log_close(&journal->acks);
	free(journal);
	return NULL;
}

void outbox_journal_look(struct outbox_journal *journal)
{
	if (!journal->live || journal->refused || journal_is_live(journal->dir))
		return;
	/* What cannot be made durable now is not read before it can. And what
	 * the reader stands on may just have gone with the page cache. */
	if (!journal->read_only && make_durable(journal) < 0)
		return;
	journal->live = false;
	journal->astray = true;
	journal->end_seq = find_end(journal);
}

/* ---- reading ---------------------------------------------------------------
 */

/* How far a reader may go: what a power cut could still take is not ours. */
static uint64_t limit_of(struct outbox_journal *journal)
{
	struct board_journal *slot;

	if (!journal->live || journal->read_only)
		return UINT64_MAX;
	if (journal_reader_last_seq(journal->reader) < journal->limit)
		return journal->limit;
	/* Without a slot its owner has just died; the next look will tell. */
	slot = board_journal_find(journal->name);
	if (slot)
		journal->limit = atomic_load(&slot->durable_seq);
	if (journal->limit > journal->end_seq)
		journal->end_seq = journal->limit;
	return journal->limit;
}

static void report_damage(struct outbox_journal *journal)
{
	struct journal_damage damage = journal_reader_damage(journal->reader);
	uint64_t lost = damage.records + damage.gaps;

	if (journal->read_only || journal->follows)
		return;
	if (damage.bytes > journal->bytes_reported) {
		board_add(board_series(METRIC_OUTBOX_CORRUPT_BYTES_TOTAL, ""),
			  (int64_t)(damage.bytes - journal->bytes_reported));
		journal->bytes_reported = damage.bytes;
	}
	if (lost <= journal->damage_reported)
		return; /* nothing new, or read once more after a rewind */
	log_error("OUTBOX_DAMAGED",
		  "journal=%s records=%llu bytes=%llu gaps=%llu", journal->name,
		  (unsigned long long)damage.records,
		  (unsigned long long)damage.bytes,
		  (unsigned long long)damage.gaps);
	board_add(board_series(METRIC_OUTBOX_CORRUPT_RECORDS_TOTAL, ""),
		  (int64_t)(lost - journal->damage_reported));
	journal->damage_reported = lost;
}

/* What was put back or brought in opens nothing: its calls have their estate
 * elsewhere, or are long over. */
static bool has_estate(const struct outbox_journal *journal)
{
	return !strstr(journal->name, OUTBOX_ROLE_REPLAY) &&
	       !strstr(journal->name, OUTBOX_ROLE_IMPORT);
}

static int note_entry(struct outbox_journal *journal,
		      const struct journal_entry *entry)
{
	int r = has_estate(journal)
			? estate_note(journal->estate, entry->record)
			: 0;

	if (r < 0)
		return r;
	if (entry->snapshot)
		return 0;
	if (entry->seq > journal->end_seq)
		journal->end_seq = entry->seq;
	if (journal_reader_snapshot(journal->reader) == entry->segment)
		journal->safe_segment = entry->segment;
	return 0;
}

/* It is tried again several times a second, and told now and then. */
static void tell_unreadable(struct outbox_journal *journal, int error,
			    uint64_t now_ms)
{
	if (journal->unreadable.told_ms != 0 &&
	    now_ms - journal->unreadable.told_ms < UNREADABLE_LOG_MS)
		return;
	journal->unreadable.told_ms = now_ms;
	log_error("OUTBOX_UNREADABLE", "journal=%s err=\"%s\"", journal->name,
		  strerror(error));
}

/* The reader passes over a segment that it has tried some times in vain, and
 * what was passed over will count as done. A disk that comes to itself again
 * must not have cost a record: so for a good while we begin anew instead. This
 * journal waits, the others do not. */
static void on_unreadable(struct outbox_journal *journal, int error,
			  size_t passed_before)
{
	uint64_t now_ms = clock_mono_ms();

	tell_unreadable(journal, error, now_ms);
	if (journal->unreadable.since_ms == 0)
		journal->unreadable.since_ms = now_ms;
	if (passed_over(journal) > passed_before &&
	    now_ms - journal->unreadable.since_ms < UNREADABLE_PATIENCE_MS &&
	    !journal->read_only)
		journal->astray = true;
}

/* Fills `ahead` with the next record that is not acked: 1, 0 or -errno. */
static int fetch(struct outbox_journal *journal)
{
	size_t passed_before = passed_over(journal);
	uint64_t limit = limit_of(journal);
	struct journal_entry entry;
	int r;

	while ((r = journal_reader_next(journal->reader, limit, !journal->live,
					&entry)) == 1) {
		r = note_entry(journal, &entry);
		if (r < 0) {
			/* The reader is past it, the estate is not. */
			free(entry.record);
			journal->astray = true;
			return r;
		}
		if (!entry.snapshot && entry.seq > journal->given_seq &&
		    !ack_log_has(&journal->acks, entry.seq)) {
			journal->ahead = entry;
			journal->unreadable.since_ms = 0;
			return 1;
		}
		free(entry.record);
	}
	report_damage(journal);
	if (r == -EPROTONOSUPPORT)
		journal->refused = true;
	else if (r < 0)
		on_unreadable(journal, -r, passed_before);
	else
		journal->unreadable.since_ms = 0;
	return r;
}

/* 1: there is one ahead. */
static int look_ahead(struct outbox_journal *journal)
{
	if (journal->refused || journal->acks.settled_us)
		return 0;
	if (journal->ahead.record)
		return 1;
	if (journal->astray) {
		int r = begin_reading(journal);

		if (r < 0)
			return r;
	}
	return fetch(journal);
}

int outbox_journal_next(struct outbox_journal *journal,
			struct journal_entry *entry)
{
	int r = look_ahead(journal);

	if (r <= 0)
		return r;
	*entry = journal->ahead;
	journal->ahead.record = NULL;
	journal->given_seq = entry->seq;
	if (!journal->waiting_us)
		journal->waiting_us = entry->record->created_us;
	return 1;
}

int outbox_rewind(struct outbox_journal *journal)
{
	int r;

	/* Nothing was given out since the last ack: we stand there already. */
	if (journal->given_seq <= journal->acks.seq && !journal->astray)
		return 0;
	r = begin_reading(journal);
	if (r < 0)
		return r;
	journal->given_seq = 0;
	journal->waiting_us = 0;
	return 0;
}

/* ---- acks ------------------------------------------------------------------
 */

int outbox_ack(struct outbox_journal *journal, uint64_t seq)
{
	if (seq >= journal->given_seq)
		journal->waiting_us = 0;
	return ack_log_delivered(&journal->acks, seq);
}

/* Segments of it were never read: it stays when it is done, in this life and in
 * those that follow. When the disk can be read again, a replay of what was
 * delivered finds what is in them. */
static int keep_unread(const struct outbox_journal *journal)
{
	int fd = disk_create(journal->acks.journal_fd, UNREAD_FILE);
	int r = fd < 0 && fd != -EEXIST ? fd
					: disk_sync(journal->acks.journal_fd);

	if (fd >= 0)
		(void)close(fd);
	log_error("OUTBOX_UNREADABLE",
		  "journal=%s segments=%zu kept=%s err=\"passed over\"",
		  journal->name, passed_over(journal),
		  r < 0 ? strerror(-r) : "yes");
	return r;
}

/* Without a word on the disk it is settled for this life only, and looked at
 * once more in the next. */
int outbox_settled(struct outbox_journal *journal)
{
	bool unread = passed_over(journal) > 0 && !journal->follows;
	int r = unread ? keep_unread(journal) : 0;

	if (r == 0)
		r = ack_log_settled(&journal->acks);
	journal->acks.settled_us = clock_wall_us();
	put_away(journal);
	return r;
}

bool outbox_journal_is_settled(const struct outbox_journal *journal)
{
	return journal->acks.settled_us != 0;
}

/* ---- what is known ---------------------------------------------------------
 */

const char *outbox_journal_name(const struct outbox_journal *journal)
{
	return journal->name;
}

bool outbox_journal_live(const struct outbox_journal *journal)
{
	return journal->live;
}

struct estate *outbox_journal_estate(struct outbox_journal *journal)
{
	return journal->estate;
}

int64_t outbox_journal_last_us(const struct outbox_journal *journal)
{
	return journal->reader ? journal_reader_last_us(journal->reader) : 0;
}

struct journal_damage
outbox_journal_damage(const struct outbox_journal *journal)
{
	return journal->reader ? journal_reader_damage(journal->reader)
			       : journal->damage;
}

/* The newest record that is known to be there. While a batch waits for the
 * store nobody reads on, but the owner goes on writing. */
static uint64_t end_of(const struct outbox_journal *journal)
{
	uint64_t end = journal->end_seq, durable = 0;
	struct board_journal *slot;

	slot = journal->live && !journal->read_only
		       ? board_journal_find(journal->name)
		       : NULL;
	if (slot)
		durable = atomic_load(&slot->durable_seq);
	return durable > end ? durable : end;
}

uint64_t outbox_journal_pending(const struct outbox_journal *journal)
{
	uint64_t end = end_of(journal);

	return end > journal->acks.seq && !journal->acks.settled_us
		       ? end - journal->acks.seq - journal->acks.taken_count
		       : 0;
}

int64_t outbox_journal_oldest_us(struct outbox_journal *journal)
{
	if (journal->waiting_us)
		return journal->waiting_us;
	return look_ahead(journal) == 1 ? journal->ahead.record->created_us : 0;
}

/* ---- what may go -----------------------------------------------------------
 */

static bool is_old(int64_t then_us, const struct outbox_sweeping *sweeping)
{
	/* A clock that was set far back must not keep it for ever. */
	return llabs(sweeping->now_us - then_us) >= sweeping->keep_us;
}

/* The header of the first segment behind numbers[0] from whose first record on
 * nothing stands in that one alone. */
static bool find_successor(const struct outbox_journal *journal, int pend,
			   struct segment_reader *reader,
			   const uint32_t *numbers, size_t count,
			   struct segment_header *header)
{
	for (size_t i = 1; i < count && numbers[i] <= journal->safe_segment;
	     i++)
		if (segment_read_header(pend, numbers[i], NULL, header) == 1 &&
		    (numbers[i] == journal->safe_segment ||
		     segment_reader_finds_order(reader, pend, header)))
			return true;
	return false;
}

/* Has the follower acked all up to seq (UINT64_MAX: and the estate, too)? Where
 * that cannot be read, it has not. */
static bool was_followed(const struct outbox_journal *journal,
			 const char *follower, uint64_t seq)
{
	struct ack_log acks;
	bool followed;

	if (!follower)
		return true;
	if (ack_log_open(&acks, journal->dir, follower, true) < 0)
		return false;
	followed = acks.settled_us != 0 || acks.seq >= seq;
	ack_log_close(&acks);
	return followed;
}

/* Is all that comes before that successor delivered, long enough ago? */
static bool was_delivered(struct outbox_journal *journal, uint32_t number,
			  const struct segment_header *successor,
			  const struct outbox_sweeping *sweeping)
{
	if (successor->first_seq > journal->acks.seq + 1)
		return false;
	if (journal->oldest.number != number) {
		journal->oldest.number = number;
		journal->oldest.delivered_us =
			ack_log_when(&journal->acks, successor->first_seq - 1);
	}
	return is_old(journal->oldest.delivered_us, sweeping) &&
	       was_followed(journal, sweeping->waits_for,
			    successor->first_seq - 1);
}

static void sweep_segments(struct outbox_journal *journal, int pend,
			   const uint32_t *numbers, size_t count,
			   const struct outbox_sweeping *sweeping)
{
	struct segment_header successor;
	struct segment_reader reader;
	char name[SEGMENT_NAME_SIZE];

	if (segment_reader_init(&reader) < 0)
		return;
	for (size_t i = 0; i < count && numbers[i] < journal->safe_segment;
	     i++) {
		if (!find_successor(journal, pend, &reader, numbers + i,
				    count - i, &successor) ||
		    !was_delivered(journal, numbers[i], &successor, sweeping))
			break;
		segment_name(numbers[i], name);
		if (unlinkat(pend, name, 0) < 0)
			break;
	}
	segment_reader_finish(&reader);
}

void outbox_journal_sweep(struct outbox_journal *journal,
			  const struct outbox_sweeping *sweeping)
{
	uint32_t *numbers = NULL;
	size_t count;
	int pend;

	if (!journal->live || journal->refused || journal->safe_segment == 0 ||
	    passed_over(journal) > 0)
		return;
	pend = disk_open_dir(journal->acks.journal_fd, "pend", false);
	if (pend >= 0 && segment_list(pend, &numbers, &count) == 0 &&
	    count > 1 && numbers[0] < journal->safe_segment)
		sweep_segments(journal, pend, numbers, count, sweeping);
	free(numbers);
	if (pend >= 0)
		(void)close(pend);
}

bool outbox_journal_may_go(const struct outbox_journal *journal,
			   const struct outbox_sweeping *sweeping)
{
	return !journal->live && !journal->refused &&
	       journal->acks.settled_us != 0 && passed_over(journal) == 0 &&
	       is_old(journal->acks.settled_us, sweeping) &&
	       was_followed(journal, sweeping->waits_for, UINT64_MAX);
}
