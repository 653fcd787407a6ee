/* query_test.c - what a list is asked for is what the request says, and no more
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "server/control/api/query.h"

enum { STATE, NUMBER, PARAMETERS };

static const char *const states[] = { "live", "ended", NULL };
static const struct query_parameter parameters[PARAMETERS] = {
	[STATE] = { "state", QUERY_WORD, states },
	[NUMBER] = { "number", QUERY_TEXT, NULL },
};

/* Memory that another request had before. */
static void what_is_not_given_is_empty_in_used_memory(void **state)
{
	struct query_value values[PARAMETERS];
	struct http_request request = { .query = "number=+1\0" };
	struct http_response response = { 0 };

	(void)state;
	memset(values, 'x', sizeof(values));
	strcpy(values[STATE].text, "live");
	assert_true(query_read(&request, parameters, PARAMETERS, values,
			       &response));
	assert_false(values[STATE].given);
	assert_string_equal(values[STATE].text, "");
	assert_null(query_text(&values[STATE]));
	assert_string_equal(query_text(&values[NUMBER]), "+1");
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *query, *says;
	} rows[] = {
		{ "state=dead\0", "state" },
		{ "state=live\0state=live\0", "state: was given twice" },
		{ "number=\0", "number" },
		{ "colour=red\0", "state" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct query_value values[PARAMETERS];
		struct http_request request = { .query = rows[i].query };
		struct http_response response = { 0 };

		assert_false(query_read(&request, parameters, PARAMETERS,
					values, &response));
		assert_int_equal(response.status, 400);
		if (!strstr(response.body, rows[i].says))
			fail_msg("row %zu says %s", i, response.body);
		http_response_finish(&response);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_given_is_empty_in_used_memory),
		cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
