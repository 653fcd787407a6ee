/*
 * journal_probe.c - writes a journal on a disk that is about to fail, and reads
 * what is left of it
 *
 *   journal_probe write OUTBOX SEED COUNT   by journal_commit(), as the server
 *   journal_probe naive OUTBOX SEED COUNT   syncs the same file again after a
 *                                           failed sync, as many loggers do
 *   journal_probe read  OUTBOX SEED         what the journals of OUTBOX hold
 *
 * The writers say on standard output what they may be held to, a line at a
 * time: `durable N` when records 1 to N count as durable, `failed ERRNO` when a
 * commit did not succeed; then the same records are offered again, with more.
 * They end after COUNT records, or when nobody reads what they say. The reader
 * prints `whole N` or `changed N` for each record, and `damage RECORDS GAPS` at
 * last. What a record says follows from the seed and its number, so any byte
 * that is not its own shows.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/journal_group.h"
#include "persistence/journal_reader.h"
#include "persistence/journal_segment.h"
#include "persistence/record.h"

#define GROUP_MAX     48
#define TEXT_MAX      3000
#define SEGMENT_BYTES ((uint64_t)1 << 20) /* small: many are begun */
#define RETRY_NS      5000000

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* ---- what record n says ----------------------------------------------------
 */

static void make_id(struct uuid *id, uint64_t seed, uint64_t n)
{
	memcpy(id->bytes, &seed, 8);
	memcpy(id->bytes + 8, &n, 8);
}

static size_t make_text(char text[TEXT_MAX + 64], uint64_t seed, uint64_t n)
{
	uint64_t random = mix(seed ^ mix(n));
	size_t letters = random % TEXT_MAX;
	int at = snprintf(text, 64, "{\"n\":%llu,\"text\":\"",
			  (unsigned long long)n);

	for (size_t i = 0; i < letters; i++) {
		if (i % 8 == 0)
			random = mix(random);
		text[at++] = (char)('a' + (random >> (i % 8 * 8)) % 26);
	}
	memcpy(text + at, "\"}", 3);
	return (size_t)at + 2;
}

/* A call begins with each odd record and ends with the even one behind it. */
static struct record *make_record(uint64_t seed, uint64_t n)
{
	char text[TEXT_MAX + 64];
	struct uuid id, entity;

	make_id(&id, seed, n);
	make_id(&entity, ~seed, (n + 1) / 2);
	return record_create(n % 2 ? RECORD_CALL_STARTED : RECORD_CALL_ENDED,
			     &id, &entity, (uint32_t)(2 - n % 2), (int64_t)n,
			     text, make_text(text, seed, n));
}

static bool is_whole(const struct record *record, uint64_t seed, uint64_t n)
{
	struct record *right = make_record(seed, n);
	bool whole =
		right && uuid_equal(&right->id, &record->id) &&
		uuid_equal(&right->entity, &record->entity) &&
		right->kind == record->kind && right->rev == record->rev &&
		right->length == record->length &&
		memcmp(right->payload, record->payload, right->length) == 0;

	free(right);
	return whole;
}

/* ---- writing ---------------------------------------------------------------
 */

struct writer {
	uint64_t seed, made, count; /* records made; to be made */
	struct record *group[GROUP_MAX];
	size_t length;
	struct estate *open;
	struct journal *journal;
	/* The naive one. */
	int dir_fd;
	struct segment segment;
	bool written; /* the group is, but not synced */
	uint64_t durable;
};

/* More records behind those that wait: any number up to a full group. */
static bool fill(struct writer *w)
{
	uint64_t more = 1 + mix(w->seed + w->made) % (GROUP_MAX / 2);

	if (w->written)
		return true;
	while (more-- > 0 && w->length < GROUP_MAX && w->made < w->count) {
		w->group[w->length] = make_record(w->seed, w->made + 1);
		if (!w->group[w->length])
			return false;
		w->length++;
		w->made++;
	}
	return true;
}

static int write_naive(struct writer *w)
{
	struct group group = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->length; i++)
		r = group_add(&group, ENTRY_RECORD, w->durable + 1 + i,
			      w->group[i]);
	if (r == 0)
		r = segment_write(&w->segment, &group);
	group_free(&group);
	return r;
}

/* What was written once is only synced again. */
static int commit_naive(struct writer *w)
{
	int r = w->written ? 0 : write_naive(w);

	if (r < 0)
		return r;
	w->written = true;
	r = disk_sync_data(w->segment.fd);
	if (r < 0)
		return r;
	w->written = false;
	w->durable += w->length;
	return 0;
}

static int commit(struct writer *w)
{
	return w->journal ? journal_commit(w->journal, w->group, w->length)
			  : commit_naive(w);
}

static int begin(struct writer *w, const char *outbox)
{
	return journal_create(
		&w->journal,
		&(struct journal_options){ .outbox_dir = outbox,
					   .role = "probe",
					   .segment_bytes = SEGMENT_BYTES,
					   .open = w->open });
}

