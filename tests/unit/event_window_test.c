/* event_window_test.c - who is sent next, who waits, who is given up */
#include "outbox_kit.h"

#include "persistence/event.h"
#include "persistence/outbox.h"
#include "server/control/events/event_acks.h"
#include "server/control/events/event_window.h"

#define AT_ONCE	     4u
#define RETRY_MAX_MS 60000u
#define MIDDLE	     0.5 /* of the jitter: none */

static struct event_window window;
static uint64_t now_ms;

static int set_up(void **state)
{
	(void)state;
	event_window_init(&window, AT_ONCE, RETRY_MAX_MS);
	now_ms = 1000;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	event_window_finish(&window);
	return 0;
}

/* About the entity of that number. */
static void add(uint64_t entity)
{
	event_window_add(&window, kit_record(RECORD_EVENT, entity, 1),
			 window.count);
}

static struct event_slot *pick(void)
{
	uint64_t wait_ms;

	return event_window_pick(&window, now_ms, &wait_ms);
}

static uint64_t wait_of_pick(void)
{
	uint64_t wait_ms;

	assert_null(event_window_pick(&window, now_ms, &wait_ms));
	return wait_ms;
}

static struct event_slot *send(uint64_t entity)
{
	struct event_slot *slot = pick();

	assert_non_null(slot);
	assert_true(kit_is_entity(slot->event, entity));
	slot->post = (struct post *)slot; /* anything but NULL */
	event_window_began(&window, slot);
	return slot;
}

static bool fails(struct event_slot *slot)
{
	return event_window_failed(&window, slot, now_ms, 0, MIDDLE);
}

static void some_go_at_once_and_no_more(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 6; n++)
		add(n);
	for (uint64_t n = 1; n <= AT_ONCE; n++)
		send(n);
	assert_int_equal(wait_of_pick(), UINT64_MAX);
}

static void those_of_one_entity_go_one_after_the_other(void **state)
{
	struct event_slot *first;

	(void)state;
	add(1);
	add(1);
	add(2);
	first = send(1);
	send(2);
	assert_null(pick());
	event_window_was_taken(&window, first);
	send(1);
}

static void what_failed_waits_and_the_others_go_on(void **state)
{
	(void)state;
	add(1);
	add(2);
	assert_true(fails(send(1)));
	event_window_was_taken(&window, send(2));
	assert_int_equal(wait_of_pick(), 1000);
	now_ms += 1000;
	assert_true(fails(send(1)));
	assert_int_equal(wait_of_pick(), 2000);
}

static void a_receiver_that_is_down_is_asked_by_one_at_a_time(void **state)
{
	struct event_slot *slots[AT_ONCE];

	(void)state;
	for (uint64_t n = 1; n <= 6; n++)
		add(n);
	for (uint64_t n = 1; n <= AT_ONCE; n++)
		slots[n - 1] = send(n);
	for (size_t i = 0; i < AT_ONCE; i++)
		assert_true(fails(slots[i]));
	assert_true(event_window_is_down(&window));
	/* Not once for each of them: the third made it 1 s, the last 2 s. */
	assert_int_equal(wait_of_pick(), 2000);
	now_ms += 2000;
	fails(send(5)); /* has asked least often */
	assert_null(pick());
	assert_int_equal(wait_of_pick(), 4000);
	now_ms += 4000;
	event_window_was_taken(&window, send(6));
	assert_false(event_window_is_down(&window));
	for (uint64_t n = 1; n <= AT_ONCE; n++)
		send(n);
}

static void who_asks_for_time_gets_it(void **state)
{
	(void)state;
	add(1);
	add(2);
	assert_true(
		event_window_failed(&window, send(1), now_ms, 90000, MIDDLE));
	assert_int_equal(wait_of_pick(), 90000);
}

static void a_receiver_that_takes_nothing_loses_nothing(void **state)
{
	(void)state;
	add(1);
	for (int i = 0; i < 100; i++) {
		assert_true(fails(send(1)));
		now_ms += RETRY_MAX_MS;
	}
}

static void what_alone_is_refused_is_given_up(void **state)
{
	bool goes_on = true;
	unsigned tries = 0;

	(void)state;
	add(1);
	while (goes_on) {
		struct event_slot *poison = send(1);

		goes_on = fails(poison);
		tries++;
		if (!goes_on)
			event_window_drop(&window, poison);
		add(100 + tries);
		event_window_was_taken(&window, send(100 + tries));
		now_ms += RETRY_MAX_MS;
	}
	assert_int_equal(tries, EVENT_REFUSALS_MAX + 1);
	assert_int_equal(window.count, 0);
}

/* ---- acks ------------------------------------------------------------------
 */

static void acks_wait_for_the_oldest(void **state)
{
	const struct journal_options options = { .outbox_dir = *state,
						 .role = "events",
						 .segment_bytes = 1 << 20 };
	struct journal *writer;
	struct outbox *outbox;
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct event_acks acks;
	size_t places[3], cursor = 0;

	assert_int_equal(journal_create(&writer, &options), 0);
	kit_commit_events(writer, 1, 3);
	assert_int_equal(
		outbox_open(&outbox, &(struct outbox_options){ .dir = *state }),
		0);
	journal = outbox_next_journal(outbox, &cursor);
	assert_int_equal(event_acks_init(&acks), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(outbox_journal_next(journal, &entry), 1);
		free(entry.record);
		places[i] = event_acks_add(&acks, journal, entry.seq);
	}
	event_acks_done(&acks, places[1]);
	event_acks_done(&acks, places[2]);
	assert_int_equal(event_acks_write(&acks), 0);
	assert_int_equal(outbox_journal_pending(journal), 3);
	event_acks_done(&acks, places[0]);
	assert_true(event_acks_has(&acks, journal));
	assert_int_equal(event_acks_write(&acks), 0);
	assert_int_equal(outbox_journal_pending(journal), 0);
	assert_false(event_acks_has(&acks, journal));
	event_acks_finish(&acks);
	outbox_close(outbox);
	journal_close(writer);
}

#define window_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		window_test(some_go_at_once_and_no_more),
		window_test(those_of_one_entity_go_one_after_the_other),
		window_test(what_failed_waits_and_the_others_go_on),
		window_test(a_receiver_that_is_down_is_asked_by_one_at_a_time),
		window_test(who_asks_for_time_gets_it),
		window_test(a_receiver_that_takes_nothing_loses_nothing),
		window_test(what_alone_is_refused_is_given_up),
		kit_test(acks_wait_for_the_oldest),
	};

	return cmocka_run_group_tests_name("event_window", tests, NULL, NULL);
}
