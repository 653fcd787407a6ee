/* journal_damage_test.c - damage costs what is damaged, and it is counted */
#include "outbox_kit.h"

#include "persistence/journal_format.h"
#include "persistence/journal_reader.h"

#define BIG_SEGMENT ((uint64_t)16 << 20)
#define FIRST	    "pend/00000001.seg"
#define SECOND	    "pend/00000002.seg"
#define RECORDS	    ((uint64_t)6)

struct outcome {
	uint64_t mask; /* bit n: event n came */
	unsigned count;
	int r; /* what ended the reading */
	struct journal_damage damage;
	size_t passed_over;
};

static struct outcome read_all(const char *journal, bool finished)
{
	struct outcome outcome = { .r = 1 };
	struct journal_reader *reader;
	struct journal_entry entry;

	outcome.r = journal_reader_open(&reader, journal);
	if (outcome.r < 0)
		return outcome;
	while ((outcome.r = journal_reader_next(reader, UINT64_MAX, finished,
						&entry)) == 1) {
		assert_false(entry.snapshot);
		assert_in_range(entry.seq, 1, 63);
		assert_true(kit_is_entity(entry.record, entry.seq));
		assert_false(outcome.mask >> entry.seq & 1);
		outcome.mask |= (uint64_t)1 << entry.seq;
		outcome.count++;
		free(entry.record);
	}
	outcome.damage = journal_reader_damage(reader);
	outcome.passed_over = journal_reader_passed_over(reader);
	journal_reader_close(reader);
	return outcome;
}

/* A finished journal of events 1 .. count in dir. */
static void write_journal(const char *dir, uint64_t segment_bytes,
			  uint64_t count)
{
	struct journal *journal;

	assert_int_equal(
		journal_create(&journal,
			       &(struct journal_options){
				       .outbox_dir = dir,
				       .role = "test",
				       .segment_bytes = segment_bytes }),
		0);
	kit_commit_events(journal, 1, count);
	journal_close(journal);
}

static size_t event_size(const struct bytes *segment)
{
	const struct entry_header *first =
		(const void *)(segment->at + SEGMENT_DATA_AT + 72);

	return entry_size(first->length);
}

static void a_cut_tail_leaves_the_longest_valid_prefix(void **state)
{
	char path[PATH_MAX], journal[PATH_MAX];
	struct bytes whole;
	size_t size;

	write_journal(*state, BIG_SEGMENT, RECORDS);
	(void)snprintf(path, sizeof(path), "%s", kit_path(*state, FIRST));
	(void)snprintf(journal, sizeof(journal), "%s", kit_path(*state, ""));
	whole = kit_read(path);
	size = event_size(&whole);
	for (size_t length = whole.length; length >= SEGMENT_DATA_AT;
	     length--) {
		size_t behind = length - SEGMENT_DATA_AT;
		/* The zeros that fill an entry up may be missing. */
		unsigned fit =
			behind < 72 ? 0 : (unsigned)((behind - 72 + 7) / size);
		struct outcome outcome;

		if (truncate(path, (off_t)length) < 0)
			fail_msg("truncate: %s", strerror(errno));
		outcome = read_all(journal, true);
		assert_in_range(outcome.count, fit > 0 ? fit - 1 : 0, fit);
		assert_int_equal(outcome.mask,
				 ((uint64_t)2 << outcome.count) - 2);
		assert_int_equal(outcome.r, 0);
		assert_true(outcome.damage.records <= 1);
		/* To a reader of a live journal it is simply not there yet. */
		outcome = read_all(journal, false);
		assert_int_equal(outcome.mask,
				 ((uint64_t)2 << outcome.count) - 2);
		assert_int_equal(outcome.damage.records, 0);
	}
	free(whole.at);
}

