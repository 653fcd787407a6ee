/*
 * repair.c - holdctl outbox repair: damaged journals, out of the way
 *
 * A running server passes damage over, and keeps the damaged bytes; nothing
 * needs to be repaired for it to go on. This is for people who want the rest
 * delivered from a sound journal, and the damaged one whole and in peace:
 *
 *   <outbox>/NAME            what can be read of it, and was not delivered,
 *                            becomes a journal of its own that is imported;
 *                            what it left open is open in that one
 *   <outbox>/quarantine/NAME the damaged one, as it is
 *
 * The new one's name is made of the old one's: a repair that was cut short is
 * taken up where it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "persistence/journal_cursor.h"
#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/journal_reader.h"
#include "persistence/quarantine.h"
#include "persistence/record.h"
#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/inspect.h"
#include "tools/holdctl/item.h"
#include "tools/holdctl/operate.h"
#include "tools/holdctl/owner.h"
#include "tools/holdctl/server_lock.h"
#include "tools/holdctl/staging.h"

#define GROUP_RECORDS 500u

struct repair {
	const struct request *request;
	char outbox[300];
	struct staging staging;
	size_t repaired;
};

/* What can be saved of a journal, on its way into another. */
struct salvage {
	const struct repair *repair;
	struct estate *estate;	 /* what was open before the first record */
	struct journal *journal; /* NULL: none yet, or a dry run */
	struct record *group[GROUP_RECORDS];
	size_t group_count;
	uint64_t saved;
};

static int begin_journal(struct salvage *salvage)
{
	const struct repair *repair = salvage->repair;
	const struct journal_options options = {
		.outbox_dir = repair->staging.dir,
		.role = "repair",
		.segment_bytes =
			repair->request->settings->outbox.segment_bytes,
		.open = salvage->estate,
	};

	if (salvage->journal || repair->request->dry_run)
		return 0;
	return journal_create(&salvage->journal, &options);
}

static int commit_group(struct salvage *salvage)
{
	int r = 0;

	if (salvage->journal)
		r = journal_commit(salvage->journal, salvage->group,
				   salvage->group_count);
	for (size_t i = 0; i < salvage->group_count; i++)
		free(salvage->group[i]);
	salvage->group_count = 0;
	return r;
}

/* Takes the record. */
static int save(struct salvage *salvage, struct record *record)
{
	int r = begin_journal(salvage);

	salvage->group[salvage->group_count++] = record;
	salvage->saved++;
	if (r < 0 || salvage->group_count < GROUP_RECORDS)
		return r;
	return commit_group(salvage);
}

static int salvage_entry(struct salvage *salvage,
			 const struct journal_cursor *cursor,
			 const struct journal_entry *entry)
{
	int r;

	if (!entry->snapshot &&
	    !journal_cursor_was_delivered(cursor, entry->seq))
		return save(salvage, entry->record);
	/* What is read before the first that is saved was open before it; a
	 * snapshot that comes later says nothing new. */
	r = salvage->saved == 0 && cursor->acks.settled_us == 0
		    ? estate_note(salvage->estate, entry->record)
		    : 0;
	free(entry->record);
	return r;
}

static int salvage_all(struct salvage *salvage, struct journal_cursor *cursor)
{
	struct journal_entry entry;
	size_t passed_over = 0;
	int r;

	while ((r = journal_reader_next(cursor->reader, UINT64_MAX, true,
					&entry)) != 0) {
		if (r == 1) {
			r = salvage_entry(salvage, cursor, &entry);
			if (r < 0)
				return r;
			continue;
		}
		/* A segment that cannot be read is told once. */
		if (journal_reader_passed_over(cursor->reader) == passed_over)
			return r;
		passed_over = journal_reader_passed_over(cursor->reader);
	}
	r = estate_count(salvage->estate) > 0 ? begin_journal(salvage) : 0;
	return r < 0 ? r : commit_group(salvage);
}

static int salvage_journal(struct salvage *salvage, const char *name)
{
	struct journal_cursor cursor;
	int r = estate_create(&salvage->estate);

	if (r < 0)
		return r;
	r = journal_cursor_open(&cursor, salvage->repair->outbox, name);
	if (r < 0)
		return r;
	r = salvage_all(salvage, &cursor);
	journal_cursor_close(&cursor);
	return r;
}

static void salvage_finish(struct salvage *salvage)
{
	for (size_t i = 0; i < salvage->group_count; i++)
		free(salvage->group[i]);
	journal_close(salvage->journal);
	estate_destroy(salvage->estate);
	free(salvage);
}

/* ---- one journal -----------------------------------------------------------
 */

