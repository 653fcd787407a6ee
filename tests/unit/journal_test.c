/* journal_test.c - what was committed is there, whatever happens to the writer
 *
 * The disk fails where disk_set_fault() says; processes are killed for real. */
#include "outbox_kit.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/journal_format.h"
#include "persistence/journal_reader.h"
#include "server/board.h"
#include "server/clock.h"

#define BIG_SEGMENT ((uint64_t)16 << 20)

static struct journal *begin(const char *dir, uint64_t segment_bytes,
			     const struct estate *open)
{
	struct journal *journal;

	assert_int_equal(journal_create(&journal,
					&(struct journal_options){
						.outbox_dir = dir,
						.role = "test",
						.segment_bytes = segment_bytes,
						.open = open }),
			 0);
	return journal;
}

static struct journal_reader *reader_of(const char *dir)
{
	struct journal_reader *reader;

	assert_int_equal(journal_reader_open(&reader, kit_path(dir, "")), 0);
	return reader;
}

/* Reads events first .. last, no more and no less, of a finished journal; the
 * first has the number `seq`. */
static void expect_events_as(const char *dir, uint64_t first, uint64_t last,
			     uint64_t seq)
{
	struct journal_reader *reader = reader_of(dir);
	struct journal_entry entry;
	struct journal_damage damage;

	for (uint64_t n = first; n <= last; n++) {
		assert_int_equal(
			journal_reader_next(reader, UINT64_MAX, true, &entry),
			1);
		assert_int_equal(entry.seq, seq++);
		assert_true(kit_is_entity(entry.record, n));
		free(entry.record);
	}
	assert_int_equal(journal_reader_next(reader, UINT64_MAX, true, &entry),
			 0);
	damage = journal_reader_damage(reader);
	assert_int_equal(damage.records + damage.gaps, 0);
	journal_reader_close(reader);
}

static void expect_events(const char *dir, uint64_t first, uint64_t last)
{
	expect_events_as(dir, first, last, first);
}

static size_t segments(const char *dir)
{
	DIR *list = opendir(kit_path(dir, "pend"));
	struct dirent *file;
	size_t count = 0;

	assert_non_null(list);
	while ((file = readdir(list)))
		count += segment_number(file->d_name) != 0;
	(void)closedir(list);
	return count;
}

/* ---- in good times ---------------------------------------------------------
 */

static void records_come_back_as_they_went_in(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct record *in[RECORD_KIND_COUNT];
	struct journal_reader *reader;
	struct journal_entry out;

	for (unsigned kind = 1; kind < RECORD_KIND_COUNT; kind++)
		in[kind] = kit_record((enum record_kind)kind, kind, kind * 7);
	in[1]->length = 0;
	assert_int_equal(journal_commit(journal, in + 1, RECORD_KIND_COUNT - 1),
			 0);
	assert_int_equal(journal_durable_seq(journal), RECORD_KIND_COUNT - 1);
	reader = reader_of(*state);
	for (unsigned kind = 1; kind < RECORD_KIND_COUNT; kind++) {
		assert_int_equal(
			journal_reader_next(reader, UINT64_MAX, false, &out),
			1);
		assert_int_equal(out.seq, kind);
		assert_false(out.snapshot);
		assert_int_equal(out.record->kind, kind);
		assert_int_equal(out.record->rev, kind * 7);
		assert_int_equal(out.record->created_us, in[kind]->created_us);
		assert_true(uuid_equal(&out.record->id, &in[kind]->id));
		assert_true(uuid_equal(&out.record->entity, &in[kind]->entity));
		assert_int_equal(out.record->length, in[kind]->length);
		assert_memory_equal(out.record->payload, in[kind]->payload,
				    in[kind]->length);
		free(out.record);
		free(in[kind]);
	}
	assert_int_equal(journal_reader_next(reader, UINT64_MAX, false, &out),
			 0);
	journal_reader_close(reader);
	journal_close(journal);
}

static void the_longest_payload_fits(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct uuid id = kit_entity(1);
	char *payload = malloc(RECORD_PAYLOAD_MAX);

	assert_non_null(payload);
	memset(payload, 0xf5, RECORD_PAYLOAD_MAX); /* looks like a magic */
	for (uint64_t n = 1; n <= 5; n++) {
		struct uuid entity = kit_entity(n);

		assert_int_equal(
			kit_commit(journal,
				   record_create(RECORD_CALL_EVENT, &id,
						 &entity, 0, 0, payload,
						 RECORD_PAYLOAD_MAX - n)),
			0);
	}
	journal_close(journal);
	free(payload);
	expect_events(*state, 1, 5);
}

