/* diagnosis_test.c - the status names what is wrong, and nothing else */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>
#include <jansson.h>

#include "server/clock.h"
#include "server/control/diagnosis.h"

#define SINCE "2026-11-23T06:00:00.000000Z"

struct situation {
	const char *name;
	const char *reason;   /* why not ready; NULL: ready */
	const char *database; /* its state, since SINCE */
	int records, oldest_seconds, dead;
	const char *problems[4]; /* words of each, in order */
	const char *db_reason, *room;
	int held, lasts_seconds; /* 0: it does not grow */
	int events, events_seconds;
	bool paused, full;
};

static json_t *make_status(const struct situation *s)
{
	json_t *lasts =
		s->lasts_seconds ? json_integer(s->lasts_seconds) : json_null();

	return json_pack(
		"{s:b, s:s?, s:i, s:{s:i, s:i, s:i, s:i, s:s?, s:b, s:b, "
		"s:s, s:i, s:o}, s:{s:s, s:s?, s:s?}, s:i, s:{s:i, s:i}}",
		"ready", s->reason == NULL, "reason", s->reason, "max_calls",
		10000, "outbox", "records", s->records, "bytes",
		3 * 1024 * 1024, "room_bytes", 512 * 1024, "oldest_seconds",
		s->oldest_seconds, "error", "Input/output error", "paused",
		s->paused, "full", s->full, "room",
		s->room ? s->room : "plenty", "held", s->held, "lasts_seconds",
		lasts, "database", "state", s->database, "since",
		strcmp(s->database, "unknown") ? SINCE : NULL, "reason",
		s->db_reason, "dead_letters", s->dead, "events", "pending",
		s->events, "oldest_seconds", s->events_seconds);
}

