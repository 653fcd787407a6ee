/* verify.c - holdctl outbox verify: is every record still what was written? */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "persistence/journal_cursor.h"
#include "server/settings.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/inspect.h"
#include "tools/holdctl/item.h"
#include "tools/holdctl/outbox_view.h"

struct verdict {
	bool json;
	const char *shelf; /* "" for the journals themselves */
	uint64_t journals, records, lost, places;
	bool unreadable;
};

static void show_place(void *arg, const char *journal, uint32_t segment,
		       uint64_t offset, uint64_t bytes)
{
	const struct verdict *verdict = arg;

	if (verdict->json)
		printf("{\"journal\":\"%s%s\",\"segment\":%" PRIu32
		       ",\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
		       verdict->shelf, journal, segment, offset, bytes);
	else
		printf("%s%s: segment %" PRIu32 ": %" PRIu64
		       " damaged bytes at %" PRIu64 "\n",
		       verdict->shelf, journal, segment, bytes, offset);
}

static void verify_one(struct verdict *verdict, const char *dir,
		       const char *name)
{
	struct inspection inspection = { 0 };
	int r = inspect_journal(dir, name, &inspection, show_place, verdict);

	if (r == -ENOENT)
		return; /* swept just now */
	verdict->journals++;
	verdict->records += inspection.records;
	verdict->lost += inspection.lost;
	verdict->places += inspection.places;
	if (r == 0)
		r = inspection.error;
	if (r < 0) {
		verdict->unreadable = true;
		complain(0, "%s%s: %s", verdict->shelf, name,
			 r == -EPROTONOSUPPORT ? "written by a newer version"
					       : strerror(-r));
	}
	if (inspection.lost && !verdict->json)
		printf("%s%s: %" PRIu64 " records lost, %" PRIu64
		       " can be read\n",
		       verdict->shelf, name, inspection.lost,
		       inspection.records);
}

static int verify_all(struct verdict *verdict, const char *dir)
{
	char **names;
	size_t count;
	int r = journal_names(dir, &names, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		verify_one(verdict, dir, names[i]);
	journal_names_free(names, count);
	return 0;
}

static int report(const struct verdict *verdict)
{
	bool sound = verdict->lost == 0 && verdict->places == 0 &&
		     !verdict->unreadable;

	if (verdict->json)
		printf("{\"journals\":%" PRIu64 ",\"records\":%" PRIu64
		       ",\"lost\":%" PRIu64 ",\"damaged_places\":%" PRIu64
		       ",\"sound\":%s}\n",
		       verdict->journals, verdict->records, verdict->lost,
		       verdict->places, sound ? "true" : "false");
	else if (sound)
		printf("%" PRIu64 " records in %" PRIu64
		       " journals: all of them sound.\n",
		       verdict->records, verdict->journals);
	else
		printf("%" PRIu64 " records in %" PRIu64
		       " journals can be read, %" PRIu64 " are lost; %" PRIu64
		       " damaged places.\n",
		       verdict->records, verdict->journals, verdict->lost,
		       verdict->places);
	return sound ? STATUS_FINE : STATUS_FAILED;
}

int outbox_verify_run(const struct request *request)
{
	static const char *const shelves[] = { "", "held/", "dropped/",
					       "dead/" };
	struct verdict verdict = { .json = request->json };
	char dir[320];

	for (size_t i = 0; i < sizeof(shelves) / sizeof(shelves[0]); i++) {
		int r;

		(void)snprintf(dir, sizeof(dir), "%s/outbox/%s",
			       request->settings->data_dir, shelves[i]);
		verdict.shelf = shelves[i];
		r = verify_all(&verdict, dir);
		if (r < 0 && !(r == -ENOENT && i > 0))
			return complain_unreadable(request, r);
	}
	return report(&verdict);
}
