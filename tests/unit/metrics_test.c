/* metrics_test.c - the board comes out as text that Prometheus accepts
 *
 * The board of a test is its own and begins empty, so what is put on it is all
 * that may come out. The order of the tests matters: the first one looks at the
 * empty board. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/board.h"
#include "server/control/metrics.h"

static char *render(void)
{
	size_t length = 0;
	char *text = metrics_render(&length);

	assert_non_null(text);
	assert_int_equal(strlen(text), length);
	return text;
}

static void assert_has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, line, length) == 0 && p[length] == '\n')
			return;
		if (!*p)
			break;
	}
	fail_msg("no line is: %s", line);
}

static void unlabelled_metrics_are_there_from_the_start(void **state)
{
	static const char *const lines[] = {
		"holdline_calls_active 0",
		"holdline_frames_lost_total 0",
		"holdline_loop_lag_seconds_count 0",
		"holdline_loop_lag_seconds_bucket{le=\"+Inf\"} 0",
		"holdline_outbox_records 0",
		"holdline_outbox_bytes 0",
		"holdline_outbox_oldest_seconds 0",
		"holdline_outbox_commit_seconds_sum 0",
		"holdline_dead_letters 0",
		"holdline_db_up 0",
		"holdline_db_breaker_state 0",
		"holdline_drained_total 0",
		"holdline_recording_dropped_total 0",
		/* Labelled ones have no series yet, but are announced. */
		"# TYPE holdline_calls_total counter",
		"# TYPE holdline_db_down_total counter",
		"# TYPE holdline_process_restarts_total counter",
		"# TYPE holdline_build_info gauge",
	};
	char *text = render();

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_has_line(text, lines[i]);
	assert_null(strstr(text, "holdline_calls_total{"));
	assert_null(strstr(text, "holdline_frames_late_total 0"));
	assert_null(strstr(text, "holdline_webhooks_total 0"));
	free(text);
}

static void fill_board(void)
{
	struct board_series *lag = board_series(METRIC_LOOP_LAG_SECONDS, "");

	board_set(board_series(METRIC_CALLS_ACTIVE, ""), 7);
	board_add(board_series(METRIC_CALLS_TOTAL,
			       "provider=\"twilio\",end_reason=\"stop\""),
		  41);
	board_add(board_series(METRIC_FRAMES_TOTAL, "direction=\"out\""), 2);
	/* Between the two series of its family stands one of another. */
	board_add(board_series(METRIC_CALLS_TOTAL,
			       "provider=\"twilio\",end_reason=\"hangup\""),
		  1);
	board_add(board_series(METRIC_FRAMES_TOTAL, "direction=\"in\""), 3);
	/* More than a double can count. */
	board_add(board_series(METRIC_RECORDING_BYTES_TOTAL, ""),
		  9007199254740993);
	board_observe(lag, 50); /* microseconds */
	board_observe(lag, 150);
	board_observe(lag, 150);
	board_observe(lag, 3600000000);
}

static void values_come_out_in_their_unit(void **state)
{
	static const char *const lines[] = {
		"holdline_calls_active 7",
		"holdline_calls_total{provider=\"twilio\",end_reason=\"stop\"} 41",
		"holdline_calls_total{provider=\"twilio\",end_reason=\"hangup\"} 1",
		"holdline_frames_total{direction=\"in\"} 3",
		"holdline_frames_total{direction=\"out\"} 2",
		"holdline_recording_bytes_total 9007199254740993",
		"holdline_loop_lag_seconds_bucket{le=\"0.0001\"} 1",
		"holdline_loop_lag_seconds_bucket{le=\"0.0002\"} 3",
		"holdline_loop_lag_seconds_bucket{le=\"26.2144\"} 3",
		"holdline_loop_lag_seconds_bucket{le=\"+Inf\"} 4",
		"holdline_loop_lag_seconds_sum 3600.00035",
		"holdline_loop_lag_seconds_count 4",
	};
	char *text;

	(void)state;
	fill_board();
	text = render();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_has_line(text, lines[i]);
	free(text);
}

/* The exposition format's grammar, one line at a time. */
#define NAME  "[a-zA-Z_:][a-zA-Z0-9_:]*"
#define LABEL "[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\\\]|\\\\[\\\\n\"])*\""

static const char sample_pattern[] =
	"^" NAME "(\\{" LABEL "(," LABEL ")*\\})? "
	"(-?[0-9]+(\\.[0-9]+)?(e[-+]?[0-9]+)?|[-+]?Inf|NaN)$";
static const char comment_pattern[] =
	"^# (HELP " NAME " .+|TYPE " NAME " (counter|gauge|histogram))$";

static bool matches(const char *pattern, const char *line)
{
	regex_t regex;
	int r;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	r = regexec(&regex, line, 0, NULL, 0);
	regfree(&regex);
	return r == 0;
}

static void every_line_follows_the_grammar(void **state)
{
	char *text = render(), *rest = text, *line;
	size_t samples = 0;

	(void)state;
	assert_int_equal(text[strlen(text) - 1], '\n');
	while ((line = strsep(&rest, "\n")) != NULL && *line) {
		if (!matches(line[0] == '#' ? comment_pattern : sample_pattern,
			     line))
			fail_msg("not in the grammar: %s", line);
		samples += line[0] != '#';
	}
	assert_true(samples > METRIC_COUNT / 2);
	free(text);
}

/* Does `line` begin a family ("# HELP name ...")? Its name, or NULL. */
static const char *family_begun(const char *line, char name[64])
{
	return sscanf(line, "# HELP %63s ", name) == 1 ? name : NULL;
}

static void a_family_is_one_block_and_no_series_comes_twice(void **state)
{
	char *text = render(), *rest = text, *line;
	char seen[512][160], family[64] = "", name[64];
	size_t count = 0;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL && *line) {
		char key[160];

		if (family_begun(line, name))
			strcpy(family, name);
		if (line[0] == '#')
			(void)snprintf(key, sizeof(key), "%.7s%s", line,
				       family);
		else
			(void)snprintf(key, sizeof(key), "%.*s",
				       (int)strcspn(line, " "), line);
		/* A sample stands below its own family's head. */
		if (line[0] != '#' &&
		    strncmp(line, family, strlen(family)) != 0)
			fail_msg("%s stands in the family %s", line, family);
		for (size_t i = 0; i < count; i++)
			if (strcmp(seen[i], key) == 0)
				fail_msg("comes twice: %s", key);
		assert_true(count < 512);
		strcpy(seen[count++], key);
	}
	assert_true(count > METRIC_COUNT);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unlabelled_metrics_are_there_from_the_start),
		cmocka_unit_test(values_come_out_in_their_unit),
		cmocka_unit_test(every_line_follows_the_grammar),
		cmocka_unit_test(
			a_family_is_one_block_and_no_series_comes_twice),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
