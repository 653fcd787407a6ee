/*
 * journal_flips_test.c - whatever happens to the bytes, at most what was hit
 * is lost, and what is lost is counted
 *
 * Every byte of journals of 64 KiB is damaged in turn: one bit of it flipped,
 * the file cut off before it, all behind it zeroed, a sector there replaced by
 * one of an older segment, or a stretch of rubbish begun. A reader must come to
 * its end each time, give out nothing that was not written, and lose nothing
 * that was not hit. Flips in the ack log cost duplicates and nothing else. And
 * a journal of the first format, kept in data/, is read by every version.
 *
 *   HOLDLINE_CAMPAIGN_SEEDS=600000  so many damages of each kind, spread
 * evenly; from 8 times 64 KiB on it is every bit HOLDLINE_SEED=4711 where they
 * begin
 */
#include "outbox_kit.h"

#include "persistence/estate.h"
#include "persistence/journal_format.h"
#include "persistence/journal_reader.h"
#include "persistence/outbox.h"
#include "server/log.h"
#include "support/campaign.h"
#include "support/dice.h"

#define QUICK	 1500u
#define RECORDS	 140u
#define SECTOR	 512u
#define DATA_DIR "unit/data/journal-v1"

void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...);

/* Damage is told in a line each time. */
void __wrap_log_event(enum log_level level, const char *tag, const char *format,
		      ...)
{
	(void)level, (void)tag, (void)format;
}

/* ---- a journal of 64 KiB ---------------------------------------------------
 */

struct victim {
	char dir[PATH_MAX], path[PATH_MAX];  /* the journal, the segment */
	struct record *records[RECORDS + 1]; /* by seq; what was written */
	size_t places[RECORDS + 2];	     /* where each stands in there */
	struct bytes whole;		     /* of the segment */
	int fd;
};

static struct record *make_record(uint64_t n)
{
	struct uuid entity = kit_entity(n), id = kit_entity(n + 100000);
	char payload[600];
	struct dice dice = dice_seed(n);
	size_t length = 200 + dice_throw(&dice, 300);
	struct record *record;
	size_t begun = (size_t)snprintf(payload, sizeof(payload),
					"{\"call_id\":\"%llu\",\"pad\":\"",
					(unsigned long long)n);

	memset(payload + begun, 'p', length);
	memcpy(payload + begun + length, "\"}", 3);
	record =
		record_create(RECORD_CALL_EVENT, &id, &entity, 0,
			      KIT_US + (int64_t)n, payload, begun + length + 2);
	assert_non_null(record);
	return record;
}

static void write_records(struct victim *victim, const char *outbox_dir,
			  uint64_t segment_bytes)
{
	struct journal *journal;

	assert_int_equal(
		journal_create(&journal,
			       &(struct journal_options){
				       .outbox_dir = outbox_dir,
				       .role = "test",
				       .segment_bytes = segment_bytes }),
		0);
	for (uint64_t n = 1; n <= RECORDS; n++) {
		victim->records[n] = make_record(n);
		assert_int_equal(
			journal_commit(journal, &victim->records[n], 1), 0);
	}
	journal_close(journal);
}

static void open_victim(struct victim *victim, const char *outbox_dir)
{
	size_t at = SEGMENT_DATA_AT + entry_size(0);

	memset(victim, 0, sizeof(*victim));
	write_records(victim, outbox_dir, (uint64_t)1 << 30);
	(void)snprintf(victim->dir, sizeof(victim->dir), "%s",
		       kit_path(outbox_dir, ""));
	(void)snprintf(victim->path, sizeof(victim->path), "%s",
		       kit_path(outbox_dir, "pend/00000001.seg"));
	victim->whole = kit_read(victim->path);
	assert_in_range(victim->whole.length, 60000, 70000);
	for (uint64_t n = 1; n <= RECORDS; n++) {
		victim->places[n] = at;
		at += entry_size(victim->records[n]->length);
	}
	victim->places[RECORDS + 1] = at;
	assert_int_equal(at, victim->whole.length);
	victim->fd = open(victim->path, O_RDWR | O_CLOEXEC);
	assert_true(victim->fd >= 0);
}

static void close_victim(struct victim *victim)
{
	(void)close(victim->fd);
	free(victim->whole.at);
	for (size_t n = 0; n <= RECORDS; n++)
		free(victim->records[n]);
}

static void damage(struct victim *victim, size_t at, const void *bytes,
		   size_t length)
{
	assert_int_equal(pwrite(victim->fd, bytes, length, (off_t)at), length);
}