static void a_journal_is_live_until_it_is_closed(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	const struct board_journal *slot;
	char name[64];

	(void)snprintf(name, sizeof(name), "%s", journal_name(journal));
	assert_true(journal_is_live(kit_path(*state, "")));
	kit_commit_events(journal, 1, 3);
	slot = board_journal_find(name);
	assert_non_null(slot);
	assert_int_equal(atomic_load(&slot->durable_seq), 3);
	journal_close(journal);
	assert_false(journal_is_live(kit_path(*state, "")));
	assert_null(board_journal_find(name));
	assert_false(journal_is_live("/nowhere"));
}

static void a_reader_goes_no_further_than_its_limit(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct journal_reader *reader;
	struct journal_entry entry;

	kit_commit_events(journal, 1, 3);
	reader = reader_of(*state);
	for (uint64_t limit = 0; limit <= 3; limit++) {
		if (limit > 0) {
			assert_int_equal(journal_reader_next(reader, limit,
							     false, &entry),
					 1);
			assert_int_equal(entry.seq, limit);
			free(entry.record);
		}
		assert_int_equal(
			journal_reader_next(reader, limit, false, &entry), 0);
	}
	journal_reader_close(reader);
	journal_close(journal);
}

/* ---- segments and what is open ---------------------------------------------
 */

struct world {
	bool open[64];
	struct estate *estate; /* the writer's */
	struct journal *journal;
	unsigned seed;
	uint32_t rev;
};

static void live_a_little(struct world *world, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		unsigned n = (unsigned)rand_r(&world->seed) % 64;
		enum record_kind kind = world->open[n] ? RECORD_CALL_ENDED
						       : RECORD_CALL_STARTED;
		struct record *record = kit_record(kind, n, ++world->rev);

		world->open[n] = !world->open[n];
		assert_int_equal(journal_commit(world->journal, &record, 1), 0);
		assert_int_equal(estate_note(world->estate, record), 0);
		free(record);
	}
}

static void expect_world(const struct world *world, struct estate *estate)
{
	const struct record *record;
	size_t cursor = 0, open = 0;

	while ((record = estate_next(estate, &cursor)))
		for (unsigned n = 0; n < 64; n++)
			if (kit_is_entity(record, n))
				assert_true(world->open[n]);
	for (unsigned n = 0; n < 64; n++)
		open += world->open[n];
	assert_int_equal(estate_count(estate), open);
}

static struct estate *read_estate(const char *dir, uint64_t seek)
{
	struct journal_reader *reader = reader_of(dir);
	struct journal_entry entry;
	struct journal_damage damage;
	struct estate *estate;

	assert_int_equal(estate_create(&estate), 0);
	if (seek)
		assert_int_equal(journal_reader_seek(reader, seek), 0);
	while (journal_reader_next(reader, UINT64_MAX, true, &entry) == 1) {
		assert_int_equal(estate_note(estate, entry.record), 0);
		free(entry.record);
	}
	damage = journal_reader_damage(reader);
	assert_int_equal(damage.records + damage.gaps + damage.bytes, 0);
	journal_reader_close(reader);
	return estate;
}

static void remove_oldest_segment(const char *dir)
{
	char name[SEGMENT_NAME_SIZE], tail[32];

	for (uint32_t number = 1;; number++) {
		segment_name(number, name);
		(void)snprintf(tail, sizeof(tail), "pend/%s", name);
		if (unlink(kit_path(dir, tail)) == 0)
			return;
		assert_true(number < 1000);
	}
}

static void what_is_open_survives_the_removal_of_old_segments(void **state)
{
	struct world world = { .seed = 11 };
	struct estate *estate;

	assert_int_equal(estate_create(&world.estate), 0);
	world.journal = begin(*state, 4096, world.estate);
	live_a_little(&world, 400);
	journal_close(world.journal);
	assert_true(segments(*state) > 5);
	estate = read_estate(*state, UINT64_MAX);
	expect_world(&world, estate);
	estate_destroy(estate);
	for (;;) {
		estate = read_estate(*state, 0);
		expect_world(&world, estate);
		estate_destroy(estate);
		if (segments(*state) == 1)
			break;
		remove_oldest_segment(*state);
	}
	estate_destroy(world.estate);
}