/* Sorts where the old one did. */
static void name_repaired(const char *name, char out[STAGING_NAME_SIZE])
{
	size_t time_length = strcspn(name, "-"), length = strlen(name);

	(void)snprintf(out, STAGING_NAME_SIZE, "%.*s-repair-%s",
		       (int)(time_length < 20 ? time_length : 20), name,
		       length > 8 ? name + length - 8 : name);
}

static int move_away(const struct repair *repair, const char *name)
{
	int outbox = repair->staging.outbox_fd;
	int quarantine = disk_open_dir(outbox, QUARANTINE_DIR, true);
	int r = quarantine < 0 ? quarantine : 0;

	if (r == 0 && renameat(outbox, name, quarantine, name) < 0)
		r = -errno;
	if (r == 0)
		r = disk_sync(quarantine);
	if (r == 0)
		r = disk_sync(outbox);
	if (quarantine >= 0)
		(void)close(quarantine);
	return r;
}

static int join(const struct repair *repair, const char *name)
{
	struct operation_result result = { 0 };
	struct operate *operate = NULL;
	int status = operate_open(&operate, repair->request->settings);

	if (status == STATUS_FINE)
		status = operate_apply(
			operate,
			(struct operation){ .verb = OPERATION_IMPORT,
					    .name = name },
			&result);
	operate_close(operate);
	return status;
}

static int complain_journal(const char *name, int r)
{
	return complain(STATUS_FAILED, "%s: %s", name, strerror(-r));
}

/* The saved records join the outbox, before the damaged journal leaves it. */
static int replace(struct repair *repair, const char *name,
		   struct salvage *salvage)
{
	char built[STAGING_NAME_SIZE], repaired[STAGING_NAME_SIZE];
	int status = STATUS_FINE, r = 0;

	if (salvage->journal) {
		(void)snprintf(built, sizeof(built), "%s",
			       journal_name(salvage->journal));
		salvage->journal = journal_close(salvage->journal);
		name_repaired(name, repaired);
		r = staging_offer(&repair->staging, built, repaired);
		if (r == 0)
			status = join(repair, repaired);
	}
	if (r == 0 && status == STATUS_FINE)
		r = move_away(repair, name);
	return r < 0 ? complain_journal(name, r) : status;
}

static int repair_journal(struct repair *repair, const char *name)
{
	struct salvage *salvage = calloc(1, sizeof(*salvage));
	int status = STATUS_FINE, r;

	if (!salvage)
		return complain(STATUS_FAILED, "out of memory");
	salvage->repair = repair;
	r = salvage_journal(salvage, name);
	if (r < 0)
		status = complain_journal(name, r);
	else if (!repair->request->dry_run)
		status = replace(repair, name, salvage);
	if (status == STATUS_FINE) {
		repair->repaired++;
		printf(repair->request->json
			       ? "{\"journal\":\"%s\",\"saved\":%" PRIu64 "}\n"
			       : "%s: %" PRIu64
				 " records that were not delivered are saved\n",
		       name, salvage->saved);
	}
	salvage_finish(salvage);
	return status;
}

/* ---- the verb --------------------------------------------------------------
 */

static int repair_all(struct repair *repair)
{
	char **names;
	size_t count;
	int status = STATUS_FINE;
	int r = journal_names(repair->outbox, &names, &count);

	if (r < 0)
		return complain_unreadable(repair->request, r);
	for (size_t i = 0; status == STATUS_FINE && i < count; i++) {
		struct inspection inspection = { 0 };

		r = inspect_journal(repair->outbox, names[i], &inspection, NULL,
				    NULL);
		if (r == -EPROTONOSUPPORT || inspection.live ||
		    (r == 0 && inspection_is_sound(&inspection)))
			continue;
		status = r < 0 ? complain_journal(names[i], r)
			       : repair_journal(repair, names[i]);
	}
	journal_names_free(names, count);
	return status;
}

int outbox_repair_run(const struct request *request)
{
	const char *data_dir = request->settings->data_dir;
	struct repair repair = { .request = request,
				 .staging = { .outbox_fd = -1, .dir_fd = -1 } };
	int status, r;

	if (server_lock_is_held(data_dir))
		return complain(STATUS_FAILED,
				"a server runs on %s: it passes damage over "
				"and delivers the rest; stop it to have the "
				"journals repaired",
				data_dir);
	(void)snprintf(repair.outbox, sizeof(repair.outbox), "%s/outbox",
		       data_dir);
	r = owner_become(data_dir);
	if (r == 0 && !request->dry_run)
		r = staging_open(&repair.staging, data_dir);
	if (r < 0)
		return complain_unreadable(request, r);
	status = repair_all(&repair);
	staging_close(&repair.staging);
	if (status == STATUS_FINE && repair.repaired == 0 && !request->json)
		puts("Nothing is damaged.");
	return status;
}