static void mend(struct victim *victim, size_t at, size_t length)
{
	if (at + length > victim->whole.length)
		length = victim->whole.length - at;
	damage(victim, at, victim->whole.at + at, length);
}

/* ---- what a reader finds ---------------------------------------------------
 */

struct found {
	bool seq[RECORDS + 1];
	unsigned count;
	struct journal_damage damage;
};

static struct found read_victim(const struct victim *victim, size_t at,
				uint64_t limit, bool finished)
{
	struct found found = { .count = 0 };
	struct journal_reader *reader;
	struct journal_entry entry;
	uint64_t last = 0;
	int r;

	assert_int_equal(journal_reader_open(&reader, victim->dir), 0);
	while ((r = journal_reader_next(reader, limit, finished, &entry)) ==
	       1) {
		const struct record *wanted;

		if (entry.seq <= last || entry.seq > RECORDS)
			fail_msg("byte %zu: seq %llu behind %llu", at,
				 (unsigned long long)entry.seq,
				 (unsigned long long)last);
		wanted = victim->records[entry.seq];
		if (entry.record->length != wanted->length ||
		    memcmp(entry.record->payload, wanted->payload,
			   wanted->length) != 0 ||
		    !uuid_equal(&entry.record->id, &wanted->id))
			fail_msg("byte %zu: %llu is not what was written", at,
				 (unsigned long long)entry.seq);
		last = entry.seq;
		found.seq[entry.seq] = true;
		found.count++;
		free(entry.record);
	}
	if (r != 0)
		fail_msg("byte %zu: %s", at, strerror(-r));
	found.damage = journal_reader_damage(reader);
	journal_reader_close(reader);
	return found;
}

/* All but those that lie between `from` and `to`, at most. */
static void expect_the_rest(const struct victim *victim,
			    const struct found *found, size_t from, size_t to)
{
	for (uint64_t n = 1; n <= RECORDS; n++)
		if (!found->seq[n] &&
		    (victim->places[n + 1] <= from || victim->places[n] >= to))
			fail_msg("bytes %zu to %zu: %llu is gone", from, to,
				 (unsigned long long)n);
}

static void expect_counted(const struct found *found, size_t at)
{
	if (found->count + found->damage.records + found->damage.gaps !=
	    RECORDS)
		fail_msg("byte %zu: %u are there, %llu lost, %llu missing", at,
			 found->count,
			 (unsigned long long)found->damage.records,
			 (unsigned long long)found->damage.gaps);
}

/* ---- the damages -----------------------------------------------------------
 */

/* Where to do it: `count` places from `first` on, spread over `size`. */
struct places {
	size_t at, step, size;
};

static struct places spread(size_t size, size_t unit)
{
	uint64_t wanted = campaign_seeds(QUICK);
	struct places places = { .size = size, .step = 1 };

	if (wanted < size / unit)
		places.step = size / unit / wanted;
	places.step *= unit;
	places.at = (campaign_first_seed() - 1) * unit % places.step;
	return places;
}

static void a_flipped_bit_costs_the_record_it_hits(void **state)
{
	struct victim victim;
	struct places bits;

	open_victim(&victim, *state);
	bits = spread(8 * victim.whole.length, 1);
	for (size_t bit = bits.at; bit < bits.size; bit += bits.step) {
		size_t at = bit / 8;
		unsigned char flipped =
			victim.whole.at[at] ^ (unsigned char)(1u << bit % 8);
		struct found found;

		damage(&victim, at, &flipped, 1);
		found = read_victim(&victim, at, UINT64_MAX, true);
		expect_the_rest(&victim, &found, at, at + 1);
		expect_counted(&found, at);
		assert_true(found.count >= RECORDS - 1);
		/* And under the eyes of a reader whose writer lives. */
		found = read_victim(&victim, at, RECORDS, false);
		expect_the_rest(&victim, &found, at, at + 1);
		mend(&victim, at, 1);
	}
	close_victim(&victim);
}

static void a_cut_tail_leaves_all_before_it(void **state)
{
	struct victim victim;
	struct places places;

	open_victim(&victim, *state);
	places = spread(victim.whole.length - SEGMENT_DATA_AT, 1);
	/* From the end, and with it written back each time. */
	for (size_t i = places.at; i < places.size; i += places.step) {
		size_t at = SEGMENT_DATA_AT + i;
		struct found found;

		assert_int_equal(ftruncate(victim.fd, (off_t)at), 0);
		found = read_victim(&victim, at, UINT64_MAX, true);
		expect_the_rest(&victim, &found, at, SIZE_MAX);
		/* One torn record is told; how many followed nobody knows. */
		assert_true(found.damage.records <= 1);
		assert_int_equal(found.damage.gaps, 0);
		found = read_victim(&victim, at, RECORDS, false);
		expect_the_rest(&victim, &found, at, SIZE_MAX);
		assert_int_equal(found.damage.records, 0);
		mend(&victim, at, victim.whole.length - at);
	}
	close_victim(&victim);
}