static void reading_can_begin_at_any_record(void **state)
{
	struct journal *journal = begin(*state, 2048, NULL);

	kit_commit_events(journal, 1, 60);
	journal_close(journal);
	assert_true(segments(*state) > 3);
	for (uint64_t seq = 1; seq <= 61; seq++) {
		struct journal_reader *reader = reader_of(*state);
		struct journal_entry entry;
		uint64_t first = 0, last = 60;

		assert_int_equal(journal_reader_seek(reader, seq), 0);
		while (journal_reader_next(reader, UINT64_MAX, true, &entry) ==
		       1) {
			first = first ? first : entry.seq;
			last = entry.seq;
			free(entry.record);
		}
		assert_true(first <= seq);
		assert_true(seq - first < 20); /* no more than a segment */
		assert_int_equal(last, 60);
		assert_int_equal(journal_reader_last_seq(reader), 60);
		journal_reader_close(reader);
	}
}

/* ---- a disk that fails -----------------------------------------------------
 */

static const char *failing; /* the operation, */
static int failing_in;	    /* so many calls from now, */
static int failing_times;   /* that often */

static int fail_sometimes(const char *operation)
{
	if (!failing || strcmp(operation, failing) != 0 || failing_in-- > 0)
		return 0;
	if (failing_times-- <= 0)
		return 0;
	return -EIO;
}

static void break_disk(const char *operation, int in, int times)
{
	failing = operation;
	failing_in = in;
	failing_times = times;
	disk_set_fault(operation ? fail_sometimes : NULL);
}

static void
after_a_failed_sync_a_new_segment_repeats_the_last_groups(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	char first_path[PATH_MAX];
	struct stat before, after;

	kit_commit_events(journal, 1, 20);
	(void)snprintf(first_path, sizeof(first_path), "%s",
		       kit_path(*state, "pend/00000001.seg"));
	break_disk("fdatasync", 0, 1);
	kit_commit_events(journal, 21, 1);
	break_disk(NULL, 0, 0);
	assert_int_equal(segments(*state), 2);
	assert_int_equal(stat(first_path, &before), 0);
	kit_commit_events(journal, 22, 5);
	assert_int_equal(stat(first_path, &after), 0);
	/* Never touched again. */
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	journal_close(journal);
	expect_events(*state, 1, 26); /* each of them once */
	/* If the old file has lost its end, the new one has it. */
	assert_int_equal(unlink(first_path), 0);
	expect_events(*state, 13, 26);
}

/* The page cache showed the records until it was dropped; then there were
 * zeros in the middle, and what had been written after them behind. */
static void a_hole_in_the_failed_segment_is_filled_from_the_next(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct bytes old;
	const char *path;
	size_t entry;

	kit_commit_events(journal, 1, 20);
	break_disk("fdatasync", 0, 1);
	kit_commit_events(journal, 21, 2);
	break_disk(NULL, 0, 0);
	journal_close(journal);
	path = kit_path(*state, "pend/00000001.seg");
	old = kit_read(path);
	entry = entry_size(
		((const struct entry_header *)(const void *)(old.at +
							     SEGMENT_DATA_AT +
							     72))
			->length);
	/* Events 16 to 18 are gone, 19 to 21 are there. */
	memset(old.at + SEGMENT_DATA_AT + 72 + 15 * entry, 0, 3 * entry);
	kit_write(path, old.at, old.length);
	free(old.at);
	expect_events(*state, 1, 22);
}

static void any_single_failure_is_survived(void **state)
{
	static const char *const operations[] = { "pwrite", "fdatasync",
						  "fsync", "create", "pread" };
	struct journal *journal = begin(*state, 1024, NULL);
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		for (int in = 0; in < 12; in++) {
			break_disk(operations[i], in, 1);
			kit_commit_events(journal, n + 1, 6);
			n += 6;
		}
	break_disk(NULL, 0, 0);
	journal_close(journal);
	expect_events(*state, 1, n);
}

static void when_the_new_file_fails_too_nothing_counts(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);
	struct record *record = kit_record(RECORD_CALL_EVENT, 11, 0);
	int64_t errors =
		board_get(board_series(METRIC_OUTBOX_SYNC_ERRORS_TOTAL, ""));

	kit_commit_events(journal, 1, 10);
	break_disk("fdatasync", 0, 1000);
	for (int i = 0; i < 5; i++)
		assert_int_equal(journal_commit(journal, &record, 1), -EIO);
	assert_int_equal(journal_durable_seq(journal), 10);
	assert_int_equal(segments(*state), 1); /* the failed ones are gone */
	break_disk(NULL, 0, 0);
	assert_int_equal(journal_commit(journal, &record, 1), 0);
	assert_int_equal(journal_durable_seq(journal), 11);
	assert_true(board_get(board_series(METRIC_OUTBOX_SYNC_ERRORS_TOTAL,
					   "")) >= errors + 6);
	journal_close(journal);
	free(record);
	expect_events(*state, 1, 11);
}