static void a_flipped_bit_costs_at_most_one_record(void **state)
{
	char path[PATH_MAX], journal[PATH_MAX];
	struct bytes whole;
	uint64_t lost_total = 0;
	int fd;

	write_journal(*state, BIG_SEGMENT, RECORDS);
	(void)snprintf(path, sizeof(path), "%s", kit_path(*state, FIRST));
	(void)snprintf(journal, sizeof(journal), "%s", kit_path(*state, ""));
	whole = kit_read(path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t i = 0; i < whole.length; i++) {
		unsigned char flipped =
			whole.at[i] ^ (unsigned char)(1u << i % 8);
		struct outcome outcome;

		assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
		outcome = read_all(journal, true);
		if (outcome.r != 0 || outcome.count + 1 < RECORDS ||
		    outcome.count + outcome.damage.records != RECORDS)
			fail_msg("byte %zu: r=%d, %u records, %llu lost", i,
				 outcome.r, outcome.count,
				 (unsigned long long)outcome.damage.records);
		lost_total += outcome.damage.records;
		assert_int_equal(outcome.damage.gaps, 0);
		assert_int_equal(pwrite(fd, whole.at + i, 1, (off_t)i), 1);
	}
	assert_true(lost_total > RECORDS * 72); /* the test does bite */
	(void)close(fd);
	free(whole.at);
}

static void zeros_behind_the_end_are_no_damage(void **state)
{
	const char *path;
	struct outcome outcome;

	write_journal(*state, BIG_SEGMENT, RECORDS);
	path = kit_path(*state, FIRST);
	if (truncate(path, (off_t)3 << 20) < 0)
		fail_msg("truncate: %s", strerror(errno));
	outcome = read_all(kit_path(*state, ""), true);
	assert_int_equal(outcome.count, RECORDS);
	assert_int_equal(outcome.damage.records + outcome.damage.bytes, 0);
}

static void a_hole_of_zeros_is_searched_behind(void **state)
{
	char path[PATH_MAX];
	struct bytes whole;
	struct outcome outcome;
	size_t size;

	write_journal(*state, BIG_SEGMENT, RECORDS);
	(void)snprintf(path, sizeof(path), "%s", kit_path(*state, FIRST));
	whole = kit_read(path);
	size = event_size(&whole);
	memset(whole.at + SEGMENT_DATA_AT + 72 + size, 0, 2 * size);
	kit_write(path, whole.at, whole.length);
	outcome = read_all(kit_path(*state, ""), true);
	assert_int_equal(outcome.mask, 0x72); /* 1, 4, 5, 6 */
	assert_int_equal(outcome.damage.records, 2);
	assert_int_equal(outcome.damage.bytes, 2 * size);
	free(whole.at);
}

static void a_live_reader_passes_damage_when_more_is_known_durable(void **state)
{
	char path[PATH_MAX];
	struct journal_reader *reader;
	struct journal_entry entry;
	struct bytes whole;

	write_journal(*state, BIG_SEGMENT, 3);
	(void)snprintf(path, sizeof(path), "%s", kit_path(*state, FIRST));
	whole = kit_read(path);
	whole.at[SEGMENT_DATA_AT + 72 + event_size(&whole) + 20] ^= 1;
	kit_write(path, whole.at, whole.length);
	free(whole.at);
	assert_int_equal(journal_reader_open(&reader, kit_path(*state, "")), 0);
	assert_int_equal(journal_reader_next(reader, 1, false, &entry), 1);
	free(entry.record);
	assert_int_equal(journal_reader_next(reader, 1, false, &entry), 0);
	assert_int_equal(journal_reader_next(reader, 3, false, &entry), 1);
	assert_int_equal(entry.seq, 3);
	free(entry.record);
	assert_int_equal(journal_reader_damage(reader).records, 1);
	journal_reader_close(reader);
}

static void a_stale_block_of_another_segment_is_no_record(void **state)
{
	char first[PATH_MAX], second[PATH_MAX];
	struct bytes old, new;
	size_t size;
	struct outcome outcome;

	write_journal(*state, 1024, 20);
	(void)snprintf(first, sizeof(first), "%s", kit_path(*state, FIRST));
	(void)snprintf(second, sizeof(second), "%s", kit_path(*state, SECOND));
	old = kit_read(first);
	new = kit_read(second);
	size = event_size(&new);
	/* The first event of the first segment, over the second's first. */
	memcpy(new.at + SEGMENT_DATA_AT + 72, old.at + SEGMENT_DATA_AT + 72,
	       size);
	kit_write(second, new.at, new.length);
	outcome = read_all(kit_path(*state, ""), true);
	assert_int_equal(outcome.count, 19);
	assert_int_equal(outcome.damage.records, 1);
	free(old.at);
	free(new.at);
}

static void a_missing_segment_is_a_gap(void **state)
{
	struct outcome outcome;

	write_journal(*state, 1024, 30);
	assert_int_equal(unlink(kit_path(*state, SECOND)), 0);
	outcome = read_all(kit_path(*state, ""), true);
	assert_int_equal(outcome.r, 0);
	assert_true(outcome.damage.gaps > 0);
	assert_int_equal(outcome.count + outcome.damage.gaps, 30);
	assert_int_equal(outcome.damage.records, 0);
}

