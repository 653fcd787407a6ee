/* status.c - holdctl status: one screen that says whether all is well */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "server/clock.h"
#include "server/settings.h"
#include "tools/holdctl/client.h"
#include "tools/holdctl/holdctl.h"
#include "server/human.h"
#include "tools/holdctl/outbox_view.h"
#include "tools/holdctl/server_lock.h"

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static void print_headline(const json_t *status, size_t problems)
{
	char age[HUMAN_SIZE];

	printf("holdline %s on %s, up %s: ", string(status, "version"),
	       string(status, "node"),
	       human_age(number(status, "uptime_seconds"), age));
	if (problems == 0)
		puts("all is well");
	else
		printf("%zu %s\n", problems,
		       problems == 1 ? "problem" : "problems");
}

/* How long will it last? */
static void print_room(const json_t *outbox)
{
	const json_t *lasts = json_object_get(outbox, "lasts_seconds");
	double growth = json_number_value(
		json_object_get(outbox, "growth_bytes_per_second"));
	char bytes[HUMAN_SIZE], age[HUMAN_SIZE];

	printf("room       %s free on its disk",
	       human_bytes((uint64_t)number(outbox, "free_bytes"), bytes));
	if (json_is_integer(lasts))
		printf("; it grows by %s a minute and is full in %s\n",
		       human_bytes((uint64_t)(growth * 60), bytes),
		       human_age(json_integer_value(lasts), age));
	else
		puts("; it does not grow");
}

static void print_outbox(const json_t *outbox)
{
	char bytes[HUMAN_SIZE], max[HUMAN_SIZE], age[HUMAN_SIZE];

	printf("outbox     %" JSON_INTEGER_FORMAT " records wait",
	       number(outbox, "records"));
	if (number(outbox, "records") > 0)
		printf(", the oldest for %s",
		       human_age(number(outbox, "oldest_seconds"), age));
	if (number(outbox, "held") > 0)
		printf(", %" JSON_INTEGER_FORMAT " are held",
		       number(outbox, "held"));
	printf("; %s of %s on disk\n",
	       human_bytes((uint64_t)number(outbox, "bytes"), bytes),
	       human_bytes((uint64_t)number(outbox, "max_bytes"), max));
}

static void print_database(const json_t *database)
{
	const char *since =
		json_string_value(json_object_get(database, "since"));
	int64_t now_us = clock_wall_us(), next_us;
	char at[HUMAN_SIZE];

	printf("database   %s", string(database, "state"));
	if (since)
		printf(" since %s UTC", human_time(since, at));
	if (json_is_string(json_object_get(database, "reason")))
		printf(" (%s)", string(database, "reason"));
	printf(", breaker %s", string(database, "breaker"));
	if (clock_parse_iso(string(database, "next_try"), &next_us) == 0 &&
	    next_us > now_us)
		printf(", next try in %s",
		       human_age((next_us - now_us) / 1000000, at));
	putchar('\n');
}

/* Threads stand together by process, in the order of the board. */
static void print_processes(const json_t *threads)
{
	size_t count = json_array_size(threads);

	for (size_t i = 0; i < count; i++) {
		json_int_t pid = number(json_array_get(threads, i), "pid");
		size_t first = 0;

		while (number(json_array_get(threads, first), "pid") != pid)
			first++;
		if (first < i)
			continue; /* printed with the first of its process */
		printf("process    %" JSON_INTEGER_FORMAT ":", pid);
		for (size_t n = i; n < count; n++) {
			const json_t *thread = json_array_get(threads, n);

			if (number(thread, "pid") == pid)
				printf(" %s", string(thread, "name"));
		}
		putchar('\n');
	}
}

