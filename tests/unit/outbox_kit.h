/*
 * outbox_kit.h - what the tests of the outbox have in common
 *
 * A directory of their own that goes with the test, records that are told apart
 * by a number, and the bytes of a file to be damaged and mended.
 */
#ifndef TESTS_UNIT_OUTBOX_KIT_H
#define TESTS_UNIT_OUTBOX_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/journal.h"
#include "persistence/record.h"
#include "server/uuid.h"

#define KIT_US INT64_C(1795414620000000) /* 2026-11-23T06:17:00Z */

static inline int kit_setup(void **state)
{
	char *dir = strdup("/tmp/holdline-test-XXXXXX");

	*state = dir;
	return dir && mkdtemp(dir) ? 0 : -1;
}

static inline int kit_remove_one(const char *path, const struct stat *st,
				 int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int kit_teardown(void **state)
{
	(void)nftw(*state, kit_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

#define kit_test(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

/* The entity with that number; its bytes are spread as an id's are. */
static inline struct uuid kit_entity(uint64_t n)
{
	static const struct uuid zero;
	char name[24];
	struct uuid id;

	(void)snprintf(name, sizeof(name), "%llu", (unsigned long long)n);
	uuid_derive(&id, &zero, name);
	return id;
}

static inline struct record *kit_record(enum record_kind kind, uint64_t n,
					uint32_t rev)
{
	struct uuid entity = kit_entity(n), id;
	char payload[160];
	int length = snprintf(payload, sizeof(payload),
			      "{\"call_id\":\"%llu\",\"state\":\"live\","
			      "\"started_at\":\"2026-11-23T06:17:00.000000Z\","
			      "\"rev\":%u}",
			      (unsigned long long)n, rev);
	struct record *record;

	uuid_make_v7(&id);
	record = record_create(kind, &id, &entity, rev, KIT_US + (int64_t)n,
			       payload, (size_t)length);
	assert_non_null(record);
	return record;
}

/* Commits one record and frees it. */
static inline int kit_commit(struct journal *journal, struct record *record)
{
	int r = journal_commit(journal, &record, 1);

	free(record);
	return r;
}

/* Events n .. n + count - 1, each a group of its own. */
static inline void kit_commit_events(struct journal *journal, uint64_t n,
				     uint64_t count)
{
	for (uint64_t i = n; i < n + count; i++)
		assert_int_equal(
			kit_commit(journal,
				   kit_record(RECORD_CALL_EVENT, i, 0)),
			0);
}

static inline bool kit_is_entity(const struct record *record, uint64_t n)
{
	struct uuid entity = kit_entity(n);

	return uuid_equal(&record->entity, &entity);
}

/* dir/<the journal>/tail of the only journal in it. */
static inline const char *kit_path(const char *dir, const char *tail)
{
	static char path[PATH_MAX];
	DIR *list = opendir(dir);
	struct dirent *file;

	assert_non_null(list);
	path[0] = '\0';
	while ((file = readdir(list)))
		if (file->d_name[0] >= '0' && file->d_name[0] <= '9')
			(void)snprintf(path, sizeof(path), "%s/%s%s%s", dir,
				       file->d_name, *tail ? "/" : "", tail);
	(void)closedir(list);
	assert_string_not_equal(path, "");
	return path;
}

struct bytes {
	unsigned char *at;
	size_t length;
};

static inline struct bytes kit_read(const char *path)
{
	struct bytes bytes = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bytes.length = (size_t)st.st_size;
	bytes.at = malloc(bytes.length + 1);
	assert_non_null(bytes.at);
	assert_int_equal(read(fd, bytes.at, bytes.length), bytes.length);
	(void)close(fd);
	return bytes;
}

static inline void kit_write(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	(void)close(fd);
}

#endif
