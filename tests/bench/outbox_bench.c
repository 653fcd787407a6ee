/*
 * outbox_bench.c - what the outbox costs beside a plain append and fdatasync
 *
 *   outbox_bench [--seconds S] [--json] [--group N] [--burst N] [--dir DIR]
 *
 * Two contests, one line of JSON each (contest.h):
 *
 *   outbox_group   journal_commit() of groups of 100 records, against the same
 *                  bytes written by hand in as many steps: into a file that was
 *                  zeroed before (the least that durability costs), and at the
 *                  end of a file that grows
 *   outbox_burst   5,000 records offered to queue and spooler as fast as they
 *                  take them, as when every call ends at once, against the same
 *                  bytes by hand in as many steps as the spooler made of them
 *
 * A record is 600 bytes of JSON, about a call's row. DIR must be on a real
 * disk: where a sync costs nothing, nothing is measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/contest.h"
#include "persistence/journal.h"
#include "persistence/journal_format.h"
#include "persistence/queue.h"
#include "persistence/record.h"
#include "persistence/spooler.h"
#include "server/board.h"
#include "server/uuid.h"

#define PAYLOAD_BYTES 600
#define GROUPS	      20u /* of one piece of work */
#define QUEUE_RECORDS 4096u
#define HAND_BYTES    ((size_t)64 << 20) /* as long as a segment */
#define SEGMENT_BYTES ((uint64_t)64 << 20)
#define STOP_MS	      5000u

/* A file that is written by hand, over and over from its beginning. */
struct by_hand {
	int fd;
	size_t at, end;
};

static struct bench {
	size_t group, burst;
	size_t steps; /* in how many the last burst was made durable */
	char payload[PAYLOAD_BYTES + 1];
	char *bytes; /* what is written by hand */
	struct journal *journal;
	struct record **records; /* one group */
	struct queue *queue;
	struct spooler *spooler;
	_Atomic size_t durable;
	struct by_hand zeroed, growing;
} bench = { .group = 100, .burst = 5000 };

static struct record *make_record(void)
{
	static uint64_t number;
	struct record *record;
	struct uuid id = { 0 };

	memcpy(id.bytes, &number, sizeof(number)); /* ids are not our theme */
	number++;
	record = record_create(RECORD_CALL_STATUS, &id, &id, 1, 1,
			       bench.payload, PAYLOAD_BYTES);
	if (!record)
		abort();
	return record;
}

/* ---- by hand ---------------------------------------------------------------
 */

static size_t write_by_hand(struct by_hand *file, size_t records, size_t steps)
{
	size_t left = records * entry_size(PAYLOAD_BYTES);

	for (; steps > 0; steps--) {
		size_t size = left / steps;

		if (file->at + size > file->end) {
			file->at = 0;
			if (file == &bench.growing)
				bench_must(ftruncate(file->fd, 0), "truncate");
		}
		if (pwrite(file->fd, bench.bytes, size, (off_t)file->at) !=
			    (ssize_t)size ||
		    fdatasync(file->fd) < 0)
			bench_must(-errno, "write by hand");
		file->at += size;
		left -= size;
	}
	return records;
}

static size_t group_zeroed(void *arg)
{
	(void)arg;
	return write_by_hand(&bench.zeroed, GROUPS * bench.group, GROUPS);
}

static size_t group_growing(void *arg)
{
	(void)arg;
	return write_by_hand(&bench.growing, GROUPS * bench.group, GROUPS);
}

static size_t burst_zeroed(void *arg)
{
	(void)arg;
	return write_by_hand(&bench.zeroed, bench.burst, bench.steps);
}

static size_t burst_growing(void *arg)
{
	(void)arg;
	return write_by_hand(&bench.growing, bench.burst, bench.steps);
}

/* ---- ours ------------------------------------------------------------------
 */

static size_t group_journal(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < GROUPS; i++)
		bench_must(journal_commit(bench.journal, bench.records,
					  bench.group),
			   "journal_commit");
	return GROUPS * bench.group;
}

static void on_durable(const struct record *record, void *arg)
{
	(void)record;
	(void)arg;
	atomic_fetch_add_explicit(&bench.durable, 1, memory_order_release);
}

static void pause_briefly(void)
{
	static const struct timespec step = { .tv_nsec = 50000 };

	(void)nanosleep(&step, NULL);
}

static int64_t commits(void)
{
	const struct board_series *series =
		board_series(METRIC_OUTBOX_COMMIT_SECONDS, "");
	const _Atomic uint64_t *buckets = board_buckets(series);
	int64_t sum = 0;

	for (int i = 0; buckets && i < BOARD_BUCKETS; i++)
		sum += (int64_t)atomic_load(&buckets[i]);
	return sum;
}

static size_t burst_spooler(void *arg)
{
	size_t until = atomic_load(&bench.durable) + bench.burst;
	int64_t before = commits();

	(void)arg;
	for (size_t i = 0; i < bench.burst; i++) {
		struct record *record = make_record();

		while (queue_push(bench.queue, record) < 0)
			pause_briefly();
	}
	while (atomic_load_explicit(&bench.durable, memory_order_acquire) <
	       until)
		pause_briefly();
	bench.steps = (size_t)(commits() - before);
	return bench.burst;
}