static void a_zeroed_tail_leaves_all_before_it(void **state)
{
	struct victim victim;
	struct places places;
	unsigned char *zeros;

	open_victim(&victim, *state);
	zeros = calloc(1, victim.whole.length);
	assert_non_null(zeros);
	places = spread(victim.whole.length - SEGMENT_DATA_AT, 1);
	for (size_t i = places.at; i < places.size; i += places.step) {
		size_t at = SEGMENT_DATA_AT + i;
		struct found found;

		damage(&victim, at, zeros, victim.whole.length - at);
		found = read_victim(&victim, at, UINT64_MAX, true);
		expect_the_rest(&victim, &found, at, SIZE_MAX);
		assert_true(found.damage.records <= 1);
		mend(&victim, at, victim.whole.length - at);
	}
	free(zeros);
	close_victim(&victim);
}

/* As a drive leaves them that never wrote the new one. */
static void a_sector_of_an_older_segment_costs_what_it_covers(void **state)
{
	char elsewhere[PATH_MAX];
	struct victim victim, other;
	struct places places;

	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/other",
		       (char *)*state);
	open_victim(&other, elsewhere);
	open_victim(&victim, *state);
	places = spread(victim.whole.length - SECTOR, SECTOR);
	for (size_t i = places.at; i < places.size; i += places.step) {
		size_t at = i / SECTOR * SECTOR;
		struct found found;

		damage(&victim, at, other.whole.at + at, SECTOR);
		found = read_victim(&victim, at, UINT64_MAX, true);
		expect_the_rest(&victim, &found, at, at + SECTOR);
		expect_counted(&found, at);
		mend(&victim, at, SECTOR);
	}
	close_victim(&victim);
	close_victim(&other);
}

/* Rubbish that looks like the beginning of records as often as not. */
static void fill_with_rubbish(unsigned char *bytes, size_t length,
			      struct dice *dice)
{
	const uint32_t magic = ENTRY_MAGIC;

	for (size_t i = 0; i < length; i++)
		bytes[i] = (unsigned char)dice_next(dice);
	for (size_t i = 0; i + sizeof(magic) <= length; i += 8)
		if (dice_once_in(dice, 3))
			memcpy(bytes + i, &magic, sizeof(magic));
}

static void a_stretch_of_rubbish_costs_what_it_covers(void **state)
{
	struct dice dice = dice_seed(campaign_first_seed());
	unsigned char rubbish[4096];
	struct victim victim;

	open_victim(&victim, *state);
	for (uint64_t i = 0; i < campaign_seeds(QUICK); i++) {
		size_t length = 1 + dice_throw(&dice, sizeof(rubbish) - 1);
		size_t at = SEGMENT_DATA_AT +
			    dice_throw(&dice,
				       victim.whole.length - SEGMENT_DATA_AT);
		struct found found;

		if (at + length > victim.whole.length)
			length = victim.whole.length - at;
		fill_with_rubbish(rubbish, length, &dice);
		damage(&victim, at, rubbish, length);
		found = read_victim(&victim, at, UINT64_MAX, true);
		expect_the_rest(&victim, &found, at, at + length);
		/* What was hit at the very end cannot be told one by one. */
		if (at + length < victim.places[RECORDS])
			expect_counted(&found, at);
		mend(&victim, at, length);
	}
	close_victim(&victim);
}

/* ---- the ack log -----------------------------------------------------------
 */

#define ACKED 40u

/* The first that is given out; all behind it come, too. */
static uint64_t first_given(const char *outbox_dir, size_t at)
{
	const struct outbox_options options = { .dir = outbox_dir,
						.keep_delivered_ms = 3600000 };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	uint64_t first = 0, last = 0;
	size_t cursor = 0;

	assert_int_equal(outbox_open(&outbox, &options), 0);
	journal = outbox_next_journal(outbox, &cursor);
	assert_non_null(journal);
	while (outbox_journal_next(journal, &entry) == 1) {
		if (first == 0)
			first = entry.seq;
		else if (entry.seq != last + 1)
			fail_msg("byte %zu: %llu behind %llu", at,
				 (unsigned long long)entry.seq,
				 (unsigned long long)last);
		last = entry.seq;
		free(entry.record);
	}
	assert_int_equal(last, RECORDS);
	outbox_close(outbox);
	return first;
}

