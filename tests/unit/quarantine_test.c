/* quarantine_test.c - damage costs its record alone, and its bytes are kept */
#include "outbox_kit.h"

#include "persistence/outbox.h"
#include "persistence/quarantine.h"
#include "server/board.h"

static struct journal *begin(const char *dir)
{
	struct journal *journal;

	assert_int_equal(
		journal_create(&journal,
			       &(struct journal_options){
				       .outbox_dir = dir,
				       .role = "test",
				       .segment_bytes = (uint64_t)16 << 20 }),
		0);
	return journal;
}

static const char *quarantine_path(const char *dir)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/" QUARANTINE_DIR, dir);
	return path;
}

/* How many files there are; the path of one of them. */
static size_t files(const char *dir, char path[PATH_MAX])
{
	DIR *list = opendir(quarantine_path(dir));
	struct dirent *file;
	size_t count = 0;

	while (list && (file = readdir(list))) {
		if (file->d_name[0] == '.')
			continue;
		(void)snprintf(path, PATH_MAX, "%s/%s", quarantine_path(dir),
			       file->d_name);
		count++;
	}
	if (list)
		(void)closedir(list);
	return count;
}

/* The events that are read, of 1 to `last`; the others must be in `lost`. */
static void drain(const char *dir, bool read_only, uint64_t last, uint64_t lost)
{
	const struct outbox_options options = { .dir = dir,
						.read_only = read_only };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	size_t cursor = 0;
	uint64_t n = 0;

	assert_int_equal(outbox_open(&outbox, &options), 0);
	journal = outbox_next_journal(outbox, &cursor);
	assert_non_null(journal);
	while (outbox_journal_next(journal, &entry) == 1) {
		n++;
		if (n == lost)
			n++;
		assert_true(kit_is_entity(entry.record, n));
		free(entry.record);
	}
	assert_int_equal(n, last);
	outbox_close(outbox);
}

static int64_t metric(enum board_metric which)
{
	return board_get(board_series(which, ""));
}

static void what_is_damaged_is_kept_as_it_is_and_counted(void **state)
{
	struct journal *journal = begin(*state);
	char path[PATH_MAX];
	struct bytes segment, kept;
	int64_t records = metric(METRIC_OUTBOX_CORRUPT_RECORDS_TOTAL);
	int64_t bytes = metric(METRIC_OUTBOX_CORRUPT_BYTES_TOTAL);
	size_t at = 4096, size;

	kit_commit_events(journal, 1, 20);
	journal_close(journal);
	segment = kit_read(kit_path(*state, "pend/00000001.seg"));
	/* Past the snapshot's end and ten records, whose lengths are alike. */
	size = (segment.length - at) / 20;
	at += 10 * size;
	segment.at[at + 20] ^= 0x40;
	kit_write(kit_path(*state, "pend/00000001.seg"), segment.at,
		  segment.length);

	/* Those who only look change nothing. */
	drain(*state, true, 20, 10);
	assert_int_equal(files(*state, path), 0);
	for (int i = 0; i < 2; i++) { /* a restart finds it once more */
		drain(*state, false, 20, 10);
		assert_int_equal(files(*state, path), 1);
	}
	kept = kit_read(path);
	assert_in_range(kept.length, 72, 400);
	assert_non_null(
		memmem(segment.at, segment.length, kept.at, kept.length));
	assert_int_equal(metric(METRIC_OUTBOX_CORRUPT_RECORDS_TOTAL) - records,
			 2);
	assert_int_equal(metric(METRIC_OUTBOX_CORRUPT_BYTES_TOTAL) - bytes,
			 2 * (int64_t)kept.length);
	free(kept.at);
	free(segment.at);
}

static void it_is_bounded_in_number_and_size(void **state)
{
	struct journal *journal = begin(*state);
	const char *name = strrchr(kit_path(*state, ""), '/') + 1;
	char kept_name[80], path[PATH_MAX];
	struct stat st;

	(void)snprintf(kept_name, sizeof(kept_name), "%s", name);
	kit_commit_events(journal, 1, 1);
	journal_close(journal);
	assert_int_equal(truncate(kit_path(*state, "pend/00000001.seg"),
				  (off_t)(3 * QUARANTINE_BYTES_MAX)),
			 0);
	assert_int_equal(quarantine_save(*state, kept_name, 1, 8,
					 3 * QUARANTINE_BYTES_MAX),
			 1);
	assert_int_equal(files(*state, path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, QUARANTINE_BYTES_MAX);
	for (uint64_t i = 2; i <= QUARANTINE_FILES_MAX; i++)
		assert_int_equal(quarantine_save(*state, kept_name, 1, i * 8,
						 i * 8 + 100),
				 1);
	assert_int_equal(quarantine_save(*state, kept_name, 1, 4096, 4200),
			 -EDQUOT);
	/* One that is there is there. */
	assert_int_equal(quarantine_save(*state, kept_name, 1, 16, 116), 0);
	assert_int_equal(files(*state, path), QUARANTINE_FILES_MAX);
}

static void what_is_gone_cannot_be_kept(void **state)
{
	char path[PATH_MAX];

	assert_int_equal(quarantine_save(*state, "nobody", 1, 0, 8), -ENOENT);
	assert_int_equal(files(*state, path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(what_is_damaged_is_kept_as_it_is_and_counted),
		kit_test(it_is_bounded_in_number_and_size),
		kit_test(what_is_gone_cannot_be_kept),
	};

	return cmocka_run_group_tests_name("quarantine", tests, NULL, NULL);
}
