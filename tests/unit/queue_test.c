/* queue_test.c - the queue keeps order, has a bound, and wakes its reader */
#include "outbox_kit.h"

#include <pthread.h>
#include <sched.h>

#include "persistence/queue.h"
#include "server/clock.h"

#define PRODUCERS 4
#define EACH	  20000u
#define LONG_MS	  60000 /* a test that waits this long has failed */

static struct queue *make(size_t capacity)
{
	struct queue *queue;

	assert_int_equal(queue_create(&queue, capacity), 0);
	return queue;
}

static void what_goes_in_first_comes_out_first(void **state)
{
	struct queue *queue = make(8);

	(void)state;
	for (uint32_t round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < 6; i++)
			assert_int_equal(
				queue_push(queue,
					   kit_record(RECORD_CALL_EVENT, 1, i)),
				0);
		assert_int_equal(queue_length(queue), 6);
		for (uint32_t i = 0; i < 6; i++) {
			struct record *record = queue_pop(queue);

			assert_non_null(record);
			assert_int_equal(record->rev, i);
			free(record);
		}
		assert_null(queue_pop(queue));
	}
	queue_destroy(queue);
}

static void a_full_queue_leaves_the_record_with_its_owner(void **state)
{
	struct queue *queue = make(3);
	struct record *one_more = kit_record(RECORD_CALL_EVENT, 9, 9);

	(void)state;
	assert_int_equal(queue_capacity(queue), 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(
			queue_push(queue, kit_record(RECORD_CALL_EVENT, 1, i)),
			0);
	assert_int_equal(queue_push(queue, one_more), -EAGAIN);
	assert_int_equal(queue_length(queue), 4);
	free(queue_pop(queue));
	assert_int_equal(queue_push(queue, one_more), 0);
	queue_destroy(queue); /* frees the four that are left */
}

static void a_queue_of_absurd_size_is_refused(void **state)
{
	struct queue *queue;

	(void)state;
	assert_int_equal(queue_create(&queue, SIZE_MAX), -ENOMEM);
	assert_null(queue_destroy(NULL));
}

static void waiting_ends_with_a_record_a_wake_or_the_time(void **state)
{
	struct queue *queue = make(8);
	uint64_t before = clock_mono_ms();

	(void)state;
	queue_wait(queue, 1); /* nothing comes: the time ends it */
	assert_int_equal(queue_push(queue, kit_record(RECORD_CALL_EVENT, 1, 1)),
			 0);
	queue_wait(queue, LONG_MS); /* there is something already */
	free(queue_pop(queue));
	queue_wake(queue);
	queue_wait(queue, LONG_MS); /* a wake before is not forgotten */
	queue_wake(queue);
	queue_pause(queue, LONG_MS);
	assert_true(clock_mono_ms() - before < LONG_MS);
	queue_destroy(queue);
}

static void a_pause_is_not_ended_by_records(void **state)
{
	struct queue *queue = make(8);
	uint64_t before = clock_mono_ms();

	(void)state;
	assert_int_equal(queue_push(queue, kit_record(RECORD_CALL_EVENT, 1, 1)),
			 0);
	queue_pause(queue, 30);
	assert_true(clock_mono_ms() - before >= 29);
	queue_destroy(queue);
}

struct producer {
	struct queue *queue;
	uint64_t number;
	pthread_t thread;
};

/* cmocka's asserts belong to the main thread; here a failure is an abort. */
static void *produce(void *arg)
{
	const struct producer *producer = arg;
	struct uuid entity = kit_entity(producer->number);

	for (uint32_t i = 0; i < EACH; i++) {
		struct record *record =
			record_create(RECORD_CALL_EVENT, &entity, &entity, i,
				      (int64_t)producer->number, "", 0);

		if (!record)
			abort();
		while (queue_push(producer->queue, record) == -EAGAIN)
			(void)sched_yield();
	}
	return NULL;
}

static void many_producers_keep_each_their_order(void **state)
{
	struct producer producers[PRODUCERS];
	struct queue *queue = make(64);
	uint32_t next[PRODUCERS] = { 0 };

	(void)state;
	for (uint64_t i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){ .queue = queue, .number = i };
		assert_int_equal(pthread_create(&producers[i].thread, NULL,
						produce, &producers[i]),
				 0);
	}
	for (size_t got = 0; got < PRODUCERS * (size_t)EACH;) {
		struct record *record = queue_pop(queue);

		if (!record) {
			/* A lost wake-up would hang here and be noticed. */
			queue_wait(queue, LONG_MS);
			continue;
		}
		assert_int_equal(record->rev, next[record->created_us]++);
		free(record);
		got++;
	}
	for (size_t i = 0; i < PRODUCERS; i++)
		(void)pthread_join(producers[i].thread, NULL);
	assert_null(queue_pop(queue));
	assert_int_equal(queue_length(queue), 0);
	queue_destroy(queue);
}

static void it_is_half_full_by_records_or_by_bytes(void **state)
{
	struct queue *queue = make(64);
	size_t one = sizeof(struct record) + 1;

	(void)state;
	for (uint64_t n = 0; n < 33; n++) {
		struct uuid id = kit_entity(n);

		assert_false(queue_is_half_full(queue));
		assert_int_equal(
			queue_push(queue, record_create(RECORD_CALL_EVENT, &id,
							&id, 0, 0, "", 0)),
			0);
		assert_int_equal(queue_bytes(queue), (n + 1) * one);
	}
	assert_true(queue_is_half_full(queue));
	free(queue_pop(queue));
	assert_false(queue_is_half_full(queue));
	queue_limit_bytes(queue, 60 * one);
	assert_true(queue_is_half_full(queue));
	for (int i = 0; i < 2; i++)
		free(queue_pop(queue));
	assert_false(queue_is_half_full(queue));
	queue_destroy(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_first_comes_out_first),
		cmocka_unit_test(a_full_queue_leaves_the_record_with_its_owner),
		cmocka_unit_test(a_queue_of_absurd_size_is_refused),
		cmocka_unit_test(waiting_ends_with_a_record_a_wake_or_the_time),
		cmocka_unit_test(a_pause_is_not_ended_by_records),
		cmocka_unit_test(many_producers_keep_each_their_order),
		cmocka_unit_test(it_is_half_full_by_records_or_by_bytes),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