static void files_of_others_are_ignored(void **state)
{
	char other[PATH_MAX];
	struct bytes segment;
	struct outcome outcome;

	(void)snprintf(other, sizeof(other), "%s/other", (char *)*state);
	assert_int_equal(mkdir(other, 0700), 0);
	write_journal(other, BIG_SEGMENT, 9);
	segment = kit_read(kit_path(other, FIRST));
	write_journal(*state, BIG_SEGMENT, RECORDS);
	/* Another journal's segment, before and behind ours. */
	kit_write(kit_path(*state, "pend/00000000.seg"), segment.at,
		  segment.length);
	((struct segment_header *)(void *)segment.at)->number = 2;
	((struct segment_header *)(void *)segment.at)->crc =
		segment_header_crc((const void *)segment.at);
	kit_write(kit_path(*state, SECOND), segment.at, segment.length);
	kit_write(kit_path(*state, "pend/notes.txt"), "hello", 5);
	kit_write(kit_path(*state, "pend/00000003.seg.bak"), "hello", 5);
	outcome = read_all(kit_path(*state, ""), true);
	assert_int_equal(outcome.count, RECORDS);
	assert_int_equal(outcome.damage.records + outcome.damage.gaps, 0);
	assert_int_equal(outcome.passed_over, 1);
	free(segment.at);
}

static void a_newer_format_is_refused_and_left_alone(void **state)
{
	struct segment_header *header;
	struct bytes segment, after;
	char path[PATH_MAX];

	write_journal(*state, BIG_SEGMENT, RECORDS);
	(void)snprintf(path, sizeof(path), "%s", kit_path(*state, FIRST));
	segment = kit_read(path);
	header = (void *)segment.at;
	header->version = SEGMENT_VERSION + 1;
	header->crc = segment_header_crc(header);
	kit_write(path, segment.at, segment.length);
	assert_int_equal(read_all(kit_path(*state, ""), true).r,
			 -EPROTONOSUPPORT);
	after = kit_read(path);
	assert_int_equal(after.length, segment.length);
	assert_memory_equal(after.at, segment.at, segment.length);
	free(after.at);
	free(segment.at);
}

static void
a_segment_without_header_is_read_if_the_journal_is_known(void **state)
{
	char path[PATH_MAX];
	struct bytes segment;
	struct outcome outcome;

	write_journal(*state, 1024, 20);
	(void)snprintf(path, sizeof(path), "%s", kit_path(*state, SECOND));
	segment = kit_read(path);
	memset(segment.at, 0xff, SEGMENT_DATA_AT);
	kit_write(path, segment.at, segment.length);
	outcome = read_all(kit_path(*state, ""), true);
	assert_int_equal(outcome.count, 20);
	free(segment.at);
}

static void a_journal_of_rubbish_ends(void **state)
{
	char rubbish[5000];
	struct outcome outcome;

	write_journal(*state, BIG_SEGMENT, 1);
	memset(rubbish, 0x5a, sizeof(rubbish));
	kit_write(kit_path(*state, FIRST), rubbish, sizeof(rubbish));
	outcome = read_all(kit_path(*state, ""), true);
	assert_int_equal(outcome.r, 0);
	assert_int_equal(outcome.count, 0);
	assert_int_equal(outcome.passed_over, 1);
	assert_int_equal(outcome.damage.records, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_cut_tail_leaves_the_longest_valid_prefix),
		kit_test(a_flipped_bit_costs_at_most_one_record),
		kit_test(zeros_behind_the_end_are_no_damage),
		kit_test(a_hole_of_zeros_is_searched_behind),
		kit_test(
			a_live_reader_passes_damage_when_more_is_known_durable),
		kit_test(a_stale_block_of_another_segment_is_no_record),
		kit_test(a_missing_segment_is_a_gap),
		kit_test(files_of_others_are_ignored),
		kit_test(a_newer_format_is_refused_and_left_alone),
		kit_test(
			a_segment_without_header_is_read_if_the_journal_is_known),
		kit_test(a_journal_of_rubbish_ends),
	};

	return cmocka_run_group_tests_name("journal_damage", tests, NULL, NULL);
}
