/* event_feed_test.c - what is in the outbox becomes events, whoever died */
#include "outbox_kit.h"

#include <jansson.h>
#include <time.h>

#include "persistence/db_error.h"
#include "persistence/dead_letters.h"
#include "persistence/event.h"
#include "persistence/event_feed.h"
#include "persistence/event_log.h"
#include "persistence/event_outage.h"
#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"
#include "persistence/lifeboat.h"
#include "persistence/outbox.h"
#include "persistence/shelf.h"
#include "server/board.h"
#include "server/clock.h"

#define WAIT_MS 20000u

struct world {
	char root[64], outbox[96], events[96];
	struct event_log *log;
	struct event_feed *feed;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)snprintf(w->root, sizeof(w->root), "/tmp/holdline-test-XXXXXX");
	if (!mkdtemp(w->root))
		return -1;
	(void)snprintf(w->outbox, sizeof(w->outbox), "%s/outbox", w->root);
	(void)snprintf(w->events, sizeof(w->events), "%s/events", w->root);
	*state = w;
	return event_log_open(
		&w->log, &(struct event_log_options){ .dir = w->events,
						      .max_bytes = 4 << 20 });
}

static int tear_down(void **state)
{
	struct world *w = *state;

	event_feed_stop(w->feed);
	event_log_close(w->log);
	(void)nftw(w->root, kit_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	atomic_store(&board_flags()->db_state, BOARD_DB_UNKNOWN);
	return 0;
}

static void start(struct world *w)
{
	const struct event_feed_options options = { .outbox_dir = w->outbox,
						    .events_dir = w->events,
						    .node_id = "gw-1",
						    .log = w->log };

	assert_int_equal(event_feed_start(&w->feed, &options), 0);
}

static struct journal *begin(const struct world *w, const char *role)
{
	const struct journal_options options = { .outbox_dir = w->outbox,
						 .role = role,
						 .segment_bytes = 1 << 20 };
	struct journal *journal;

	assert_int_equal(journal_create(&journal, &options), 0);
	return journal;
}

/* How many events are in the log; the newest of them, parsed, in *last. */
static size_t count_events(const struct world *w, json_t **last)
{
	size_t names = 0, count = 0;
	char **name;

	if (journal_names(w->events, &name, &names) < 0)
		return 0;
	for (size_t i = 0; i < names; i++) {
		struct journal_cursor cursor;
		struct journal_entry entry;

		if (journal_cursor_open(&cursor, w->events, name[i]) < 0)
			continue;
		while (journal_cursor_next(&cursor, &entry) == 1) {
			json_decref(*last);
			*last = json_loads(entry.record->payload, 0, NULL);
			assert_non_null(*last);
			free(entry.record);
			count++;
		}
		journal_cursor_close(&cursor);
	}
	journal_names_free(name, names);
	return count;
}

/* Waits for that many; the newest, which the caller lets go. */
static json_t *await(const struct world *w, size_t count)
{
	static const struct timespec pause = { .tv_nsec = 5000000 };
	uint64_t deadline_ms = clock_mono_ms() + WAIT_MS;
	json_t *last = NULL;

	while (count_events(w, &last) < count) {
		assert_true(clock_mono_ms() < deadline_ms);
		(void)nanosleep(&pause, NULL);
	}
	assert_int_equal(count_events(w, &last), count);
	return last;
}

static void expect(json_t *event, const char *key, const char *value)
{
	const json_t *found = json_object_get(event, key);

	if (!found)
		found = json_object_get(json_object_get(event, "data"), key);
	assert_string_equal(json_string_value(found), value);
}

static void expect_last(const struct world *w, size_t count, const char *type)
{
	json_t *event = await(w, count);

	expect(event, "type", type);
	expect(event, "node_id", "gw-1");
	json_decref(event);
}

/* ---- calls -----------------------------------------------------------------
 */

static void a_call_has_a_beginning_and_an_end(void **state)
{
	struct world *w = *state;
	struct journal *journal = begin(w, "media");

	start(w);
	kit_commit(journal, kit_record(RECORD_CALL_STARTED, 1, 1));
	expect_last(w, 1, "call.started");
	kit_commit(journal, kit_record(RECORD_CALL_CHECKPOINT, 1, 2));
	kit_commit(journal, kit_record(RECORD_CALL_EVENT, 1, 0));
	kit_commit(journal, kit_record(RECORD_CALL_ENDED, 1, 4));
	expect_last(w, 2, "call.ended");
	journal_close(journal);
}

static void the_next_feed_goes_on_where_the_last_one_was(void **state)
{
	struct world *w = *state;
	struct journal *journal = begin(w, "media");

	kit_commit(journal, kit_record(RECORD_CALL_STARTED, 1, 1));
	start(w);
	json_decref(await(w, 1));
	w->feed = event_feed_stop(w->feed);
	kit_commit(journal, kit_record(RECORD_CALL_ENDED, 1, 3));
	start(w);
	expect_last(w, 2, "call.ended");
	journal_close(journal);
}

static void a_dead_process_has_an_heir(void **state)
{
	struct world *w = *state;
	struct journal *journal = begin(w, "media");
	json_t *event;

	kit_commit(journal, kit_record(RECORD_CALL_STARTED, 1, 1));
	journal_close(journal);
	start(w);
	event = await(w, 2);
	expect(event, "type", "call.ended");
	expect(event, "end_reason", "interrupted");
	json_decref(event);
}

static void a_last_word_out_of_the_lifeboat_is_no_interruption(void **state)
{
	struct world *w = *state;
	struct journal *journal = begin(w, "media");
	struct journal *rescue;

	kit_commit(journal, kit_record(RECORD_CALL_STARTED, 1, 1));
	kit_commit(journal, kit_record(RECORD_CALL_STARTED, 2, 1));
	journal_close(journal);
	start(w);
	json_decref(await(w, 2));
	rescue = begin(w, LIFEBOAT_ROLE);
	kit_commit(rescue, kit_record(RECORD_CALL_ENDED, 1, 3));
	journal_close(rescue);
	json_decref(await(w, 3));
	expect_last(w, 4, "call.ended"); /* of the second alone */
}

static void what_was_replayed_or_brought_in_is_told_by_nobody(void **state)
{
	struct world *w = *state;
	struct journal *journal = begin(w, OUTBOX_ROLE_REPLAY);

	kit_commit(journal, kit_record(RECORD_CALL_ENDED, 1, 3));
	journal_close(journal);
	journal = begin(w, OUTBOX_ROLE_IMPORT);
	kit_commit(journal, kit_record(RECORD_CALL_ENDED, 2, 3));
	journal_close(journal);
	journal = begin(w, "media");
	kit_commit(journal, kit_record(RECORD_CALL_STARTED, 3, 1));
	start(w);
	expect_last(w, 1, "call.started");
	journal_close(journal);
}

/* ---- the rest --------------------------------------------------------------
 */

static void commit_text(struct journal *journal, enum record_kind kind,
			const char *payload)
{
	struct uuid entity = kit_entity(1), id;

	uuid_make_v7(&id);
	assert_int_equal(
		kit_commit(journal, record_create(kind, &id, &entity, 0, KIT_US,
						  payload, strlen(payload))),
		0);
}

static void a_recording_is_told_and_nonsense_is_not(void **state)
{
	struct world *w = *state;
	struct journal *journal = begin(w, "media");
	json_t *event;

	commit_text(journal, RECORD_CALL_ENDED, "no JSON");
	commit_text(journal, RECORD_CALL_STARTED, "[1]");
	commit_text(journal, RECORD_CALL_EVENT,
		    "{\"kind\":\"recording.stored\",\"data\":7}");
	commit_text(journal, RECORD_CALL_EVENT,
		    "{\"kind\":\"call.ended\",\"data\":{}}");
	commit_text(journal, RECORD_CALL_EVENT,
		    "{\"event_id\":\"1\",\"call_id\":\"c\","
		    "\"kind\":\"recording.failed\","
		    "\"data\":{\"reason\":\"disk_full\"}}");
	start(w);
	event = await(w, 1);
	expect(event, "type", "recording.failed");
	expect(event, "call_id", "c");
	expect(event, "reason", "disk_full");
	json_decref(event);
	journal_close(journal);
}

static void a_dead_letter_is_told_without_what_the_database_said(void **state)
{
	struct world *w = *state;
	struct record *record = kit_record(RECORD_CALL_ENDED, 1, 3), *letter;
	struct db_error err = { .family = DB_POISON };
	struct shelf *shelf;
	json_t *event;

	db_error_set(&err, DB_POISON, "CheckViolation", "a secret of the row");
	(void)snprintf(err.sqlstate, sizeof(err.sqlstate), "23514");
	letter = dead_letter_wrap(record, &err);
	start(w);
	assert_int_equal(shelf_open(&shelf, w->outbox, "dead"), 0);
	assert_int_equal(shelf_add(shelf, &letter, 1), 0);
	event = await(w, 1);
	expect(event, "type", "dead_letter");
	expect(event, "kind", "call.ended");
	expect(event, "reason", "CheckViolation");
	expect(event, "sqlstate", "23514");
	assert_null(json_object_get(json_object_get(event, "data"), "error"));
	json_decref(event);
	shelf_close(shelf);
	free(letter);
	free(record);
}

static void an_outage_is_told_once_over_restarts(void **state)
{
	struct world *w = *state;

	atomic_store(&board_flags()->db_state, BOARD_DB_DOWN);
	atomic_store(&board_flags()->db_since_us, KIT_US);
	start(w);
	expect_last(w, 1, "database.down");
	w->feed = event_feed_stop(w->feed);
	start(w);
	atomic_store(&board_flags()->db_state, BOARD_DB_PAUSED);
	w->feed = event_feed_stop(w->feed);
	atomic_store(&board_flags()->db_state, BOARD_DB_UNKNOWN);
	start(w);
	atomic_store(&board_flags()->db_state, BOARD_DB_UP);
	expect_last(w, 2, "database.recovered");
	w->feed = event_feed_stop(w->feed);
	start(w);
	w->feed = event_feed_stop(w->feed);
	expect_last(w, 2, "database.recovered");
}

static void what_is_too_long_is_told_without_the_long_parts(void **state)
{
	size_t size = RECORD_PAYLOAD_MAX - 100;
	char *text = malloc(size + 1);
	struct uuid id = kit_entity(1);
	struct record *event;

	(void)state;
	memset(text, 'x', size);
	text[size] = '\0';
	event = event_make(EVENT_CALL_ENDED, &id, &id, KIT_US, "gw-1",
			   json_pack("{s:s, s:{s:s}}", "call_id", "c", "custom",
				     "k", text));
	assert_non_null(event);
	assert_non_null(strstr(event->payload, "\"call_id\":\"c\""));
	assert_non_null(strstr(event->payload, "\"shortened\":true"));
	free(event);
	free(text);
}

#define feed_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		feed_test(a_call_has_a_beginning_and_an_end),
		feed_test(the_next_feed_goes_on_where_the_last_one_was),
		feed_test(a_dead_process_has_an_heir),
		feed_test(a_last_word_out_of_the_lifeboat_is_no_interruption),
		feed_test(what_was_replayed_or_brought_in_is_told_by_nobody),
		feed_test(a_recording_is_told_and_nonsense_is_not),
		feed_test(a_dead_letter_is_told_without_what_the_database_said),
		feed_test(an_outage_is_told_once_over_restarts),
		feed_test(what_is_too_long_is_told_without_the_long_parts),
	};

	return cmocka_run_group_tests_name("event_feed", tests, NULL, NULL);
}
