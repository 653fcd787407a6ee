/* estate_test.c - an estate knows what is open, and how to settle it */
#include "outbox_kit.h"

#include <jansson.h>

#include "persistence/estate.h"
#include "server/clock.h"

#define ENTITIES 500u

static void note(struct estate *estate, enum record_kind kind, uint64_t n,
		 uint32_t rev)
{
	struct record *record = kit_record(kind, n, rev);

	assert_int_equal(estate_note(estate, record), 0);
	free(record);
}

/* The rev under which the entity is open; -1: it is not. */
static int64_t open_rev(const struct estate *estate, uint64_t n)
{
	const struct record *record;
	size_t cursor = 0;

	while ((record = estate_next(estate, &cursor)))
		if (kit_is_entity(record, n))
			return record->rev;
	return -1;
}

static void a_call_is_open_from_start_to_end(void **state)
{
	struct estate *estate;

	(void)state;
	assert_int_equal(estate_create(&estate), 0);
	note(estate, RECORD_CALL_STARTED, 1, 1);
	assert_int_equal(open_rev(estate, 1), 1);
	note(estate, RECORD_CALL_CHECKPOINT, 1, 2);
	assert_int_equal(open_rev(estate, 1), 2);
	note(estate, RECORD_CALL_ENDED, 1, 3);
	assert_int_equal(open_rev(estate, 1), -1);
	assert_int_equal(estate_count(estate), 0);
	estate_destroy(estate);
}

static void stale_notes_events_and_sessions_change_nothing(void **state)
{
	struct estate *estate;

	(void)state;
	assert_int_equal(estate_create(&estate), 0);
	note(estate, RECORD_CALL_CHECKPOINT, 1, 5);
	note(estate, RECORD_CALL_STARTED, 1, 1);
	note(estate, RECORD_CALL_ENDED, 1, 4);
	note(estate, RECORD_CALL_EVENT, 1, 0);
	note(estate, RECORD_SESSION_OPENED, 2, 1);
	note(estate, RECORD_CALL_ENDED, 3, 2);
	assert_int_equal(open_rev(estate, 1), 5);
	assert_int_equal(estate_count(estate), 1);
	estate_destroy(estate);
}

/* Against an array that cannot be wrong, through growth and removal. */
static void it_agrees_with_a_plain_list(void **state)
{
	static int64_t truth[ENTITIES];
	struct estate *estate;
	size_t open = 0;
	unsigned seed = 7;

	(void)state;
	assert_int_equal(estate_create(&estate), 0);
	for (unsigned i = 0; i < ENTITIES; i++)
		truth[i] = -1;
	for (uint32_t rev = 1; rev < 20000; rev++) {
		unsigned n = (unsigned)rand_r(&seed) % ENTITIES;
		bool ends = rand_r(&seed) % 2;

		open -= truth[n] >= 0;
		truth[n] = ends ? -1 : (int64_t)rev;
		open += truth[n] >= 0;
		note(estate, ends ? RECORD_CALL_ENDED : RECORD_CALL_STARTED, n,
		     rev);
		assert_int_equal(estate_count(estate), open);
	}
	for (unsigned i = 0; i < ENTITIES; i++)
		assert_int_equal(open_rev(estate, i), truth[i]);
	estate_destroy(estate);
}

static json_t *settle(const char *payload, int64_t last_us, struct record **ret)
{
	struct uuid entity = kit_entity(1), id = kit_entity(2);
	struct record *open =
		record_create(RECORD_CALL_STARTED, &id, &entity, 3, KIT_US,
			      payload, strlen(payload));
	json_t *row;

	assert_non_null(open);
	*ret = estate_settle(open, last_us);
	assert_non_null(*ret);
	row = json_loadb((*ret)->payload, (*ret)->length, 0, NULL);
	assert_non_null(row);
	free(open);
	return row;
}

#define TEXT(row, key)	 json_string_value(json_object_get(row, key))
#define NUMBER(row, key) json_integer_value(json_object_get(row, key))

static void the_heir_ends_the_call_and_keeps_the_rest(void **state)
{
	struct record *final, *again;
	json_t *row = settle("{\"call_id\":\"x\",\"state\":\"live\","
			     "\"started_at\":\"2026-11-23T06:17:00.000000Z\","
			     "\"ended_at\":null,\"frames_in\":7,\"rev\":3}",
			     KIT_US + 2500000, &final);

	(void)state;
	assert_string_equal(TEXT(row, "state"), "ended");
	assert_string_equal(TEXT(row, "end_reason"), "interrupted");
	assert_string_equal(TEXT(row, "ended_at"),
			    "2026-11-23T06:17:02.500000Z");
	assert_int_equal(NUMBER(row, "duration_ms"), 2500);
	assert_int_equal(NUMBER(row, "frames_in"), 7);
	assert_int_equal(NUMBER(row, "rev"), 4);
	assert_int_equal(final->rev, 4);
	assert_int_equal(final->kind, RECORD_CALL_ENDED);
	json_decref(row);

	row = settle("{\"call_id\":\"x\"}", KIT_US, &again);
	assert_true(uuid_equal(&final->id, &again->id)); /* twice is once */
	json_decref(row);
	free(final);
	free(again);
}

static void a_duration_is_never_negative(void **state)
{
	struct record *final;
	json_t *row = settle("{\"started_at\":\"2026-11-23T06:17:00.000000Z\"}",
			     KIT_US - 1000000, &final);

	(void)state;
	assert_int_equal(NUMBER(row, "duration_ms"), 0);
	assert_string_equal(TEXT(row, "ended_at"),
			    "2026-11-23T06:17:00.000000Z");
	json_decref(row);
	free(final);
}

static void a_row_that_cannot_be_read_is_ended_all_the_same(void **state)
{
	struct uuid entity = kit_entity(1);
	char id[UUID_TEXT_SIZE];
	struct record *final;
	json_t *row = settle("[1, 2", KIT_US, &final);

	(void)state;
	uuid_format(&entity, id);
	assert_string_equal(TEXT(row, "call_id"), id);
	assert_string_equal(TEXT(row, "state"), "ended");
	json_decref(row);
	free(final);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_open_from_start_to_end),
		cmocka_unit_test(
			stale_notes_events_and_sessions_change_nothing),
		cmocka_unit_test(it_agrees_with_a_plain_list),
		cmocka_unit_test(the_heir_ends_the_call_and_keeps_the_rest),
		cmocka_unit_test(a_duration_is_never_negative),
		cmocka_unit_test(
			a_row_that_cannot_be_read_is_ended_all_the_same),
	};

	return cmocka_run_group_tests_name("estate", tests, NULL, NULL);
}