static void
a_segment_that_is_removed_under_it_is_written_once_more(void **state)
{
	struct journal *journal = begin(*state, BIG_SEGMENT, NULL);

	kit_commit_events(journal, 1, 8);
	assert_int_equal(unlink(kit_path(*state, "pend/00000001.seg")), 0);
	kit_commit_events(journal, 9, 1);
	assert_true(journal_is_there(journal));
	journal_close(journal);
	expect_events(*state, 1, 9);
}

static void a_journal_that_is_taken_away_is_missed_and_succeeded(void **state)
{
	struct journal *lost = begin(*state, BIG_SEGMENT, NULL), *next;
	char away[PATH_MAX], path[PATH_MAX];

	kit_commit_events(lost, 1, 20);
	assert_true(journal_is_there(lost));
	(void)snprintf(path, sizeof(path), "%s", kit_path(*state, ""));
	(void)snprintf(away, sizeof(away), "%s/away", (char *)*state);
	assert_int_equal(rename(path, away), 0);
	assert_false(journal_is_there(lost));
	next = begin(*state, BIG_SEGMENT, NULL);
	assert_int_equal(journal_take_over(next, lost), 0);
	journal_close(lost);
	assert_int_equal(journal_durable_seq(next), 8);
	kit_commit_events(next, 21, 5);
	journal_close(next);
	expect_events_as(*state, 13, 25, 1);
}

static void a_journal_that_cannot_be_made_leaves_nothing(void **state)
{
	static const char *const operations[] = { "create", "pwrite", "fsync" };
	struct journal *journal;
	DIR *list;
	struct dirent *file;

	for (size_t i = 0; i < 3; i++) {
		break_disk(operations[i], 0, 1000);
		assert_int_equal(
			journal_create(&journal,
				       &(struct journal_options){
					       .outbox_dir = *state,
					       .role = "test",
					       .segment_bytes = 4096 }),
			-EIO);
		break_disk(NULL, 0, 0);
	}
	list = opendir(*state);
	assert_non_null(list);
	while ((file = readdir(list)))
		assert_true(strcmp(file->d_name, ".") == 0 ||
			    strcmp(file->d_name, "..") == 0);
	(void)closedir(list);
}

struct unreadable {
	uint64_t last, errors, records;
	size_t passed_over;
};

/* Reads a journal of 60 events; at the end of its first segment so many reads
 * fail. */
static struct unreadable read_while_reads_fail(const char *dir, int fail)
{
	struct journal *journal = begin(dir, 2048, NULL);
	struct unreadable found = { 0 };
	struct journal_reader *reader;
	struct journal_entry entry;
	int r;

	kit_commit_events(journal, 1, 60);
	journal_close(journal);
	reader = reader_of(dir);
	while ((r = journal_reader_next(reader, UINT64_MAX, true, &entry))) {
		if (r < 0) {
			assert_int_equal(r, -EIO);
			found.errors++;
			continue;
		}
		found.last = entry.seq;
		free(entry.record);
		if (found.last == 1)
			break_disk("pread", 0, fail);
	}
	break_disk(NULL, 0, 0);
	found.records = journal_reader_damage(reader).records;
	found.passed_over = journal_reader_passed_over(reader);
	journal_reader_close(reader);
	return found;
}

static void a_read_that_fails_for_a_while_costs_nothing(void **state)
{
	struct unreadable found = read_while_reads_fail(*state, 4);

	assert_true(found.errors > 0);
	assert_int_equal(found.last, 60);
	assert_int_equal(found.records + found.passed_over, 0);
}

static void a_segment_that_cannot_be_read_is_passed_over(void **state)
{
	/* The end of the first segment, and both copies of the second one's
	 * header, each as often as it is tried. */
	struct unreadable found = read_while_reads_fail(*state, 1 + 6 + 2 * 6);

	assert_int_equal(found.errors, 2 * 6);
	assert_int_equal(found.last, 60);
	assert_int_equal(found.passed_over, 2);
	assert_true(found.records > 0);
}

/* ---- a writer that is alive, and one that is killed ------------------------
 */

