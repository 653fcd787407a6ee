/* webhook_inbox_test.c - a webhook is told 200 by the disk, and 503 by the
 * clock */
#include "outbox_kit.h"

#include <ev.h>

#include "server/board.h"
#include "server/clock.h"
#include "server/control/http/http_later.h"
#include "server/control/webhooks/message_rows.h"
#include "server/control/webhooks/webhook_inbox.h"
#include "server/settings.h"

#define PATIENCE_S 30.0

struct fixture {
	struct settings *settings;
	struct ev_loop *loop;
	struct http_mailbox *mailbox;
	struct http_request request;
};

static struct http_later *arrived; /* the last answer that came */

static void on_arrived(void *waiter)
{
	arrived = waiter;
}

static void set_up(struct fixture *f, const char *dir)
{
	arrived = NULL;
	*f = (struct fixture){ .loop = ev_loop_new(EVBACKEND_EPOLL) };
	f->settings = calloc(1, sizeof(*f->settings));
	assert_non_null(f->loop);
	assert_non_null(f->settings);
	(void)snprintf(f->settings->data_dir, sizeof(f->settings->data_dir),
		       "%s", dir);
	f->settings->media.processes = 1;
	f->settings->outbox.segment_bytes = (uint64_t)256 << 10;
	f->settings->outbox.max_bytes = (uint64_t)64 << 20;
	f->settings->outbox.low_water = 80;
	assert_int_equal(http_mailbox_create(&f->mailbox, f->loop, on_arrived),
			 0);
	f->request = (struct http_request){ .mailbox = f->mailbox };
}

static void tear_down(struct fixture *f)
{
	http_mailbox_destroy(f->mailbox);
	ev_loop_destroy(f->loop);
	free(f->settings);
}

static struct http_later *take(struct fixture *f, struct webhook_inbox *inbox,
			       uint64_t number)
{
	struct record *record = kit_record(RECORD_CALL_STATUS, number, 0);
	struct http_response response = { 0 };
	struct http_later *later;

	record->id = record->entity; /* what is said again has the same id */
	webhook_inbox_take(inbox, &f->request, &response, record,
			   &inbox_nothing);
	later = response.later;
	if (later)
		http_later_expect(later, later);
	else
		assert_int_equal(response.status, 503);
	http_response_finish(&response);
	return later;
}

static void on_too_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
	fail_msg("no answer");
}

/* The status of the answer, once it has come. */
static int answer_to(struct fixture *f, struct http_later *later)
{
	struct http_response response = { 0 };
	ev_timer patience;
	int status;

	ev_timer_init(&patience, on_too_late, PATIENCE_S, 0);
	ev_timer_start(f->loop, &patience);
	while (!http_later_take(later, &response))
		ev_run(f->loop, EVRUN_ONCE);
	ev_timer_stop(f->loop, &patience);
	status = response.status;
	http_response_finish(&response);
	return status;
}

static void what_is_on_disk_is_told_to_all_who_said_it(void **state)
{
	struct http_later *first, *again, *other;
	struct webhook_inbox *inbox;
	struct fixture f;

	set_up(&f, *state);
	assert_int_equal(webhook_inbox_start(&inbox, f.settings), 0);
	assert_null(webhook_inbox_refusal(inbox));
	first = take(&f, inbox, 1);
	again = take(&f, inbox, 1);
	other = take(&f, inbox, 2);
	assert_int_equal(answer_to(&f, other), 200);
	assert_int_equal(answer_to(&f, again), 200);
	assert_int_equal(answer_to(&f, first), 200);
	assert_int_equal(webhook_inbox_stop(inbox, 1000), 0);
	tear_down(&f);
}

