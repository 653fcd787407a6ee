/* alert_message_test.c - what a receiver of an alert can rely on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "persistence/alerts.h"
#include "server/control/events/alert_message.h"

static void the_body_says_it_all(void **state)
{
	struct alert alert = {
		.firing = true,
		.count = 11,
		.window_ms = 300000,
		.since_us = 1795414320000000,
		.at_us = 1795414620123456,
		.id = "01993c5e-7a5b-7000-8000-000000000001",
		.reason = "ConnectionRefused",
	};
	char *body = alert_message_body(&alert, "media-1");

	(void)state;
	assert_string_equal(body,
			    "{\"id\":\"01993c5e-7a5b-7000-8000-000000000001\","
			    "\"event\":\"db_alert\",\"state\":\"firing\","
			    "\"count\":11,\"window_seconds\":300,"
			    "\"node_id\":\"media-1\","
			    "\"reason\":\"ConnectionRefused\","
			    "\"since\":\"2026-11-23T06:12:00.000000Z\","
			    "\"at\":\"2026-11-23T06:17:00.123456Z\"}");
	free(body);
}

static void the_end_and_a_broken_window_are_said_too(void **state)
{
	struct alert alert = { .window_ms = 1500 };
	char *body = alert_message_body(&alert, "media-1");

	(void)state;
	assert_non_null(body);
	assert_non_null(strstr(body, "\"state\":\"resolved\""));
	assert_non_null(strstr(body, "\"window_seconds\":1.5,"));
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_body_says_it_all),
		cmocka_unit_test(the_end_and_a_broken_window_are_said_too),
	};

	return cmocka_run_group_tests_name("alert_message", tests, NULL, NULL);
}