/* In the child: commits groups of one to four and tells how far it is. */
static void write_for_ever(const char *dir, int pipe_fd, uint64_t records)
{
	struct journal *journal = begin(dir, 8192, NULL);
	uint64_t n = 0;
	unsigned seed = (unsigned)getpid();

	while (n < records) {
		struct record *group[4];
		size_t count = 1 + (unsigned)rand_r(&seed) % 4;

		for (size_t i = 0; i < count; i++)
			group[i] = kit_record(RECORD_CALL_EVENT, n + 1 + i, 0);
		if (journal_commit(journal, group, count) != 0)
			_exit(1);
		n += count;
		if (write(pipe_fd, &n, sizeof(n)) != sizeof(n))
			_exit(1);
		for (size_t i = 0; i < count; i++)
			free(group[i]);
	}
	(void)pause();
}

static pid_t start_writer(const char *dir, int *pipe_fd, uint64_t records)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		write_for_ever(dir, ends[1], records);
		_exit(0);
	}
	(void)close(ends[1]);
	*pipe_fd = ends[0];
	return pid;
}

static void stop_writer(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void a_reader_follows_a_live_writer(void **state)
{
	const uint64_t records = 3000;
	struct journal_reader *reader;
	struct journal_entry entry;
	uint64_t n = 0, told;
	int pipe_fd;
	pid_t pid = start_writer(*state, &pipe_fd, records);

	assert_int_equal(read(pipe_fd, &told, sizeof(told)), sizeof(told));
	reader = reader_of(*state);
	while (n < records) {
		int r = journal_reader_next(reader, UINT64_MAX, false, &entry);

		assert_in_range(r, 0, 1);
		if (r == 0)
			continue; /* alive: there will be more */
		assert_int_equal(entry.seq, ++n);
		assert_true(kit_is_entity(entry.record, n));
		free(entry.record);
	}
	assert_int_equal(journal_reader_damage(reader).records +
				 journal_reader_damage(reader).gaps,
			 0);
	journal_reader_close(reader);
	stop_writer(pid);
	(void)close(pipe_fd);
}

static void what_a_killed_writer_acknowledged_is_there(void **state)
{
	unsigned seed = 3;

	for (int round = 0; round < 40; round++) {
		char dir[PATH_MAX];
		struct journal_reader *reader;
		struct journal_entry entry;
		uint64_t n = 0, told = 0, more;
		int pipe_fd;
		pid_t pid;

		(void)snprintf(dir, sizeof(dir), "%s/%d", (char *)*state,
			       round);
		assert_int_equal(mkdir(dir, 0700), 0);
		pid = start_writer(dir, &pipe_fd, UINT64_MAX);
		assert_int_equal(read(pipe_fd, &told, sizeof(told)),
				 sizeof(told));
		(void)usleep((useconds_t)rand_r(&seed) % 20000);
		stop_writer(pid);
		while (read(pipe_fd, &more, sizeof(more)) == sizeof(more))
			told = more;
		(void)close(pipe_fd);
		assert_false(journal_is_live(kit_path(dir, "")));
		reader = reader_of(dir);
		while (journal_reader_next(reader, UINT64_MAX, true, &entry) ==
		       1) {
			assert_int_equal(entry.seq, ++n);
			assert_true(kit_is_entity(entry.record, n));
			free(entry.record);
		}
		assert_true(n >= told);
		assert_int_equal(journal_reader_damage(reader).gaps, 0);
		journal_reader_close(reader);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(records_come_back_as_they_went_in),
		kit_test(the_longest_payload_fits),
		kit_test(a_journal_is_live_until_it_is_closed),
		kit_test(a_reader_goes_no_further_than_its_limit),
		kit_test(what_is_open_survives_the_removal_of_old_segments),
		kit_test(reading_can_begin_at_any_record),
		kit_test(
			after_a_failed_sync_a_new_segment_repeats_the_last_groups),
		kit_test(a_hole_in_the_failed_segment_is_filled_from_the_next),
		kit_test(any_single_failure_is_survived),
		kit_test(when_the_new_file_fails_too_nothing_counts),
		kit_test(
			a_segment_that_is_removed_under_it_is_written_once_more),
		kit_test(a_journal_that_is_taken_away_is_missed_and_succeeded),
		kit_test(a_journal_that_cannot_be_made_leaves_nothing),
		kit_test(a_read_that_fails_for_a_while_costs_nothing),
		kit_test(a_segment_that_cannot_be_read_is_passed_over),
		kit_test(a_reader_follows_a_live_writer),
		kit_test(what_a_killed_writer_acknowledged_is_there),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