/* `count` records as one webhook. */
static struct http_later *take_rows(struct fixture *f,
				    struct webhook_inbox *inbox,
				    uint64_t number, size_t count)
{
	struct message_rows rows = { .provider = "meta", .count = count };
	struct http_later *later = http_later_promise(&f->request);

	assert_non_null(later);
	http_later_expect(later, later);
	for (size_t i = 0; i < count; i++) {
		struct record *record =
			kit_record(RECORD_MESSAGE_NOTICE, number + i, 0);

		record->id = record->entity;
		if (rows.last)
			rows.last->next = record;
		else
			rows.first = record;
		rows.last = record;
	}
	webhook_inbox_take_rows(inbox, &rows, later, &inbox_twiml);
	assert_null(rows.first);
	return later;
}

static void a_webhook_of_many_records_is_taken_as_a_whole(void **state)
{
	struct http_later *whole, *again, *lone, *nothing, *too_many;
	struct webhook_inbox *inbox;
	struct fixture f;

	set_up(&f, *state);
	assert_int_equal(webhook_inbox_start(&inbox, f.settings), 0);
	whole = take_rows(&f, inbox, 1, 5000);
	again = take_rows(&f, inbox, 1, 5000);
	lone = take(&f, inbox, 5000); /* has the id of their last one */
	nothing = take_rows(&f, inbox, 0, 0);
	too_many = take_rows(&f, inbox, 1, 40000);
	assert_int_equal(answer_to(&f, too_many), 503);
	assert_int_equal(answer_to(&f, nothing), 200);
	assert_int_equal(answer_to(&f, lone), 200);
	assert_int_equal(answer_to(&f, again), 200);
	assert_int_equal(answer_to(&f, whole), 200);
	assert_int_equal(webhook_inbox_stop(inbox, 10000), 0);
	tear_down(&f);
}

/* Nothing is promised for ever: neither time nor places. */
static void a_disk_that_refuses_is_told_in_time(void **state)
{
	struct http_later *waiting[HTTP_LATER_MAX];
	struct webhook_inbox *inbox;
	struct fixture f;
	char path[512];
	FILE *file;

	set_up(&f, *state);
	(void)snprintf(path, sizeof(path), "%s/outbox", (char *)*state);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(webhook_inbox_start(&inbox, f.settings), 0);
	assert_string_equal(webhook_inbox_refusal(inbox), "outbox_broken");
	for (size_t i = 0; i < HTTP_LATER_MAX; i++) {
		waiting[i] = take(&f, inbox, i);
		assert_non_null(waiting[i]);
	}
	assert_null(take(&f, inbox, HTTP_LATER_MAX));
	webhook_inbox_look(inbox, clock_mono_ms());
	ev_run(f.loop, EVRUN_NOWAIT);
	assert_null(arrived);
	webhook_inbox_look(inbox, clock_mono_ms() + INBOX_WAIT_MS);
	for (size_t i = 0; i < HTTP_LATER_MAX; i++)
		assert_int_equal(answer_to(&f, waiting[i]), 503);
	/* The records are not given up: the disk may heal. */
	waiting[0] = take(&f, inbox, HTTP_LATER_MAX);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(answer_to(&f, waiting[0]), 200);
	assert_int_equal(webhook_inbox_stop(inbox, 10000), 0);
	tear_down(&f);
}

static void who_waits_at_the_end_is_told(void **state)
{
	struct webhook_inbox *inbox;
	struct http_later *later;
	struct fixture f;
	char path[512];
	FILE *file;

	set_up(&f, *state);
	(void)snprintf(path, sizeof(path), "%s/outbox", (char *)*state);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(webhook_inbox_start(&inbox, f.settings), 0);
	later = take(&f, inbox, 1);
	assert_int_equal(webhook_inbox_stop(inbox, 0), 1);
	assert_int_equal(answer_to(&f, later), 503);
	assert_string_equal(webhook_inbox_refusal(NULL), "starting_or_ending");
	assert_int_equal(unlink(path), 0);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(what_is_on_disk_is_told_to_all_who_said_it),
		kit_test(a_webhook_of_many_records_is_taken_as_a_whole),
		kit_test(a_disk_that_refuses_is_told_in_time),
		kit_test(who_waits_at_the_end_is_told),
	};

	return cmocka_run_group_tests_name("webhook_inbox", tests, NULL, NULL);
}
