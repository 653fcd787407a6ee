/* health_test.c - the health routes tell what stands on the board */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "server/board.h"
#include "server/control/context.h"
#include "server/control/health.h"
#include "server/settings.h"

static struct settings settings = { .media.max_calls = 10 };

static void assert_answer(http_handler *handle, int status, const char *body)
{
	struct http_request request = { .method = HTTP_GET };
	struct http_response response = { 0 };

	handle(&request, &response,
	       &(struct control_context){ .settings = &settings });
	assert_int_equal(response.status, status);
	assert_string_equal(response.type, "application/json");
	assert_string_equal(response.body, body);
	assert_int_equal(response.length, strlen(body));
	http_response_finish(&response);
}

#define NOT_READY(reason) "{\"status\":\"not_ready\",\"reason\":\"" reason "\"}"
#define BECAUSE(reason, detail)                                \
	"{\"status\":\"not_ready\",\"reason\":\"" reason "\"," \
	"\"detail\":\"" detail "\"}"
#define LOW	BOARD_ROOM_LOW
#define QUOTA	BOARD_ROOM_QUOTA
#define DISK	BOARD_ROOM_DISK
#define RESERVE BOARD_ROOM_RESERVE

static void ready_names_what_stands_in_the_way(void **state)
{
	static const struct {
		uint32_t draining, room, broken, media, loops;
		int32_t calls;
		int status;
		const char *body;
	} rows[] = {
		{ 0, 0, 0, 1, 2, 0, 200, "{\"status\":\"ready\"}" },
		{ 0, 0, 0, 1, 2, 9, 200, "{\"status\":\"ready\"}" },
		{ 0, 0, 0, 1, 2, 10, 503, NOT_READY("max_calls") },
		{ 0, 0, 0, 1, 2, 11, 503, NOT_READY("max_calls") },
		{ 0, LOW, 0, 1, 2, 0, 200, "{\"status\":\"ready\"}" },
		{ 0, QUOTA, 0, 1, 2, 0, 503,
		  BECAUSE("outbox_full", "outbox.max_bytes is reached") },
		{ 0, DISK, 0, 1, 2, 0, 503,
		  BECAUSE("outbox_full",
			  "less than outbox.min_free_disk is free, or hardly an inode") },
		{ 0, RESERVE, 0, 1, 2, 0, 503,
		  BECAUSE("outbox_full",
			  "the disk is full, the reserve is in use") },
		{ 0, 0, EIO, 1, 2, 0, 503,
		  BECAUSE("outbox_broken", "Input/output error") },
		{ 0, 0, 0, 0, 2, 0, 503, NOT_READY("media_down") },
		{ 0, 0, 0, 1, 0, 0, 503, NOT_READY("media_starting") },
		{ 1, 0, 0, 1, 2, 0, 503, NOT_READY("draining") },
		/* Several at once: the one that takes longest to go away. */
		{ 0, QUOTA, EROFS, 1, 2, 10, 503,
		  BECAUSE("outbox_broken", "Read-only file system") },
		{ 1, QUOTA, EIO, 0, 2, 10, 503, NOT_READY("draining") },
	};
	struct board_flags *flags = board_flags();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("  row %zu\n", i);
		atomic_store(&flags->draining, rows[i].draining);
		atomic_store(&flags->spoolers[1].room, rows[i].room);
		atomic_store(&flags->spoolers[1].broken, rows[i].broken);
		atomic_store(&flags->media_roles_up, rows[i].media);
		atomic_store(&flags->loops_of[0], rows[i].loops);
		atomic_store(&flags->calls_active, rows[i].calls);
		assert_answer(health_ready, rows[i].status, rows[i].body);
		assert_answer(health_live, 200, "{\"status\":\"alive\"}");
	}
}

static void db_says_exactly_what_the_contract_says(void **state)
{
	static const char degraded[] =
		"{\"status\":\"degraded\",\"detail\":\"DB unavailable\"}";
	struct board_flags *flags = board_flags();

	(void)state;
	atomic_store(&flags->db_state, BOARD_DB_UNKNOWN);
	assert_answer(health_db, 503, degraded);
	atomic_store(&flags->db_state, BOARD_DB_UP);
	assert_answer(health_db, 200, "{\"status\":\"healthy\"}");
	atomic_store(&flags->db_state, BOARD_DB_DOWN);
	assert_answer(health_db, 503, degraded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_names_what_stands_in_the_way),
		cmocka_unit_test(db_says_exactly_what_the_contract_says),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