/* ---- set-up ----------------------------------------------------------------
 */

static void open_by_hand(struct by_hand *file, const char *dir,
			 const char *name, bool zero)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	file->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bench_must(file->fd < 0 ? -errno : 0, path);
	file->end = HAND_BYTES;
	for (size_t at = 0; zero && at < HAND_BYTES; at += HAND_BYTES / 64)
		if (pwrite(file->fd, bench.bytes, HAND_BYTES / 64, (off_t)at) <
		    0)
			bench_must(-errno, path);
	bench_must(fsync(file->fd), path);
}

/* A first segment grows while it is written; we measure how it goes on. */
static void fill_first_segment(void)
{
	while (journal_bytes(bench.journal) < SEGMENT_BYTES)
		(void)group_journal(NULL);
}

static void open_ours(const char *dir)
{
	const struct journal_options journal = {
		.outbox_dir = dir,
		.role = "bench",
		.segment_bytes = SEGMENT_BYTES,
		.ahead = true,
	};
	const struct spooler_options spooler = {
		.outbox_dir = dir,
		.role = "media",
		.segment_bytes = SEGMENT_BYTES,
		.max_bytes = (uint64_t)64 << 30,
		.durable = on_durable,
	};
	struct spooler_options options = spooler;

	bench_must(journal_create(&bench.journal, &journal), "journal");
	bench_must(queue_create(&bench.queue, QUEUE_RECORDS), "queue");
	options.queue = bench.queue;
	bench_must(spooler_start(&bench.spooler, &options), "spooler");
	for (size_t i = 0; i < bench.group; i++)
		bench.records[i] = make_record();
	fill_first_segment();
}

static void run(const struct bench_options *options)
{
	static struct contest group = {
		.name = "outbox_group",
		.contenders = { { .name = "journal",
				  .what = "journal",
				  .work = group_journal },
				{ .name = "zeroed",
				  .what = "by hand, zeroed file",
				  .work = group_zeroed },
				{ .name = "growing",
				  .what = "by hand, growing file",
				  .work = group_growing } },
		.count = 3,
	};
	static struct contest burst = {
		.name = "outbox_burst",
		.contenders = { { .name = "spooler",
				  .what = "queue and spooler",
				  .work = burst_spooler },
				{ .name = "zeroed",
				  .what = "by hand, zeroed file",
				  .work = burst_zeroed },
				{ .name = "growing",
				  .what = "by hand, growing file",
				  .work = burst_growing } },
		.count = 3,
	};

	contest_run(&group, NULL, NULL, options->seconds / 2);
	contest_report(&group, options->json);
	contest_run(&burst, NULL, NULL, options->seconds / 2);
	contest_report(&burst, options->json);
}

static void close_all(const char *dir)
{
	char command[600];

	(void)spooler_stop(bench.spooler, STOP_MS);
	queue_destroy(bench.queue);
	journal_close(bench.journal);
	for (size_t i = 0; i < bench.group; i++)
		free(bench.records[i]);
	free(bench.records);
	free(bench.bytes);
	(void)close(bench.zeroed.fd);
	(void)close(bench.growing.fd);
	(void)snprintf(command, sizeof(command), "rm -rf -- '%s'", dir);
	/* NOLINTNEXTLINE(cert-env33-c): a path that mkdtemp made */
	bench_must(system(command) == 0 ? 0 : -EIO, "rm");
}

int main(int argc, char **argv)
{
	struct bench_options options = { .seconds = 6 };
	const char *where = "/var/tmp";
	char dir[480];

	(void)argc;
	for (argv++; *argv; argv++) {
		if (bench_option(&options, &argv))
			continue;
		if (strcmp(*argv, "--group") == 0 && argv[1])
			bench.group = strtoul(*++argv, NULL, 10);
		else if (strcmp(*argv, "--burst") == 0 && argv[1])
			bench.burst = strtoul(*++argv, NULL, 10);
		else if (strcmp(*argv, "--dir") == 0 && argv[1])
			where = *++argv;
		else
			bench_must(-EINVAL, *argv);
	}
	memset(bench.payload, 'x', PAYLOAD_BYTES);
	bench.records = calloc(bench.group + 1, sizeof(struct record *));
	bench.bytes = calloc(1, HAND_BYTES);
	if (!bench.records || !bench.bytes || bench.group == 0 ||
	    bench.burst == 0)
		bench_must(-EINVAL, "group, burst");
	(void)snprintf(dir, sizeof(dir), "%s/holdline-bench-XXXXXX", where);
	bench_must(mkdtemp(dir) ? 0 : -errno, dir);
	open_by_hand(&bench.zeroed, dir, "zeroed", true);
	open_by_hand(&bench.growing, dir, "growing", false);
	open_ours(dir);
	run(&options);
	close_all(dir);
	return 0;
}