static void each_situation_is_told(void **state)
{
	static const struct situation situations[] = {
		{ .name = "all is well", .database = "up" },
		{ .name = "a few records on their way",
		  .database = "up",
		  .records = 200,
		  .oldest_seconds = 59 },
		{ .name = "events on their way",
		  .database = "up",
		  .events = 7,
		  .events_seconds = 599 },
		{ .name = "a receiver of events is away",
		  .database = "up",
		  .events = 340,
		  .events_seconds = 720,
		  .problems = { "events wait (340), the oldest for 12m00s" } },
		{ .name = "an outage",
		  .database = "down",
		  .records = 482,
		  .oldest_seconds = 192,
		  .problems = { "away for 3m12s, since 2026-11-23 06:00:00 UTC: "
				"482 records wait, the outbox takes 3.0 MiB, "
				"and there is room for 512.0 KiB more. " } },
		{ .name = "an outage that the disk will not outlast",
		  .database = "down",
		  .records = 482,
		  .lasts_seconds = 18000,
		  .problems = { "and there is room for 512.0 KiB more, which at "
				"this rate lasts 5h00m. " } },
		{ .name = "before the first connection",
		  .database = "unknown",
		  .problems = { "not been reached yet" } },
		{ .name = "a backlog with the database up",
		  .database = "up",
		  .records = 5,
		  .oldest_seconds = 60,
		  .problems = { "5 records wait, the oldest for 1m00s" } },
		{ .name = "dead letters",
		  .database = "up",
		  .dead = 3,
		  .problems = { "refused 3 records" } },
		{ .name = "full during an outage",
		  .reason = "outbox_full",
		  .database = "down",
		  .records = 9,
		  .oldest_seconds = 9,
		  .problems = { "outbox is full", "away for 3m12s" } },
		{ .name = "a broken disk",
		  .reason = "outbox_broken",
		  .database = "up",
		  .problems = { "disk refuses the outbox (Input/output error)" } },
		{ .name = "no media process",
		  .reason = "media_down",
		  .database = "up",
		  .problems = { "No media process" } },
		{ .name = "at the limit of calls",
		  .reason = "max_calls",
		  .database = "up",
		  .problems = { "allows (10000)" } },
		{ .name = "draining",
		  .reason = "draining",
		  .database = "up",
		  .problems = { "told to stop" } },
		{ .name = "an outage whose cause is known",
		  .database = "down",
		  .db_reason = "NeonEndpointDisabled",
		  .problems = { "UTC (NeonEndpointDisabled): 0 records" } },
		{ .name = "a missing table",
		  .database = "paused",
		  .db_reason = "UndefinedTable",
		  .records = 7,
		  .problems = { "at fault (UndefinedTable): 7 records kept" } },
		{ .name = "one of each",
		  .database = "down",
		  .records = 1,
		  .dead = 1,
		  .held = 1,
		  .problems = { ": 1 record waits, ", "refused 1 record for",
				"holds 1 record back" } },
		{ .name = "a storm of refusals",
		  .database = "paused",
		  .db_reason = "PoisonStorm",
		  .records = 70,
		  .problems = { "refuses so many" } },
		{ .name = "paused by an operator",
		  .database = "up",
		  .records = 8,
		  .oldest_seconds = 900,
		  .paused = true,
		  .problems = { "paused the drain: 8 records" } },
		{ .name = "paused during an outage",
		  .database = "down",
		  .paused = true,
		  .problems = { "has been away", "paused the drain" } },
		{ .name = "held records",
		  .database = "up",
		  .held = 2,
		  .problems = { "holds 2 records" } },
		{ .name = "full within the hour",
		  .database = "up",
		  .lasts_seconds = 3000,
		  .problems = { "full in 50m00s" } },
		{ .name = "full next week",
		  .database = "up",
		  .lasts_seconds = 600000 },
		{ .name = "little room, and it does not grow",
		  .database = "up",
		  .room = "low",
		  .problems = { "little room" } },
		{ .name = "full already",
		  .reason = "outbox_full",
		  .database = "up",
		  .room = "quota",
		  .full = true,
		  .lasts_seconds = 1,
		  .problems = { "outbox is full" } },
		{ .name = "a reason of a newer server",
		  .reason = "moonphase",
		  .database = "up",
		  .problems = { "Not ready: moonphase" } },
	};
	int64_t since_us;

	(void)state;
	assert_int_equal(clock_parse_iso(SINCE, &since_us), 0);
	for (size_t i = 0; i < sizeof(situations) / sizeof(*situations); i++) {
		const struct situation *s = &situations[i];
		struct problem problems[PROBLEMS_MAX];
		json_t *status = make_status(s);
		size_t expected = 0, count;

		print_message("  %s\n", s->name);
		assert_non_null(status);
		count = diagnose(status, since_us + 192 * 1000000LL, problems);
		while (s->problems[expected])
			expected++;
		assert_int_equal(count, expected);
		for (size_t n = 0; n < count; n++) {
			if (!strstr(problems[n].what, s->problems[n]))
				fail_msg("\"%s\" lacks \"%s\"",
					 problems[n].what, s->problems[n]);
			assert_true(strlen(problems[n].remedy) > 10);
		}
		json_decref(status);
	}
}

/* Whoever answers on that port, we survive it. */
static void strange_answers_do_no_harm(void **state)
{
	static const char *const answers[] = {
		"{}",
		"{\"outbox\":7,\"database\":[],\"reason\":{}}",
		"{\"reason\":\"outbox_broken\",\"outbox\":null}",
		"{\"database\":{\"state\":\"down\",\"since\":\"today\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct problem problems[PROBLEMS_MAX];
		json_t *status = json_loads(answers[i], 0, NULL);

		assert_non_null(status);
		assert_true(diagnose(status, 0, problems) >= 1);
		json_decref(status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_situation_is_told),
		cmocka_unit_test(strange_answers_do_no_harm),
	};

	return cmocka_run_group_tests_name("diagnosis", tests, NULL, NULL);
}