static void ack_some(const char *outbox_dir)
{
	const struct outbox_options options = { .dir = outbox_dir,
						.keep_delivered_ms = 3600000 };
	struct outbox *outbox;
	size_t cursor = 0;

	assert_int_equal(outbox_open(&outbox, &options), 0);
	for (uint64_t seq = 2; seq <= ACKED; seq += 2) {
		cursor = 0;
		assert_int_equal(
			outbox_ack(outbox_next_journal(outbox, &cursor), seq),
			0);
	}
	outbox_close(outbox);
}

static void a_flipped_bit_in_the_ack_log_costs_duplicates_only(void **state)
{
	char path[PATH_MAX];
	struct victim victim;
	struct places bits;
	struct bytes acks;

	open_victim(&victim, *state);
	ack_some(*state);
	(void)snprintf(path, sizeof(path), "%s",
		       kit_path(*state, "ack/00000001.ack"));
	acks = kit_read(path);
	bits = spread(8 * acks.length, 1);
	for (size_t bit = bits.at; bit < bits.size; bit += bits.step) {
		unsigned char kept = acks.at[bit / 8];
		uint64_t first;

		acks.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
		kit_write(path, acks.at, acks.length);
		acks.at[bit / 8] = kept;
		first = first_given(*state, bit / 8);
		if (first > ACKED + 1 || first < ACKED - 1)
			fail_msg("bit %zu: begins at %llu", bit,
				 (unsigned long long)first);
	}
	free(acks.at);
	close_victim(&victim);
}

/* ---- what older versions have left
 * -------------------------------------------
 */

/* Four calls: 1 ended, 2 left open over a roll of segments, 3 ended in the
 * second one, 4 begun there; three records are acked. */
static const struct golden {
	enum record_kind kind;
	unsigned call;
	uint32_t rev;
} golden[] = {
	{ RECORD_CALL_STARTED, 1, 1 },	  { RECORD_CALL_STARTED, 2, 1 },
	{ RECORD_CALL_EVENT, 1, 0 },	  { RECORD_CALL_ENDED, 1, 2 },
	{ RECORD_CALL_CHECKPOINT, 2, 2 }, { RECORD_CALL_STARTED, 3, 1 },
	{ RECORD_CALL_ENDED, 3, 2 },	  { RECORD_CALL_STARTED, 4, 1 },
};
#define GOLDEN	     (sizeof(golden) / sizeof(golden[0]))
#define GOLDEN_ACKED 3u

static void expect_golden(const struct journal_entry *entry)
{
	const struct golden *wanted = &golden[entry->seq - 1];
	const struct record *record = entry->record;
	char payload[64];

	(void)snprintf(payload, sizeof(payload), "{\"call\":%u,\"rev\":%u}",
		       wanted->call, wanted->rev);
	assert_int_equal(record->kind, wanted->kind);
	assert_int_equal(record->rev, wanted->rev);
	assert_int_equal(record->created_us,
			 KIT_US + (int64_t)entry->seq * 1000000);
	assert_true(kit_is_entity(record, wanted->call));
	assert_string_equal(record->payload, payload);
}

static void a_journal_of_the_first_format_is_read(void **state)
{
	const struct outbox_options options = { .dir = DATA_DIR,
						.read_only = true };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	uint64_t last = GOLDEN_ACKED;
	size_t cursor = 0;

	(void)state;
	assert_int_equal(outbox_open(&outbox, &options), 0);
	journal = outbox_next_journal(outbox, &cursor);
	assert_non_null(journal);
	assert_int_equal(outbox_journal_pending(journal),
			 GOLDEN - GOLDEN_ACKED);
	while (outbox_journal_next(journal, &entry) == 1) {
		assert_int_equal(entry.seq, ++last);
		expect_golden(&entry);
		free(entry.record);
	}
	assert_int_equal(last, GOLDEN);
	assert_int_equal(estate_count(outbox_journal_estate(journal)), 2);
	assert_int_equal(outbox_stats(outbox).damage.bytes, 0);
	outbox_close(outbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_flipped_bit_costs_the_record_it_hits),
		kit_test(a_cut_tail_leaves_all_before_it),
		kit_test(a_zeroed_tail_leaves_all_before_it),
		kit_test(a_sector_of_an_older_segment_costs_what_it_covers),
		kit_test(a_stretch_of_rubbish_costs_what_it_covers),
		kit_test(a_flipped_bit_in_the_ack_log_costs_duplicates_only),
		kit_test(a_journal_of_the_first_format_is_read),
	};

	return cmocka_run_group_tests_name("journal_flips", tests, NULL, NULL);
}
