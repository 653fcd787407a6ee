/* diagnosis_test.c - holdctl status names what is wrong, and nothing else */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <jansson.h>

#include "server/clock.h"
#include "tools/holdctl/diagnosis.h"

#define SINCE "2026-11-23T06:00:00.000000Z"

struct situation {
	const char *name;
	const char *reason;   /* why not ready; NULL: ready */
	const char *database; /* its state, since SINCE */
	int records, oldest_seconds, dead;
	const char *problems[3]; /* words of each, in order */
};

static json_t *make_status(const struct situation *s)
{
	return json_pack("{s:b, s:s?, s:i, s:{s:i, s:i, s:i, s:s?}, "
			 "s:{s:s, s:s?}, s:i}",
			 "ready", s->reason == NULL, "reason", s->reason,
			 "max_calls", 10000, "outbox", "records", s->records,
			 "bytes", 3 * 1024 * 1024, "oldest_seconds",
			 s->oldest_seconds, "error", "Input/output error",
			 "database", "state", s->database, "since",
			 strcmp(s->database, "unknown") ? SINCE : NULL,
			 "dead_letters", s->dead);
}

static void each_situation_is_told(void **state)
{
	static const struct situation situations[] = {
		{ "all is well", NULL, "up", 0, 0, 0, { NULL } },
		{ "a few records on their way",
		  NULL,
		  "up",
		  200,
		  59,
		  0,
		  { NULL } },
		{ "an outage",
		  NULL,
		  "down",
		  482,
		  192,
		  0,
		  { "away for 3m12s: 482 records wait, the outbox takes 3.0 "
		    "MiB" } },
		{ "before the first connection",
		  NULL,
		  "unknown",
		  0,
		  0,
		  0,
		  { "not been reached yet" } },
		{ "a backlog with the database up",
		  NULL,
		  "up",
		  5,
		  60,
		  0,
		  { "5 records wait, the oldest for 1m00s" } },
		{ "dead letters",
		  NULL,
		  "up",
		  0,
		  0,
		  3,
		  { "refused 3 records" } },
		{ "full during an outage",
		  "outbox_full",
		  "down",
		  9,
		  9,
		  0,
		  { "outbox is full", "away for 3m12s" } },
		{ "a broken disk",
		  "outbox_broken",
		  "up",
		  0,
		  0,
		  0,
		  { "disk refuses the outbox (Input/output error)" } },
		{ "no media process",
		  "media_down",
		  "up",
		  0,
		  0,
		  0,
		  { "No media process" } },
		{ "at the limit of calls",
		  "max_calls",
		  "up",
		  0,
		  0,
		  0,
		  { "allows (10000)" } },
		{ "draining", "draining", "up", 0, 0, 0, { "told to stop" } },
		{ "a reason of a newer server",
		  "moonphase",
		  "up",
		  0,
		  0,
		  0,
		  { "Not ready: moonphase" } },
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
