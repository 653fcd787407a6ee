/*
 * import_lines.c - the lines of a file become a journal of their own
 *
 * Its name is made of when its oldest record was made and of what the lines
 * say, so that the same file is known again. All bad lines are named, and one
 * is enough for nothing to be imported.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "persistence/journal.h"
#include "persistence/record.h"
#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/import.h"

#define LINE_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define GROUP_RECORDS  500u
#define COMPLAINTS_MAX 20u

struct lines {
	struct import *import;
	struct journal *journal; /* NULL in a dry run */
	struct record *group[GROUP_RECORDS];
	size_t group_count;
	uint64_t number, bad;
	int64_t oldest_us;
	XXH3_state_t *hash;
	int error; /* of the journal */
};

static void commit_group(struct lines *lines)
{
	if (lines->journal && lines->error == 0)
		lines->error = journal_commit(lines->journal, lines->group,
					      lines->group_count);
	for (size_t i = 0; i < lines->group_count; i++)
		free(lines->group[i]);
	lines->group_count = 0;
}

static void complain_line(struct lines *lines, const char *reason)
{
	if (lines->bad++ < COMPLAINTS_MAX)
		complain(0, "line %" PRIu64 ": %s", lines->number, reason);
}

static void take_record(struct lines *lines, struct record *record)
{
	(void)XXH3_128bits_update(lines->hash, &record->id, sizeof(record->id));
	(void)XXH3_128bits_update(lines->hash, &record->rev,
				  sizeof(record->rev));
	(void)XXH3_128bits_update(lines->hash, record->payload, record->length);
	if (lines->import->records == 0 ||
	    record->created_us < lines->oldest_us)
		lines->oldest_us = record->created_us;
	lines->import->records++;
	lines->group[lines->group_count++] = record;
	if (lines->group_count == GROUP_RECORDS)
		commit_group(lines);
}

static void take_line(struct lines *lines, const char *line, size_t length)
{
	const char *reason;
	struct record *record;

	lines->number++;
	while (length > 0 && strchr(" \t\r\n", line[length - 1]))
		length--;
	if (length == 0)
		return;
	if (length > LINE_MAX_BYTES) {
		complain_line(lines, "longer than 4 MiB");
		return;
	}
	record = record_from_json(line, length, &reason);
	if (!record)
		complain_line(lines, reason);
	else
		take_record(lines, record);
}

/* A journal sorts by when its oldest record was made. */
static void name_lines(const struct lines *lines, char out[STAGING_NAME_SIZE])
{
	XXH128_hash_t hash = XXH3_128bits_digest(lines->hash);
	time_t at = (time_t)(lines->oldest_us / 1000000);
	struct tm tm = { 0 };
	char when[20];

	(void)gmtime_r(&at, &tm);
	(void)strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	(void)snprintf(out, STAGING_NAME_SIZE,
		       "%s-import-%016" PRIx64 "%08" PRIx32, when,
		       (uint64_t)hash.high64, (uint32_t)hash.low64);
}

static int read_lines(struct lines *lines, FILE *in)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int status = STATUS_FINE;

	while (lines->error == 0 && (n = getline(&line, &room, in)) > 0)
		take_line(lines, line, (size_t)n);
	commit_group(lines);
	if (ferror(in))
		status = complain(STATUS_FAILED, "cannot read it: %s",
				  strerror(errno));
	else if (lines->error < 0)
		status = import_complain(lines->import, lines->error);
	else if (lines->bad)
		status = complain(STATUS_FAILED,
				  "%" PRIu64 " bad lines: nothing was imported",
				  lines->bad);
	free(line);
	return status;
}

static int offer_lines(struct lines *lines)
{
	struct import *import = lines->import;
	char name[STAGING_NAME_SIZE], journal[STAGING_NAME_SIZE];
	int r;

	name_lines(lines, name);
	(void)snprintf(journal, sizeof(journal), "%s",
		       journal_name(lines->journal));
	lines->journal = journal_close(lines->journal);
	r = staging_offer(&import->staging, journal, name);
	return r < 0 ? import_complain(import, r)
		     : import_add_name(import, name);
}

static int begin_lines(struct lines *lines)
{
	const struct journal_options options = {
		.outbox_dir = lines->import->staging.dir,
		.role = "import",
		.segment_bytes =
			lines->import->request->settings->outbox.segment_bytes,
	};
	int r;

	lines->hash = XXH3_createState();
	if (!lines->hash)
		return complain(STATUS_FAILED, "out of memory");
	(void)XXH3_128bits_reset(lines->hash);
	if (lines->import->request->dry_run)
		return STATUS_FINE;
	r = journal_create(&lines->journal, &options);
	return r < 0 ? import_complain(lines->import, r) : STATUS_FINE;
}

int import_lines(struct import *import, FILE *in)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	int status;

	if (!lines)
		return complain(STATUS_FAILED, "out of memory");
	lines->import = import;
	status = begin_lines(lines);
	if (status == STATUS_FINE)
		status = read_lines(lines, in);
	if (status == STATUS_FINE && lines->journal && import->records > 0)
		status = offer_lines(lines);
	journal_close(lines->journal);
	XXH3_freeState(lines->hash);
	free(lines);
	return status;
}