static int print_status(const json_t *status)
{
	const json_t *problems = json_object_get(status, "problems");
	size_t count = json_array_size(problems);

	print_headline(status, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *problem = json_array_get(problems, i);

		printf("\n! %s\n  -> %s\n", string(problem, "what"),
		       string(problem, "remedy"));
	}
	printf("\ncalls      %" JSON_INTEGER_FORMAT
	       " live of at most %" JSON_INTEGER_FORMAT "; new ones are %s\n",
	       number(status, "calls_active"), number(status, "max_calls"),
	       json_is_true(json_object_get(status, "ready")) ? "taken"
							      : "refused");
	print_outbox(json_object_get(status, "outbox"));
	print_room(json_object_get(status, "outbox"));
	print_database(json_object_get(status, "database"));
	printf("dead       %" JSON_INTEGER_FORMAT " letters\n",
	       number(status, "dead_letters"));
	print_processes(json_object_get(status, "threads"));
	return count == 0 ? STATUS_FINE : STATUS_FAILED;
}

static int print_status_json(const json_t *status)
{
	json_dumpf(status, stdout, JSON_COMPACT);
	putchar('\n');
	return json_array_size(json_object_get(status, "problems")) == 0
		       ? STATUS_FINE
		       : STATUS_FAILED;
}

/* What the files say when no server does. */
static void print_files(const struct outbox_summary *sum)
{
	char bytes[HUMAN_SIZE], age[HUMAN_SIZE];

	printf("outbox     %" PRIu64 " records wait", sum->pending);
	if (sum->oldest_us)
		printf(", the oldest for %s",
		       human_age((clock_wall_us() - sum->oldest_us) / 1000000,
				 age));
	printf("; %s on disk\n", human_bytes(sum->bytes, bytes));
	if (sum->held)
		printf("held       %" PRIu64 " records\n", sum->held);
	if (sum->dead)
		printf("dead       %" PRIu64 " letters\n", sum->dead);
	if (sum->paused)
		puts("paused     by an operator: holdctl outbox resume");
	if (sum->orphans)
		printf("calls      %" PRIu64
		       " left open by a process that died; the next start ends them as interrupted\n",
		       sum->orphans);
	if (sum->pending || sum->orphans)
		puts("\nNothing is lost: the next start delivers them "
		     "(holdline serve).");
}

static void print_offline_json(bool locked, const char *why, int error,
			       const struct outbox_summary *sum)
{
	json_t *status = json_pack("{s:b, s:b, s:s}", "reached", 0, "running",
				   locked, "error", why);

	if (error == 0)
		json_object_set_new(
			status, "outbox",
			json_pack("{s:I, s:I, s:I, s:b, s:I, s:I}", "records",
				  (json_int_t)sum->pending, "held",
				  (json_int_t)sum->held, "dead",
				  (json_int_t)sum->dead, "paused", sum->paused,
				  "bytes", (json_int_t)sum->bytes,
				  "orphaned_calls", (json_int_t)sum->orphans));
	json_dumpf(status, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(status);
}

static int report_offline(const struct request *request, const char *why)
{
	const struct settings *settings = request->settings;
	struct outbox_summary *sum = calloc(1, sizeof(*sum));
	bool locked = server_lock_is_held(settings->data_dir);
	int r = sum ? outbox_summarise(settings, sum) : -ENOMEM;

	if (request->json) {
		print_offline_json(locked, why, r, sum);
		goto end;
	}
	if (locked)
		printf("A server runs on %s but does not answer: %s\n"
		       "  -> is control.listen the server's? If so, its "
		       "control process is being started again; calls go "
		       "on.\n\n",
		       settings->data_dir, why);
	else
		printf("No server runs on %s (%s)\n\n", settings->data_dir,
		       why);
	if (r == 0)
		print_files(sum);
	else
		printf("outbox     cannot be read: %s\n", strerror(-r));
end:
	free(sum);
	return STATUS_UNREACHED;
}

int status_run(const struct request *request)
{
	json_t *status = NULL;
	char why[CLIENT_WHY_SIZE];
	int exit_status;

	switch (client_get(request->settings, "/api/status", &status, why)) {
	case CLIENT_OK: break;
	case CLIENT_UNREACHED: return report_offline(request, why);
	case CLIENT_REFUSED:
	case CLIENT_BUSY:
	case CLIENT_FAILED:
	default: return complain(STATUS_FAILED, "%s", why);
	}
	exit_status = request->json ? print_status_json(status)
				    : print_status(status);
	json_decref(status);
	return exit_status;
}
