/* event_sender_test.c - what nobody takes is bounded, and the rest is kept */
#include "outbox_kit.h"

#include <time.h>

#include "persistence/disk.h"
#include "persistence/event.h"
#include "persistence/event_list.h"
#include "persistence/event_log.h"
#include "persistence/outbox.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/control/events/event_sender.h"
#include "server/settings.h"

#define MAX_BYTES ((uint64_t)4 << 20)
#define BIG	  ((size_t)40000)
#define HOUR_MS	  ((uint64_t)3600 * 1000)
#define NOBODY	  "http://127.0.0.1:1/" /* where nobody listens */

struct world {
	char *dir;
	struct settings settings;
	struct event_log *log;
	struct event_sender *sender;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct event_log_options log = { .max_bytes = MAX_BYTES };

	w->dir = strdup("/tmp/holdline-test-XXXXXX");
	*state = w;
	if (!mkdtemp(w->dir))
		return -1;
	(void)snprintf(w->settings.events.webhook,
		       sizeof(w->settings.events.webhook), NOBODY);
	w->settings.events.max_bytes = MAX_BYTES;
	w->settings.events.max_age_ms = 3600000;
	w->settings.events.keep_ms = 3600000;
	w->settings.events.retry_max_ms = 100;
	w->settings.events.concurrency = 4;
	log.dir = w->dir;
	return event_log_open(&w->log, &log);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	event_sender_stop(w->sender, 0);
	event_log_close(w->log);
	(void)nftw(w->dir, kit_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w->dir);
	free(w);
	return 0;
}

static void start(struct world *w)
{
	const struct event_sender_options options = {
		.dir = w->dir, .secret = "a secret", .settings = &w->settings
	};

	assert_int_equal(event_sender_start(&w->sender, &options), 0);
}

/* Event number n, of about that many bytes, made so long ago. */
static void append(const struct world *w, uint64_t n, size_t bytes,
		   uint64_t age_ms)
{
	struct uuid id = kit_entity(n);
	char *text = malloc(bytes + 1);
	struct record *event;

	memset(text, 'x', bytes);
	text[bytes] = '\0';
	event = event_make(EVENT_CALL_ENDED, &id, &id,
			   clock_wall_us() - (int64_t)age_ms * 1000, "gw-1",
			   json_pack("{s:s}", "dtmf", text));
	assert_int_equal(event_log_append(w->log, &event, 1), 0);
	free(event);
	free(text);
}

static uint64_t usage(const struct world *w)
{
	int fd = disk_open_dir(AT_FDCWD, w->dir, false);
	uint64_t bytes = disk_usage(fd, ".");

	(void)close(fd);
	return bytes;
}

static int64_t dropped(const char *reason)
{
	char labels[48];

	(void)snprintf(labels, sizeof(labels), "reason=\"%s\"", reason);
	return board_get(board_series(METRIC_EVENTS_DROPPED_TOTAL, labels));
}

#define AWAIT(condition)                                               \
	do {                                                           \
		const struct timespec pause = { .tv_nsec = 10000000 }; \
		for (int i = 0; !(condition); i++) {                   \
			assert_true(i < 3000);                         \
			(void)nanosleep(&pause, NULL);                 \
		}                                                      \
	} while (0)

static void beyond_max_bytes_the_oldest_are_given_up(void **state)
{
	struct world *w = *state;
	int64_t before = dropped("bytes");
	struct event_page page;
	struct event_wish wish = { .type = EVENT_NONE };
	struct uuid last = kit_entity(399), id;

	for (uint64_t n = 0; n < 400; n++)
		append(w, n, BIG, 0);
	assert_true(usage(w) > 3 * MAX_BYTES);
	start(w);
	AWAIT(usage(w) <= MAX_BYTES);
	AWAIT(board_get(board_series(METRIC_EVENTS_BYTES, "")) <=
	      (int64_t)MAX_BYTES);
	/* What is left is the newest, and it waits. */
	assert_in_range(dropped("bytes") - before, 300, 399);
	assert_int_equal(event_list(w->dir, &wish, NULL, 1, &page), 0);
	uuid_derive(&id, &last, "call.ended");
	assert_true(uuid_equal(&page.events[0].event->id, &id));
	assert_true(page.events[0].pending);
	event_page_finish(&page);
	/* And more of them, while it runs. */
	for (uint64_t n = 400; n < 500; n++)
		append(w, n, BIG, 0);
	AWAIT(dropped("bytes") - before > 400);
	AWAIT(usage(w) <= MAX_BYTES);
}

static void what_is_too_old_is_given_up_and_the_rest_waits(void **state)
{
	struct world *w = *state;
	int64_t before = dropped("age");

	append(w, 1, 10, 2 * HOUR_MS);
	append(w, 2, 10, 2 * HOUR_MS);
	append(w, 3, 10, 0);
	start(w);
	AWAIT(dropped("age") - before == 2);
	AWAIT(board_get(board_series(METRIC_EVENTS_PENDING, "")) == 1);
}

static void a_finished_journal_goes_when_all_in_it_is_done(void **state)
{
	struct world *w = *state;
	const struct event_log_options log = { .dir = w->dir,
					       .max_bytes = MAX_BYTES };

	append(w, 1, 10, 2 * HOUR_MS); /* is given up, so it need not wait */
	event_log_close(w->log);
	assert_int_equal(event_log_open(&w->log, &log), 0);
	w->settings.events.keep_ms = 0;
	start(w);
	AWAIT(usage(w) < 65536); /* but for a lock */
	append(w, 2, 10, 0);
	AWAIT(board_get(board_series(METRIC_EVENTS_PENDING, "")) == 1);
}

#define sender_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sender_test(beyond_max_bytes_the_oldest_are_given_up),
		sender_test(what_is_too_old_is_given_up_and_the_rest_waits),
		sender_test(a_finished_journal_goes_when_all_in_it_is_done),
	};

	return cmocka_run_group_tests_name("event_sender", tests, NULL, NULL);
}
