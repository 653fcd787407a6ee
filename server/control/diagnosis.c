/* diagnosis.c - from the server's numbers to "what is wrong, what to do" */
#include "server/control/diagnosis.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "server/clock.h"
#include "server/human.h"

#define STALE_S	      60 /* a record that waits longer, though the database is up */
#define SOON_S	      7200 /* full sooner than that is worth a word */

#define UNTOLD_S      600 /* an event that waits longer: the receiver is away */

#define BUFFERED_SIZE 160
#define WAITING_SIZE  40
#define COUNTED_SIZE  32

struct list {
	struct problem *problems;
	size_t count;
};

static void add(struct list *list, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct list *list, const char *remedy, const char *format, ...)
{
	struct problem *problem = &list->problems[list->count];
	va_list args;

	if (list->count == PROBLEMS_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(problem->what, sizeof(problem->what), format, args);
	va_end(args);
	problem->remedy = remedy;
	list->count++;
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* "1 record", "482 records" */
static const char *counted(long long records, char out[COUNTED_SIZE])
{
	(void)snprintf(out, COUNTED_SIZE, "%lld record%s", records,
		       records == 1 ? "" : "s");
	return out;
}

/* "1 record waits", "482 records wait" */
static const char *waiting(long long records, char out[WAITING_SIZE])
{
	char count[COUNTED_SIZE];

	(void)snprintf(out, WAITING_SIZE, "%s wait%s", counted(records, count),
		       records == 1 ? "s" : "");
	return out;
}

/* Why the server takes no new calls; the reasons are those of /health/ready. */
static void diagnose_ready(struct list *list, const json_t *status)
{
	const json_t *outbox = json_object_get(status, "outbox");
	const char *reason = string(status, "reason");

	if (!reason[0])
		return;
	if (strcmp(reason, "draining") == 0)
		add(list, "wait for its end, or start it again",
		    "The server was told to stop: it lets live calls finish "
		    "and takes no new ones.");
	else if (strcmp(reason, "media_down") == 0)
		add(list,
		    "the supervisor starts it again; [PROCESS_EXIT] and "
		    "[THREAD_CRASH] in the log say why it died",
		    "No media process is running: no calls are taken.");
	else if (strcmp(reason, "media_starting") == 0)
		add(list, "wait a moment; callers wait in the backlog",
		    "The media process is starting: no calls are taken yet.");
	else if (strcmp(reason, "outbox_broken") == 0)
		add(list,
		    "check the disk of data_dir; records wait in memory until "
		    "it can be written, so do not stop the server now",
		    "The disk refuses the outbox (%s): no new calls are taken.",
		    string(outbox, "error"));
	else if (strcmp(reason, "outbox_full") == 0)
		add(list,
		    "bring the database back, free disk space, or raise "
		    "outbox.max_bytes",
		    "The outbox is full: no new calls are taken, so that no "
		    "record of an accepted one is lost.");
	else if (strcmp(reason, "max_calls") == 0)
		add(list, "raise media.max_calls or add a node",
		    "As many calls are live as media.max_calls allows (%lld): "
		    "new ones are refused.",
		    (long long)number(status, "max_calls"));
	else
		add(list, "see the server's log", "Not ready: %s.", reason);
}

/* It answers, and the drainer waits all the same: somebody has to mend it. */
static void diagnose_set_up(struct list *list, const json_t *database,
			    long long records)
{
	const char *reason = string(database, "reason");
	char count[COUNTED_SIZE];

	counted(records, count);
	if (strcmp(reason, "PoisonStorm") == 0)
		add(list,
		    "[DB_PAUSED] in the log has an example; has a constraint "
		    "or a trigger been added? What is refused once it is mended "
		    "goes to the dead letters",
		    "The database refuses so many records that delivery waits: "
		    "%s kept. Calls go on and nothing is lost.",
		    count);
	else
		add(list,
		    "[DB_PAUSED] in the log has the details; holdctl db status "
		    "tells whether the schema is right. It goes on by itself "
		    "once it is mended; holdctl outbox kick tries at once",
		    "The database answers, but its set-up is at fault (%s): "
		    "%s kept. Calls go on and nothing is lost.",
		    reason, count);
}

/* How much is kept, and how long that can go on. */
static void describe_buffered(const json_t *outbox, char out[BUFFERED_SIZE])
{
	const json_t *lasts = json_object_get(outbox, "lasts_seconds");
	char bytes[HUMAN_SIZE], room[HUMAN_SIZE], age[HUMAN_SIZE];

	human_bytes((uint64_t)number(outbox, "bytes"), bytes);
	human_bytes((uint64_t)number(outbox, "room_bytes"), room);
	if (json_is_integer(lasts))
		(void)snprintf(out, BUFFERED_SIZE,
			       "the outbox takes %s, and there is room for %s "
			       "more, which at this rate lasts %s",
			       bytes, room,
			       human_age(json_integer_value(lasts), age));
	else
		(void)snprintf(out, BUFFERED_SIZE,
			       "the outbox takes %s, and there is room for %s "
			       "more",
			       bytes, room);
}

static void diagnose_database(struct list *list, const json_t *status,
			      int64_t now_us)
{
	static const char remedy[] =
		"holdctl db ping tells what the database says; [DB_DOWN] in "
		"the log has the reason";
	const json_t *database = json_object_get(status, "database");
	const json_t *outbox = json_object_get(status, "outbox");
	const char *state = string(database, "state");
	const char *since = string(database, "since");
	const char *reason = string(database, "reason");
	char records[WAITING_SIZE];
	char buffered[BUFFERED_SIZE], age[HUMAN_SIZE], at[HUMAN_SIZE];
	int64_t since_us;

	if (strcmp(state, "up") == 0)
		return;
	if (strcmp(state, "paused") == 0) {
		diagnose_set_up(list, database, number(outbox, "records"));
		return;
	}
	waiting(number(outbox, "records"), records);
	describe_buffered(outbox, buffered);
	if (clock_parse_iso(since, &since_us) < 0) {
		add(list, remedy,
		    "The database has not been reached yet: %s, "
		    "%s. Calls go on and nothing is lost.",
		    records, buffered);
		return;
	}
	add(list, remedy,
	    "The database has been away for %s, since %s UTC%s%s%s: %s, %s. "
	    "Calls go on and nothing is lost.",
	    human_age((now_us - since_us) / 1000000, age),
	    human_time(since, at), *reason ? " (" : "", reason,
	    *reason ? ")" : "", records, buffered);
}

static void diagnose_backlog(struct list *list, const json_t *status)
{
	const json_t *database = json_object_get(status, "database");
	const json_t *outbox = json_object_get(status, "outbox");
	json_int_t oldest = number(outbox, "oldest_seconds");
	char age[HUMAN_SIZE], records[WAITING_SIZE];

	waiting(number(outbox, "records"), records);
	if (json_is_true(json_object_get(outbox, "paused"))) {
		add(list,
		    "holdctl outbox resume, when whoever paused it agrees "
		    "(outbox/operations.log says who)",
		    "An operator has paused the drain: %s.", records);
		return;
	}
	if (oldest >= STALE_S && strcmp(string(database, "state"), "up") == 0)
		add(list,
		    "after an outage it shrinks by itself; if it grows, look "
		    "for [DB_PAUSED] in the log",
		    "The database is up, but %s, the oldest for %s.", records,
		    human_age(oldest, age));
}

/* Before it is too late: how long will it last at this rate? */
static void diagnose_room(struct list *list, const json_t *status)
{
	static const char remedy[] =
		"bring the database back, free disk space, or raise "
		"outbox.max_bytes; at the bound new calls are refused";
	const json_t *outbox = json_object_get(status, "outbox");
	const json_t *lasts = json_object_get(outbox, "lasts_seconds");
	json_int_t seconds = json_integer_value(lasts);
	bool soon = json_is_integer(lasts) && seconds < SOON_S;
	char age[HUMAN_SIZE];

	if (json_is_true(json_object_get(outbox, "full")) ||
	    (!soon && strcmp(string(outbox, "room"), "low") != 0))
		return;
	if (json_is_integer(lasts))
		add(list, remedy,
		    "The outbox is filling up: at this rate it is full in %s.",
		    human_age(seconds, age));
	else
		add(list, remedy,
		    "The outbox has little room left: checkpoints of live "
		    "calls are thinned out.");
}

static void diagnose_shelves(struct list *list, const json_t *status)
{
	const json_t *outbox = json_object_get(status, "outbox");
	json_int_t dead = number(status, "dead_letters");
	json_int_t held = number(outbox, "held");
	char count[COUNTED_SIZE];

	if (dead > 0)
		add(list,
		    "holdctl dead list tells why; once that is mended, holdctl "
		    "dead retry --all delivers them",
		    "The database refused %s for good.", counted(dead, count));
	if (held > 0)
		add(list,
		    "holdctl outbox list --state held; holdctl outbox release "
		    "--all delivers them",
		    "An operator holds %s back.", counted(held, count));
}

static void diagnose_events(struct list *list, const json_t *status)
{
	const json_t *events = json_object_get(status, "events");
	json_int_t oldest = number(events, "oldest_seconds");
	char age[HUMAN_SIZE];

	if (oldest >= UNTOLD_S)
		add(list,
		    "[EVENT_WEBHOOK] in the log says why; nothing else waits "
		    "for it",
		    "events.webhook does not take what it is told: events "
		    "wait (%lld), the oldest for %s.",
		    (long long)number(events, "pending"),
		    human_age(oldest, age));
}

size_t diagnose(const json_t *status, int64_t now_wall_us,
		struct problem out[PROBLEMS_MAX])
{
	struct list list = { .problems = out };

	diagnose_ready(&list, status);
	diagnose_database(&list, status, now_wall_us);
	diagnose_backlog(&list, status);
	diagnose_room(&list, status);
	diagnose_shelves(&list, status);
	diagnose_events(&list, status);
	return list.count;
}
