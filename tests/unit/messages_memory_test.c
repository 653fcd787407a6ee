/*
 * messages_memory_test.c - a webhook that memory runs out for is all rows or is
 * known to be none
 *
 * What was told 200 is not told again. So whichever allocation fails, those of
 * jansson included, the rows are all there, or no_memory says that they are
 * not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/record.h"
#include "server/control/webhooks/message_rows.h"
#include "server/control/webhooks/meta_messages.h"
#include "support/failing.h"
#include "support/failing_memory.h"

#define FIVE(text) text text text text text
#define DEEP	   FIVE(FIVE(FIVE("["))) FIVE(FIVE(FIVE("]")))

static struct message_rows read_rows(const char *body)
{
	struct message_rows rows = { .provider = "meta",
				     .now_us = 1,
				     .idle_ms = 900000 };

	meta_messages_read(&rows, body, strlen(body));
	return rows;
}

static void expect_same(const struct message_rows *a,
			const struct message_rows *b, uint64_t n)
{
	const struct record *left = a->first, *right = b->first;

	for (; left && right; left = left->next, right = right->next)
		if (strcmp(left->payload, right->payload) != 0)
			fail_msg("call %llu: %s", (unsigned long long)n,
				 right->payload);
	if (left || right)
		fail_msg("call %llu: %zu rows, not %zu", (unsigned long long)n,
			 b->count, a->count);
}

static void check(const char *body)
{
	struct message_rows whole = read_rows(body);
	uint64_t calls = 0;

	assert_false(whole.no_memory);
	for (uint64_t n = 1; n <= calls + 1; n++) {
		struct message_rows rows;

		failing_arm(n, 1, ENOMEM);
		rows = read_rows(body);
		calls = failing_disarm();
		if (!rows.no_memory)
			expect_same(&whole, &rows, n);
		message_rows_clear(&rows);
	}
	assert_true(calls > 50);
	message_rows_clear(&whole);
}

static void no_row_is_lost_unsaid(void **state)
{
	(void)state;
	check("{\"entry\":[{\"id\":\"W\",\"changes\":[{\"field\":\"messages\","
	      "\"value\":{\"metadata\":{\"phone_number_id\":\"P\"},\"contacts\":"
	      "[{\"wa_id\":\"1\",\"profile\":{\"name\":\"A\\u0000b\"}},"
	      "{\"wa_id\":\"2\"}],\"messages\":[{\"id\":\"m\",\"from\":\"1\","
	      "\"type\":\"text\",\"text\":{\"body\":\"hi\"}},{\"id\":\"x\"},7],"
	      "\"statuses\":[{\"id\":\"s\",\"status\":\"read\"}],\"errors\":"
	      "[{\"code\":1}],\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,"
	      "\"g\":7,\"h\":8,\"i\":9}}]}],\"more\":[1]}");
	/* Too deep: text in pieces. */
	check("{\"entry\":[" DEEP "]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_row_is_lost_unsaid),
	};

	failing_memory_install();
	return cmocka_run_group_tests_name("messages_memory", tests, NULL,
					   NULL);
}