/* A journal of one segment that is never sealed. */
static int begin_naive(struct writer *w, const char *outbox)
{
	struct segment_header header = { .magic = SEGMENT_MAGIC,
					 .version = SEGMENT_VERSION,
					 .number = 1,
					 .first_seq = 1 };
	int outbox_fd = disk_open_dir(AT_FDCWD, outbox, true), naive_fd;

	if (outbox_fd < 0)
		return outbox_fd;
	make_id(&header.journal, w->seed, 0);
	naive_fd = disk_open_dir(outbox_fd, "naive", true);
	(void)close(outbox_fd);
	if (naive_fd < 0)
		return naive_fd;
	w->dir_fd = disk_open_dir(naive_fd, "pend", true);
	(void)close(naive_fd);
	if (w->dir_fd < 0)
		return w->dir_fd;
	return segment_create(&w->segment, w->dir_fd, &header, NULL);
}

/* False: nobody listens any more. */
static bool tell(const char *what, uint64_t n)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%s %llu\n", what,
			      (unsigned long long)n);

	return write(STDOUT_FILENO, line, (size_t)length) == length;
}

static bool forget_group(struct writer *w)
{
	bool ok = true;

	for (size_t i = 0; i < w->length; i++) {
		ok = estate_note(w->open, w->group[i]) == 0 && ok;
		free(w->group[i]);
	}
	w->length = 0;
	return ok;
}

static int work(struct writer *w)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };

	while (w->length > 0 || w->made < w->count) {
		int r;

		if (!fill(w))
			return 1;
		r = commit(w);
		if (r < 0) {
			if (!tell("failed", (uint64_t)-r))
				return 0;
			(void)nanosleep(&pause, NULL);
			continue;
		}
		if (!tell("durable", w->made) || !forget_group(w))
			return 0;
	}
	return 0;
}

static int run_writer(const char *outbox, uint64_t seed, uint64_t count,
		      bool naive)
{
	struct writer w = { .seed = seed,
			    .count = count,
			    .dir_fd = -1,
			    .segment = { .fd = -1 } };
	int r = estate_create(&w.open);

	if (r == 0)
		r = naive ? begin_naive(&w, outbox) : begin(&w, outbox);
	if (r < 0)
		(void)fprintf(stderr, "journal_probe: %s: %s\n", outbox,
			      strerror(-r));
	else
		r = work(&w);
	(void)forget_group(&w);
	journal_close(w.journal);
	segment_finish(&w.segment);
	if (w.dir_fd >= 0)
		(void)close(w.dir_fd);
	estate_destroy(w.open);
	return r == 0 ? 0 : 1;
}

/* ---- reading ---------------------------------------------------------------
 */

static void print_entry(const struct journal_entry *entry, uint64_t seed)
{
	uint64_t n;

	memcpy(&n, entry->record->id.bytes + 8, 8);
	(void)printf("%s %llu\n",
		     is_whole(entry->record, seed, n) ? "whole" : "changed",
		     (unsigned long long)n);
}

static int read_journal(const char *outbox, const char *name, uint64_t seed,
			struct journal_damage *sum)
{
	struct journal_reader *reader;
	struct journal_entry entry;
	struct journal_damage damage;
	char path[4096];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", outbox, name);
	r = journal_reader_open(&reader, path);
	if (r < 0)
		return r;
	while ((r = journal_reader_next(reader, UINT64_MAX, true, &entry)) !=
	       0) {
		if (r < 0) { /* told, and passed over some calls later */
			(void)printf("failed %d\n", -r);
			continue;
		}
		if (!entry.snapshot)
			print_entry(&entry, seed);
		free(entry.record);
	}
	damage = journal_reader_damage(reader);
	sum->records += damage.records;
	sum->gaps += damage.gaps;
	journal_reader_close(reader);
	return 0;
}

static int run_reader(const char *outbox, uint64_t seed)
{
	DIR *list = disk_list(AT_FDCWD, outbox);
	struct journal_damage damage = { 0 };
	struct dirent *entry;
	int r = list ? 0 : -errno;

	while (list && r == 0 && (entry = readdir(list)))
		if (entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, "lost+found") != 0)
			r = read_journal(outbox, entry->d_name, seed, &damage);
	if (list)
		(void)closedir(list);
	if (r < 0)
		(void)fprintf(stderr, "journal_probe: %s: %s\n", outbox,
			      strerror(-r));
	else
		(void)printf("damage %llu %llu\n",
			     (unsigned long long)damage.records,
			     (unsigned long long)damage.gaps);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && strcmp(argv[1], "read") == 0)
		return run_reader(argv[2], seed);
	if (argc == 5 &&
	    (strcmp(argv[1], "write") == 0 || strcmp(argv[1], "naive") == 0))
		return run_writer(argv[2], seed, strtoull(argv[4], NULL, 10),
				  argv[1][0] == 'n');
	(void)fprintf(stderr,
		      "usage: journal_probe write|naive OUTBOX SEED COUNT\n"
		      "       journal_probe read OUTBOX SEED\n");
	return 2;
}
